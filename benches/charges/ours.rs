//! Topup: its engine in this process, and the real binary over HTTP.

use crate::load::{Ask, Done, call, connect, load};
use crate::report::{Sample, Table};
use crate::{CALLERS, CUSTOMERS, Plan, random_key};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use topup::clock::Clock;
use topup::domain::{Catalog, Credits};
use topup::ledger::{Charge, ChargeOutcome, Ledger};
use topup::store::Store;
use topup::usecases::customers;

pub const KEY: &str = "bench-operator-key-00000000000000000";
pub const JSON: &str = "content-type: application/json\r\n";

/// The credits of a free customer, used up in many charges.
const DRAINED: Credits = Credits(300_000);
const DRAINING: i64 = 50_000;

/// The engine on a database of its own.
pub struct Engine {
    pub store: Store,
    pub ledger: Ledger,
}

impl Engine {
    pub async fn sqlite(folder: &Path, name: &str) -> Self {
        Self::on(&format!("sqlite://{}", folder.join(format!("{name}.db")).display())).await
    }

    /// Every customer has automatic top-up on, with a limit that is never reached.
    pub async fn with_rules(folder: &Path) -> Self {
        drop(Self::sqlite(folder, "rules").await);
        let store = Store::open(&format!("sqlite://{}", folder.join("rules.db").display())).await.unwrap();
        let mut db = store.begin_write().await.unwrap();
        let sql = "insert into auto_top_ups (customer_no, state, consent, package, price, currency, threshold, cap,
              payment_method, fingerprint, changed_at)
            select no, 'on', no, 'p1200', 900, 'usd', 1000, 9000, 'pm', 'card', 0 from accounts";
        db.execute(sql, Vec::new()).await.unwrap();
        db.commit().await.unwrap();
        drop(store);
        Self::sqlite(folder, "rules").await
    }

    pub async fn on(url: &str) -> Self {
        Self::with_customers(url, CUSTOMERS).await
    }

    /// With a number of customers on Pro.
    pub async fn with_customers(url: &str, customers: usize) -> Self {
        let catalog = Arc::new(Catalog::parse(include_str!("../../catalog.toml")).unwrap());
        let store = Store::open(url).await.unwrap();
        store.migrate().await.unwrap();
        let (ledger, _engine) = Ledger::start(store.clone(), Clock::system(), catalog);
        let all: Vec<usize> = (0..customers).collect();
        for some in all.chunks(4_000) {
            let made = some.iter().map(|n| {
                let (id, email) = (format!("c{n}"), Some(format!("c{n}@bench.example")));
                let put = customers::Put { email, plan: Some("pro".to_owned()), ..customers::Put::default() };
                ledger.job(move |tx| Box::pin(async move { customers::put_customer_in(tx, &id, put).await }))
            });
            for made in futures::future::join_all(made).await {
                made.unwrap().unwrap();
            }
        }
        Self { store, ledger }
    }

    /// Charges of a thousandth, with random keys, by so many callers that each wait for their answer.
    pub async fn charges(&self, plan: Plan, callers: usize, customers: usize) -> f64 {
        self.charges_of(plan, callers, move |n| n % customers).await
    }

    /// The same, of customers at random.
    pub async fn charges_at_random(&self, plan: Plan, callers: usize, customers: usize) -> f64 {
        let any = move |_| usize::try_from(getrandom::u64().unwrap() % customers as u64).unwrap();
        self.charges_of(plan, callers, any).await
    }

    async fn charges_of(
        &self,
        plan: Plan,
        callers: usize,
        who: impl Fn(usize) -> usize + Copy + Send + 'static,
    ) -> f64 {
        let start = Instant::now();
        let tasks: Vec<_> = (0..callers)
            .map(|caller| {
                let ledger = self.ledger.clone();
                tokio::spawn(async move {
                    let mut done = 0_u32;
                    while start.elapsed() < plan.round {
                        let customer = who(caller + done as usize * callers);
                        let outcome = ledger.charge(charge(customer)).await.unwrap();
                        assert!(matches!(outcome, ChargeOutcome::Charged(_)));
                        done += 1;
                    }
                    done
                })
            })
            .collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        f64::from(sum) / start.elapsed().as_secs_f64()
    }

    /// A customer's last credits, by callers who go on until they are refused: to exactly zero.
    pub async fn drained(&self, round: usize) -> f64 {
        let id = format!("drained{round}");
        let put = customers::Put { plan: Some("free".to_owned()), ..customers::Put::default() };
        let (who, put) = (id.clone(), customers::Put { email: Some("d@bench.example".to_owned()), ..put });
        self.ledger
            .job(move |tx| Box::pin(async move { customers::put_customer_in(tx, &who, put).await }))
            .await
            .unwrap()
            .unwrap();
        let start = Instant::now();
        let callers = (0..CALLERS).map(|_| {
            let (ledger, id) = (self.ledger.clone(), id.clone());
            tokio::spawn(async move {
                let mut done = 0_i64;
                loop {
                    let last = Charge { customer: id.clone(), credits: Credits(DRAINED.0 / DRAINING), ..charge(0) };
                    match ledger.charge(last).await.unwrap() {
                        ChargeOutcome::Charged(_) => done += 1,
                        ChargeOutcome::Insufficient { balance, .. } => return (done, balance.available),
                        other => panic!("{other:?}"),
                    }
                }
            })
        });
        let mut charged = 0;
        for caller in callers.collect::<Vec<_>>() {
            let (done, left) = caller.await.unwrap();
            assert_eq!(left, Credits::ZERO);
            charged += done;
        }
        assert_eq!(charged, DRAINING, "each credit once");
        DRAINING as f64 / start.elapsed().as_secs_f64()
    }

    /// Entries so far.
    pub async fn entries(&self) -> u64 {
        let row = self
            .store
            .read()
            .await
            .unwrap()
            .fetch_optional("select max(row_no) as n from entries", Vec::new())
            .await
            .unwrap();
        u64::try_from(row.unwrap().int("n").unwrap()).unwrap()
    }

    /// Charges until so many entries are there.
    pub async fn fill(&self, entries: u64) {
        let mut left = entries.saturating_sub(self.entries().await);
        while left > 0 {
            let batch = (0..left.min(2_000)).map(|n| charge(usize::try_from(n).unwrap() % CUSTOMERS)).collect();
            self.ledger.charge_many(batch).await.unwrap();
            left -= left.min(2_000);
        }
    }
}

