//! Other ways on the same machine: the disk alone, plain SQL, and two libraries from PyPI.

use crate::load::{Ask, load};
use crate::report::Table;
use crate::{CUSTOMERS, Plan, random_key};
use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use topup::store::Store;

const CLIENTS: usize = 32;

/// The server's URL.
fn server() -> url::Url {
    url::Url::parse(&std::env::var("TOPUP_TEST_POSTGRES").unwrap()).unwrap()
}

/// An empty database on the server; its URL.
pub async fn database(name: &str) -> String {
    let store = Store::open(server().as_str()).await.unwrap();
    let mut db = store.read().await.unwrap();
    db.execute(format!("drop database if exists bench_{name}"), Vec::new()).await.unwrap();
    db.execute(format!("create database bench_{name}"), Vec::new()).await.unwrap();
    let mut url = server();
    url.set_path(&format!("bench_{name}"));
    url.to_string()
}

/// Sets a parameter for the sessions that are opened to a database from now on.
pub async fn set(url: &str, parameter: &str) {
    let store = Store::open(server().as_str()).await.unwrap();
    let name = url::Url::parse(url).unwrap().path().trim_start_matches('/').to_owned();
    let mut db = store.read().await.unwrap();
    db.execute(format!("alter database {name} set {parameter}"), Vec::new()).await.unwrap();
}

/// The limit of the disk: writes of 4 KiB, each flushed.
pub fn flushes(folder: &Path, round: Duration) -> f64 {
    let mut file = std::fs::File::create(folder.join("flush")).unwrap();
    file.write_all(&[0; 4096]).unwrap();
    file.sync_all().unwrap();
    let (start, mut done) = (Instant::now(), 0_u32);
    while start.elapsed() < round {
        file.seek(SeekFrom::Start(0)).unwrap();
        file.write_all(&[done as u8; 4096]).unwrap();
        file.sync_data().unwrap();
        done += 1;
    }
    f64::from(done) / start.elapsed().as_secs_f64()
}

/// The three statements of a charge in one commit each, on the same SQLite with the same settings.
pub struct Naive(Store);

impl Naive {
    pub async fn make(folder: &Path) -> Self {
        let store = Store::open(&format!("sqlite://{}", folder.join("naive.db").display())).await.unwrap();
        let mut db = store.begin_write().await.unwrap();
        for sql in [
            "create table accounts (no integer primary key, balance integer not null check (balance >= 0)) strict",
            "create table usages (no integer primary key, account integer not null, credits integer not null, key blob not null unique) strict",
        ] {
            db.execute(sql, Vec::new()).await.unwrap();
        }
        for no in 0..CUSTOMERS {
            let no = i64::try_from(no).unwrap();
            db.execute("insert into accounts values ($1, 1000000000)", topup::args![no]).await.unwrap();
        }
        db.commit().await.unwrap();
        Self(store)
    }

    pub async fn round(&self, plan: Plan, table: &mut Table) {
        let (start, mut done) = (Instant::now(), 0_u32);
        while start.elapsed() < plan.round {
            let (no, mut key) = (i64::from(done) % 1_000, [0_u8; 16]);
            getrandom::fill(&mut key).unwrap();
            let mut db = self.0.begin_write().await.unwrap();
            db.execute("update accounts set balance = balance - 1 where no = $1", topup::args![no]).await.unwrap();
            let sql = "insert into usages (account, credits, key) values ($1, 1, $2)";
            db.execute(sql, topup::args![no, key]).await.unwrap();
            db.commit().await.unwrap();
            done += 1;
        }
        table.add("one commit a charge on SQLite, two statements", f64::from(done) / start.elapsed().as_secs_f64());
    }
}

