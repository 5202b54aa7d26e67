//! The real binary, killed at any moment.

use crate::app::{Answer, Database, Home, OPERATOR_KEY, STUCK};
use futures::future::join_all;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
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

    /// SIGTERM, once it serves; the exit code.
    pub async fn terminate(&mut self) -> Option<i32> {
        call(&self.base, "GET", "/healthz", "-", String::new()).await.unwrap().expect(200);
        let kill = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(kill.success());
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

const CUSTOMERS: [&str; 3] = ["acme", "larch", "meridian"];

async fn charge(base: &str, key: &str) -> Result<Answer, reqwest::Error> {
    let customer = CUSTOMERS[key.len() % CUSTOMERS.len()];
    let body = format!(r#"{{"credits":2,"source":"{key}"}}"#);
    call(base, "POST", &format!("/v1/customers/{customer}/usage"), key, body).await
}

fn random(below: usize) -> usize {
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes).unwrap();
    usize::try_from(u64::from_le_bytes(bytes) % below as u64).unwrap()
}

/// What callers know: what they asked for, and what was acknowledged, by key.
#[derive(Clone, Default)]
struct Known {
    asked: HashSet<String>,
    acknowledged: HashMap<String, Value>,
}

/// Sixteen callers until the process is killed, which happens after some number of answers.
async fn charge_until_killed(process: &mut Process, round: usize, known: &Mutex<Known>) {
    let (base, enough, answered) = (process.base.clone(), random(80), AtomicUsize::new(0));
    let reached = tokio::sync::Notify::new();
    let caller = async |caller: usize| {
        for n in 0.. {
            let key = format!("r{round}-c{caller}-{n}{}", "x".repeat(n % 3));
            known.lock().unwrap().asked.insert(key.clone());
            let Ok(answer) = charge(&base, &key).await else { return };
            known.lock().unwrap().acknowledged.insert(key, answer.expect(201).json());
            if answered.fetch_add(1, Ordering::SeqCst) >= enough {
                reached.notify_one();
            }
        }
    };
    let killer = async {
        reached.notified().await;
        for _ in 0..random(2_000) {
            tokio::task::yield_now().await;
        }
        process.kill();
    };
    let all = async { tokio::join!(join_all((0..16).map(&caller)), killer) };
    tokio::time::timeout(STUCK, all).await.expect("an end of all calls");
}

async fn killed_again_and_again(database: Database) {
    let home = Home::make(database).await;
    let known = Mutex::new(Known::default());
    let mut process = serve(&home);
    for customer in CUSTOMERS {
        let body = r#"{"email":"ada@acme.example","plan":"pro"}"#.to_owned();
        call(&process.base, "PUT", &format!("/v1/customers/{customer}"), "-", body).await.unwrap().expect(201);
    }
    for round in 0..5 {
        charge_until_killed(&mut process, round, &known).await;
        content(&home);
        let so_far = known.lock().unwrap().clone();
        assert_known(&home, &so_far).await;
        process = serve(&home);
    }
    // Whatever became of each: the same key finds out, and what was acknowledged is what is answered.
    let Known { asked, acknowledged } = known.into_inner().unwrap();
    let (base, keys): (_, Vec<&String>) = (process.base.clone(), asked.iter().collect());
    for keys in keys.chunks(32) {
        for (key, answer) in keys.iter().zip(join_all(keys.iter().map(|key| charge(&base, key))).await) {
            let answer = answer.unwrap().expect(201);
            if let Some(before) = acknowledged.get(*key) {
                assert_eq!((&answer.json(), answer.header("idempotent-replayed")), (before, Some("true")));
            }
        }
    }
    assert_eq!(usages(&home).await, asked);
    let mut available = 0;
    for customer in CUSTOMERS {
        let path = format!("/v1/customers/{customer}/balance");
        let balance = call(&base, "GET", &path, "-", String::new()).await.unwrap().expect(200).json();
        available += balance["available"].as_i64().unwrap();
    }
    assert_eq!(available, 300_000 - 2 * i64::try_from(asked.len()).unwrap());
    assert_eq!(process.terminate().await, Some(0));
    content(&home);
    home.remove().await;
}

/// `topup check`.
fn content(home: &Home) {
    let check = topup(&["check"], &[("DATABASE_URL", &home.url)]).output().unwrap();
    assert!(check.status.success(), "{check:?}");
    assert!(String::from_utf8_lossy(&check.stdout).starts_with("ok: 3 customers"), "{check:?}");
}

/// The keys of all usages in the database.
async fn usages(home: &Home) -> HashSet<String> {
    let store = Store::open(&home.url).await.unwrap();
    let rows = store.read().await.unwrap().all("select source from usages", Vec::new()).await.unwrap();
    store.close().await;
    let keys: Vec<String> = rows.iter().map(|row| row.text("source").unwrap()).collect();
    let set: HashSet<String> = keys.iter().cloned().collect();
    assert_eq!(set.len(), keys.len(), "one usage a key");
    set
}

/// Acknowledged ⊆ there ⊆ asked.
async fn assert_known(home: &Home, known: &Known) {
    let there = usages(home).await;
    let lost: Vec<_> = known.acknowledged.keys().filter(|key| !there.contains(*key)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let made_up: Vec<_> = there.difference(&known.asked).collect();
    assert!(made_up.is_empty(), "there and never asked for: {made_up:?}");
}

mod a_kill_at_any_moment_loses_nothing_that_was_acknowledged {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn on_sqlite() {
        killed_again_and_again(Database::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn on_postgres() {
        killed_again_and_again(Database::Postgres).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_names_the_first_broken_row() {
    let home = Home::make(Database::Sqlite).await;
    let mut process = serve(&home);
    for customer in CUSTOMERS {
        let body = r#"{"email":"ada@acme.example","plan":"pro"}"#.to_owned();
        call(&process.base, "PUT", &format!("/v1/customers/{customer}"), "-", body).await.unwrap().expect(201);
    }
    charge(&process.base, "k").await.unwrap().expect(201);
    // Beside the running server.
    content(&home);
    process.kill();
    let store = Store::open(&home.url).await.unwrap();
    let mut link = store.begin_turn().await.unwrap();
    link.run("update grants set used = used + 1 where kind = 1 and no = 2", Vec::new()).await.unwrap();
    link.commit().await.unwrap();
    store.close().await;
    let check = topup(&["check"], &[("DATABASE_URL", &home.url)]).output().unwrap();
    assert_eq!(check.status.code(), Some(1));
    let said = String::from_utf8(check.stderr).unwrap();
    assert!(said.lines().count() == 1 && said.contains("larch") && said.contains("grt_"), "{said}");
}