fn charge(customer: usize) -> Charge {
    Charge {
        customer: format!("c{customer}"),
        key: random_key(),
        content: [7; 16],
        credits: Credits(1),
        operation: Some("scrape".to_owned()),
        quantities: None,
        source: None,
        metadata: None,
    }
}

/// An engine on PostgreSQL, and a second one with connections of its own, as another process has.
pub struct Pair {
    pub one: Engine,
    two: Engine,
}

impl Pair {
    pub async fn open() -> Self {
        let url = crate::peers::database("topup").await;
        let one = Engine::on(&url).await;
        Self { one, two: Engine::on(&url).await }
    }

    pub async fn round(&self, plan: Plan, table: &mut Table) {
        let (one, two) = (&self.one, &self.two);
        table.add("PostgreSQL in process, 256 callers, 1,000 customers", one.charges(plan, CALLERS, CUSTOMERS).await);
        table.add("PostgreSQL in process, 256 callers, ONE customer", one.charges(plan, CALLERS, 1).await);
        table.add("PostgreSQL in process, one caller", one.charges(plan, 1, CUSTOMERS).await);
        let (first, second) =
            tokio::join!(one.charges(plan, CALLERS / 2, CUSTOMERS), two.charges(plan, CALLERS / 2, CUSTOMERS));
        table.add("PostgreSQL, two engines, 128 callers each", first + second);
    }
}

/// The real binary on an SQLite file.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    pub file: PathBuf,
}

impl Server {
    pub async fn start(folder: &Path) -> Self {
        let server = Self::serve(&folder.join("server.db"));
        server.make_customers().await;
        server
    }

    pub async fn make_customers(&self) {
        let (mut stream, mut buffer) = (connect(self.address).await, Vec::new());
        for n in 0..CUSTOMERS {
            call(&mut stream, &mut buffer, self.address, &put(n, "new", 201)).await;
        }
    }

    pub fn serve(file: &Path) -> Self {
        let mut server = Self::serve_on(&format!("sqlite://{}", file.display()), &[]);
        file.clone_into(&mut server.file);
        server
    }

