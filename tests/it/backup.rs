//! Backup and restore by docs/operations.md: a copy is made while `serve` runs, and restored later.

use crate::app::{Database, TestApp, on_both};
use crate::process::topup;
use serde_json::json;
use std::process::Command;
use topup::usecases::stripe_sync::differences::Repair;
use topup::usecases::stripe_sync::reconcile;

/// Runs a program of the document, which is on every machine that runs the tests.
fn run(name: &str, args: &[&str]) {
    let output = Command::new(name).args(args).output().unwrap_or_else(|e| panic!("{name}: {e}"));
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Runs `topup` on the database of a test.
fn run_topup(app: &TestApp, words: &[&str]) {
    let output = topup(words, &[("DATABASE_URL", &app.home.url)]).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Beside the running server.
fn backup(app: &TestApp) {
    let copy = app.home.folder.join("copy");
    let copy = copy.to_str().unwrap();
    match app.home.database {
        Database::Sqlite => run_topup(app, &["backup", copy]),
        Database::Postgres => run("pg_dump", &["--format=custom", "--file", copy, &app.home.url]),
    }
}

/// The server is stopped.
fn restore(app: &TestApp) {
    let copy = app.home.folder.join("copy");
    match app.home.database {
        Database::Sqlite => run_topup(app, &["restore", "--replace", copy.to_str().unwrap()]),
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
    app.fulfill(&opened).await;
    // Chosen and paid after the copy: of these only Stripe will know.
    let late = app.buy("acme", "p1200", "buy-3").await;
    let left_open = app.opened("acme", "p5000", "buy-4").await;
    app.put_customer("larch", "builder").await;
    let new = app.opened("larch", "p1200", "buy-5").await;
    app.pay(&new).await;
    app.sandbox.refund(&new.session, Some(300)).await.unwrap();
    app.charge("acme", "7", "after").await.expect(201);
    assert_eq!(app.balance("acme").await["top_up"]["remaining"], 7_400 - 27);

    app.stop().await;
    tokio::task::block_in_place(|| restore(app));
    app.launch().await;
    app.check().await;
    // The worker's sweep asks Stripe about payments; charges are repeated.
    app.advance_minutes(5).await;
    assert_eq!(app.purchase(&opened.id).await["state"], "credited");
    for n in 0..20 {
        let key = format!("while-{n}");
        let status = app.charge("acme", "1", &key).await.status;
        assert_eq!(status, 201, "{key}");
    }
    app.charge("acme", "7", "after").await.expect(201);
    assert_eq!(app.balance("acme").await["top_up"]["remaining"], json!(6_200 - 27), "nothing lost, nothing twice");

    let since = app.now() - chrono::TimeDelta::days(1);
    let lost = async || {
        let found = reconcile::compare_with_stripe(&app.inner(), since).await.unwrap();
        assert!(found.iter().all(|one| one.kind == "lost"), "{found:?}");
        let mut all: Vec<_> = found.iter().map(|one| (one.subject.to_string(), one.repair)).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        (found, all)
    };
    let ids = [late["id"].as_str().unwrap().to_owned(), new.id];
    let (found, all) = lost().await;
    let mut wanted = vec![
        (ids[0].clone(), Repair::Restore),
        (left_open.id.clone(), Repair::Restore),
        (ids[1].clone(), Repair::Person),
    ];
    wanted.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(all, wanted);
    reconcile::repair_differences(&app.inner(), &found).await.unwrap();
    reconcile::repair_differences(&app.inner(), &found).await.unwrap();
    let again = app.purchase(&ids[0]).await;
    for field in ["id", "state", "package", "credits", "amount", "currency"] {
        assert_eq!(again[field], late[field], "{field}");
    }
    assert_eq!(app.balance("acme").await["top_up"]["remaining"], json!(7_400 - 27));
    // An open purchase continues for its buyer.
    assert_eq!(app.purchase(&left_open.id).await["state"], "open");
    app.pay(&left_open).await;
    app.fulfill(&left_open).await;
    assert_eq!(app.balance("acme").await["top_up"]["remaining"], json!(12_400 - 27));
    // A buyer who is not here either comes first.
    app.put_customer("larch", "builder").await;
    let (found, all) = lost().await;
    assert_eq!(all, [(ids[1].clone(), Repair::Restore)]);
    reconcile::repair_differences(&app.inner(), &found).await.unwrap();
    let again = app.purchase(&ids[1]).await;
    assert_eq!((&again["state"], &again["refunded_amount"]), (&json!("credited"), &json!(300)));
    assert_eq!(app.balance("larch").await["top_up"]["remaining"], json!(800));
    assert_eq!(reconcile::compare_with_stripe(&app.inner(), since).await.unwrap(), []);
});
