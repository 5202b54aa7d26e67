//! Reconcile finds exactly the planted differences and repairs them; lost events are read.

use crate::app::{Opened, TestApp, on_both};
use chrono::TimeDelta;
use serde_json::json;
use topup::args;
use topup::usecases::purchases::Fulfillment;
use topup::usecases::stripe_sync::{events, reconcile};

async fn differences(app: &TestApp) -> Vec<(String, String)> {
    let since = app.now() - TimeDelta::days(30);
    let found = reconcile::compare_with_stripe(&app.inner(), since).await.unwrap();
    let mut kinds: Vec<_> = found.iter().map(|one| (one.kind.to_owned(), one.subject.to_string())).collect();
    kinds.sort();
    kinds
}

async fn repaired(app: &TestApp) {
    let since = app.now() - TimeDelta::days(30);
    let found = reconcile::compare_with_stripe(&app.inner(), since).await.unwrap();
    reconcile::repair_differences(&app.inner(), &found).await.unwrap();
}

async fn sold(app: &TestApp, key: &str) -> Opened {
    let opened = app.opened("acme", "p1200", key).await;
    app.pay(&opened).await;
    assert_eq!(app.fulfill(&opened).await, Fulfillment::Done);
    opened
}

on_both!(planted_differences_are_found_and_just_those, |app| {
    app.set(|settings| settings.worker = topup::settings::Switch::Off);
    app.restart().await;
    app.sandbox.faults().set_webhooks(false);
    app.put_customer("acme", "starter").await;
    sold(app, "good").await;
    app.opened("acme", "p1200", "still-open").await;
    assert_eq!(differences(app).await, []);

    let mut planted = Vec::new();
    let mut plant = |kind: &str, opened: &Opened| planted.push((kind.to_owned(), opened.id.clone()));
    let paid = app.opened("acme", "p1200", "paid").await;
    app.pay(&paid).await;
    plant("not_credited", &paid);
    let refunded = sold(app, "refunded").await;
    app.sandbox.refund(&refunded.session, Some(100)).await.unwrap();
    plant("refund", &refunded);
    let disputed = sold(app, "disputed").await;
    app.sandbox.dispute(&disputed.session, None, "needs_response").await.unwrap();
    plant("dispute", &disputed);
    let failed = sold(app, "failed").await;
    let refund = app.sandbox.refund(&failed.session, None).await.unwrap();
    topup::usecases::purchases::update_payment(&app.inner(), &refund).await.unwrap();
    app.sandbox.fail_refund(&refund).await.unwrap();
    plant("refund_status", &failed);
    let won = sold(app, "won").await;
    let dispute = app.sandbox.dispute(&won.session, None, "needs_response").await.unwrap();
    topup::usecases::purchases::update_payment(&app.inner(), &dispute).await.unwrap();
    app.sandbox.move_dispute(&dispute, "won").await.unwrap();
    plant("dispute_status", &won);
    let dearer = sold(app, "dearer").await;
    plant("amount", &dearer);
    let strange = sold(app, "strange").await;
    plant("unknown", &strange);
    let unpaid = app.opened("acme", "p1200", "unpaid").await;
    plant("unpaid", &unpaid);
    planted.sort();

    let id = |opened: &Opened| topup::domain::PurchaseId::parse(&opened.id).unwrap().bytes();
    let change = async |sql: &str, opened: &Opened| assert_eq!(app.tamper(sql, args![id(opened)]).await.unwrap(), 1);
    change("update purchases set amount = amount + 1 where id = $1", &dearer).await;
    change("update purchases set session_id = session_id || 'x' where id = $1", &strange).await;
    change("update purchases set state = 'credited' where id = $1", &unpaid).await;
    assert_eq!(differences(app).await, planted);

    repaired(app).await;
    let left: Vec<_> = differences(app).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(left, ["amount", "unknown", "unpaid"], "what has no repair is left to a person");
    change("update purchases set amount = amount - 1 where id = $1", &dearer).await;
    change("update purchases set session_id = substr(session_id, 1, length(session_id) - 1) where id = $1", &strange)
        .await;
    change("update purchases set state = 'open' where id = $1", &unpaid).await;
    assert_eq!(differences(app).await, []);
    let balance = app.balance("acme").await;
    assert_eq!(
        (&balance["top_up"]["frozen"], app.purchase(&paid.id).await["state"].clone()),
        (&json!(1200), json!("credited"))
    );
});

on_both!(an_expired_checkout_differs_from_an_outage, |app| {
    app.set(|settings| settings.worker = topup::settings::Switch::Off);
    app.restart().await;
    app.sandbox.faults().set_webhooks(false);
    app.put_customer("acme", "starter").await;
    let opened = app.opened("acme", "p1200", "buy-1").await;
    app.advance_minutes(70).await;
    app.sandbox.catch_up().await.unwrap();
    app.sandbox.faults().set_api(stripe_sandbox::ApiFault::Status(403));
    let since = app.now() - TimeDelta::days(30);
    assert!(reconcile::compare_with_stripe(&app.inner(), since).await.is_err(), "nothing may be concluded");
    app.sandbox.faults().set_api(stripe_sandbox::ApiFault::None);
    let found = differences(app).await;
    if app.purchase(&opened.id).await["state"] == "open" {
        assert_eq!(found, [("not_expired".to_owned(), opened.id.clone())]);
    }
    repaired(app).await;
    assert_eq!(differences(app).await, []);
    assert_eq!(app.purchase(&opened.id).await["state"], "expired");
});

on_both!(events_that_never_came_are_read_and_acted_on, |app| {
    app.set(|settings| settings.worker = topup::settings::Switch::Off);
    app.restart().await;
    app.sandbox.faults().set_webhooks(false);
    app.put_customer("acme", "starter").await;
    assert_eq!(events::fetch_missed_events(&app.inner()).await.unwrap(), 0, "it begins with now");
    let opened = sold(app, "buy-1").await;
    app.sandbox.refund(&opened.session, None).await.unwrap();
    app.advance_minutes(9).await;
    assert_eq!(events::fetch_missed_events(&app.inner()).await.unwrap(), 0, "not yet");
    // The clock's own move asks too, in vain.
    app.sandbox.faults().set_api(stripe_sandbox::ApiFault::Status(500));
    app.advance_minutes(2).await;
    let failed = events::fetch_missed_events(&app.inner()).await.unwrap_err().to_string();
    assert!(failed.contains("events"), "the job fails, and is retried ever more seldom: {failed}");
    app.sandbox.faults().set_api(stripe_sandbox::ApiFault::None);
    assert!(events::fetch_missed_events(&app.inner()).await.unwrap() >= 3);
    assert_eq!(app.purchase(&opened.id).await["refunded_amount"], 900);
    assert_eq!(app.balance("acme").await["top_up"]["remaining"], 0);
    app.advance_minutes(11).await;
    assert_eq!(events::fetch_missed_events(&app.inner()).await.unwrap(), 0, "each once");
});
