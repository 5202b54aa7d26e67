//! `make bench`: charges a second beside what else could be done on the same machine, rounds interleaved.
//!
//! Each round asks every contestant in turn for a second or two; what is printed are medians over the rounds. Ratios
//! inside one run are what counts; the figures themselves are a record of the machine. Arguments choose parts by the
//! beginning of their name: `make bench ONLY='disk sqlite'`.

#![allow(clippy::unwrap_used, clippy::float_arithmetic, missing_docs, reason = "a measurement")]

mod after;
mod flood;
mod growth;
mod load;
mod ours;
mod pages;
mod peers;
mod renders;
mod report;
mod writers;
mod years;

use report::Table;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub const CUSTOMERS: usize = 1_000;
pub const CALLERS: usize = 256;

/// How long, and how often.
#[derive(Clone, Copy)]
pub struct Plan {
    pub round: Duration,
    pub rounds: usize,
    /// Entries that lie behind in the parts that say so.
    pub behind: u64,
}

/// The chosen contestants; empty for all.
pub struct Chosen(Vec<String>);

impl Chosen {
    pub fn has(&self, part: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|chosen| part.starts_with(chosen.as_str()))
    }
}

fn main() {
    let chosen = Chosen(std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect());
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |n| n.parse().unwrap());
    let plan = Plan {
        round: Duration::from_millis(number("BENCH_MILLIS", 1_500)),
        rounds: usize::try_from(number("BENCH_ROUNDS", 5)).unwrap(),
        behind: number("BENCH_BEHIND", 1_000_000),
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let folder = folder();
        let mut table = Table::default();
        rounds(&chosen, plan, &folder, &mut table).await;
        after::measure(&chosen, plan, &folder, &mut table).await;
        table.print(plan);
        drop(std::fs::remove_dir_all(&folder));
    });
}

/// A folder for the databases, on the disk that `target` is on: /tmp may be memory.
fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench-data");
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

async fn rounds(chosen: &Chosen, plan: Plan, folder: &Path, table: &mut Table) {
    let sqlite = if chosen.has("sqlite") { Some(ours::Engine::sqlite(folder, "engine").await) } else { None };
    let rules = if chosen.has("sqlite") { Some(ours::Engine::with_rules(folder).await) } else { None };
    let http = if chosen.has("http") { Some(ours::Server::start(folder).await) } else { None };
    let has_server = std::env::var_os("TOPUP_TEST_POSTGRES").is_some();
    let postgres = if chosen.has("postgres") && has_server { Some(ours::Pair::open().await) } else { None };
    let rows = if chosen.has("pgbench") && has_server { Some(peers::RowLocks::make(folder).await) } else { None };
    let naive = if chosen.has("naive") { Some(peers::Naive::make(folder).await) } else { None };
    let nostro = if chosen.has("nostro") && has_server { peers::Nostro::start(table).await } else { None };
    let gringotts = if chosen.has("gringotts") { peers::Gringotts::start(folder, table).await } else { None };
    for round in 1..=plan.rounds {
        eprintln!("round {round} of {}", plan.rounds);
        written_out();
        if chosen.has("disk") {
            table.add("disk: 4 KiB overwrite + fdatasync, one at a time", peers::flushes(folder, plan.round));
        }
        written_out();
        if let Some(naive) = &naive {
            naive.round(plan, table).await;
        }
        written_out();
        if let Some(engine) = &sqlite {
            table
                .add("SQLite in process, 256 callers, 1,000 customers", engine.charges(plan, CALLERS, CUSTOMERS).await);
            if let Some(rules) = &rules {
                let sample = rules.charges(plan, CALLERS, CUSTOMERS).await;
                table.add("SQLite in process, 1,000 customers with automatic top-up", sample);
            }
            table.add("SQLite in process, 256 callers, ONE customer", engine.charges(plan, CALLERS, 1).await);
            table.add("SQLite in process, ONE customer drained to zero", engine.drained(round).await);
            table.add("SQLite in process, one caller", engine.charges(plan, 1, CUSTOMERS).await);
        }
        written_out();
        if let Some(server) = &http {
            server.round(plan, table).await;
        }
        written_out();
        if let Some(pair) = &postgres {
            pair.round(plan, table).await;
        }
        written_out();
        if let Some(rows) = &rows {
            rows.round(plan, table);
        }
        written_out();
        if let Some(nostro) = &nostro {
            nostro.round(plan, table);
        }
        written_out();
        if let Some(gringotts) = &gringotts {
            gringotts.round(plan, table).await;
        }
    }
}

/// Flushes the disk, so that the next contestant starts clean.
fn written_out() {
    assert!(std::process::Command::new("sync").status().unwrap().success());
}

pub fn random_key() -> String {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).unwrap();
    hex::encode(bytes)
}
