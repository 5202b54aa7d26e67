//! States after a power cut. A kill does not test the flush, since the page cache survives it.
//!
//! A child of this test binary charges by the real engine while a preloaded shim records the database's writes and
//! syncs. Of the record, crash states are built that drop, reorder and tear what was not synced; each is opened and
//! checked: everything holds, and every charge that was acknowledged before the cut is there. With
//! `synchronous = off` the same must fail, or the test would prove nothing.

mod trace;

use futures::future::join_all;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use topup::clock::Clock;
use topup::domain::{Catalog, Credits};
use topup::ledger::{Charge, ChargeOutcome, Ledger};
use topup::store::Store;
use topup::store::sqlite::Writer;
use topup::usecases::customers;
use topup::usecases::upkeep::check;
use trace::Disk;

/// Numbers that look random, the same for the same seed.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % most.max(1) as u64).unwrap()
    }
}

/// Which child this process is, if it is one: the folder, and how it syncs.
const CHILD: &str = "TOPUP_FLUSH_CHILD";
const CHARGES: usize = 400;
const CALLERS: usize = 6;

fn database(folder: &Path) -> PathBuf {
    folder.join("topup.db")
}

/// The product's own store, or the same one with its syncs switched off.
async fn store(folder: &Path, synchronous: &str) -> Store {
    let file = database(folder);
    if synchronous == "full" {
        return Store::open(&format!("sqlite://{}", file.display())).await.unwrap();
    }
    let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
    let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Off).foreign_keys(true);
    let write = Writer::open(options.clone()).await.unwrap();
    let read = SqlitePoolOptions::new().max_connections(2).connect_lazy_with(options);
    Store::Sqlite { write, read, file }
}

fn charge(key: &str) -> Charge {
    Charge {
        customer: format!("customer-{}", key.len() % 3),
        key: key.to_owned(),
        content: [1; 16],
        credits: Credits::whole(1),
        operation: None,
        quantities: None,
        source: Some(key.to_owned()),
        metadata: Some("{\"filler\":\"so that pages fill up and the WAL is copied back now and then\"}".repeat(8)),
    }
}

/// In the child: charges, and says of each acknowledgement how long the record was when it came.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_child_charges_where_it_is_asked_to() {
    let Ok(asked) = std::env::var(CHILD) else { return };
    let (synchronous, folder) = asked.split_once(':').unwrap();
    let folder = Path::new(folder);
    let catalog = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/catalog.toml")).unwrap();
    let store = store(folder, synchronous).await;
    store.migrate().await.unwrap();
    // The copying is tested too, which so short a run would not reach.
    let mut db = store.begin_write().await.unwrap();
    db.execute("pragma wal_autocheckpoint = 500", Vec::new()).await.unwrap();
    db.commit().await.unwrap();
    let (ledger, engine) = Ledger::start(store.clone(), Clock::system(), Arc::new(Catalog::parse(&catalog).unwrap()));
    for n in 0..3 {
        let put = customers::Put {
            email: Some("ada@acme.example".to_owned()),
            name: None,
            plan: Some("pro".to_owned()),
            cycle_anchor: None,
            timezone: None,
        };
        let id = format!("customer-{n}");
        let made = ledger.job(move |tx| Box::pin(async move { customers::put_customer_in(tx, &id, put).await }));
        made.await.unwrap().unwrap();
    }
    let recorded = || std::fs::metadata(folder.join("trace")).unwrap().len();
    println!("ready {}", recorded());
    let next = AtomicUsize::new(0);
    let caller = async |_| {
        loop {
            let n = next.fetch_add(1, Ordering::SeqCst);
            if n >= CHARGES {
                return;
            }
            let key = format!("key-{n}{}", "x".repeat(n % 3));
            println!("asked {key}");
            match ledger.charge(charge(&key)).await {
                Ok(ChargeOutcome::Charged(_)) => println!("acknowledged {key} {}", recorded()),
                other => panic!("{other:?}"),
            }
        }
    };
    join_all((0..CALLERS).map(caller)).await;
    // No tidy end: the last connection would copy the WAL back and take it away.
    drop((engine, store));
    std::process::exit(0);
}

/// The record and the output of the child.
struct Story {
    records: Vec<trace::Record>,
    asked: HashSet<String>,
    /// Keys by how long the record was when they were acknowledged.
    acknowledged: BTreeMap<u64, Vec<String>>,
    ready: u64,
}

/// Builds what is preloaded.
pub fn shim(folder: &Path) -> PathBuf {
    let (source, shim) = (concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/power_cut/shim.c"), folder.join("shim.so"));
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&shim).args([source, "-ldl", "-lpthread"]);
    assert!(cc.status().expect("a C compiler").success());
    shim
}

