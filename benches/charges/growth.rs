//! Start, memory and looks at the store with a long history: a million charges, then ten times as many, up to `BENCH_BEHIND`.
//!
//! What a start and a charge read of them is built directly: filters of the newest segments of keys, and indexes of all
//! others, of random keys. The rows of the charges are left out: no new charge reads them, and a thousand million need 250 GB.

use crate::load::{Ask, call, connect};
use crate::ours::{KEY, Server, batch, one};
use crate::report::{Table, median};
use crate::{CALLERS, CUSTOMERS, Plan};
use std::path::Path;
use std::time::{Duration, Instant};
use topup::args;
use topup::store::key_index::KeyIndex;
use topup::store::segment_filter::SegmentFilter;
use topup::store::segment_sizes::SegmentSizes;
use topup::store::{Store, statement_batch};

const LEAST: u64 = 1_000_000;
/// Blocks of one transaction.
const BLOCKS: i64 = 4_096;
/// Charges of a batch.
const BATCH: usize = 1_000;

pub async fn measure(plan: Plan, folder: &Path, table: &mut Table) {
    for behind in std::iter::successors(Some(LEAST), |n| Some(n * 10)).take_while(|n| *n <= plan.behind.max(LEAST)) {
        let folder = folder.join("growth");
        std::fs::create_dir_all(&folder).unwrap();
        let file = Server::start(&folder).await.stop();
        build(&file, behind).await;
        let size = std::fs::metadata(&file).unwrap().len() / 1_000_000;
        look(plan, &file, behind, size, table).await;
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

/// Random numbers without a system call each.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Builds the filters and indexes that a number of charges leaves.
async fn build(file: &Path, behind: u64) {
    let store = Store::open(&format!("sqlite://{}", file.display())).await.unwrap();
    let (sizes, mut random) = (SegmentSizes::default(), Random(behind));
    let segments = i64::try_from(behind).unwrap() / sizes.rows;
    for index in indexes(segments, sizes) {
        build_index(&store, index, &mut random).await;
    }
    let rows = usize::try_from(sizes.rows).unwrap();
    for segment in 0..segments {
        let covered = indexes(segments, sizes).last().is_some_and(|last| segment < last.until());
        let mut digests = || (0..rows).map(|_| random.next()).collect();
        let bits = if covered { None } else { Some(SegmentFilter::of(digests()).unwrap().to_bytes()) };
        let mut tx = store.begin_write().await.unwrap();
        let sql = "insert into key_segments (segment, until_row, bits) values ($1, 0, $2)";
        tx.execute(sql, args![segment, bits]).await.unwrap();
        tx.commit().await.unwrap();
    }
    store.close().await;
}

/// The indexes that a number of segments has become, the largest first.
fn indexes(segments: i64, sizes: SegmentSizes) -> Vec<KeyIndex> {
    let (mut out, mut first) = (Vec::new(), 0);
    let base = KeyIndex::of_filters(0, sizes).unwrap();
    let all = if segments < sizes.crowd() { 0 } else { (segments - sizes.crowd()) / sizes.index + 1 };
    for doublings in (0..20_u32).rev().filter(|n| all >> n & 1 == 1) {
        let count = sizes.index << doublings;
        out.push(KeyIndex::of_row(first, first + count, i64::from(base.bits + doublings)).unwrap());
        first += count;
    }
    out
}

/// Each block with as many keys as it has on average.
async fn build_index(store: &Store, index: KeyIndex, random: &mut Random) {
    let count = index.until() - index.first();
    let keys = SegmentSizes::default().rows * count / index.blocks();
    let mut from = 0;
    while from < index.blocks() {
        let blocks = from..index.blocks().min(from + BLOCKS);
        let keys = blocks.clone().flat_map(|block| std::iter::repeat_n(block, usize::try_from(keys).unwrap()));
        let digests = keys.map(|block| {
            let digest = (block.cast_unsigned() << (64 - index.bits)) | (random.next() >> index.bits);
            (digest, index.first() + i64::try_from(random.next() % count.cast_unsigned()).unwrap())
        });
        let made = index.fill_blocks(blocks.clone(), &digests.collect::<Vec<_>>());
        let rows = index.numbers(blocks.clone()).zip(made).map(|(number, entries)| args![number, entries]).collect();
        let mut tx = store.begin_write().await.unwrap();
        statement_batch::insert_rows(&mut tx, "insert into key_blocks (number, entries)", "", rows).await.unwrap();
        tx.commit().await.unwrap();
        from = blocks.end;
    }
    let mut tx = store.begin_write().await.unwrap();
    let sql = "insert into key_indexes (first_segment, until_segment, bits) values ($1, $2, $3)";
    tx.execute(sql, args![index.first(), index.until(), i64::from(index.bits)]).await.unwrap();
    tx.commit().await.unwrap();
}

async fn look(plan: Plan, file: &Path, behind: u64, size: u64, table: &mut Table) {
    let (mut starts, mut server) = (Vec::new(), None::<Server>);
    for _ in 0..5 {
        let began = Instant::now();
        let one_more = Server::serve(file);
        let (mut stream, mut buffer) = (connect(one_more.address).await, Vec::new());
        call(&mut stream, &mut buffer, one_more.address, &one(0)).await;
        starts.push(began.elapsed().as_secs_f64() * 1e3);
        if let Some(last) = server.replace(one_more) {
            last.stop();
        }
    }
    let server = server.unwrap();
    let start = format!("{:.0} ms, {:.0} MB", median(starts), server.memory());
    let (mut stream, mut buffer) = (connect(server.address).await, Vec::new());
    let before = round_trips(&server).await;
    call(&mut stream, &mut buffer, server.address, &batch(BATCH)).await;
    let trips = round_trips(&server).await - before;
    table.add(&format!("HTTP on SQLite, {behind} charges behind"), {
        server.charge_load(plan.round, CALLERS, CUSTOMERS).await.sample(1.0)
    });
    let batches = server.batches(plan.round.max(Duration::from_secs(1)), 2).await.sample(BATCH as f64);
    table.add(&format!("HTTP on SQLite, batches of 1,000, {behind} charges behind"), batches);
    let facts = format!("{start}; then {:.0} MB; {trips} round trips a batch; {size} MB of file", server.memory());
    table.fact(&format!("start to the first answer with {behind} charges behind (aim 1,000 ms, 200 MB)"), facts);
    server.stop();
}

/// How often the server has asked its database.
async fn round_trips(server: &Server) -> i64 {
    let (mut stream, mut buffer) = (connect(server.address).await, Vec::new());
    let headers = format!("x-api-key: {KEY}\r\n");
    let ask = Ask { method: "GET", path: "/metrics".to_owned(), headers, body: String::new(), status: 200 };
    let text = call(&mut stream, &mut buffer, server.address, &ask).await;
    let line = text.lines().find(|line| line.starts_with("topup_database_round_trips_total ")).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}
