//! A failing disk: the n-th write or sync of SQLite's files, for each n, or all from the n-th on.
//!
//! The real binary runs with the shim of the power cuts preloaded, which fails what the test asks it to. Whatever is
//! hit: a 503 at once, reads go on, nothing is acknowledged that is not there, and without a restart the same keys
//! succeed when the disk is well again.

use crate::app::{Database, Home, STUCK};
use crate::process::{Process, call, content, start, topup};
use futures::future::join_all;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use topup::store::Store;

const EIO: i64 = 5;
const ENOSPC: i64 = 28;
const DATABASE: i64 = 1;
const WAL: i64 = 2;
const WRITE: i64 = 1;
const SYNC: i64 = 2;
const TRUNCATE: i64 = 4;

/// The calls that fail.
#[derive(Clone, Copy, Debug)]
struct Fault {
    errno: i64,
    files: i64,
    calls: i64,
    /// This call and all after it.
    on: bool,
}

/// A shop on a disk of whims, and what its callers know.
struct Shop {
    home: Home,
    process: Process,
    plan: File,
    acknowledged: HashMap<String, String>,
    asked: HashSet<String>,
    /// Acknowledged in batches, to fill the WAL.
    filled: HashSet<String>,
}

impl Shop {
    async fn open() -> Self {
        let home = Home::make(Database::Sqlite).await;
        let (shim, plan) = (crate::power_cut::shim(&home.folder), home.folder.join("plan"));
        std::fs::write(&plan, [0; 48]).unwrap();
        let path = |path: &std::path::Path| path.display().to_string();
        let (shim, plan_path, file) = (path(&shim), path(&plan), path(&home.folder.join("topup.db")));
        let settings = [
            ("DATABASE_URL", home.url.as_str()),
            ("WORKER", "off"),
            ("LD_PRELOAD", &shim),
            ("SHIM_DB", &file),
            ("SHIM_FAIL", &plan_path),
        ];
        let process = start(topup(&["serve"], &settings)).unwrap_or_else(|output| panic!("{output:?}"));
        let body = r#"{"email":"ada@acme.example","plan":"pro"}"#.to_owned();
        call(&process.base, "PUT", "/v1/customers/acme", "-", body).await.unwrap().expect(201);
        let plan = File::options().read(true).write(true).open(plan).unwrap();
        Self { home, process, plan, acknowledged: HashMap::new(), asked: HashSet::new(), filled: HashSet::new() }
    }

    fn number(&self, place: u64, number: i64) {
        self.plan.write_all_at(&number.to_ne_bytes(), place * 8).unwrap();
    }

    /// The n-th call of these fails.
    fn fail(&self, n: i64, bad: Fault) {
        for (place, number) in (1..).zip([bad.errno, i64::from(bad.on), bad.files, bad.calls, 0]) {
            self.number(place, number);
        }
        self.number(0, n);
    }

    fn heal(&self) {
        self.number(0, 0);
    }

    /// How many calls have failed since.
    fn failed(&self) -> i64 {
        let mut number = [0; 8];
        self.plan.read_exact_at(&mut number, 40).unwrap();
        i64::from_ne_bytes(number)
    }

