//! A day names a bounded number of sources and operations; the rest count together, and totals are exact.

use crate::app::{Browser, Database, Home, TestApp, on_both};
use serde_json::{Value, json};
use sqlx::migrate::Migrator;
use topup::store::daily_usage_names::{OPERATIONS_MAX, OTHER_OPERATION, OTHER_SOURCE, SOURCES_MAX};
use topup::store::{Store, migrations};

/// One charge of a credit for each name.
async fn charge(app: &TestApp, run: &str, names: impl Iterator<Item = (String, String)>) -> Vec<Value> {
    let charges: Vec<Value> = names
        .enumerate()
        .map(|(n, (source, operation))| {
            json!({"customer": "acme", "idempotency_key": format!("{run}-{n}"), "credits": 1, "source": source,
                   "operation": operation})
        })
        .collect();
    let answer = app.send(app.write("POST", "/v1/usage", None, json!({"charges": charges}).to_string())).await;
    answer.expect(200).json()["results"].as_array().unwrap().clone()
}

async fn sum(app: &TestApp, what: &str) -> i64 {
    app.count(&format!("select cast(coalesce(sum(plan), 0) as bigint) as n from usage_days where {what}")).await / 1_000
}

on_both!(the_first_sources_of_a_day_are_named_and_the_others_count_together, |app| {
    app.put_customer("acme", "pro").await;
    let more = i64::try_from(SOURCES_MAX).unwrap();
    let name = |n: usize| (format!("user-{n}"), "scrape".to_owned());
    let sources = "select count(distinct source) as n from usage_days where source <> ''";
    // Some at first; then many at once; then all of them again after a restart, which knows only what is stored.
    charge(app, "a", (0..SOURCES_MAX - 3).map(name)).await;
    app.restart().await;
    charge(app, "b", (0..SOURCES_MAX * 3).map(name)).await;
    assert_eq!(app.count(sources).await, more + 1);
    app.restart().await;
    charge(app, "c", (0..SOURCES_MAX * 3).rev().map(name)).await;
    assert_eq!(app.count(sources).await, more + 1);
    assert_eq!(sum(app, &format!("source = '{OTHER_SOURCE}'")).await, more * 4);
    assert_eq!((sum(app, "source = 'user-0'").await, sum(app, "1 = 1").await), (3, more * 7 - 3));
    app.check().await;
    // The next day names others.
    app.advance(json!({"advance_days": 1})).await.expect(200);
    charge(app, "d", (0..3).map(|n| (format!("user-{}", SOURCES_MAX * 2 + n), String::from("scrape")))).await;
    assert_eq!(app.count(sources).await, more + 4);
});

on_both!(operations_are_bounded_as_sources_are, |app| {
    app.put_customer("acme", "pro").await;
    charge(app, "a", (0..100).map(|n| (format!("user-{}", n % 7), format!("op-{n}")))).await;
    let operations = "select count(distinct operation) as n from usage_days";
    assert_eq!(app.count(operations).await, i64::try_from(OPERATIONS_MAX).unwrap() + 1);
    assert_eq!(sum(app, &format!("operation = '{OTHER_OPERATION}'")).await, 80);
    // Of what was never said there is no number.
    app.charge("acme", "1", "unsaid").await.expect(201);
    assert_eq!((sum(app, "source = '' and operation = ''").await, sum(app, "1 = 1").await), (1, 101));
});