    /// On any database, with settings besides.
    pub fn serve_on(url: &str, more: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_topup"));
        command.arg("serve").env_clear().env("DATABASE_URL", url);
        // People sign in by the hundred, from one address.
        command.env("RATE_LIMIT_ANONYMOUS", "off").envs(more.iter().copied());
        command.env("CATALOG", concat!(env!("CARGO_MANIFEST_DIR"), "/catalog.toml"));
        command.env("LISTEN", "127.0.0.1:0").env("OPERATOR_KEYS", KEY).env("RUST_LOG", "error");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let base = line.trim_end().strip_prefix("listening on http://").expect("a server").to_owned();
        Self { child, address: base.parse().unwrap(), file: PathBuf::new() }
    }

    /// Resident memory in megabytes.
    pub fn memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1_024.0
    }

    pub async fn charge_load(&self, round: Duration, connections: usize, customers: usize) -> Done {
        load(self.address, connections, round, move |connection, n| one((connection + n * connections) % customers))
            .await
    }

    /// Batches of 1,000 in one call each.
    pub async fn batches(&self, round: Duration, connections: usize) -> Done {
        load(self.address, connections, round, |_, _| batch(1_000)).await
    }

    pub async fn round(&self, plan: Plan, table: &mut Table) {
        let over = |what: &str| format!("HTTP on SQLite, {what}");
        let many = self.charge_load(plan.round, CALLERS, CUSTOMERS).await;
        table.add(&over("256 connections, 1,000 customers"), many.sample(1.0));
        table.add(&over("256 connections, ONE customer"), self.charge_load(plan.round, CALLERS, 1).await.sample(1.0));
        table.add(&over("one connection"), self.charge_load(plan.round, 1, CUSTOMERS).await.sample(1.0));
        table.add(&over("batches of 1,000, one in flight"), self.batches(plan.round, 1).await.sample(1_000.0));
        table.add(&over("batches of 1,000, four in flight"), self.batches(plan.round, 4).await.sample(1_000.0));
        table.add("a person signs in while 256 connections charge", self.beside(plan).await);
    }

    /// People sign in one by one, each by a portal link, while charges run flat out: at most 50 a second in the long run,
    /// as strangers' lane lets them through.
    async fn beside(&self, plan: Plan) -> Sample {
        let (charging, done) = (AtomicBool::new(true), self.charge_load(plan.round, CALLERS, CUSTOMERS));
        let jobs = async {
            let (mut stream, mut buffer, mut times) = (connect(self.address).await, Vec::new(), Vec::new());
            let start = Instant::now();
            while charging.load(Ordering::SeqCst) {
                let began = Instant::now();
                let customer = format!("c{}", times.len() % CUSTOMERS);
                crate::pages::sign_in(&mut stream, &mut buffer, self, &customer).await;
                times.push(began.elapsed());
            }
            Done { calls: times.len() as u64, took: start.elapsed(), times }
        };
        let charges = async {
            done.await;
            charging.store(false, Ordering::SeqCst);
        };
        tokio::join!(jobs, charges).0.sample(1.0)
    }

    pub fn signal(&self, name: &str) {
        let kill = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status().unwrap();
        assert!(kill.success());
    }

    /// Ends it in good order.
    pub fn stop(mut self) -> PathBuf {
        self.signal("TERM");
        assert!(self.child.wait().unwrap().success());
        self.file.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _gone = self.child.wait();
    }
}

fn put(n: usize, name: &str, status: u16) -> Ask {
    Ask {
        method: "PUT",
        path: format!("/v1/customers/c{n}"),
        headers: format!("x-api-key: {KEY}\r\n{JSON}"),
        body: format!(r#"{{"email":"c{n}@bench.example","plan":"pro","name":"{name}"}}"#),
        status,
    }
}

/// A charge by HTTP.
pub fn one(customer: usize) -> Ask {
    Ask {
        method: "POST",
        path: format!("/v1/customers/c{customer}/usage"),
        headers: format!("x-api-key: {KEY}\r\nidempotency-key: {}\r\n{JSON}", random_key()),
        body: r#"{"credits":0.001,"operation":"scrape"}"#.to_owned(),
        status: 201,
    }
}

/// Many charges in one call.
pub fn batch(size: usize) -> Ask {
    let charges: Vec<String> = (0..size)
        .map(|n| {
            let (customer, key) = (n % CUSTOMERS, random_key());
            format!(r#"{{"customer":"c{customer}","idempotency_key":"{key}","credits":0.001,"operation":"scrape"}}"#)
        })
        .collect();
    Ask {
        method: "POST",
        path: "/v1/usage".to_owned(),
        headers: format!("x-api-key: {KEY}\r\n{JSON}"),
        body: format!(r#"{{"charges":[{}]}}"#, charges.join(",")),
        status: 200,
    }
}
