//! A locked database and cut connections: writes wait or are refused, none is lost.

use crate::app::{Database, STUCK, TestApp, on_both};
use futures::future::join_all;
use serde_json::{Value, json};
use topup::store::account_locks;
use topup::store::account_locks::Busy;
use topup::store::db::Connection;
use topup::store::{Scope, Store};

/// Charges until it is done: a 503 says that the same key finds out.
pub async fn charge_until_done(app: &TestApp, customer: &str, key: &str) -> Value {
    loop {
        let answer = app.charge(customer, "1", key).await;
        if answer.status == 201 {
            return answer.json();
        }
        answer.expect_problem(503, "overloaded");
    }
}

/// A write transaction that has the first customer's account.
pub async fn begin_with_first(store: &Store) -> Connection {
    let mut tx = store.begin_write_of(Scope::Ledgers).await.unwrap();
    if !tx.is_sqlite() {
        assert_eq!(account_locks::lock_accounts(&mut tx, &[1], Busy::Wait).await.unwrap().len(), 1);
    }
    tx
}

on_both!(a_writer_that_waits_for_another_goes_on_when_it_is_done, |app| {
    app.put_customer("acme", "starter").await;
    let other = Store::open(&app.home.url).await.unwrap();
    let tx = begin_with_first(&other).await;
    let mut waiting = Box::pin(app.charge("acme", "1", "job-1"));
    for _ in 0..1_000 {
        assert!(futures::poll!(&mut waiting).is_pending(), "somebody else has the account");
        tokio::task::yield_now().await;
    }
    // Reads do not wait.
    assert_eq!(app.available("acme").await, 5_000);
    tx.commit().await.unwrap();
    waiting.await.expect(201);
    assert_eq!(app.available("acme").await, 4_999);
    other.close().await;
});

on_both!(a_writer_that_never_ends_is_thrown_out_or_refused_for, |app| {
    app.put_customer("acme", "starter").await;
    let other = Store::open(&app.home.url).await.unwrap();
    let frozen = begin_with_first(&other).await;
    match app.home.database {
        // The server ends a session that idles inside its turn.
        Database::Postgres => {
            let done = tokio::time::timeout(STUCK, charge_until_done(app, "acme", "job-1"));
            done.await.expect("the frozen one is thrown out");
            assert!(frozen.commit().await.is_err());
        }
        // A file has no server: writes are refused after a while, and go on when it is free.
        Database::Sqlite => {
            app.charge("acme", "1", "job-1").await.expect_problem(503, "overloaded");
            drop(frozen);
            charge_until_done(app, "acme", "job-1").await;
        }
    }
    assert_eq!(app.available("acme").await, 4_999);
    other.close().await;
});

/// Ends every session of the application, again and again, while it is charged.
async fn cut_repeatedly(app: &TestApp) {
    app.put_customer("acme", "starter").await;
    app.put_customer("larch", "builder").await;
    let admin = Store::open(&std::env::var("TOPUP_TEST_POSTGRES").unwrap()).await.unwrap();
    let name = app.home.url.rsplit('/').next().unwrap().to_owned();
    let cut = "select count(pg_terminate_backend(pid)) as n from pg_stat_activity where datname = $1";
    let keys: Vec<String> = (0..200).map(|n| format!("job-{n}")).collect();
    let charges = async {
        for part in keys.chunks(25) {
            let both = part.iter().flat_map(|key| [("acme", key), ("larch", key)]);
            join_all(both.map(|(customer, key)| charge_until_done(app, customer, key))).await;
        }
    };
    let cuts = async {
        for _ in 0..6 {
            admin.read().await.unwrap().fetch_optional(cut, topup::args![&name]).await.unwrap();
            let before = app.count("select count(*) as n from usages").await;
            // The next cut comes when some more are done.
            while before < 400 && app.count("select count(*) as n from usages").await < (before + 20).min(400) {
                tokio::task::yield_now().await;
            }
        }
    };
    let all = async { tokio::join!(charges, cuts) };
    tokio::time::timeout(STUCK, all).await.expect("an end of all charges");
    assert_eq!((app.available("acme").await, app.available("larch").await), (json!(4_800), json!(24_800)));
    assert_eq!(app.entries_of("acme", "used").await.len(), 200);
    admin.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_lose_nothing_and_double_nothing() {
    crate::app::run(Database::Postgres, cut_repeatedly).await;
}

/// PostgreSQL gives up on a transaction: a deadlock, or one that cannot be serialised, at a statement or at the commit.
const GIVES_UP: [&str; 4] = [
    "create function gives_up() returns trigger as $$ begin
        if random() < 0.2 then raise exception 'gives up' using errcode = '40P01'; end if;
        if random() < 0.2 then raise exception 'gives up' using errcode = '40001'; end if;
        return null; end $$ language plpgsql",
    "create trigger gives_up after insert on usages for each statement execute function gives_up()",
    "create trigger gives_up after update on customers for each statement execute function gives_up()",
    "create constraint trigger gives_up_late after update on accounts deferrable initially deferred
        for each row execute function gives_up()",
];

async fn aborted_repeatedly(app: &TestApp) {
    app.put_customer("acme", "starter").await;
    app.put_customer("larch", "builder").await;
    for sql in GIVES_UP {
        app.tamper(sql, Vec::new()).await.unwrap();
    }
    let charges = async |customer: &str| {
        let mut refused = 0;
        for n in 0..60 {
            let key = format!("job-{n}");
            loop {
                let answer = app.charge(customer, "1", &key).await;
                if answer.status == 201 {
                    break;
                }
                answer.expect_problem(503, "overloaded");
                refused += 1;
            }
        }
        refused
    };
    let renames = async {
        let mut refused = 0;
        for n in 0..30 {
            let body = json!({"email": "ada@acme.example", "name": format!("Acme {n}"), "plan": "starter"});
            loop {
                let answer = app.put("acme", body.clone()).await;
                if answer.status == 200 {
                    break;
                }
                answer.expect_problem(503, "overloaded");
                refused += 1;
            }
        }
        refused
    };
    let all = async { tokio::join!(charges("acme"), charges("larch"), renames) };
    // Charges are decided once more by themselves; jobs are asked for once more.
    let (one, two, renamed) = tokio::time::timeout(STUCK, all).await.expect("an end of all charges");
    assert!(one + two + renamed > 5, "it gave up {} times", one + two + renamed);
    assert_eq!((app.available("acme").await, app.available("larch").await), (json!(4_940), json!(24_940)));
    assert_eq!(app.count("select count(*) as n from customers where name = 'Acme 29'").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deadlocks_and_failed_serialisations_lose_nothing_and_double_nothing() {
    crate::app::run(Database::Postgres, aborted_repeatedly).await;
}
