//! The first sale: whatever is lost, repeated or late, one paid purchase is one grant.

use crate::app::{TestApp, WEBHOOK_SECRET};
use chrono::TimeDelta;
use futures::future::join_all;
use serde_json::{Value, json};
use topup::sandbox::ApiFault;
use topup::stripe::webhook;
use topup::usecases::{alarms, inbox, purchases};

on_both!(
    free_is_refused_before_stripe_is_asked,
    fifty_deliveries_shuffled_with_the_success_page_and_restarts_are_one_grant,
    with_every_webhook_lost_the_sweep_credits,
    a_repeated_key_is_the_same_purchase_also_after_stripe_was_down,
    a_webhook_waits_in_the_inbox_while_stripe_is_down,
    a_bad_signature_writes_nothing,
    an_event_of_the_other_mode_is_refused_with_an_alarm,
    a_payment_that_disagrees_goes_to_review,
    an_abandoned_checkout_expires,
);

async fn state(app: &TestApp, purchase: &str) -> String {
    app.get(&format!("/v1/purchases/{purchase}")).await.json()["state"].as_str().unwrap().to_owned()
}

async fn count(app: &TestApp, table: &str) -> i64 {
    let sql = format!("select count(*) as n from {table}");
    app.services.store.read().await.unwrap().one(sql, Vec::new()).await.unwrap().unwrap().int("n").unwrap()
}

async fn free_is_refused_before_stripe_is_asked(app: TestApp) {
    app.customer("c", "free").await;
    app.sandbox.faults().set_api(ApiFault::Down);
    let refused = app.post("/v1/customers/c/purchases", "k", json!({"package": "p1200"})).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "plan_cannot_buy"));
    assert_eq!(count(&app, "purchases").await, 0);
    let unknown = app.post("/v1/customers/c/purchases", "k", json!({"package": "p7"})).await;
    assert_eq!((unknown.status, unknown.json()["errors"][0]["field"].as_str()), (422, Some("package")));
}

async fn fifty_deliveries_shuffled_with_the_success_page_and_restarts_are_one_grant(mut app: TestApp) {
    app.sandbox.faults().set_webhooks(false);
    app.customer("c", "starter").await;
    let (purchase, session) = app.open_purchase("c", "p1200", "k").await;
    app.sandbox.pay(&session).await.unwrap();
    let hooks = app.sandbox.deliveries_of(&session).await.unwrap();
    assert!(!hooks.is_empty());
    for _ in 0..2 {
        let calls = (0..25).map(|n| {
            let (app, hooks, purchase) = (&app, &hooks, &purchase);
            async move {
                let (body, signature) = &hooks[n % hooks.len()];
                if n % 5 == 0 {
                    app.settle(purchase).await;
                }
                app.deliver(body, signature).await.status
            }
        });
        assert!(join_all(calls).await.into_iter().all(|status| status == 200));
        app = app.restart().await;
    }
    let balance = app.balance("c").await;
    assert_eq!((&balance["available"], &balance["top_up"]["remaining"]), (&json!(6200), &json!(1200)));
    let granted = app.entries("c").await.into_iter().filter(|e| e["ref"] == purchase.as_str()).count();
    assert_eq!(granted, 1);
    app.check().await;
}

async fn with_every_webhook_lost_the_sweep_credits(app: TestApp) {
    app.sandbox.faults().set_webhooks(false);
    app.customer("c", "starter").await;
    let (first, session) = app.open_purchase("c", "p1200", "a").await;
    app.sandbox.pay(&session).await.unwrap();
    let (second, session) = app.open_purchase("c", "p5000", "b").await;
    app.sandbox.pay(&session).await.unwrap();
    app.advance_to(app.now().await + TimeDelta::minutes(3)).await;
    purchases::sweep(&app.services).await.unwrap();
    assert_eq!((state(&app, &first).await, state(&app, &second).await), ("credited".into(), "credited".into()));
    assert_eq!(app.balance("c").await["top_up"]["remaining"], 6200);
    app.check().await;
}

async fn a_repeated_key_is_the_same_purchase_also_after_stripe_was_down(app: TestApp) {
    app.customer("c", "starter").await;
    let path = "/v1/customers/c/purchases";
    app.sandbox.faults().set_api(ApiFault::Down);
    let down = app.post(path, "k", json!({"package": "p1200"})).await;
    assert_eq!((down.status, down.code().as_str()), (503, "stripe_unavailable"));
    assert_ne!(down.header("retry-after"), "");
    app.sandbox.faults().set_api(ApiFault::None);
    let first = app.post(path, "k", json!({"package": "p1200"})).await;
    let again = app.post(path, "k", json!({"package": "p1200"})).await;
    assert_eq!((first.status, again.status, again.header("idempotent-replayed")), (201, 201, "true"));
    assert_eq!(first.json(), again.json());
    assert_eq!(count(&app, "purchases").await, 1);
    let other = app.post(path, "k", json!({"package": "p5000"})).await;
    assert_eq!(other.code(), "idempotency_key_reused");
}

