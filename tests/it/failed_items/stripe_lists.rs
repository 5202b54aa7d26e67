//! Lists that ask Stripe: inbox, purchases, events, reconcile.

use super::{failed_items, open_alarms};
use crate::app::{Opened, TestApp, on_both};
use chrono::TimeDelta;
use stripe_sandbox::ApiFault;
use tokio_util::sync::CancellationToken;
use topup::args;
use topup::settings::Switch;
use topup::usecases::stripe_sync::{events, inbox, reconcile};
use topup::usecases::{jobs, purchases};

const BUYERS: [&str; 4] = ["acme", "birch", "fjord", "larch"];

/// A paid Checkout of each buyer, of which nobody has heard; the worker is off.
async fn paid(app: &TestApp) -> Vec<Opened> {
    app.set(|settings| settings.worker = Switch::Off);
    app.restart().await;
    app.sandbox.faults().set_webhooks(false);
    let mut paid = Vec::new();
    for buyer in BUYERS {
        app.put_customer(buyer, "starter").await;
        let opened = app.opened(buyer, "p1200", &format!("buy-{buyer}")).await;
        app.pay(&opened).await;
        paid.push(opened);
    }
    paid
}

const CREDITED: &str = "select count(*) as n from purchases where state = 'credited'";

/// Moves the clock for the jobs that a test runs itself.
fn later(app: &TestApp, minutes: i64) {
    let inner = app.inner();
    inner.clock.put(inner.clock.now() + TimeDelta::minutes(minutes));
}

on_both!(an_event_that_always_fails_keeps_no_other_waiting, |app| {
    let paid = paid(app).await;
    app.sandbox.faults().set_api(ApiFault::Status(503));
    for opened in &paid {
        app.deliver(&app.completed(opened).await).await.expect_problem(503, "stripe_unavailable");
    }
    app.sandbox.faults().set_api(ApiFault::None);
    // The oldest fails for ever.
    app.sandbox.faults().set_broken(&[&paid[0].session]);
    later(app, 2);
    inbox::sweep_inbox(&app.inner()).await.unwrap();
    assert_eq!(app.count(CREDITED).await, 3);
    let waits = "select count(*) as n from inbox where done_at is null";
    assert_eq!((app.count(waits).await, open_alarms(app).await), (1, Vec::<String>::new()));
    for _ in 0..15 {
        later(app, 15);
        inbox::sweep_inbox(&app.inner()).await.unwrap();
    }
    let (event, _) = app.completed(&paid[0]).await;
    let event: serde_json::Value = serde_json::from_str(&event).unwrap();
    assert_eq!(open_alarms(app).await, [format!("webhook {}", event["id"].as_str().unwrap())]);
    app.sandbox.faults().set_broken(&[]);
    later(app, 60);
    inbox::sweep_inbox(&app.inner()).await.unwrap();
    assert_eq!((app.count(CREDITED).await, app.count(waits).await), (4, 0));
    assert_eq!(open_alarms(app).await, Vec::<String>::new());
    let now = app.now();
    app.advance_to(now).await;
});

on_both!(an_event_about_a_row_that_cannot_be_read_is_an_alarm_at_once, |app| {
    let paid = paid(app).await;
    app.tamper("update purchases set state = 'mislaid' where session_id = $1", args![&paid[1].session]).await.unwrap();
    for (n, opened) in paid.iter().enumerate() {
        let answer = app.deliver(&app.completed(opened).await).await;
        assert_eq!(answer.status == 200, n != 1, "{}", answer.status);
    }
    assert_eq!(app.count(CREDITED).await, 3);
    assert_eq!(app.alarms().await, ["webhook"]);
    later(app, 2);
    inbox::sweep_inbox(&app.inner()).await.unwrap();
    assert_eq!(app.count("select attempts as n from inbox where done_at is null").await, 2);
    app.tamper("update purchases set state = 'open' where state = 'mislaid'", Vec::new()).await.unwrap();
    later(app, 5);
    inbox::sweep_inbox(&app.inner()).await.unwrap();
    assert_eq!((app.count(CREDITED).await, open_alarms(app).await), (4, Vec::<String>::new()));
    let now = app.now();
    app.advance_to(now).await;
});

on_both!(a_purchase_that_stripe_never_answers_about_keeps_no_other_waiting, |app| {
    let paid = paid(app).await;
    app.sandbox.faults().set_broken(&[&paid[0].session]);
    later(app, 3);
    purchases::sweep_purchases(&app.inner()).await.unwrap();
    assert_eq!((app.count(CREDITED).await, failed_items(app).await), (3, 1));
    let asked = app.stripe_calls();
    purchases::sweep_purchases(&app.inner()).await.unwrap();
    assert_eq!(app.stripe_calls(), asked, "not before its wait is over");
    for _ in 0..12 {
        later(app, 16);
        purchases::sweep_purchases(&app.inner()).await.unwrap();
    }
    assert_eq!(open_alarms(app).await, [format!("failed_item purchases {}", paid[0].id)]);
    app.sandbox.faults().set_broken(&[]);
    later(app, 16);
    purchases::sweep_purchases(&app.inner()).await.unwrap();
    assert_eq!((app.count(CREDITED).await, failed_items(app).await), (4, 0));
    assert_eq!(open_alarms(app).await, Vec::<String>::new());
    let now = app.now();
    app.advance_to(now).await;
});

