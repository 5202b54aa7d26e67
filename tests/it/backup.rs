//! Backup and restore, as docs/operations.md says: a copy is made while `serve` runs, and put in place later.

use crate::app::{Database, TestApp, on_both};
use serde_json::json;
use std::process::Command;

/// What the document tells an operator to run; its programs are on every machine that runs the tests.
fn run(name: &str, args: &[&str]) {
    let output = Command::new(name).args(args).output().unwrap_or_else(|e| panic!("{name}: {e}"));
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
}

const COPY: &str = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).backup(sqlite3.connect(sys.argv[2]))";

/// Beside the running server.
fn backup(app: &TestApp) {
    let copy = app.home.folder.join("copy");
    let copy = copy.to_str().unwrap();
    match app.home.database {
        Database::Sqlite => run("python3", &["-c", COPY, app.home.url.strip_prefix("sqlite://").unwrap(), copy]),
        Database::Postgres => run("pg_dump", &["--format=custom", "--file", copy, &app.home.url]),
    }
}

/// The server is stopped.
fn restore(app: &TestApp) {
    let copy = app.home.folder.join("copy");
    match app.home.database {
        Database::Sqlite => {
            let file = app.home.url.strip_prefix("sqlite://").unwrap();
            for rest in ["-wal", "-shm"] {
                let _there = std::fs::remove_file(format!("{file}{rest}"));
            }
            std::fs::copy(&copy, file).unwrap();
        }
        Database::Postgres => {
            run("pg_restore", &["--clean", "--if-exists", "--dbname", &app.home.url, copy.to_str().unwrap()]);
        }
    }
}

on_both!(a_copy_made_while_it_serves_is_whole_and_goes_on_where_it_was, |app| {
    app.put_customer_with_left("acme", 180).await;
    app.buy("acme", "p1200", "buy-1").await;
    app.charge("acme", "180", "before").await.expect(201);
    let opened = app.opened("acme", "p5000", "buy-2").await;
    let charging = async {
        for n in 0..20 {
            app.charge("acme", "1", &format!("while-{n}")).await.expect(201);
        }
    };
    let copying = async { tokio::task::block_in_place(|| backup(app)) };
    tokio::join!(charging, copying);
    // Paid after the copy, and its webhooks taken by the database that is thrown away.
    app.pay(&opened).await;
    app.settle(&opened).await;
    app.charge("acme", "7", "after").await.expect(201);
    assert_eq!(app.balance("acme").await["top_up"]["remaining"], 6_200 - 27);

    app.stop().await;
    tokio::task::block_in_place(|| restore(app));
    app.launch().await;
    app.check().await;
    // What Stripe has been paid for is asked of Stripe by the worker's sweep; what was charged is charged again.
    app.advance_minutes(5).await;
    assert_eq!(app.purchase(&opened.id).await["state"], "credited");
    for n in 0..20 {
        let key = format!("while-{n}");
        let status = app.charge("acme", "1", &key).await.status;
        assert_eq!(status, 201, "{key}");
    }
    app.charge("acme", "7", "after").await.expect(201);
    assert_eq!(app.balance("acme").await["top_up"]["remaining"], json!(6_200 - 27), "nothing lost, nothing twice");
});
