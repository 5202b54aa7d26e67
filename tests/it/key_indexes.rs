//! Indexes of old keys, made by several processes while they charge.

use crate::app::{TestApp, on_both};
use crate::engine::{charge, charged, end, second_with_segments};
use topup::ledger::{ChargeOutcome, Unavailable};
use topup::store::segment_sizes::SegmentSizes;

/// Four keys a segment, two segments in the first index.
const TINY: SegmentSizes = SegmentSizes { rows: 4, index: 2, block: 1, step: 2 };
const INDEXED: &str = "select coalesce(max(until_segment), 0) as n from key_indexes";

/// Writes nothing, again and again, until so many segments are in indexes: a write has filters made, and indexes.
async fn until_indexed(app: &TestApp, engines: &[&topup::ledger::Ledger], segments: i64) {
    for n in 0.. {
        if app.count(INDEXED).await >= segments {
            return;
        }
        let nobody = engines[n % engines.len()].charge(charge("nobody", &format!("job-{n}"), 1)).await;
        assert_eq!(nobody, Ok(ChargeOutcome::UnknownCustomer));
        assert!(n < 100_000, "no index was made");
    }
}

on_both!(a_key_is_bound_for_ever_while_processes_make_indexes_of_old_ones, |app| {
    app.put_customer_with_left("acme", 150).await;
    let (one, two) = (second_with_segments(app, TINY).await, second_with_segments(app, TINY).await);
    let engines = [&one.0.ledger, &two.0.ledger];
    let mut first = Vec::new();
    for n in 0..100 {
        first.push(charged(engines[n % 2].charge(charge("acme", &format!("job-{n}"), 1)).await));
        // One that is old by now, from the other process.
        let old = n / 2;
        let again = engines[(n + 1) % 2].charge(charge("acme", &format!("job-{old}"), 1)).await;
        assert_eq!(again, Ok(ChargeOutcome::Replayed(first[old].usage, first[old].balance)), "{n}");
    }
    until_indexed(app, &engines, 8).await;
    let third = second_with_segments(app, TINY).await;
    for engine in [engines[0], engines[1], &third.0.ledger] {
        for (n, first) in first.iter().enumerate() {
            let again = engine.charge(charge("acme", &format!("job-{n}"), 1)).await;
            assert_eq!(again, Ok(ChargeOutcome::Replayed(first.usage, first.balance)), "{n}");
        }
    }
    assert_eq!(app.available("acme").await, 50);
    app.check().await;
    end(third).await;
    end(two).await;
    end(one).await;
    // A block that lacks its keys is found by the check; one that is gone stops charges, and takes no key for new.
    app.tamper("create table kept as select * from key_blocks", Vec::new()).await.unwrap();
    app.tamper("update key_blocks set entries = substr(entries, 7)", Vec::new()).await.unwrap();
    let said = topup::usecases::upkeep::check::check_all(&app.inner().store).await.unwrap().unwrap_err();
    assert!(said.contains("of the idempotency keys is not what its keys say"), "{said}");
    app.tamper("delete from key_blocks", Vec::new()).await.unwrap();
    let fourth = second_with_segments(app, TINY).await;
    let lost = fourth.0.ledger.charge(charge("acme", "job-1", 1)).await;
    assert!(matches!(lost, Err(Unavailable::Broken | Unavailable::Database)), "{lost:?}");
    end(fourth).await;
    app.tamper("insert into key_blocks select * from kept", Vec::new()).await.unwrap();
    app.tamper("drop table kept", Vec::new()).await.unwrap();
});
