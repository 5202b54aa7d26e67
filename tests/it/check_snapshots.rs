//! `topup check` holds no snapshot longer than a step: SQLite's WAL shrinks meanwhile, and concurrent writes are not
//! reported.

use crate::app::{Database, TestApp, on_both};
use crate::engine::SMALL;
use serde_json::{Value, json};
use sqlx::{Connection as _, Row as _, SqliteConnection};
use std::sync::atomic::{AtomicBool, Ordering};
use topup::domain::Credits;
use topup::ledger::Ledger;
use topup::usecases::upkeep::check;
use topup::usecases::{App, AppParts};

async fn charges(app: &TestApp, name: &str, count: usize) {
    let charges: Vec<Value> = (0..count)
        .map(|n| json!({"customer": "acme", "idempotency_key": format!("{name}-{n}"), "credits": 0.001}))
        .collect();
    app.send(app.write("POST", "/v1/usage", None, json!({"charges": charges}).to_string())).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_shrinks_between_two_steps() {
    let app = TestApp::start(Database::Sqlite).await;
    app.put_customer("acme", "pro").await;
    charges(&app, "before", 200).await;
    let inner = app.inner();
    let mut other = SqliteConnection::connect(&app.home.url).await.unwrap();
    // A busy database is an answer: readers are not waited for.
    sqlx::query("pragma busy_timeout = 0").execute(&mut other).await.unwrap();
    let mut whole = Box::pin(check::check_database(&inner.store));
    let (mut shrunk, mut n) = (0, 0);
    let said = loop {
        if let std::task::Poll::Ready(said) = futures::poll!(&mut whole) {
            break said;
        }
        // Nobody asks for the step's answer meanwhile: its statement ends, and only a snapshot would stay open.
        charges(&app, &format!("beside-{n}"), 1).await;
        n += 1;
        for _ in 0..200 {
            let row = sqlx::query("pragma wal_checkpoint(truncate)").fetch_one(&mut other).await.unwrap();
            if row.get::<i64, _>(0) == 0 {
                shrunk += 1;
                break;
            }
        }
    };
    said.unwrap().unwrap();
    // Not where a page is read in a snapshot, which is over with the next look.
    assert!(shrunk > 0 && shrunk * 2 > n, "the log shrank {shrunk} times in {n} looks");
    drop(whole);
    drop(inner);
    app.check().await;
    app.stop().await;
    app.home.remove().await;
}

on_both!(writes_beside_a_check_are_not_reported, |app| {
    app.put_customer("acme", "pro").await;
    let purchase = app.buy("acme", "p1200", "buy").await;
    assert!(!purchase.is_null());
    let inner = app.inner();
    // Small segments, so that some are sealed between two steps.
    let store = topup::store::Store::open(&app.home.url).await.unwrap();
    let (clock, catalog) = (inner.clock.clone(), inner.catalog.clone());
    let (ledger, engine) = Ledger::start_with_segments(store.clone(), clock, catalog, SMALL);
    let other = App::new(AppParts { store: store.clone(), ledger, ..inner.parts() });
    let done = AtomicBool::new(false);
    let writes = async {
        let mut n = 0;
        while !done.load(Ordering::SeqCst) {
            let charge = |n: usize| topup::ledger::Charge {
                customer: "acme".to_owned(),
                key: format!("job-{n}"),
                content: [7; 16],
                credits: Credits(1),
                operation: None,
                quantities: None,
                source: Some(format!("k{}", n % 60)),
                metadata: None,
            };
            other.ledger.charge_many((n..n + 10).map(charge).collect()).await.unwrap();
            let (key, hold) = (format!("hold-{n}"), r#"{"credits":3,"ttl_seconds":600}"#);
            let held = app.post("/v1/customers/acme/holds", &key, hold).await;
            let held = held.expect(201).json()["id"].as_str().unwrap().to_owned();
            app.post(&format!("/v1/holds/{held}/settle"), &format!("settle-{n}"), r#"{"credits":1}"#).await.expect(200);
            let usage = app.charge("acme", "0.001", &format!("undone-{n}")).await.expect(201).json();
            let path = format!("/v1/usage/{}/void", usage["id"].as_str().unwrap());
            app.post(&path, &format!("void-{n}"), r#"{"reason":"twice"}"#).await.expect(200);
            n += 10;
        }
    };
    let checks = async {
        for _ in 0..6 {
            let said = check::check_all(&inner.store).await.unwrap();
            assert!(said.is_ok(), "{said:?}");
            app.check_since().await;
        }
        done.store(true, Ordering::SeqCst);
    };
    tokio::join!(writes, checks);
    assert!(app.count("select count(*) as n from key_segments").await > 0);
    drop(other);
    engine.await.unwrap();
    store.close().await;
});
