//! Lists of our own: ledger, reminders, balance alerts, emails, webhooks, erasure, retention.

use super::{break_account, failed_items, mend_accounts, open_alarms};
use crate::app::{Database, TestApp, on_both};
use crate::reminders::mails;
use chrono::TimeDelta;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use topup::args;
use topup::domain::Instant;
use topup::settings::Switch;
use topup::usecases::customers::erasure;
use topup::usecases::delivery::outbox;
use topup::usecases::jobs;
use topup::usecases::notify::balance_alerts;
use topup::usecases::upkeep::retention;

const NEIGHBOURS: [&str; 3] = ["acme", "fjord", "larch"];

async fn kinds_of(app: &TestApp, kind: &str) -> usize {
    mails(app, &[kind]).await.len()
}

on_both!(a_broken_customer_delays_no_other_reset_reminder_or_expiry, |app| {
    let mut ends = app.now();
    for customer in NEIGHBOURS {
        app.put_customer(customer, "starter").await;
        let bought = app.buy(customer, "p1200", &format!("buy-{customer}")).await;
        ends = ends.max(bought["expires_at"].as_str().unwrap().parse::<Instant>().unwrap());
    }
    app.advance_to(ends - TimeDelta::days(31)).await;
    break_account(app, "fjord").await;
    // Through a reset, both reminders and the end: the clock stops at each instant of the others.
    app.advance_to(ends + TimeDelta::days(1)).await;
    assert_eq!((kinds_of(app, "reminder").await, kinds_of(app, "expired").await), (4, 2));
    assert_eq!(app.available("acme").await, json!(5_000));
    assert_eq!(open_alarms(app).await, ["failed_item ledger fjord", "failed_item reminders fjord"]);
    let attempts = app.count("select max(attempts) as n from failed_items").await;
    assert!(attempts > 1, "retried wherever the clock stops: {attempts}");
    mend_accounts(app).await;
    app.advance_to(app.now() + TimeDelta::hours(8)).await;
    assert_eq!(app.available("fjord").await, json!(5_000));
    assert_eq!(kinds_of(app, "expired").await, 3);
    assert_eq!((open_alarms(app).await, failed_items(app).await), (Vec::<String>::new(), 0));
});

on_both!(a_broken_customer_delays_no_other_balance_alert, |app| {
    app.set(|settings| settings.worker = Switch::Off);
    app.restart().await;
    for customer in NEIGHBOURS {
        app.put_customer(customer, "starter").await;
        app.charge(customer, "5000", "all").await.expect(201);
    }
    break_account(app, "acme").await;
    let inner = app.inner();
    balance_alerts::send_balance_alerts(&inner).await.unwrap();
    assert_eq!(
        app.count("select count(distinct customer_no) as n from balance_alerts where emailed_at is null").await,
        1
    );
    assert_eq!(open_alarms(app).await, ["failed_item news acme"]);
    let before = app.count("select attempts as n from failed_items").await;
    balance_alerts::send_balance_alerts(&inner).await.unwrap();
    assert_eq!(app.count("select attempts as n from failed_items").await, before, "not before its wait is over");
    mend_accounts(app).await;
    drop(inner);
    app.advance_minutes(2).await;
    assert_eq!(app.count("select count(*) as n from balance_alerts where emailed_at is null").await, 0);
    assert_eq!((open_alarms(app).await, failed_items(app).await), (Vec::<String>::new(), 0));
});

on_both!(an_unreadable_alert_delays_no_other_of_its_customer, |app| {
    app.set(|settings| settings.worker = Switch::Off);
    app.restart().await;
    app.put_customer("acme", "starter").await;
    app.charge("acme", "5000", "all").await.expect(201);
    let sql = "insert into balance_alerts (customer_no, kind, seq, at, credits) values (1, 'nothing we know', 1, 1, 1)";
    app.tamper(sql, Vec::new()).await.unwrap();
    balance_alerts::send_balance_alerts(&app.inner()).await.unwrap();
    assert_eq!(app.count("select count(*) as n from balance_alerts where emailed_at is null").await, 1);
    assert_eq!(open_alarms(app).await, ["failed_item news acme"]);
    app.tamper("delete from balance_alerts where emailed_at is null", Vec::new()).await.unwrap();
    app.advance_minutes(2).await;
    assert_eq!((open_alarms(app).await, failed_items(app).await), (Vec::<String>::new(), 0));
});

