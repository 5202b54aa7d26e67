//! The real binary: start, request, stop.

use crate::app::{Answer, Database, Home, OPERATOR_KEY, STUCK};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use topup::store::Store;

/// A running `topup`.
pub struct Process {
    child: Child,
    /// Where it listens.
    pub base: String,
    _stdout: BufReader<ChildStdout>,
}

/// The binary with these settings, and nothing of the environment.
pub fn topup(command: &[&str], settings: &[(&str, &str)]) -> Command {
    let mut topup = Command::new(env!("CARGO_BIN_EXE_topup"));
    topup.args(command).env_clear().env("CATALOG", concat!(env!("CARGO_MANIFEST_DIR"), "/catalog.toml"));
    topup.env("LISTEN", "127.0.0.1:0").env("OPERATOR_KEYS", OPERATOR_KEY).envs(settings.iter().copied());
    topup.stdin(Stdio::null()).stderr(Stdio::piped());
    topup
}

/// Starts a server: either it says where it listens, or it has ended.
pub fn start(mut command: Command) -> Result<Process, Output> {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    match line.trim_end().strip_prefix("listening on ") {
        Some(base) => {
            // Nobody reads on: what it logs goes nowhere, and must not block it.
            if let Some(mut stderr) = child.stderr.take() {
                std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
            }
            Ok(Process { child, base: base.to_owned(), _stdout: stdout })
        }
        None => {
            let mut output = child.wait_with_output().unwrap();
            output.stdout = line.into_bytes();
            Err(output)
        }
    }
}

impl Process {
    /// SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Any signal: `STOP`, `CONT`.
    pub fn signal(&self, name: &str) {
        let kill = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(kill.success());
    }

    /// SIGTERM, once it serves; the exit code.
    pub async fn terminate(&mut self) -> Option<i32> {
        call(&self.base, "GET", "/healthz", "-", String::new()).await.unwrap().expect(200);
        self.stop()
    }

    /// SIGTERM; the exit code.
    pub fn stop(&mut self) -> Option<i32> {
        self.signal("TERM");
        self.child.wait().unwrap().code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _gone = self.child.wait();
    }
}

fn serve(home: &Home) -> Process {
    start(topup(&["serve"], &[("DATABASE_URL", &home.url)])).unwrap_or_else(|output| panic!("{output:?}"))
}

pub async fn call(base: &str, method: &str, path: &str, key: &str, body: String) -> Result<Answer, reqwest::Error> {
    let client = reqwest::Client::builder().no_proxy().timeout(STUCK).build().unwrap();
    let request = client.request(method.parse().unwrap(), format!("{base}{path}")).header("x-api-key", OPERATOR_KEY);
    let request = request.header("content-type", "application/json").header("idempotency-key", key).body(body);
    Answer::of(request.send().await?).await
}

/// `topup check` of a database with so many customers.
pub fn content(home: &Home, customers: usize) {
    let check = topup(&["check"], &[("DATABASE_URL", &home.url)]).output().unwrap();
    assert!(check.status.success(), "{check:?}");
    assert!(String::from_utf8_lossy(&check.stdout).starts_with(&format!("ok: {customers} customers")), "{check:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_names_the_first_broken_row() {
    let home = Home::make(Database::Sqlite).await;
    let mut process = serve(&home);
    for customer in ["acme", "larch", "meridian"] {
        let body = r#"{"email":"ada@acme.example","plan":"pro"}"#.to_owned();
        call(&process.base, "PUT", &format!("/v1/customers/{customer}"), "-", body).await.unwrap().expect(201);
    }
    let body = r#"{"credits":2}"#.to_owned();
    call(&process.base, "POST", "/v1/customers/acme/usage", "k", body).await.unwrap().expect(201);
    // Beside the running server.
    content(&home, 3);
    process.kill();
    let store = Store::open(&home.url).await.unwrap();
    let mut db = store.begin_write().await.unwrap();
    db.execute("update grants set used = used + 1 where kind = 1 and no = 2", Vec::new()).await.unwrap();
    db.commit().await.unwrap();
    store.close().await;
    let check = topup(&["check"], &[("DATABASE_URL", &home.url)]).output().unwrap();
    assert_eq!(check.status.code(), Some(1));
    let said = String::from_utf8(check.stderr).unwrap();
    assert!(said.lines().count() == 1 && said.contains("larch") && said.contains("grt_"), "{said}");
}
