use super::*;
use crate::store::Store;
use crate::store::idempotency_keys::{BoundAnswer, idempotency_key_hash};
use crate::store::key_index::read_indexes;
use crate::store::key_merging::merge_keys;
use std::path::PathBuf;
use std::pin::pin;
use std::task::Poll;

fn key(n: u64) -> KeyHash {
    idempotency_key_hash("acme", &n.to_string())
}

fn small() -> Segments {
    Segments::of_sizes(SegmentSizes { rows: 2, ..SegmentSizes::default() })
}

async fn database(name: &str) -> (Store, PathBuf) {
    let file = std::env::temp_dir().join(format!("topup_{name}_{}.db", std::process::id()));
    let store = Store::open(&format!("sqlite://{}", file.display())).await.expect("a database");
    store.migrate().await.expect("tables");
    (store, file)
}

async fn remove((store, file): (Store, PathBuf)) {
    store.close().await;
    for end in ["", "-wal", "-shm"] {
        drop(std::fs::remove_file(format!("{}{end}", file.display())));
    }
}

async fn bind(segments: &mut Segments, tx: &mut Connection, keys: impl IntoIterator<Item = u64>) {
    let binding = KeyBinding { content: [1; 16], status: 201, answer: BoundAnswer::Json(Vec::new()) };
    let mut batch = StatementBatch::default();
    segments.bind(&mut batch, keys.into_iter().map(|n| (key(n), binding.clone())).collect());
    batch.write(tx).await.expect("bound");
}

/// Which of these keys are found.
async fn found(store: &Store, segments: &mut Segments, keys: std::ops::Range<u64>) -> Vec<u64> {
    let hashes: Vec<KeyHash> = keys.clone().map(key).collect();
    let mut tx = store.begin_write().await.expect("a turn");
    let found = segments.find(&mut tx, &hashes).await.expect("a look");
    keys.filter(|n| found.contains_key(&key(*n))).collect()
}

/// Keys from 0 on, four in each segment.
async fn fill(store: &Store, segments: &mut Segments, keys: u64) {
    for n in 0..keys / 4 {
        let mut tx = store.begin_write().await.expect("a turn");
        segments.load(&mut tx).await.expect("what is sealed");
        bind(segments, &mut tx, n * 4..n * 4 + 4).await;
        let row = i64::try_from(n * 4 + 4).expect("a row");
        segments.seal(&mut tx, row).await.expect("sealed");
        tx.commit().await.expect("committed");
    }
}

#[tokio::test]
async fn a_segment_whose_sealing_was_not_committed_is_sealed_by_whoever_comes_next() {
    let (store, file) = database("segments").await;
    let mut lost = small();
    let mut tx = store.begin_write().await.expect("a turn");
    lost.load(&mut tx).await.expect("nothing");
    bind(&mut lost, &mut tx, [1]).await;
    lost.seal(&mut tx, 2).await.expect("sealed");
    drop(tx);
    lost.forget();
    let mut other = small();
    let mut tx = store.begin_write().await.expect("a turn");
    other.load(&mut tx).await.expect("nothing");
    bind(&mut other, &mut tx, [2, 3]).await;
    other.seal(&mut tx, 3).await.expect("sealed");
    tx.commit().await.expect("committed");
    let mut tx = store.begin_write().await.expect("a turn");
    lost.load(&mut tx).await.expect("a filter");
    drop(tx);
    assert_eq!(found(&store, &mut lost, 1..4).await, [2, 3]);
    remove((store, file)).await;
}

/// Works until it has waited so often. True if it came to its end.
async fn cut_off(work: impl Future<Output = ()>, waits: usize) -> bool {
    let (mut work, mut left) = (pin!(work), waits);
    std::future::poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(()) => Poll::Ready(true),
        Poll::Pending if left == 0 => Poll::Ready(false),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

#[tokio::test]
async fn wherever_a_merge_is_cut_off_every_key_is_found_by_those_who_saw_it_begin_and_by_those_who_come() {
    let (store, file) = database("merges").await;
    let sizes = SegmentSizes { rows: 4, index: 2, block: 1, step: 3 };
    let mut first = Segments::of_sizes(sizes);
    fill(&store, &mut first, 48).await;
    let (mut known, mut cuts, mut is_done) = (vec![first], 0, false);
    while !is_done {
        // Two at once, as processes do.
        let both = async {
            let (one, two) = tokio::join!(merge_keys(&store, sizes), merge_keys(&store, sizes));
            one.and(two).expect("merged");
        };
        is_done = cut_off(both, 2 + cuts % 19).await;
        cuts += 1;
        let mut fresh = Segments::of_sizes(sizes);
        let mut tx = store.begin_write().await.expect("a turn");
        fresh.load(&mut tx).await.expect("what is sealed");
        drop(tx);
        known.push(fresh);
        let (older, newest) = (cuts / 2, cuts);
        for one in [older, newest] {
            assert!(found(&store, &mut known[one], 0..60).await.into_iter().eq(0..48), "after {cuts} cuts");
        }
    }
    assert!(cuts > 8, "{cuts}");
    for one in &mut known {
        assert!(found(&store, one, 0..60).await.into_iter().eq(0..48));
    }
    let mut db = store.read().await.expect("a connection");
    let indexes = read_indexes(&mut db).await.expect("indexes");
    // Of twelve segments two stay, for one filter at least always does.
    assert_eq!(indexes.iter().map(|index| index.until()).collect::<Vec<_>>(), [8, 10]);
    let count = async |db: &mut Connection, sql: &str| {
        db.fetch_optional(sql, Vec::new()).await.expect("a row").expect("a row").int("n").expect("a number")
    };
    assert_eq!(
        count(&mut db, "select count(*) as n from key_segments where segment >= 0 and bits is not null").await,
        2
    );
    let blocks: i64 = indexes.iter().map(|index| index.blocks()).sum();
    assert_eq!(count(&mut db, "select count(*) as n from key_blocks where number >= 0").await, blocks);
    drop(db);
    // A block that is lost is an error, and no key is taken for new.
    let mut tx = store.begin_write().await.expect("a turn");
    tx.execute("delete from key_blocks where number >= 0", Vec::new()).await.expect("tampered");
    assert!(known[cuts].find(&mut tx, &[key(1)]).await.is_err());
    drop(tx);
    remove((store, file)).await;
}
