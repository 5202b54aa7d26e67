//! A PostgreSQL that goes silent: open sockets, no answers.

use crate::app::{Database, STUCK, TestApp};
use crate::postgres_proxy::{Proxy, Wire};
use futures::future::join_all;
use serde_json::json;
use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use topup::store::postgres::ResponseTimeout;

/// An application behind a wire of its own, which waits two seconds for each answer.
async fn behind_a_wire(scenario: impl AsyncFnOnce(&TestApp, &Proxy)) {
    let wire = Proxy::to(&std::env::var("TOPUP_TEST_POSTGRES").unwrap()).await;
    let settings = |settings: &mut topup::settings::Settings| {
        settings.database.database_url = wire.url(&settings.database.database_url);
    };
    let timeout = ResponseTimeout(Duration::from_secs(2));
    let app = TestApp::start_as(Database::Postgres, settings, |variant| variant.response_timeout = timeout).await;
    let all = tokio::time::timeout(STUCK, scenario(&app, &wire));
    all.await.expect("an end: nothing waits for ever");
    wire.set(Wire::Passes);
    app.check().await;
    app.stop().await;
    app.home.remove().await;
}

/// Requests during the silence are refused, each with `Retry-After`.
async fn all_are_refused(app: &TestApp, keys: &[String]) {
    let asked = join_all(keys.iter().map(|key| app.charge("acme", "1", key)));
    let (refused, read, ready) =
        tokio::join!(asked, app.get("/v1/customers/acme/balance"), app.write("GET", "/readyz", None, "").send(),);
    for answer in refused.into_iter().chain([read]) {
        assert_eq!(answer.header("retry-after"), Some("1"), "{answer:?}");
        answer.expect_problem(503, "overloaded");
    }
    assert_eq!(ready.unwrap().status(), 503);
}

/// Charges until it is done.
async fn charge_until_done(app: &TestApp, key: &str) {
    while app.charge("acme", "1", key).await.status != 201 {}
}

fn keys(part: &str) -> Vec<String> {
    (0..20).map(|n| format!("{part}-{n}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_server_is_waited_for_so_long_and_no_longer() {
    behind_a_wire(async |app, wire| {
        app.put_customer("acme", "starter").await;
        let usages = "select count(*) as n from usages";
        for (n, state) in [Wire::Silent, Wire::Deaf, Wire::Silent].into_iter().enumerate() {
            let before = app.available("acme").await;
            wire.set(state);
            let keys = keys(&format!("silence-{n}"));
            all_are_refused(app, &keys).await;
            wire.set(Wire::Passes);
            // The same keys find out, with no restart: each is done once, whatever the server had done already.
            join_all(keys.iter().map(|key| charge_until_done(app, key))).await;
            assert_eq!(app.available("acme").await, json!(before.as_i64().unwrap() - 20), "{state:?}");
        }
        assert_eq!(app.count(usages).await, 60);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silences_under_load_lose_nothing_and_double_nothing() {
    behind_a_wire(async |app, wire| {
        app.put_customer("acme", "builder").await;
        let (done, asked, acknowledged) = (AtomicBool::new(false), Mutex::new(0_usize), Mutex::new(HashSet::new()));
        let caller = async |n: usize| {
            for i in 0.. {
                if done.load(Ordering::SeqCst) {
                    return;
                }
                let key = format!("job-{n}-{i}");
                *asked.lock().unwrap() += 1;
                loop {
                    let answer = app.charge("acme", "1", &key).await;
                    if answer.status == 201 {
                        acknowledged.lock().unwrap().insert(answer.json()["id"].as_str().unwrap().to_owned());
                        break;
                    }
                    answer.expect_problem(503, "overloaded");
                }
            }
        };
        let wires = async {
            for state in [Wire::Silent, Wire::Deaf, Wire::Deaf, Wire::Silent] {
                let before = acknowledged.lock().unwrap().len();
                while acknowledged.lock().unwrap().len() < before + 40 {
                    tokio::task::yield_now().await;
                }
                wire.set(state);
                app.charge("acme", "1", "other").await.expect_problem(503, "overloaded");
                wire.set(Wire::Passes);
            }
            done.store(true, Ordering::SeqCst);
        };
        tokio::join!(join_all((0..12).map(caller)), wires);
        charge_until_done(app, "other").await;
        let (asked, acknowledged) = (asked.into_inner().unwrap(), acknowledged.into_inner().unwrap().len());
        assert_eq!((asked, app.available("acme").await), (acknowledged, json!(25_000 - asked - 1)));
    })
    .await;
}
