//! A clock far ahead of the newest commit is refused until a person accepts it.

use crate::app::{Database, Home};
use crate::process::{Process, call, start, topup};
use std::process::Output;
use topup::store::Store;

const DAY_MS: i64 = 86_400_000;

fn serve(home: &Home, more: &[(&str, &str)]) -> Result<Process, Output> {
    let settings: Vec<_> = [("DATABASE_URL", home.url.as_str())].into_iter().chain(more.iter().copied()).collect();
    start(topup(&["serve"], &settings))
}

fn run(home: &Home, command: &[&str]) -> (Option<i32>, String) {
    let output = topup(command, &[("DATABASE_URL", &home.url)]).output().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

/// A database whose newest commit is so many days old, as the machine's clock has it.
async fn made_old(database: Database, days: i64) -> Home {
    let home = Home::make(database).await;
    let mut served = serve(&home, &[]).unwrap();
    let body = r#"{"email":"ada@acme.example","plan":"pro"}"#.to_owned();
    call(&served.base, "PUT", "/v1/customers/acme", "-", body).await.unwrap().expect(201);
    assert_eq!(served.terminate().await, Some(0));
    let by = days * DAY_MS;
    let entries = format!("update entries set created_at = created_at - {by}");
    let (off, on) = match database {
        Database::Sqlite => (
            "drop trigger entries_keep",
            "create trigger entries_keep before update on entries begin
               select raise(abort, 'entries are append-only'); end",
        ),
        Database::Postgres => ("alter table entries disable trigger user", "alter table entries enable trigger user"),
    };
    let runs = format!("update job_runs set started_at = started_at - {by}, ok_at = ok_at - {by}");
    let store = Store::open(&home.url).await.unwrap();
    for sql in [off, &entries, on, &runs] {
        let mut db = store.begin_write().await.unwrap();
        db.execute(sql, Vec::new()).await.unwrap();
        db.commit().await.unwrap();
    }
    store.close().await;
    home
}

async fn far_ahead_is_refused_until_it_is_accepted(database: Database) {
    let home = made_old(database, 40).await;
    for _ in 0..2 {
        let refused = serve(&home, &[]).err().expect("a refusal");
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(1), "{said}");
        for part in ["40 days after the newest commit", "topup clock accept"] {
            assert!(said.contains(part), "no {part:?} in {said}");
        }
    }
    let (code, said) = run(&home, &["jobs", "run", "ledger"]);
    assert!(code == Some(1) && said.contains("topup clock accept"), "{said}");
    let (_, said) = run(&home, &["doctor"]);
    assert!(said.contains("wrong  clock: ") && said.contains("topup clock accept"), "{said}");
    // A test clock is moved by hand.
    let mut served = serve(&home, &[("TEST_CLOCK", "1"), ("WORKER", "off")]).unwrap();
    assert_eq!(served.terminate().await, Some(0));
    let (code, said) = run(&home, &["clock", "accept"]);
    assert!(code == Some(0) && said.starts_with("accepted: "), "{said}");
    let mut served = serve(&home, &[]).unwrap();
    let body = r#"{"credits":1}"#.to_owned();
    call(&served.base, "POST", "/v1/customers/acme/usage", "k", body).await.unwrap().expect(201);
    assert_eq!(served.terminate().await, Some(0));
    let (code, said) = run(&home, &["clock", "accept"]);
    assert!(code == Some(0) && said.contains("nothing to accept"), "{said}");
    home.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn far_ahead_is_refused_until_it_is_accepted_on_sqlite() {
    far_ahead_is_refused_until_it_is_accepted(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn far_ahead_is_refused_until_it_is_accepted_on_postgres() {
    far_ahead_is_refused_until_it_is_accepted(Database::Postgres).await;
}

#[tokio::test]
async fn a_day_without_commits_is_not_far_ahead() {
    let home = made_old(Database::Sqlite, 1).await;
    let mut served = serve(&home, &[]).unwrap();
    assert_eq!(served.terminate().await, Some(0));
    home.remove().await;
}

#[tokio::test]
async fn the_doctor_sees_accounts_that_are_ahead_of_the_clock() {
    let home = made_old(Database::Sqlite, 0).await;
    assert!(!run(&home, &["doctor"]).1.contains("ahead of it"));
    let store = Store::open(&home.url).await.unwrap();
    let mut db = store.begin_write().await.unwrap();
    db.execute(format!("update accounts set last_at = last_at + {}", 3 * DAY_MS), Vec::new()).await.unwrap();
    db.commit().await.unwrap();
    store.close().await;
    let (_, said) = run(&home, &["doctor"]);
    assert!(said.contains("wrong  clock: 1 account is ahead of it"), "{said}");
    home.remove().await;
}