on_both!(a_purchase_with_an_invalid_id_delays_no_other, |app| {
    paid(app).await;
    let columns = "customer_no, package, credits, amount, currency, attempt, refunded_amount, checkout_expires_at";
    let sql = format!(
        "insert into purchases (id, state, created_at, {columns})
         select $1, 'open', 0, {columns} from purchases where customer_no = 1"
    );
    app.tamper(&sql, args![vec![1_u8, 2, 3]]).await.unwrap();
    later(app, 3);
    purchases::sweep_purchases(&app.inner()).await.unwrap();
    assert_eq!(app.count(CREDITED).await, 4);
    assert_eq!(open_alarms(app).await, ["failed_item purchases 010203"]);
    app.tamper("delete from purchases where id = $1", args![vec![1_u8, 2, 3]]).await.unwrap();
    later(app, 16);
    purchases::sweep_purchases(&app.inner()).await.unwrap();
    assert_eq!((open_alarms(app).await, failed_items(app).await), (Vec::<String>::new(), 0));
    let now = app.now();
    app.advance_to(now).await;
});

on_both!(while_stripe_is_away_one_alarm_names_the_list_and_not_each_purchase, |app| {
    paid(app).await;
    app.sandbox.faults().set_api(ApiFault::Status(503));
    for _ in 0..12 {
        later(app, 16);
        purchases::sweep_purchases(&app.inner()).await.unwrap();
    }
    assert_eq!((failed_items(app).await, open_alarms(app).await), (4, vec!["failed_item purchases".to_owned()]));
    app.sandbox.faults().set_api(ApiFault::None);
    later(app, 16);
    purchases::sweep_purchases(&app.inner()).await.unwrap();
    assert_eq!((app.count(CREDITED).await, failed_items(app).await), (4, 0));
    assert_eq!(open_alarms(app).await, Vec::<String>::new());
    let now = app.now();
    app.advance_to(now).await;
});

on_both!(a_customer_that_times_out_at_stripe_delays_no_other, |app| {
    paid(app).await;
    let broken = {
        let inner = app.inner();
        let sql = "select stripe_customer from customers where id = 'acme'";
        inner
            .store
            .read()
            .await
            .unwrap()
            .fetch_optional(sql, Vec::new())
            .await
            .unwrap()
            .unwrap()
            .text("stripe_customer")
            .unwrap()
    };
    for buyer in BUYERS {
        app.put(buyer, serde_json::json!({"name": "Renamed"})).await.expect(200);
    }
    app.sandbox.faults().set_broken(&[&broken]);
    let job = jobs::job_named("customers").unwrap();
    later(app, 1);
    job.run(&app.inner(), &CancellationToken::new()).await.unwrap();
    let waits = "select count(*) as n from customers where stripe_due_at is not null";
    assert_eq!(app.count(waits).await, 1);
    app.sandbox.faults().set_broken(&[]);
    later(app, 65);
    job.run(&app.inner(), &CancellationToken::new()).await.unwrap();
    assert_eq!(app.count(waits).await, 0);
    let now = app.now();
    app.advance_to(now).await;
});

on_both!(a_lost_event_that_fails_keeps_no_other_from_being_read, |app| {
    app.advance_minutes(11).await;
    events::fetch_missed_events(&app.inner()).await.unwrap();
    let paid = paid(app).await;
    app.tamper("update purchases set state = 'mislaid' where session_id = $1", args![&paid[0].session]).await.unwrap();
    later(app, 11);
    events::fetch_missed_events(&app.inner()).await.unwrap();
    assert_eq!(app.count(CREDITED).await, 3);
    let kinds = app.alarms().await;
    assert!(!kinds.is_empty() && kinds.iter().all(|kind| kind == "webhook"), "{kinds:?}");
    app.tamper("update purchases set state = 'open' where state = 'mislaid'", Vec::new()).await.unwrap();
    later(app, 5);
    inbox::sweep_inbox(&app.inner()).await.unwrap();
    assert_eq!((app.count(CREDITED).await, open_alarms(app).await), (4, Vec::<String>::new()));
    let now = app.now();
    app.advance_to(now).await;
});

on_both!(a_stripe_that_cannot_be_asked_for_events_is_a_job_that_fails, |app| {
    app.advance_minutes(11).await;
    app.sandbox.faults().set_api(ApiFault::Status(503));
    later(app, 11);
    let job = jobs::job_named("events").unwrap();
    let failed = topup::jobs::run_once(job, &app.inner(), &CancellationToken::new()).await.unwrap_err();
    assert!(failed.to_string().contains("events"), "{failed}");
    let now = app.now();
    app.advance_to(now).await;
});

on_both!(a_failed_comparison_or_repair_stops_no_other, |app| {
    let paid = paid(app).await;
    app.sandbox.faults().set_broken(&[&paid[1].session]);
    let inner = app.inner();
    let since = app.now() - TimeDelta::days(1);
    let found = reconcile::compare_with_stripe(&inner, since).await.unwrap();
    let kinds: Vec<&str> = found.iter().map(|one| one.kind).collect();
    assert_eq!(
        (kinds.iter().filter(|kind| **kind == "not_credited").count(), kinds.contains(&"not_compared")),
        (3, true)
    );
    app.tamper("update purchases set state = 'mislaid' where session_id = $1", args![&paid[0].session]).await.unwrap();
    reconcile::repair_differences(&inner, &found).await.unwrap();
    assert_eq!(app.count(CREDITED).await, 2);
    app.tamper("update purchases set state = 'open' where state = 'mislaid'", Vec::new()).await.unwrap();
    app.sandbox.faults().set_broken(&[]);
    let found = reconcile::compare_with_stripe(&inner, since).await.unwrap();
    reconcile::repair_differences(&inner, &found).await.unwrap();
    assert_eq!(app.count(CREDITED).await, 4);
});