/// Makes a text unreadable, where the database lets it be: SQLite keeps any bytes, PostgreSQL text alone.
async fn unreadable(app: &TestApp, table: &str, column: &str, no: i64) -> bool {
    let sql = format!("update {table} set {column} = $1 where no = $2");
    match app.home.database {
        Database::Sqlite => app.tamper(&sql, args![vec![0xff_u8], no]).await.unwrap() == 1,
        Database::Postgres => false,
    }
}

on_both!(an_unreadable_email_delays_no_other, |app| {
    app.set(|settings| settings.worker = Switch::Off);
    app.restart().await;
    for customer in NEIGHBOURS {
        app.put_customer(customer, "starter").await;
        app.charge(customer, "5000", "all").await.expect(201);
    }
    let inner = app.inner();
    balance_alerts::send_balance_alerts(&inner).await.unwrap();
    let no = app.count("select min(no) as n from outbox").await;
    let planted = unreadable(app, "outbox", "subject", no).await;
    outbox::send_due_emails(&inner, topup::usecases::notify::EmailWriters, &CancellationToken::new()).await.unwrap();
    drop(inner);
    let waiting = "select count(*) as n from outbox where done_at is null";
    assert_eq!(app.count(waiting).await, i64::from(planted));
    if planted {
        assert_eq!(open_alarms(app).await, [format!("mail {no}")]);
        app.tamper("update outbox set subject = 'Credits' where no = $1", args![no]).await.unwrap();
        app.advance_minutes(2).await;
    }
    assert_eq!((open_alarms(app).await, app.count(waiting).await), (Vec::<String>::new(), 0));
});