on_both!(a_void_is_subtracted_from_its_own_day, |app| {
    app.put_customer("acme", "pro").await;
    let results =
        charge(app, "a", (0..SOURCES_MAX + 20).map(|n| (format!("user-{n}"), format!("op-{}", n % 40)))).await;
    let other = sum(app, &format!("source = '{OTHER_SOURCE}'")).await;
    for n in [0, 19, 20, SOURCES_MAX - 1, SOURCES_MAX, SOURCES_MAX + 19] {
        let path = format!("/v1/usage/{}/void", results[n]["usage"]["id"].as_str().unwrap());
        app.post(&path, &format!("void-{n}"), r#"{"reason":"twice"}"#).await.expect(200);
    }
    assert_eq!(sum(app, &format!("source = '{OTHER_SOURCE}'")).await, other - 2);
    assert_eq!(sum(app, "1 = 1").await, i64::try_from(SOURCES_MAX).unwrap() + 14);
});

on_both!(pages_show_the_others_as_one_and_history_still_finds_each, |app| {
    app.put_customer("acme", "pro").await;
    charge(app, "a", (0..SOURCES_MAX + 30).map(|n| (format!("user-{n}"), format!("op-{n}")))).await;
    let browser = Browser::new(app);
    browser.arrive("acme", "ada@acme.example", "owner").await;
    let page = browser.get("/usage").await.expect(200).text;
    for part in ["Other sources", "Other operations"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains(OTHER_SOURCE) && !page.contains(OTHER_OPERATION));
    for n in [0, SOURCES_MAX + 29] {
        let page = browser.get(&format!("/history?source=user-{n}")).await.expect(200).text;
        assert!(page.contains(&format!("user-{n}")) && page.contains(&format!("Op {n}")), "{n}: {page}");
        let page = browser.get(&format!("/history?operation=op-{n}")).await.expect(200).text;
        assert!(page.contains(&format!("user-{n}")), "{n}");
    }
    assert!(!browser.get("/history").await.expect(200).text.contains(OTHER_OPERATION));
    // Erased with the rest.
    app.send(app.request("DELETE", "/v1/customers/acme")).await.expect(204);
    assert_eq!(app.count("select count(*) as n from usage_days where source <> ''").await, 0);
});

async fn rows_of_before_are_folded(database: Database) {
    let home = Home::make(database).await;
    let store = Store::open(&home.url).await.unwrap();
    let all = match database {
        Database::Sqlite => &migrations::SQLITE,
        Database::Postgres => &migrations::POSTGRES,
    };
    let before = Migrator::with_migrations(all.iter().filter(|m| m.version < 12).cloned().collect());
    match &store {
        Store::Sqlite { write, .. } => write.migrate(&before).await.unwrap(),
        Store::Postgres(server) => before.run(&server.pool).await.unwrap(),
    }
    let mut db = store.begin_write().await.unwrap();
    for (day, sources, operations) in [(1, 200, 3), (2, 10, 2), (3, 5, 40)] {
        for n in 0..sources * operations {
            let (source, operation) = (n % sources, n % operations);
            let sql = format!(
                "insert into usage_days (day, customer_no, operation, source, cycle_start, usages, plan, courtesy, top_up,
                   requests, crawls, tokens, captchas, latency_ms, latencies)
                 values ({day}, 7, 'op-{operation}', 'user-{source}', 0, 1, {}, 0, 0, 1, 0, 0, 0, 0, 0)
                 on conflict (day, customer_no, operation, source, cycle_start) do update set
                   usages = usage_days.usages + 1, plan = usage_days.plan + excluded.plan",
                source + 1
            );
            db.execute(sql, Vec::new()).await.unwrap();
        }
    }
    db.commit().await.unwrap();
    let ask = async |sql: &str| {
        let sql = format!("select cast({sql} as bigint) as n from usage_days");
        store.read().await.unwrap().fetch_optional(sql, Vec::new()).await.unwrap().unwrap().int("n").unwrap()
    };
    let (usages, plan) = (ask("sum(usages)").await, ask("sum(plan)").await);
    store.migrate().await.unwrap();
    assert_eq!((ask("sum(usages)").await, ask("sum(plan)").await), (usages, plan));
    let named = async |column: &str, day: i64, other: &str| {
        let sql = format!(
            "select count(distinct {column}) as n from usage_days where day = {day} and {column} not in ('', '{other}')"
        );
        store.read().await.unwrap().fetch_optional(sql, Vec::new()).await.unwrap().unwrap().int("n").unwrap()
    };
    assert_eq!(named("source", 1, OTHER_SOURCE).await, 30);
    assert_eq!(named("source", 2, OTHER_SOURCE).await, 10);
    assert_eq!(named("operation", 3, OTHER_OPERATION).await, 20);
    // Those that used most are the ones that are named.
    let sql = "select count(*) as n from usage_days where day = 1 and source = 'user-199'";
    assert!(store.read().await.unwrap().fetch_optional(sql, Vec::new()).await.unwrap().unwrap().int("n").unwrap() > 0);
    store.close().await;
    home.remove().await;
}

#[tokio::test]
async fn rows_of_before_are_folded_on_sqlite() {
    rows_of_before_are_folded(Database::Sqlite).await;
}

#[tokio::test]
async fn rows_of_before_are_folded_on_postgres() {
    rows_of_before_are_folded(Database::Postgres).await;
}