fn tell(folder: &Path, synchronous: &str) -> Story {
    let shim = shim(folder);
    let (trace, folder_text) = (folder.join("trace"), folder.display().to_string());
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["power_cut::the_child_charges_where_it_is_asked_to", "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, format!("{synchronous}:{folder_text}"))
        .env("LD_PRELOAD", &shim)
        .env("SHIM_DB", database(folder))
        .env("SHIM_TRACE", &trace)
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    let said = String::from_utf8(child.stdout).unwrap();
    let mut story = Story {
        records: trace::read(&std::fs::read(&trace).unwrap()),
        asked: HashSet::new(),
        acknowledged: BTreeMap::new(),
        ready: 0,
    };
    for line in said.lines() {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["asked", key] => drop(story.asked.insert(key.to_owned())),
            ["acknowledged", key, at] => {
                story.acknowledged.entry(at.parse().unwrap()).or_default().push(key.to_owned());
            }
            ["ready", at] | [_, _, _, "ready", at] => story.ready = at.parse().unwrap(),
            _ => {}
        }
    }
    assert_eq!((story.asked.len(), story.acknowledged.values().map(Vec::len).sum::<usize>()), (CHARGES, CHARGES));
    assert!(story.ready > 0, "{said}");
    // The WAL was written to, and copied back while charges ran.
    for file in [0, 1] {
        let written = |record: &&trace::Record| record.file == file && record.end > story.ready;
        assert!(story.records.iter().filter(written).count() > 10, "file {file}");
    }
    story
}

/// Opens what a power cut has left; what is wrong with it.
async fn after(folder: &Path, [database, wal]: [Vec<u8>; 2], story: &Story, cut_at: u64) -> Result<(), String> {
    std::fs::create_dir_all(folder).unwrap();
    let file = self::database(folder);
    std::fs::write(&file, database).unwrap();
    std::fs::write(folder.join("topup.db-wal"), wal).unwrap();
    let _none = std::fs::remove_file(folder.join("topup.db-shm"));
    let opened = Store::open_existing(&format!("sqlite://{}", file.display())).await;
    let store = opened.map_err(|e| format!("cannot be opened: {e}"))?;
    let found = look(&store, story, cut_at).await;
    store.close().await;
    found
}

async fn look(store: &Store, story: &Story, cut_at: u64) -> Result<(), String> {
    check::check_all(store).await.map_err(|e| format!("cannot be read: {e}"))??;
    let rows = store.read().await.unwrap().fetch_all("select source from usages", Vec::new()).await.unwrap();
    let there: HashSet<String> = rows.iter().map(|row| row.text("source").unwrap()).collect();
    if let Some(made_up) = there.iter().find(|key| !story.asked.contains(*key)) {
        return Err(format!("{made_up} is there and was never asked for"));
    }
    let known = story.acknowledged.range(..=cut_at).flat_map(|(_, keys)| keys);
    match known.into_iter().find(|key| !there.contains(*key)) {
        Some(lost) => Err(format!("{lost} was acknowledged and is lost")),
        None => Ok(()),
    }
}

/// Cuts the power `states` times, half of them right behind an acknowledgement; the failures.
async fn cut_off(synchronous: &str, states: usize, seed: u64) -> Vec<String> {
    println!("a run with synchronous = {synchronous} begins: TOPUP_SEED={seed} cuts in the same way again");
    let home = crate::app::Home::make(crate::app::Database::Sqlite).await;
    let story = tell(&home.folder, synchronous);
    let mut random = Random(seed);
    let acknowledgements: Vec<u64> = story.acknowledged.keys().copied().collect();
    let ends: Vec<u64> = story.records.iter().map(|record| record.end).filter(|end| *end >= story.ready).collect();
    let mut cuts: Vec<u64> = (0..states)
        .map(|n| match n % 2 {
            0 => acknowledgements[random.below(acknowledgements.len())],
            _ => ends[random.below(ends.len())],
        })
        .collect();
    cuts.sort_unstable();
    let (mut disk, mut next, mut failures, mut unsynced) = (Disk::default(), 0, Vec::new(), 0);
    for cut_at in cuts {
        while story.records.get(next).is_some_and(|record| record.end <= cut_at) {
            disk.take(&story.records[next]);
            next += 1;
        }
        unsynced += disk.unsynced();
        let left = disk.cut(&mut random);
        if let Err(reason) = after(&home.folder.join("left"), left, &story, cut_at).await {
            failures.push(format!("cut at {cut_at}: {reason}"));
        }
    }
    let syncs = story.records.iter().filter(|record| matches!(record.call, trace::FileCall::Sync)).count();
    println!(
        "synchronous = {synchronous}: {} records, {syncs} syncs, {states} states, {unsynced} unsynced writes in them, {} failures",
        story.records.len(),
        failures.len()
    );
    failures
}

fn plan() -> (usize, u64) {
    let states = if std::env::var_os("TOPUP_PROVE").is_some() { 1_000 } else { 16 };
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).unwrap();
    let given = std::env::var("TOPUP_SEED").ok().and_then(|seed| seed.parse().ok());
    (states, given.unwrap_or(u64::from_le_bytes(seed)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_at_any_moment_loses_nothing_that_was_acknowledged() {
    let (states, seed) = plan();
    let failures = cut_off("full", states, seed).await;
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_flush_the_same_power_cuts_lose_acknowledged_writes() {
    let (states, seed) = plan();
    let failures = cut_off("off", states.min(100), seed).await;
    assert!(failures.len() > states.min(100) / 4, "the cuts find nothing: {failures:?}");
    assert!(
        failures.iter().any(|reason| reason.contains("acknowledged and is lost") || reason.contains("cannot be")),
        "{failures:?}"
    );
}
