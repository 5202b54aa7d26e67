//! Measured once after the rounds, with many entries: bytes, memory, a restart.

use crate::load::{call, connect};
use crate::ours::{Engine, Pair, Server, one};
use crate::report::{Table, median};
use crate::{CALLERS, CUSTOMERS, Chosen, Plan};
use std::path::Path;
use std::time::{Duration, Instant};

pub async fn measure(chosen: &Chosen, plan: Plan, folder: &Path, table: &mut Table) {
    if chosen.has("behind") {
        behind(plan, folder, table).await;
    }
    if chosen.has("writers") && std::env::var_os("TOPUP_TEST_POSTGRES").is_some() {
        crate::writers::measure(plan, table).await;
    }
    if chosen.has("customers") {
        customers(plan, folder, table).await;
    }
    if chosen.has("growth") {
        crate::growth::measure(plan, folder, table).await;
    }
    if chosen.has("flood") {
        crate::flood::measure(plan, folder, table).await;
    }
    if chosen.has("bytes") {
        bytes(folder, table).await;
    }
    if chosen.has("memory") {
        memory(plan, folder, table).await;
    }
    if chosen.has("years") {
        crate::years::measure(folder, table).await;
    }
    if chosen.has("renders") {
        crate::renders::measure(plan, folder, table).await;
    }
    if chosen.has("pages") {
        crate::pages::measure(plan, folder, table).await;
    }
}

/// The rate with 10,000 entries behind, and with many, in turns.
async fn behind(plan: Plan, folder: &Path, table: &mut Table) {
    let many = Engine::sqlite(folder, "many").await;
    many.fill(plan.behind).await;
    for round in 0..plan.rounds {
        // A new one each time: it grows while it is measured.
        let few = Engine::sqlite(folder, &format!("few{round}")).await;
        few.fill(10_000).await;
        table.add("SQLite in process, 10,000 entries before", few.charges(plan, CALLERS, CUSTOMERS).await);
        table.add("SQLite in process, a long history", many.charges(plan, CALLERS, CUSTOMERS).await);
    }
    table.fact("the long history, at the end", format!("{} entries", many.entries().await));
}

/// Many more customers than memory keeps, at random, and as few as usual, in turns on the same database.
async fn customers(plan: Plan, folder: &Path, table: &mut Table) {
    const MANY: usize = 200_000;
    let url = format!("sqlite://{}", folder.join("customers.db").display());
    let engine = Engine::with_customers(&url, MANY).await;
    for _ in 0..plan.rounds {
        let (few, many) = (CUSTOMERS, MANY);
        table.add("SQLite in process, 1,000 customers at random", engine.charges_at_random(plan, CALLERS, few).await);
        table
            .add("SQLite in process, 200,000 customers at random", engine.charges_at_random(plan, CALLERS, many).await);
    }
}

const SOME: u64 = 100_000;

/// Bytes a charge of one draw, indexes and chain and all, without metadata and quantities.
async fn bytes(folder: &Path, table: &mut Table) {
    let engine = Engine::sqlite(folder, "bytes").await;
    let size = async |engine: &Engine| {
        let mut db = engine.store.read().await.unwrap();
        let sql = "select (select page_count from pragma_page_count) - (select freelist_count from pragma_freelist_count) as n";
        db.fetch_optional(sql, Vec::new()).await.unwrap().unwrap().int("n").unwrap() * 4_096
    };
    engine.fill(SOME).await;
    let (from, before) = (engine.entries().await, size(&engine).await);
    engine.fill(from + SOME).await;
    let grown = size(&engine).await - before;
    table.fact("bytes a charge, SQLite (aim 250)", format!("{:.0}", grown as f64 / SOME as f64));
    if std::env::var_os("TOPUP_TEST_POSTGRES").is_some() {
        let engine = Pair::open().await.one;
        let size = async |engine: &Engine| {
            let sql = "select sum(pg_total_relation_size(relid)) ::bigint as n from pg_stat_user_tables
                where relname in ('entries', 'entry_marks', 'usages', 'usage_days', 'idempotency_keys', 'key_segments', 'key_blocks')";
            engine.store.read().await.unwrap().fetch_optional(sql, Vec::new()).await.unwrap().unwrap().int("n").unwrap()
        };
        engine.fill(SOME).await;
        let (from, before) = (engine.entries().await, size(&engine).await);
        engine.fill(from + SOME).await;
        let grown = size(&engine).await - before;
        table.fact("bytes a charge, PostgreSQL (aim 450)", format!("{:.0}", grown as f64 / SOME as f64));
    }
}

/// The real binary: memory at rest and after many charges, then how long a restart takes to the first durable answer.
async fn memory(plan: Plan, folder: &Path, table: &mut Table) {
    let folder = folder.join("memory");
    std::fs::create_dir_all(&folder).unwrap();
    let server = Server::start(&folder).await;
    let file = server.stop();
    let server = Server::serve(&file);
    let (mut stream, mut buffer) = (connect(server.address).await, Vec::new());
    call(&mut stream, &mut buffer, server.address, &one(0)).await;
    table.fact("memory at rest (aim 40 MB)", format!("{:.1} MB", server.memory()));
    let mut charged = 0;
    while charged < plan.behind {
        charged += server.charge_load(Duration::from_secs(2), CALLERS, CUSTOMERS).await.calls;
        charged += server.batches(Duration::from_secs(2), 2).await.calls * 1_000;
    }
    table.fact("memory after the charges (aim 120 MB)", format!("{:.1} MB after {charged} charges", server.memory()));
    let (mut server, mut times) = (server, Vec::new());
    for _ in 0..5 {
        let file = server.stop();
        let began = Instant::now();
        server = Server::serve(&file);
        let mut stream = connect(server.address).await;
        call(&mut stream, &mut buffer, server.address, &one(0)).await;
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    table.fact("restart to the first durable answer after them (aim 1.0 s)", format!("{:.0} ms", median(times)));
}