async fn a_webhook_waits_in_the_inbox_while_stripe_is_down(app: TestApp) {
    app.sandbox.faults().set_webhooks(false);
    app.customer("c", "starter").await;
    let (purchase, session) = app.open_purchase("c", "p1200", "k").await;
    app.sandbox.pay(&session).await.unwrap();
    let hooks = app.sandbox.deliveries_of(&session).await.unwrap();
    let (body, signature) = hooks.last().unwrap();
    app.sandbox.faults().set_api(ApiFault::Down);
    assert_eq!(app.deliver(body, signature).await.status, 503);
    assert_eq!(state(&app, &purchase).await, "open");
    app.sandbox.faults().set_api(ApiFault::None);
    app.advance_to(app.now().await + TimeDelta::minutes(2)).await;
    inbox::sweep(&app.services).await.unwrap();
    assert_eq!(state(&app, &purchase).await, "credited");
    app.check().await;
}

async fn a_bad_signature_writes_nothing(app: TestApp) {
    let body = r#"{"id":"evt_1","type":"checkout.session.completed","created":1,"livemode":false,"data":{"object":{"id":"cs_1"}}}"#;
    let now = app.services.clock.real().timestamp();
    let forged = webhook::sign("whsec_somebody_else", now, body.as_bytes());
    let stale = webhook::sign(WEBHOOK_SECRET, now - 301, body.as_bytes());
    for signature in ["", "t=1,v1=00", forged.as_str(), stale.as_str()] {
        assert_eq!(app.deliver(body, signature).await.status, 400, "{signature}");
    }
    assert_eq!(count(&app, "inbox").await, 0);
}

async fn an_event_of_the_other_mode_is_refused_with_an_alarm(app: TestApp) {
    let body = r#"{"id":"evt_1","type":"checkout.session.completed","created":1,"livemode":true,"data":{"object":{"id":"cs_1"}}}"#;
    let signature = webhook::sign(WEBHOOK_SECRET, app.services.clock.real().timestamp(), body.as_bytes());
    assert_eq!(app.deliver(body, &signature).await.status, 400);
    let open = alarms::open(&app.services.store).await.unwrap();
    assert_eq!(open.iter().map(|alarm| alarm.kind.as_str()).collect::<Vec<_>>(), ["wrong_mode"]);
}

async fn a_payment_that_disagrees_goes_to_review(app: TestApp) {
    app.sandbox.faults().set_webhooks(false);
    app.customer("c", "starter").await;
    let (purchase, session) = app.open_purchase("c", "p1200", "k").await;
    let job = app.services.ledger.job::<(), topup::usecases::Fault, _>(|turn| {
        Box::pin(async move {
            turn.link.run("update purchases set amount = amount + 1", Vec::new()).await?;
            Ok(())
        })
    });
    job.await.unwrap().unwrap();
    app.sandbox.pay(&session).await.unwrap();
    app.settle(&purchase).await;
    assert_eq!(state(&app, &purchase).await, "review");
    assert_eq!(app.balance("c").await["top_up"]["remaining"], 0);
    let open = alarms::open(&app.services.store).await.unwrap();
    assert_eq!((open[0].kind.as_str(), open[0].subject.as_str()), ("review", purchase.as_str()));
}

async fn an_abandoned_checkout_expires(app: TestApp) {
    app.sandbox.faults().set_webhooks(false);
    app.customer("c", "starter").await;
    let (purchase, _) = app.open_purchase("c", "p1200", "k").await;
    app.advance_to(app.now().await + TimeDelta::hours(25)).await;
    app.sandbox.catch_up().await.unwrap();
    app.settle(&purchase).await;
    assert_eq!(state(&app, &purchase).await, "expired");
    let timeline: Value = app.get(&format!("/v1/purchases/{purchase}")).await.json()["timeline"].clone();
    let what: Vec<&str> = timeline.as_array().unwrap().iter().map(|m| m["what"].as_str().unwrap()).collect();
    assert_eq!(what, ["chosen", "checkout_opened", "expired"]);
}
