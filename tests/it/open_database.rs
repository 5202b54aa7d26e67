//! Opening a database: wrong settings, passing errors, needed rights.

use crate::app::{Database, Home};
use crate::postgres_proxy::Proxy;
use crate::process::{Process, start, topup};
use std::path::Path;
use std::process::Output;
use std::time::Duration;
use topup::store::{OpenError, Opening, Store};

async fn made(database: Database) -> Home {
    let home = Home::make(database).await;
    let store = Store::open(&home.url).await.unwrap();
    store.migrate().await.unwrap();
    store.close().await;
    home
}

async fn run(url: &str, sql: &str) {
    let store = Store::open(url).await.unwrap();
    let mut db = store.begin_write().await.unwrap();
    db.execute(sql, Vec::new()).await.unwrap();
    db.commit().await.unwrap();
    store.close().await;
}

fn serve(url: &str) -> Result<Process, Output> {
    start(topup(&["serve"], &[("DATABASE_URL", url), ("WORKER", "off")]))
}

/// One line, with this exit code and these words.
#[track_caller]
fn ends(output: Result<Process, Output>, code: i32, words: &[&str]) {
    let Err(output) = output else { panic!("it serves") };
    let said = String::from_utf8(output.stderr).unwrap();
    let line = said.lines().last().unwrap_or_default();
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(words.iter().all(|word| line.contains(word)), "{said}");
}

#[tokio::test]
async fn a_server_that_comes_up_in_time_is_waited_for_and_one_that_refuses_is_not() {
    let home = made(Database::Postgres).await;
    // Nobody listens there yet.
    let place = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = place.local_addr().unwrap();
    drop(place);
    let mut url = url::Url::parse(&home.url).unwrap();
    url.set_port(Some(address.port())).unwrap();
    let down = Opening { wait: Duration::ZERO, ..Opening::default() };
    let error = Store::open_with(url.as_str(), down).await.err().unwrap();
    assert!(matches!(error, OpenError::Down(_)) && !error.is_setting(), "{error}");
    assert!(error.to_string().contains("does not answer") && !error.to_string().contains("pool"), "{error}");
    let text = url.to_string();
    let opening = tokio::spawn(async move { Store::open_with(&text, Opening::default()).await });
    let proxy = Proxy::at(address, &home.url).await;
    opening.await.unwrap().expect("an open database").close().await;
    drop(proxy);

    let mut wrong = url::Url::parse(&home.url).unwrap();
    wrong.set_password(Some("not-this-one")).unwrap();
    for (url, word) in [(wrong.as_str(), "password"), (&home.url.replace("/topup_", "/nowhere_"), "does not exist")] {
        let error = Store::open_with(url, Opening::default()).await.err().unwrap();
        assert!(error.is_setting() && error.to_string().contains(word), "{error}");
        assert!(!error.to_string().contains("not-this-one"), "{error}");
    }
    home.remove().await;
}

async fn newer(database: Database) {
    let home = made(database).await;
    run(
        &home.url,
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
         select 9999, 'tomorrow', success, checksum, 0 from _sqlx_migrations where version = 1",
    )
    .await;
    ends(serve(&home.url), 2, &["DATABASE_URL", "newer version of Topup", "9999"]);
    for command in ["check", "migrate", "alarms"] {
        let output = topup(&[command], &[("DATABASE_URL", &home.url)]).output().unwrap();
        ends(Err(output), 2, &["newer version of Topup"]);
    }
    home.remove().await;
}

#[tokio::test]
async fn tables_of_a_newer_version_are_named_so_on_sqlite() {
    newer(Database::Sqlite).await;
}

#[tokio::test]
async fn tables_of_a_newer_version_are_named_so_on_postgres() {
    newer(Database::Postgres).await;
}

