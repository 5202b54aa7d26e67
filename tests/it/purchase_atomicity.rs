//! A purchase's state and its grant are written together or not at all, at each failing write.
//!
//! All of crediting is one job: one savepoint of one transaction, flushed before it is released. Here a trigger
//! fails each of its writes in turn, in the two ways a database fails: the statement alone, and (as SQLite does when
//! the disk is full or broken) the whole transaction under the engine's feet.

use crate::app::{BadWrite, Database, Opened, TestApp, on_both};
use futures::future::join_all;
use topup::domain::PurchaseId;
use topup::usecases::purchases;

/// The writes of crediting, in their order: what must fail, and on which table.
const WRITES: [BadWrite; 7] = [
    ("update", "purchases", "new.state = 'credited' and new.credited_at is null"),
    ("update", "purchases", "new.credited_at is not null"),
    ("insert", "purchase_events", "new.kind = 'paid'"),
    ("insert", "purchase_events", "new.kind = 'credited'"),
    ("insert", "outbox", "new.kind = 'receipt'"),
    ("insert", "grants", "new.kind = 3"),
    ("insert", "entries", "new.cause_kind = 4"),
];

/// Ten charges at once, and how many of them were taken.
async fn charges(app: &TestApp, round: usize, part: &str) -> usize {
    let keys: Vec<String> = (0..10).map(|n| format!("{part}-{round}-{n}")).collect();
    let answers = join_all(keys.iter().map(|key| app.charge("acme", "1", key))).await;
    assert!(answers.iter().all(|answer| matches!(answer.status, 201 | 503)), "{answers:?}");
    answers.iter().filter(|answer| answer.status == 201).count()
}

async fn fails_whole(app: &TestApp, round: usize, opened: &Opened) -> usize {
    let id = PurchaseId::parse(&opened.id).unwrap();
    let inner = app.inner();
    let settle = || purchases::fulfill(&inner, id, Some(&opened.session));
    let (first, taken, second) = tokio::join!(settle(), charges(app, round, "beside"), settle());
    assert!(first.is_err() && second.is_err(), "{first:?} {second:?}");
    let state = app.purchase(&opened.id).await;
    assert_eq!((state["state"].as_str(), state["grant"].is_null()), (Some("open"), true), "{state}");
    assert_eq!(app.count("select count(*) as n from grants where kind = 3").await, i64::try_from(round).unwrap());
    app.check().await;
    taken
}

on_both!(a_purchase_is_credited_with_its_grant_or_neither, |app| {
    app.put_customer("acme", "starter").await;
    app.sandbox.faults().set_webhooks(false);
    let hows: &[&str] = if app.home.database == Database::Sqlite { &["abort", "rollback"] } else { &["exception"] };
    let bad_days: Vec<_> = hows.iter().flat_map(|how| WRITES.map(|write| (*how, write))).collect();
    let mut used = 0;
    for (round, (how, write)) in bad_days.into_iter().enumerate() {
        let opened = app.opened("acme", "p1200", &format!("buy-{round}")).await;
        app.pay(&opened).await;
        app.plant_fault(how, write).await;
        used += fails_whole(app, round, &opened).await;
        app.remove_fault(write).await;
        // The database is well again: so is the engine, at once.
        let after = charges(app, round, "after").await;
        assert_eq!(after, 10, "{how} {write:?}");
        used += after;
        app.fulfill(&opened).await;
        app.fulfill(&opened).await;
        let state = app.purchase(&opened.id).await;
        assert_eq!((state["state"].as_str(), state["grant"].is_null()), (Some("credited"), false), "{state}");
        assert_eq!(app.available("acme").await, 5_000 + 1_200 * (round + 1) - used, "{how} {write:?}");
    }
});