/// The charge that most teams write: lock the row, take off, note it, commit.
pub struct RowLocks {
    url: String,
    scripts: [(PathBuf, &'static str); 2],
}

impl RowLocks {
    pub async fn make(folder: &Path) -> Self {
        let url = database("rows").await;
        let store = Store::open(&url).await.unwrap();
        let mut db = store.read().await.unwrap();
        for sql in [
            "create table accounts (no bigint primary key, balance bigint not null check (balance >= 0))",
            "create table usages (no bigserial primary key, account bigint not null, credits bigint not null,
                key uuid not null unique, at timestamptz not null default now())",
            "insert into accounts select n, 1000000000 from generate_series(1, 1000) n",
        ] {
            db.execute(sql, Vec::new()).await.unwrap();
        }
        drop(db);
        store.close().await;
        let script = |name: &str, most: usize| {
            let file = folder.join(name);
            let sql = format!(
                "\\set account random(1, {most})\nbegin;
select balance from accounts where no = :account for update;
update accounts set balance = balance - 1 where no = :account;
insert into usages (account, credits, key) values (:account, 1, gen_random_uuid());
commit;\n"
            );
            std::fs::write(&file, sql).unwrap();
            file
        };
        Self {
            url,
            scripts: [(script("many.sql", CUSTOMERS), "1,000 customers"), (script("one.sql", 1), "ONE customer")],
        }
    }

    pub fn round(&self, plan: Plan, table: &mut Table) {
        for (script, customers) in &self.scripts {
            let mut pgbench = Command::new("pgbench");
            let clients = CLIENTS.to_string();
            // Whole seconds are all that it knows.
            let seconds = plan.round.as_secs_f64().round().max(1.0).to_string();
            pgbench.args(["-n", "-M", "prepared", "-j", "2", "-c", &clients, "-T", &seconds, "-f"]).arg(script);
            let output = pgbench.arg(&self.url).output().expect("pgbench");
            let said = String::from_utf8(output.stdout).unwrap();
            let tps = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse::<f64>().ok());
            let tps = tps.unwrap_or_else(|| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)));
            table.add(&format!("row locks (pgbench), 32 clients, {customers}"), tps);
        }
    }
}

/// The Python of the peers, or why there is none.
fn python() -> Result<String, &'static str> {
    std::env::var("BENCH_PEERS").map_err(|_| "not measured: scripts/bench could not fetch it from PyPI")
}

fn script(name: &str) -> String {
    format!("{}/scripts/peers/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// hf-nostro: `debit()` on PostgreSQL, asked by 32 threads of four processes.
pub struct Nostro {
    child: Child,
    pipes: RefCell<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Nostro {
    pub async fn start(table: &mut Table) -> Option<Self> {
        let python = python().map_err(|why| table.fact("hf-nostro 0.2.0", why.to_owned())).ok()?;
        let url = database("nostro").await;
        let mut command = Command::new(python);
        command.args([&script("nostro_debits.py"), &url]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let pipes = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let nostro = Self { child, pipes: RefCell::new(pipes) };
        assert_eq!(nostro.line(), "ready");
        Some(nostro)
    }

    fn line(&self) -> String {
        let mut line = String::new();
        self.pipes.borrow_mut().1.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    pub fn round(&self, plan: Plan, table: &mut Table) {
        for (customers, name) in [(CUSTOMERS, "1,000 customers"), (1, "ONE customer")] {
            writeln!(self.pipes.borrow_mut().0, "{customers} {}", plan.round.as_secs_f64()).unwrap();
            table.add(&format!("hf-nostro, 32 clients, {name}"), self.line().parse::<f64>().unwrap());
        }
    }
}

impl Drop for Nostro {
    fn drop(&mut self) {
        let _told = writeln!(self.pipes.borrow_mut().0, "end");
        let _ended = self.child.wait();
    }
}

/// gringotts-api: a charged route of FastAPI on SQLite, with an `Idempotency-Key`, as ours has.
pub struct Gringotts {
    child: Child,
    address: SocketAddr,
    keys: Arc<Vec<String>>,
}

impl Gringotts {
    pub async fn start(folder: &Path, table: &mut Table) -> Option<Self> {
        let python = python().map_err(|why| table.fact("gringotts-api 0.4.0", why.to_owned())).ok()?;
        let file = folder.join("gringotts.db");
        let mut command = Command::new(python);
        command.arg(script("gringotts_app.py")).env("DATABASE_URL", format!("sqlite:///{}", file.display()));
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.next().unwrap().unwrap().parse().unwrap();
        let keys: Vec<String> = lines.next().unwrap().unwrap().split(' ').map(str::to_owned).collect();
        while tokio::net::TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Some(Self { child, address, keys: Arc::new(keys) })
    }

    pub async fn round(&self, plan: Plan, table: &mut Table) {
        let keys = Arc::clone(&self.keys);
        let done = load(self.address, CLIENTS, plan.round, move |connection, n| Ask {
            method: "POST",
            path: "/work".to_owned(),
            headers: format!(
                "x-api-key: {}\r\nidempotency-key: {}\r\n",
                keys[(connection + n * CLIENTS) % keys.len()],
                random_key()
            ),
            body: "{}".to_owned(),
            status: 200,
        });
        table.add("gringotts over HTTP on SQLite, 32 connections, 1,000 customers", done.await.sample(1.0));
    }
}

impl Drop for Gringotts {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _gone = self.child.wait();
    }
}
