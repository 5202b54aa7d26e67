//! A PostgreSQL that is read-only for a while: reported, and over without a restart.

use crate::app::{Database, STUCK, TestApp};
use crate::process::topup;
use serde_json::json;
use topup::store::Store;

/// The server's own hand: makes the database read-only or not, and cuts all of its sessions.
async fn turn_read_only(app: &TestApp, is_read_only: bool, cuts: bool) {
    let admin = Store::open(&std::env::var("TOPUP_TEST_POSTGRES").unwrap()).await.unwrap();
    let name = app.home.url.rsplit('/').next().unwrap().to_owned();
    let what =
        if is_read_only { "set default_transaction_read_only = on" } else { "reset default_transaction_read_only" };
    let mut db = admin.read().await.unwrap();
    db.execute(format!("alter database {name} {what}"), Vec::new()).await.unwrap();
    if cuts {
        let cut = "select count(pg_terminate_backend(pid)) as n from pg_stat_activity where datname = $1";
        db.fetch_optional(cut, topup::args![name]).await.unwrap();
    }
    drop(db);
    admin.close().await;
}

async fn status(app: &TestApp, path: &str) -> u16 {
    app.http.get(format!("http://{}{path}", app.address)).send().await.unwrap().status().as_u16()
}

/// The largest value that a metric has.
async fn metric(app: &TestApp, name: &str) -> i64 {
    let text = app.get("/metrics").await.expect(200).text;
    let values = text.lines().filter(|line| line.starts_with(name)).filter_map(|line| line.rsplit(' ').next());
    values.map(|value| value.parse::<i64>().unwrap()).max().unwrap_or_default()
}

async fn until<T: PartialEq>(wanted: T, ask: impl AsyncFn() -> T) {
    let all = async {
        while ask().await != wanted {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(STUCK, all).await.expect("it changes");
}

async fn a_while_without_writes(app: &TestApp) {
    app.put_customer("acme", "starter").await;
    app.charge("acme", "1", "before").await.expect(201);
    // An idle pool has sessions that nobody asks anything of.
    assert_eq!(status(app, "/readyz").await, 200);
    for round in 0..2 {
        turn_read_only(app, true, true).await;
        until(503, async || status(app, "/readyz").await).await;
        for n in 0..3 {
            app.charge("acme", "1", &format!("job-{round}-{n}")).await.expect_problem(503, "overloaded");
        }
        assert_eq!(status(app, "/readyz").await, 503);
        assert!(metric(app, "topup_write_failures_in_a_row").await >= 3);
        // Reads go on, and open sessions that are read-only.
        assert_eq!(app.available("acme").await, 4_999 - round * 3);
        let settings = [("DATABASE_URL", app.home.url.as_str()), ("TEST_CLOCK", "1")];
        let doctor = topup(&["doctor"], &settings).output().unwrap();
        let said = String::from_utf8(doctor.stdout).unwrap();
        assert!(said.contains("wrong  database: ") && said.contains("read-only"), "{said}");
        // Nothing is cut: the sessions that are there must be left by those who have them.
        turn_read_only(app, false, false).await;
        until(200, async || status(app, "/readyz").await).await;
        for n in 0..3 {
            app.charge("acme", "1", &format!("job-{round}-{n}")).await.expect(201);
        }
        assert_eq!(metric(app, "topup_write_failures_in_a_row").await, 0);
    }
    assert_eq!(app.available("acme").await, json!(4_993));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_go_on_without_a_restart_after_a_while_that_was_read_only() {
    crate::app::run(Database::Postgres, a_while_without_writes).await;
}

async fn first_write_after_it(app: &TestApp) {
    app.put_customer("acme", "starter").await;
    turn_read_only(app, true, true).await;
    // Only reads: nobody has noticed.
    until(true, async || app.get("/v1/customers/acme").await.status == 200).await;
    turn_read_only(app, false, false).await;
    app.charge("acme", "1", "first").await.expect(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_write_after_it_does_not_fail_for_the_sessions_of_before() {
    crate::app::run(Database::Postgres, first_write_after_it).await;
}

async fn the_last_write_failed(app: &TestApp) {
    app.put_customer("acme", "starter").await;
    // The database answers, and refuses each write at its end.
    let refuse =
        "create function refuses() returns trigger as $$ begin raise exception 'full' using errcode = '53100'; end $$
        language plpgsql";
    let trigger =
        "create trigger refuses before insert or update on accounts for each statement execute function refuses()";
    let probe =
        "create trigger refuses before insert or update on write_probe for each statement execute function refuses()";
    for sql in [refuse, trigger, probe] {
        app.tamper(sql, Vec::new()).await.unwrap();
    }
    app.charge("acme", "1", "job").await.expect_problem(503, "overloaded");
    assert_eq!(status(app, "/readyz").await, 503);
    assert_eq!(status(app, "/healthz").await, 200);
    app.tamper("drop function refuses cascade", Vec::new()).await.unwrap();
    // Nobody writes: it is found out all the same.
    until(200, async || status(app, "/readyz").await).await;
    app.charge("acme", "1", "job").await.expect(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_answers_and_takes_no_writes_is_not_ready_until_it_takes_one() {
    crate::app::run(Database::Postgres, the_last_write_failed).await;
}