    /// One charge a key, all at once, beside a read that always succeeds; the keys that were refused.
    async fn charges(&mut self, keys: &[String]) -> Vec<String> {
        let base = &self.process.base;
        let filler = "so that pages fill up and the WAL is copied back now and then ".repeat(8);
        let charges = join_all(keys.iter().map(async |key| {
            let body = format!(r#"{{"credits":1,"source":"{key}","metadata":{{"filler":"{filler}"}}}}"#);
            call(base, "POST", "/v1/customers/acme/usage", key, body).await.unwrap()
        }));
        let read = async { call(base, "GET", "/v1/customers/acme/balance", "-", String::new()).await.unwrap() };
        let (answers, read) = tokio::join!(charges, read);
        read.expect(200);
        let mut refused = Vec::new();
        for (key, answer) in keys.iter().zip(answers) {
            self.asked.insert(key.clone());
            if answer.status == 503 {
                assert_eq!(answer.header("retry-after"), Some("1"));
                refused.push(key.clone());
                continue;
            }
            let id = answer.expect(201).json()["id"].as_str().unwrap().to_owned();
            let before = self.acknowledged.insert(key.clone(), id.clone());
            assert!(before.is_none_or(|before| before == id), "one key, one usage");
        }
        refused
    }

    /// Many charges in one call, as large as they may be, until all are taken: pages for the WAL.
    async fn fill(&mut self, name: &str) -> bool {
        let filler = "x".repeat(1_900);
        let keys: Vec<String> = (0..250).map(|n| format!("{name}-{n}")).collect();
        let charges: Vec<String> = keys
            .iter()
            .map(|key| {
                format!(
                    r#"{{"customer":"acme","idempotency_key":"{key}","credits":1,"source":"{key}","metadata":{{"f":"{filler}"}}}}"#
                )
            })
            .collect();
        let body = format!(r#"{{"charges":[{}]}}"#, charges.join(","));
        let answer = call(&self.process.base, "POST", "/v1/usage", "-", body).await.unwrap();
        self.asked.extend(keys.iter().cloned());
        if answer.status == 503 {
            return false;
        }
        let json = answer.expect(200).json();
        let taken = json["results"].as_array().unwrap().iter().filter(|result| result["status"] == 201).count();
        assert_eq!(taken, keys.len());
        self.filled.extend(keys);
        true
    }

    /// Acknowledged ⊆ there ⊆ asked, read by another process.
    async fn compare(&self) {
        let store = Store::open_existing(&self.home.url).await.unwrap();
        let rows = store.read().await.unwrap().fetch_all("select source from usages", Vec::new()).await.unwrap();
        store.close().await;
        let there: HashSet<String> = rows.iter().map(|row| row.text("source").unwrap()).collect();
        assert_eq!(there.len(), rows.len(), "one usage a key");
        assert!(there.is_subset(&self.asked), "there and never asked for");
        let mut acknowledged = self.acknowledged.keys().chain(&self.filled);
        assert!(acknowledged.all(|key| there.contains(key)), "acknowledged and lost");
    }

    /// The disk is well again: what was refused is done, with no restart.
    async fn recover(&mut self, refused: Vec<String>, bad: Fault, n: i64) {
        self.heal();
        assert_eq!(self.charges(&refused).await, [""; 0], "{bad:?} at {n}");
        self.compare().await;
    }

    async fn end(mut self) {
        let all: Vec<String> = self.asked.difference(&self.filled).cloned().collect();
        for keys in all.chunks(64) {
            assert_eq!(self.charges(keys).await, [""; 0]);
        }
        let balance = call(&self.process.base, "GET", "/v1/customers/acme/balance", "-", String::new()).await.unwrap();
        assert_eq!(balance.json()["available"], 100_000 - self.asked.len());
        content(&self.home, 1);
        assert_eq!(self.process.terminate().await, Some(0));
        content(&self.home, 1);
    }
}

fn keys(name: &str, n: i64) -> Vec<String> {
    (0..4).map(|k| format!("{name}-{n}-{k}")).collect()
}

/// Fails the n-th call for each n, until a burst of charges has no n-th call any more; how many were hit.
async fn each_in_turn(shop: &mut Shop, name: &str, bad: Fault) -> i64 {
    let (mut hits, mut misses) = (0, 0);
    for n in 1.. {
        shop.fail(n, bad);
        let refused = shop.charges(&keys(name, n)).await;
        let failed = shop.failed();
        (hits, misses) = (hits + failed.min(1), if failed == 0 { misses + 1 } else { 0 });
        shop.recover(refused, bad, n).await;
        if misses == 3 || n == 400 {
            break;
        }
    }
    content(&shop.home, 1);
    hits
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_write_or_sync_fails_nothing_is_lost_and_writing_goes_on() {
    let mut shop = Shop::open().await;
    let all = async {
        for (name, errno, calls) in [("io", EIO, WRITE), ("full", ENOSPC, WRITE), ("sync", EIO, SYNC)] {
            for on in [false, true] {
                let bad = Fault { errno, files: WAL, calls, on };
                let hits = each_in_turn(&mut shop, &format!("{name}-{on}"), bad).await;
                println!("{bad:?}: {hits} calls failed in turn");
                assert!(hits > 0, "{bad:?}");
            }
        }
    };
    tokio::time::timeout(STUCK * 5, all).await.expect("an end");
    shop.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_fails_while_the_wal_is_copied_back_loses_nothing() {
    let mut shop = Shop::open().await;
    // The WAL is copied back when it has 8,000 pages: thousands of charges each time.
    let most = if std::env::var_os("TOPUP_PROVE").is_some() { 40 } else { 3 };
    let all = async {
        for n in 1..=most {
            let errno = if n % 2 == 0 { EIO } else { ENOSPC };
            let calls = [WRITE, SYNC | TRUNCATE][usize::from(n % 3 == 0)];
            let bad = Fault { errno, files: DATABASE, calls, on: n % 4 == 0 };
            shop.fail(if calls == WRITE { n } else { 1 }, bad);
            for burst in 0.. {
                let name = format!("back-{n}-{burst}");
                let taken = shop.fill(&name).await;
                if shop.failed() > 0 {
                    let refused = shop.charges(&keys(&format!("beside-{n}"), 0)).await;
                    shop.recover(refused, bad, n).await;
                    assert!(taken || shop.fill(&name).await, "{bad:?} at {n}");
                    break;
                }
                assert!(taken && burst < 1_000, "the WAL is never copied back");
            }
            content(&shop.home, 1);
        }
    };
    tokio::time::timeout(STUCK * 20, all).await.expect("an end");
    shop.end().await;
}