on_both!(a_reminder_whose_account_is_broken_is_sent_once, |app| {
    let before = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/catalog.toml")).unwrap();
    let file = app.home.folder.join("catalog.toml");
    std::fs::write(&file, before.replace("require_notice = false", "require_notice = true")).unwrap();
    app.set(|settings| (settings.database.catalog, settings.worker) = (file, Switch::Off));
    app.restart().await;
    let mut ends = app.now();
    for customer in NEIGHBOURS {
        app.put_customer(customer, "starter").await;
        ends = app.buy(customer, "p1200", &format!("buy-{customer}")).await["expires_at"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
    }
    // The mails are written by a worker that sends none.
    let inner = app.inner();
    inner.clock.put(ends - TimeDelta::days(29));
    jobs::run_due(&inner).await.unwrap();
    assert_eq!(kinds_of(app, "reminder").await, 3);
    break_account(app, "fjord").await;
    for _ in 0..2 {
        outbox::send_due_emails(&inner, topup::usecases::notify::EmailWriters, &CancellationToken::new())
            .await
            .unwrap();
        inner.clock.put(inner.clock.now() + TimeDelta::minutes(30));
    }
    let sent = "select count(*) as n from outbox where kind = 'reminder' and state = 'accepted' and attempts = 1";
    assert_eq!(app.count(sent).await, 3, "none is sent twice");
    assert_eq!(app.count("select count(*) as n from grants where awaits_notice = 1").await, 1);
    assert!(open_alarms(app).await.iter().any(|alarm| alarm.starts_with("failed_item notices ")));
    mend_accounts(app).await;
    jobs::run_due(&inner).await.unwrap();
    assert_eq!(app.count("select count(*) as n from grants where awaits_notice = 1").await, 0);
    assert_eq!((open_alarms(app).await, failed_items(app).await), (Vec::<String>::new(), 0));
    let now = inner.clock.now();
    drop(inner);
    app.advance_to(now).await;
});

/// Texts of usages that say who did it.
const TEXTS: &str = "select count(*) as n from usages where (source is not null or metadata is not null)";
const SOURCES: &str = "select count(*) as n from usage_days where source <> ''";

async fn used(app: &TestApp, customer: &str, times: usize) {
    for part in 0..times / 500 {
        let charge = |n: usize| {
            json!({"customer": customer, "idempotency_key": format!("{customer}-{part}-{n}"), "credits": 1,
                   "source": "ada@acme.example", "metadata": {"by": "ada"}})
        };
        let charges: Vec<_> = (0..500).map(charge).collect();
        app.post("/v1/usage", "batch", json!({ "charges": charges }).to_string()).await.expect(200);
    }
}

on_both!(an_erasure_goes_on_after_a_hang_up_and_a_restart, |app| {
    app.set(|settings| settings.worker = Switch::Off);
    app.restart().await;
    app.put_customer("acme", "builder").await;
    used(app, "acme", 2_000).await;
    let inner = app.inner();
    let hung_up = async {
        while app.count("select count(*) as n from erasures where usages_before < 9223372036854775807").await == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        closed = erasure::close_customer(&inner, 1) => panic!("it took no time: {closed:?}"),
        () = hung_up => {}
    }
    drop(inner);
    app.restart().await;
    let left = app.count(TEXTS).await;
    assert!((1..2_000).contains(&left), "some of it was done: {left}");
    assert_eq!(app.count("select count(*) as n from members").await, 0, "the most was done at once");
    let job = jobs::job_named("erasure").unwrap();
    let inner = app.inner();
    assert_eq!(job.backlog(&inner).await.unwrap(), 1);
    topup::jobs::run_once(job, &inner, &CancellationToken::new()).await.unwrap();
    assert_eq!(job.backlog(&inner).await.unwrap(), 0);
    assert_eq!((app.count(TEXTS).await, app.count(SOURCES).await), (0, 0));
});

on_both!(an_erasure_that_fails_keeps_no_other_from_its_end, |app| {
    app.set(|settings| settings.worker = Switch::Off);
    app.restart().await;
    for customer in NEIGHBOURS {
        app.put_customer(customer, "starter").await;
        used(app, customer, 500).await;
        // As a crash right after the first commit would leave it.
        let sql = "insert into erasures (customer_no, requested_at, usages_before)
            select no, 0, 9223372036854775807 from customers where id = $1";
        app.tamper(sql, args![customer]).await.unwrap();
        let sql = "update customers set closed_at = 1 where id = $1";
        app.tamper(sql, args![customer]).await.unwrap();
    }
    let broken = "update usages set id = $1 where id = (select cause from entries where customer_no = 1 and seq = 9)";
    let id = {
        let sql = "select cause from entries where customer_no = 1 and seq = 9";
        let inner = app.inner();
        inner.store.read().await.unwrap().fetch_optional(sql, Vec::new()).await.unwrap().unwrap().blob("cause").unwrap()
    };
    assert_eq!(app.tamper(broken, args![vec![7_u8; 16]]).await.unwrap(), 1);
    let inner = app.inner();
    erasure::run_erasure(&inner).await.unwrap();
    assert_eq!(app.count(&format!("{TEXTS} and customer_no <> 1")).await, 0);
    assert_eq!(open_alarms(app).await, ["failed_item erasure acme"]);
    app.tamper("update usages set id = $1 where id = $2", args![id, vec![7_u8; 16]]).await.unwrap();
    drop(inner);
    app.advance_minutes(2).await;
    assert_eq!((app.count(TEXTS).await, app.count(SOURCES).await), (0, 0));
    assert_eq!((open_alarms(app).await, failed_items(app).await), (Vec::<String>::new(), 0));
});

on_both!(retention_deletes_old_data_and_keeps_the_ledger, |app| {
    app.put_customer("acme", "starter").await;
    app.charge("acme", "5000", "all").await.expect(201);
    app.sandbox.faults().set_webhooks(false);
    let opened = app.opened("acme", "p1200", "buy").await;
    app.pay(&opened).await;
    app.deliver(&app.completed(&opened).await).await.expect(200);
    app.advance_minutes(1).await;
    let sql = "insert into alarms (key, kind, subject, detail, raised_at, times, acknowledged_at, acknowledged_by)
        values ('a:b', 'a', 'b', 'c', $1, 1, $1, 'ada')";
    app.tamper(sql, args![app.now()]).await.unwrap();
    // The rows that exist by now.
    let now = app.now().timestamp_millis();
    let counts = async || {
        let mut counts = Vec::new();
        for sql in [
            "select count(*) as n from inbox where received_at <= $1",
            "select count(*) as n from balance_alerts where at <= $1",
            "select count(*) as n from outbox where created_at <= $1 and body_text <> ''",
            "select count(*) as n from alarms where raised_at <= $1",
            "select count(*) as n from outbox where created_at <= $1 and recipient = 'ada@acme.example' and subject <> ''",
            "select count(*) as n from purchase_events where at <= $1",
        ] {
            counts.push(app.count(&sql.replace("$1", &now.to_string())).await);
        }
        counts
    };
    let before = counts().await;
    assert!(before.iter().all(|count| *count > 0), "{before:?}");
    app.advance_to(app.now() + TimeDelta::days(85)).await;
    assert_eq!(counts().await, before, "not yet");
    app.advance_to(app.now() + TimeDelta::days(6)).await;
    let after = counts().await;
    assert_eq!((&after[..2], &after[2..]), ([0, 0].as_slice(), &before[2..]), "receipts and books stay");
    app.advance_to(app.now() + TimeDelta::days(280)).await;
    let after = counts().await;
    assert_eq!((after[2], after[3]), (before[2], 0), "a receipt is there for as long as its top-up");
    app.advance_to(app.now() + TimeDelta::days(40)).await;
    let after = counts().await;
    assert_eq!((after[2], &after[4..]), (0, &before[4..]), "the books stay");
});

/// Keeps one row from being deleted.
const KEPT_ON_SQLITE: [&str; 1] =
    ["create trigger planted before delete on inbox when old.id = 'evt_b' begin select raise(abort, 'planted'); end"];
const KEPT_ON_POSTGRES: [&str; 2] = [
    "create function planted() returns trigger as $$ begin raise exception 'planted'; end $$ language plpgsql",
    "create trigger planted before delete on inbox for each row when (old.id = 'evt_b') execute function planted()",
];

on_both!(a_row_that_cannot_be_deleted_keeps_no_other, |app| {
    app.set(|settings| settings.worker = Switch::Off);
    app.restart().await;
    for id in ["evt_a", "evt_b", "evt_c"] {
        let sql = "insert into inbox (id, type, object_id, created_at, received_at, due_at, attempts, done_at)
            values ($1, 'invoice.paid', 'in_1', 1, 1, 1, 0, 1)";
        app.tamper(sql, args![id]).await.unwrap();
    }
    let plant: &[&str] = match app.home.database {
        Database::Sqlite => &KEPT_ON_SQLITE,
        Database::Postgres => &KEPT_ON_POSTGRES,
    };
    for sql in plant {
        app.tamper(sql, Vec::new()).await.unwrap();
    }
    retention::sweep_expired(&app.inner()).await.unwrap();
    assert_eq!(app.count("select count(*) as n from inbox").await, 1);
    assert_eq!(open_alarms(app).await, ["failed_item tidy inbox"]);
    let sql =
        if app.home.database == Database::Sqlite { "drop trigger planted" } else { "drop trigger planted on inbox" };
    app.tamper(sql, Vec::new()).await.unwrap();
    app.advance_minutes(2).await;
    assert_eq!(app.count("select count(*) as n from inbox").await, 0);
    assert_eq!((open_alarms(app).await, failed_items(app).await), (Vec::<String>::new(), 0));
});

on_both!(a_failing_job_is_an_alarm_until_it_succeeds, |app| {
    let inner = app.inner();
    let failed =
        |failures| jobs::JobRuns { runs: 1, failures, error: Some("planted".to_owned()), ..jobs::JobRuns::default() };
    for failures in 1..=7 {
        assert_eq!(open_alarms(app).await, Vec::<String>::new(), "{failures}");
        jobs::record_runs(&inner, "events", app.now(), failed(failures)).await.unwrap();
    }
    assert_eq!(open_alarms(app).await, ["job events"]);
    jobs::record_runs(&inner, "events", app.now(), jobs::JobRuns::default()).await.unwrap();
    assert_eq!(open_alarms(app).await, Vec::<String>::new());
});
