//! Batches: a commit has a bounded number of charges, and a repeated batch is read at once.

use crate::app::{Database, OPERATOR_KEY, STUCK, TestApp, on_both};
use crate::engine::held;
use crate::process::{start, topup};
use futures::future::join_all;
use serde_json::{Value, json};
use std::fs::File;
use topup::domain::Credits;
use topup::ledger::{Charge, ChargeOutcome};

fn charge(key: String) -> Charge {
    Charge {
        customer: "acme".to_owned(),
        key,
        content: [7; 16],
        credits: Credits(1),
        operation: None,
        quantities: None,
        source: None,
        metadata: None,
    }
}

async fn ten_batches_are_no_one_commit(app: &TestApp) {
    app.put_customer("acme", "pro").await;
    let ledger = app.inner().ledger.clone();
    // Each commit has written the account once.
    let commits = "select cast(count(distinct cast(xmin as text)) as bigint) as n from usages";
    let (go, job) = held(&ledger).await;
    let before = app.count(commits).await;
    let batches = (0..10).map(|n| {
        let ledger = ledger.clone();
        tokio::spawn(async move { ledger.charge_many((0..1_000).map(|i| charge(format!("{n}-{i}"))).collect()).await })
    });
    let batches: Vec<_> = batches.collect();
    tokio::task::yield_now().await;
    go.send(()).unwrap();
    job.await.unwrap();
    for batch in batches {
        let outcomes = batch.await.unwrap().unwrap();
        assert!(outcomes.iter().all(|outcome| matches!(outcome, ChargeOutcome::Charged(_))));
    }
    drop(ledger);
    // The held transaction has its number already.
    let commits = app.count(commits).await - before;
    assert!(commits >= 5, "{commits} commits of 10,000 charges");
    assert_eq!(app.count("select count(*) as n from usages").await, 10_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_holds_a_bounded_number_of_charges_however_large_the_batches_are() {
    crate::app::run(Database::Postgres, ten_batches_are_no_one_commit).await;
}

on_both!(a_key_that_stands_in_several_batches_of_one_commit_is_one_usage, |app| {
    app.put_customer("acme", "pro").await;
    let ledger = app.inner().ledger.clone();
    let (go, job) = held(&ledger).await;
    let asked = (0..4).map(|_| ledger.charge_many((0..50).map(|i| charge(format!("k{i}"))).collect()));
    let (answers, ()) = tokio::join!(join_all(asked), async {
        go.send(()).unwrap();
        job.await.unwrap();
    });
    let charged = |outcome: &&ChargeOutcome| matches!(outcome, ChargeOutcome::Charged(_));
    let replayed = |outcome: &&ChargeOutcome| matches!(outcome, ChargeOutcome::Replayed(..));
    let outcomes: Vec<ChargeOutcome> = answers.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!((outcomes.iter().filter(charged).count(), outcomes.iter().filter(replayed).count()), (50, 150));
    assert_eq!(app.count("select count(*) as n from usages").await, 50);
});

fn batch(name: &str, count: usize) -> String {
    let charges: Vec<Value> = (0..count)
        .map(|n| json!({"customer": "acme", "idempotency_key": format!("{name}-{n}"), "credits": 0.001}))
        .collect();
    json!({ "charges": charges }).to_string()
}

async fn batches_in_flight(app: &TestApp) {
    app.put_customer("acme", "pro").await;
    let count = if std::env::var_os("TOPUP_PROVE").is_some() { 200 } else { 30 };
    let client = reqwest::Client::builder().no_proxy().timeout(STUCK * 5).build().unwrap();
    let send = async |n: usize| {
        let request = client.post(format!("http://{}/v1/usage", app.address)).header("x-api-key", OPERATOR_KEY);
        let request = request.header("content-type", "application/json").body(batch(&n.to_string(), 1_000));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{n}");
        let json: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert!(json["results"].as_array().unwrap().iter().all(|result| result["status"] == 201), "{n}");
    };
    join_all((0..count).map(&send)).await;
    // All of them again, which changes nothing.
    join_all((0..count).map(&send)).await;
    assert_eq!(app.count("select count(*) as n from usages").await, i64::try_from(count).unwrap() * 1_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_large_batches_in_flight_all_wait_and_none_fails() {
    crate::app::run(Database::Postgres, batches_in_flight).await;
}

/// How often the real binary reads usages, and customers, for these requests.
async fn looks(app: &TestApp, bodies: &[String]) -> (usize, usize) {
    let log = app.home.folder.join("statements.log");
    let settings = [
        ("DATABASE_URL", app.home.url.as_str()),
        ("TEST_CLOCK", "1"),
        ("WORKER", "off"),
        ("RUST_LOG", "sqlx::query=debug"),
    ];
    let mut command = topup(&["serve"], &settings);
    command.stderr(File::create(&log).unwrap());
    let mut process = start(command).unwrap_or_else(|output| panic!("{output:?}"));
    let before = usize::try_from(std::fs::metadata(&log).unwrap().len()).unwrap();
    for body in bodies {
        let request = app.http.post(format!("{}/v1/usage", process.base)).header("x-api-key", OPERATOR_KEY);
        let request = request.header("content-type", "application/json").body(body.clone());
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    assert_eq!(process.terminate().await, Some(0));
    let log = std::fs::read(&log).unwrap();
    let log = String::from_utf8_lossy(&log[before..]).into_owned();
    let reads = |table: &str| log.split(" DEBUG sqlx::query: ").filter(|line| line.contains(table)).count();
    (reads("from usages"), reads("select id from customers where id"))
}

async fn a_repeated_batch_is_read_at_once(database: Database, most: usize) {
    let app = TestApp::start(database).await;
    app.put_customer("acme", "pro").await;
    app.send(app.write("POST", "/v1/usage", None, batch("k", 1_000))).await.expect(200);
    app.stop().await;
    let bad = |n: usize| json!({"customer": format!("c{}", n % 9), "idempotency_key": format!("b{n}"), "credits": -1});
    let bad = json!({"charges": (0..500).map(bad).collect::<Vec<_>>()}).to_string();
    let (usages, customers) = looks(&app, &[batch("k", 1_000), bad]).await;
    assert!((1..=most).contains(&usages), "usages were read {usages} times");
    assert_eq!(customers, 1);
    app.home.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_batch_is_read_at_once_on_sqlite() {
    // As many keys as one statement takes.
    a_repeated_batch_is_read_at_once(Database::Sqlite, 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_batch_is_read_at_once_on_postgres() {
    a_repeated_batch_is_read_at_once(Database::Postgres, 1).await;
}
