//! Plans that follow subscriptions at Stripe (R6): every status, replayed and reordered, a grace and its end.

mod differences;
mod grace;
mod incoming_events;

use crate::app::{TestApp, on_both};
use chrono::TimeDelta;
use futures::future::join_all;
use serde_json::{Value, json};
use std::time::Duration;
use stripe_sandbox::ApiFault;
use topup::domain::Instant;
use topup::usecases::stripe_sync::{events, inbox, reconcile};
use topup::usecases::subscriptions;
use topup::usecases::upkeep::check;

pub const PRICES: [(&str, &str, i64); 3] =
    [("starter", "price_starter", 1_900), ("builder", "price_builder", 7_900), ("pro", "price_pro", 24_900)];

/// The sample catalogue with a price at Stripe for each plan that is paid for.
pub fn catalogue() -> String {
    let mut text = include_str!("../../catalog.toml").to_owned();
    for (plan, price, _) in PRICES {
        let id = format!("id = \"{plan}\"\n");
        assert!(text.contains(&id));
        text = text.replace(&id, &format!("{id}stripe_prices = [\"{price}\"]\n"));
    }
    text
}

/// A shop that sells plans at Stripe, without worker and webhooks. `acme` is on Free.
pub async fn shop(app: &TestApp) {
    let path = app.home.folder.join("catalog.toml");
    std::fs::create_dir_all(&app.home.folder).unwrap();
    std::fs::write(&path, catalogue()).unwrap();
    app.set(|settings| {
        settings.database.catalog = path;
        settings.worker = topup::settings::Switch::Off;
    });
    app.restart().await;
    app.sandbox.faults().set_webhooks(false);
    for (plan, price, amount) in PRICES {
        app.sandbox.add_price(price, plan, amount, "usd").await.unwrap();
    }
    app.put_customer("acme", "free").await;
}

/// The same, with `acme` on a paid Starter.
async fn subscribed(app: &TestApp) -> String {
    shop(app).await;
    let id = app.sandbox.subscribe("acme", "price_starter").await.unwrap();
    deliver(app, &id).await;
    assert_eq!(stands(app).await, json!(["starter", null, 5000, "active"]));
    id
}

/// Delivers all events of a subscription, the newest first, and some of them again.
async fn deliver(app: &TestApp, id: &str) {
    app.sandbox.catch_up().await.unwrap();
    let mut events = app.sandbox.deliveries_of(id).await.unwrap();
    events.reverse();
    for event in events.iter().chain(events.iter().rev().step_by(2)) {
        app.deliver(event).await.expect(200);
    }
}

/// The plan, what is booked for the next cycle, what is left of its credits, and the status of what it follows.
async fn stands(app: &TestApp) -> Value {
    let plan = app.balance("acme").await["plan"].clone();
    let followed = subscriptions::followed_subscription(&app.inner(), number(app).await, false).await.unwrap();
    json!([plan["id"], plan["next"]["id"], plan["remaining"], followed.map(|it| it.status)])
}

async fn number(app: &TestApp) -> i64 {
    app.count("select no as n from customers where id = 'acme'").await
}

async fn kinds(app: &TestApp) -> Vec<String> {
    app.entries("acme").await.iter().map(|line| line["kind"].as_str().unwrap().to_owned()).collect()
}

fn instant(value: &Value) -> Instant {
    value.as_str().unwrap().parse().unwrap()
}