#[tokio::test]
async fn serve_needs_no_right_to_make_tables_that_are_there() {
    let home = made(Database::Postgres).await;
    let role = format!("r_{}", home.url.rsplit('_').next().unwrap());
    for sql in [
        format!("create role {role} login password 'humble'"),
        "revoke create on schema public from public".to_owned(),
        format!("grant usage on schema public to {role}"),
        format!("grant select, insert, update, delete on all tables in schema public to {role}"),
        format!("grant usage on all sequences in schema public to {role}"),
    ] {
        run(&home.url, &sql).await;
    }
    let mut url = url::Url::parse(&home.url).unwrap();
    url.set_username(&role).unwrap();
    url.set_password(Some("humble")).unwrap();
    let mut process = serve(url.as_str()).unwrap_or_else(|output| panic!("{output:?}"));
    let body = r#"{"email":"ada@acme.example","plan":"pro"}"#.to_owned();
    crate::process::call(&process.base, "PUT", "/v1/customers/acme", "-", body).await.unwrap().expect(201);
    assert_eq!(process.terminate().await, Some(0));
    // Tables that are still to be made are another matter, and no wrong setting.
    run(&home.url, "delete from _sqlx_migrations where version > 1").await;
    ends(serve(url.as_str()), 1, &["migration failed", "permission denied"]);
    run(&home.url, &format!("drop owned by {role}")).await;
    run(&home.url, &format!("drop role {role}")).await;
    home.remove().await;
}

#[tokio::test]
async fn another_name_of_a_file_does_not_get_around_its_lock() {
    let home = made(Database::Sqlite).await;
    let file = home.folder.join("topup.db");
    let elsewhere = home.folder.join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&file, elsewhere.join("link.db")).unwrap();
    std::os::unix::fs::symlink(&home.folder, home.folder.join("folder")).unwrap();
    std::fs::hard_link(&file, elsewhere.join("hard.db")).unwrap();
    let mut first = serve(&home.url).unwrap_or_else(|output| panic!("{output:?}"));
    let mut names = vec!["elsewhere/link.db", "folder/topup.db", "elsewhere/../topup.db", "./topup.db"];
    if cfg!(target_os = "linux") {
        names.push("elsewhere/hard.db");
    }
    for name in names {
        let url = format!("sqlite://{}", home.folder.join(name).display());
        ends(serve(&url), 2, &["DATABASE_URL", "is served by another process"]);
    }
    assert_eq!(first.terminate().await, Some(0));
    // And the other way round.
    let mut second = serve(&format!("sqlite://{}", elsewhere.join("link.db").display())).unwrap();
    ends(serve(&home.url), 2, &["is served by another process"]);
    second.kill();
}

/// A copy as `.backup` makes it: one file, in WAL mode, nothing beside it.
async fn copy(home: &Home, to: &Path) {
    let store = Store::open(&home.url).await.unwrap();
    store.close().await;
    std::fs::copy(home.folder.join("topup.db"), to).unwrap();
}

#[tokio::test]
async fn a_copy_in_a_folder_that_cannot_be_written_to_is_checked() {
    let home = made(Database::Sqlite).await;
    let file = home.folder.join("copy.db");
    copy(&home, &file).await;
    // The tests may run as root: a link in place of the index of SQLite stops root too.
    std::os::unix::fs::symlink("nowhere", home.folder.join("copy.db-shm")).unwrap();
    let url = format!("sqlite://{}", file.display());
    let before = std::fs::metadata(&file).unwrap().modified().unwrap();
    for command in ["check", "alarms"] {
        let output = topup(&[command], &[("DATABASE_URL", &url)]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    assert_eq!(std::fs::metadata(&file).unwrap().modified().unwrap(), before);
    // With a log beside it the file alone is not the whole.
    std::fs::write(home.folder.join("copy.db-wal"), "committed").unwrap();
    let output = topup(&["check"], &[("DATABASE_URL", &url)]).output().unwrap();
    ends(Err(output), 2, &["DATABASE_URL", "has a log beside it"]);
}
