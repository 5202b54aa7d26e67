//! Two real processes on one PostgreSQL: one is frozen and thaws, the server restarts under load.
//!
//! Callers ask both processes for charges, each until it is done. Afterwards: acknowledged ⊆ database ⊆ asked, every
//! key asked once more is answered as before, the balance is what that makes, `topup check` is content.

use crate::app::{Database, Home, STUCK};
use crate::process::{Process, call, content, start, topup};
use futures::future::join_all;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use topup::store::Store;

/// Requests and answers, as callers know them.
#[derive(Default)]
struct Known {
    asked: Mutex<HashSet<String>>,
    acknowledged: Mutex<HashMap<String, Value>>,
    told: Notify,
    done: AtomicBool,
}

impl Known {
    async fn charge(&self, base: &str, key: &str) -> bool {
        let body = format!(r#"{{"credits":1,"source":"{key}"}}"#);
        let Ok(answer) = call(base, "POST", "/v1/customers/acme/usage", key, body).await else { return false };
        if answer.status == 503 {
            return false;
        }
        let json = answer.expect(201).json();
        let before = self.acknowledged.lock().unwrap().insert(key.to_owned(), json.clone());
        assert!(before.is_none_or(|before| before == json), "one key, one answer");
        self.told.notify_waiters();
        true
    }

    /// Charges with one key after another until all is done.
    async fn call_on(&self, base: &str, name: &str) {
        for n in 0.. {
            if self.done.load(Ordering::SeqCst) {
                return;
            }
            let key = format!("{name}-{n}");
            self.asked.lock().unwrap().insert(key.clone());
            while !self.charge(base, &key).await {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Acknowledgements so far whose key begins so.
    fn count(&self, name: &str) -> usize {
        self.acknowledged.lock().unwrap().keys().filter(|key| key.starts_with(name)).count()
    }

    async fn more(&self, name: &str, more: usize) {
        let before = self.count(name);
        loop {
            let told = self.told.notified();
            if self.count(name) >= before + more {
                return;
            }
            told.await;
        }
    }

    /// After all: each was done once, and says so again.
    async fn settle_up(&self, url: &str, base: &str) {
        let asked: Vec<String> = self.asked.lock().unwrap().iter().cloned().collect();
        let store = Store::open(url).await.unwrap();
        let rows = store.read().await.unwrap().fetch_all("select source from usages", Vec::new()).await.unwrap();
        store.close().await;
        let there: HashSet<String> = rows.iter().map(|row| row.text("source").unwrap()).collect();
        assert_eq!(there.len(), rows.len(), "one usage a key");
        assert!(there.iter().all(|key| asked.contains(key)), "there and never asked for");
        assert!(self.acknowledged.lock().unwrap().keys().all(|key| there.contains(key)), "acknowledged and lost");
        for keys in asked.chunks(32) {
            let again = join_all(keys.iter().map(|key| self.charge(base, key))).await;
            assert!(again.into_iter().all(|done| done));
        }
        let balance = call(base, "GET", "/v1/customers/acme/balance", "-", String::new()).await.unwrap().json();
        assert_eq!(balance["available"], 100_000 - asked.len(), "{balance}");
    }
}

fn serve(url: &str) -> Process {
    start(topup(&["serve"], &[("DATABASE_URL", url)])).unwrap_or_else(|output| panic!("{output:?}"))
}

async fn two_with_a_customer(url: &str) -> [Process; 2] {
    let both = [serve(url), serve(url)];
    let body = r#"{"email":"ada@acme.example","plan":"pro"}"#.to_owned();
    call(&both[0].base, "PUT", "/v1/customers/acme", "-", body).await.unwrap().expect(201);
    both
}

fn rounds(few: usize, many: usize) -> usize {
    if std::env::var_os("TOPUP_PROVE").is_some() { many } else { few }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_process_is_thrown_out_and_the_other_charges_again() {
    let home = Home::make(Database::Postgres).await;
    let [mut one, mut two] = two_with_a_customer(&home.url).await;
    let (known, rounds) = (Known::default(), rounds(3, 40));
    let freezes = async {
        let mut waits = Vec::new();
        // A freeze between two turns is none that anybody waits for: at least one must be inside.
        while waits.len() < rounds || waits.iter().all(|wait: &Duration| wait.as_secs() < 1) {
            // Both are in the middle of it.
            tokio::join!(known.more("one", 20), known.more("two", 20));
            one.signal("STOP");
            let frozen = Instant::now();
            known.more("two", 1).await;
            waits.push(frozen.elapsed());
            known.more("two", 40).await;
            one.signal("CONT");
        }
        // The requests of the thawed process are answered too.
        known.more("one", 20).await;
        known.done.store(true, Ordering::SeqCst);
        waits
    };
    let callers = |base: String, name: &'static str| {
        let known = &known;
        join_all((0..6).map(move |n| {
            let base = base.clone();
            async move { known.call_on(&base, &format!("{name}-{n}")).await }
        }))
    };
    let all = async { tokio::join!(callers(one.base.clone(), "one"), callers(two.base.clone(), "two"), freezes) };
    let stuck = STUCK * u32::try_from(rounds).unwrap();
    let (_, _, mut waits) = tokio::time::timeout(stuck, all).await.expect("an end of all charges");
    waits.sort_unstable();
    let inside = waits.iter().filter(|wait| wait.as_secs() >= 1).count();
    println!(
        "{} freezes, {inside} of them inside a transaction; longest wait {:?}; {} charges",
        waits.len(),
        waits.last().unwrap(),
        known.count("")
    );
    // The server's time-outs, and no others, end the wait. The machine may be busy: they are 3 s and 4 s.
    assert!(waits.iter().all(|wait| *wait < Duration::from_secs(10)), "{waits:?}");
    for base in [&one.base, &two.base] {
        known.settle_up(&home.url, base).await;
    }
    assert_eq!((one.terminate().await, two.terminate().await), (Some(0), Some(0)));
    content(&home, 1);
    home.remove().await;
}

/// A PostgreSQL of its own, durable, which may be restarted. It ends with its standard input.
pub struct Server {
    script: Child,
    pub url: String,
    folder: String,
}

impl Server {
    pub async fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/with-postgres");
        let mut command = Command::new(script);
        command.args(["sh", "-c", "echo $TOPUP_TEST_POSTGRES; exec cat"]);
        let mut script = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(script.stdout.as_mut().unwrap()).read_line(&mut url).unwrap();
        let url = url.trim_end().to_owned();
        let store = Store::open(&url).await.unwrap();
        let row = store.read().await.unwrap().fetch_optional("show data_directory", Vec::new()).await.unwrap().unwrap();
        let folder = row.text("data_directory").unwrap();
        store.close().await;
        Self { script, url, folder }
    }

    /// Stops it as a crash would (`immediate`) or in good order (`fast`), and starts it again.
    fn restart(&self, how: &str) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/lib.sh");
        let bash = format!(
            "set -e; source {script}; bin=$(postgres_bin); as=; [[ $(id -u) == 0 ]] && as='runuser -u postgres --'; cd {0}/..;
             $as $bin/pg_ctl -D {0} -m {how} -w -t 60 -l {0}/../server.log restart",
            self.folder
        );
        let mut command = Command::new("bash");
        let done = command.args(["-c", &bash]).stdin(Stdio::null()).stdout(Stdio::null()).status().unwrap();
        assert!(done.success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        let _ended = self.script.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_restarted_under_load_is_found_again() {
    let server = Server::start().await;
    let [mut one, mut two] = two_with_a_customer(&server.url).await;
    let (known, rounds) = (Known::default(), rounds(4, 30));
    let restarts = async {
        for round in 0..rounds {
            tokio::join!(known.more("one", 20), known.more("two", 20));
            let how = if round % 3 == 2 { "fast" } else { "immediate" };
            tokio::task::block_in_place(|| server.restart(how));
        }
        tokio::join!(known.more("one", 20), known.more("two", 20));
        known.done.store(true, Ordering::SeqCst);
    };
    let callers = |base: String, name: &'static str| {
        let known = &known;
        join_all((0..6).map(move |n| {
            let base = base.clone();
            async move { known.call_on(&base, &format!("{name}-{n}")).await }
        }))
    };
    let all = async { tokio::join!(callers(one.base.clone(), "one"), callers(two.base.clone(), "two"), restarts) };
    let stuck = STUCK * u32::try_from(rounds).unwrap();
    tokio::time::timeout(stuck, all).await.expect("an end of all charges");
    println!("{rounds} restarts of PostgreSQL, {} charges", known.count(""));
    for base in [&one.base, &two.base] {
        known.settle_up(&server.url, base).await;
    }
    assert_eq!((one.terminate().await, two.terminate().await), (Some(0), Some(0)));
    let check = topup(&["check"], &[("DATABASE_URL", &server.url)]).output().unwrap();
    assert!(check.status.success(), "{check:?}");
}