on_both!(a_plan_goes_up_at_once_and_down_or_away_at_the_cycles_end, |app| {
    let id = subscribed(app).await;
    app.sandbox.change_price(&id, "price_builder").await.unwrap();
    deliver(app, &id).await;
    assert_eq!(stands(app).await, json!(["builder", null, 25000, "active"]));
    app.sandbox.change_price(&id, "price_starter").await.unwrap();
    deliver(app, &id).await;
    assert_eq!(stands(app).await, json!(["builder", "starter", 25000, "active"]));
    app.advance(json!({"advance_days": 32})).await.expect(200);
    deliver(app, &id).await;
    assert_eq!(stands(app).await, json!(["starter", null, 5000, "active"]));
    app.sandbox.set_cancel_at_period_end(&id, true).await.unwrap();
    deliver(app, &id).await;
    assert_eq!(stands(app).await, json!(["starter", "free", 5000, "active"]));
    app.sandbox.set_cancel_at_period_end(&id, false).await.unwrap();
    deliver(app, &id).await;
    assert_eq!(stands(app).await, json!(["starter", null, 5000, "active"]), "thought better of");
    app.sandbox.set_status(&id, "canceled").await.unwrap();
    deliver(app, &id).await;
    assert_eq!(stands(app).await, json!(["starter", "free", 5000, null]), "it was paid for");
    app.advance(json!({"advance_days": 32})).await.expect(200);
    assert_eq!(stands(app).await, json!(["free", null, 300, null]));
    assert!(!kinds(app).await.contains(&"voided".to_owned()));
});

on_both!(while_a_subscription_decides_no_other_plan_is_put, |app| {
    let id = subscribed(app).await;
    let before = app.ledger("acme").await;
    let refused = app.put("acme", json!({"plan": "pro", "name": "Acme"})).await.expect(409).json();
    assert_eq!(refused["code"], "plan_managed_by_subscription");
    let anchor = json!({"cycle_anchor": "2026-01-31T00:00:00Z"});
    assert_eq!(app.put("acme", anchor).await.expect(409).json()["code"], "plan_managed_by_subscription");
    assert_eq!(app.get("/v1/customers/acme").await.json()["name"], "acme", "nothing of it was done");
    assert_eq!(app.ledger("acme").await, before);
    app.put("acme", json!({"plan": "starter", "name": "Acme"})).await.expect(200);
    // Saying the plan again calls off nothing that the subscription has booked.
    app.sandbox.set_cancel_at_period_end(&id, true).await.unwrap();
    deliver(app, &id).await;
    app.put("acme", json!({"plan": "starter"})).await.expect(200);
    assert_eq!(stands(app).await, json!(["starter", "free", 5000, "active"]));
    app.sandbox.set_status(&id, "unpaid").await.unwrap();
    deliver(app, &id).await;
    app.put("acme", json!({"plan": "pro"})).await.expect(200);
    assert_eq!(stands(app).await, json!(["pro", null, 100_000, null]));
});

on_both!(the_subscriptions_anchor_is_the_cycles_from_the_next_boundary_on, |app| {
    shop(app).await;
    let end = instant(&app.balance("acme").await["plan"]["resets_at"]);
    app.advance(json!({"advance_days": 5})).await.expect(200);
    let id = app.sandbox.subscribe("acme", "price_starter").await.unwrap();
    deliver(app, &id).await;
    let anchor = app.now();
    assert_eq!(instant(&app.balance("acme").await["plan"]["resets_at"]), end);
    app.advance_to(end).await;
    deliver(app, &id).await;
    let next = instant(&app.balance("acme").await["plan"]["resets_at"]);
    let expected = topup::domain::cycle::next_boundary(anchor, end).unwrap();
    assert_eq!(next.timestamp(), expected.timestamp());
    assert_eq!(stands(app).await, json!(["starter", null, 5000, "active"]));
});

on_both!(a_customers_own_key_reads_the_status, |app| {
    let id = subscribed(app).await;
    let made = app.send(app.write("POST", "/v1/customers/acme/api_keys", None, r#"{"name":"ci"}"#)).await;
    let key = made.expect(201).json()["key"].as_str().unwrap().to_owned();
    let status = async || {
        let request = app.http.get(format!("http://{}/api/account", app.address)).header("x-api-key", &key);
        app.send(request).await.expect(200).json()["data"]["subscription"]["status"].clone()
    };
    assert_eq!(status().await, "active");
    app.sandbox.set_status(&id, "canceled").await.unwrap();
    deliver(app, &id).await;
    assert_eq!(status().await, "canceled");
});
