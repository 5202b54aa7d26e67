//! Plans that follow subscriptions at Stripe (R6): every status, replayed and reordered, a grace and its end.

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

/// A shop whose plans are subscribed to; its worker is off, and events are delivered by hand. `acme` is on Free.
async fn shop(app: &TestApp) {
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
    let followed = subscriptions::followed(&app.inner(), number(app).await, false).await.unwrap();
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

on_both!(an_unpaid_plan_is_kept_for_its_grace_and_then_voided, |app| {
    let id = subscribed(app).await;
    app.charge("acme", "1000", "job-1").await.expect(201);
    app.sandbox.fail_invoice(&id).await.unwrap();
    deliver(app, &id).await;
    let since = app.now();
    let told = app.get("/v1/customers/acme").await.json()["subscription"].clone();
    assert_eq!((&told["status"], instant(&told["grace_until"])), (&json!("past_due"), since + TimeDelta::days(7)));
    assert_eq!(stands(app).await, json!(["starter", null, 4000, "past_due"]));
    // Another try of the same invoice begins no other grace.
    app.advance(json!({"advance_days": 5})).await.expect(200);
    app.sandbox.set_status(&id, "past_due").await.unwrap();
    deliver(app, &id).await;
    let end = since + TimeDelta::days(7);
    app.advance_to(end - TimeDelta::milliseconds(1)).await;
    assert_eq!(stands(app).await, json!(["starter", null, 4000, "past_due"]));
    app.advance_to(end).await;
    assert_eq!(stands(app).await, json!(["free", null, 300, "past_due"]));
    let lines = app.entries("acme").await;
    let [.., voided, free] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!((&voided["kind"], &voided["amount"], &free["amount"]), (&json!("voided"), &json!(-4000), &json!(300)));
    assert_eq!(instant(&voided["event_at"]), end);
    let plan = &app.balance("acme").await["grants"][0];
    assert_eq!(plan["expires_at"], app.balance("acme").await["plan"]["resets_at"], "to the cycle's end");
    deliver(app, &id).await;
    assert_eq!(app.entries("acme").await, lines, "told again, it is the same");
    // Paid after all: what was spent of it counts.
    app.charge("acme", "100", "job-2").await.expect(201);
    app.sandbox.recover(&id).await.unwrap();
    deliver(app, &id).await;
    assert_eq!(stands(app).await, json!(["starter", null, 3900, "active"]));
});

on_both!(a_grace_ends_when_somebody_looks_if_no_job_runs, |app| {
    let id = subscribed(app).await;
    app.sandbox.fail_invoice(&id).await.unwrap();
    deliver(app, &id).await;
    let inner = app.inner();
    inner.clock.put(app.now() + TimeDelta::days(8));
    assert_eq!(stands(app).await, json!(["free", null, 300, "past_due"]));
    assert_eq!(kinds(app).await, ["granted", "granted", "voided", "granted"]);
});

on_both!(a_status_that_gives_nothing_ends_the_grace_at_once, |app| {
    let id = subscribed(app).await;
    for status in ["unpaid", "canceled", "paused", "incomplete_expired"] {
        let id =
            if status == "unpaid" { id.clone() } else { app.sandbox.subscribe("acme", "price_starter").await.unwrap() };
        deliver(app, &id).await;
        app.sandbox.fail_invoice(&id).await.unwrap();
        deliver(app, &id).await;
        assert_eq!(stands(app).await.get(3), Some(&json!("past_due")), "{status}");
        app.sandbox.set_status(&id, status).await.unwrap();
        deliver(app, &id).await;
        assert_eq!(stands(app).await, json!(["free", null, 300, null]), "{status}");
        // The next one begins with a cycle of its own.
        app.advance(json!({"advance_days": 40})).await.expect(200);
    }
});

on_both!(a_status_that_gives_nothing_without_any_grace_takes_the_plan_along, |app| {
    let id = subscribed(app).await;
    app.sandbox.set_status(&id, "paused").await.unwrap();
    deliver(app, &id).await;
    assert_eq!(stands(app).await, json!(["free", null, 300, null]));
    app.sandbox.set_status(&id, "active").await.unwrap();
    deliver(app, &id).await;
    assert_eq!(stands(app).await, json!(["starter", null, 5000, "active"]), "resumed");
});

on_both!(what_is_told_backwards_many_times_and_at_once_ends_the_same, |app| {
    shop(app).await;
    let id = app.sandbox.subscribe("acme", "price_starter").await.unwrap();
    app.sandbox.change_price(&id, "price_pro").await.unwrap();
    app.sandbox.fail_invoice(&id).await.unwrap();
    app.sandbox.recover(&id).await.unwrap();
    let events = app.sandbox.deliveries_of(&id).await.unwrap();
    let all: Vec<_> = events.iter().rev().chain(&events).chain(events.iter().rev()).collect();
    for answer in join_all(all.iter().map(|event| app.deliver(event))).await {
        // One that is overtaken by all others asks to be told again.
        assert!([200, 503].contains(&answer.status), "{}", answer.status);
    }
    for event in &events {
        app.deliver(event).await.expect(200);
    }
    assert_eq!(stands(app).await, json!(["pro", null, 100_000, "active"]));
    assert_eq!(kinds(app).await, ["granted", "granted"], "one growth, and no more");
    assert_eq!(app.count("select count(*) as n from inbox where done_at is null").await, 0);
});

on_both!(an_answer_that_was_overtaken_is_not_taken, |app| {
    let id = subscribed(app).await;
    let calls = app.stripe_calls();
    app.sandbox.faults().set_api(ApiFault::Slow(Duration::from_secs(1)));
    let (inner, of) = (app.inner(), id.clone());
    let slow = tokio::spawn(async move { subscriptions::update(&inner, &of).await.unwrap() });
    while app.stripe_calls() == calls {
        tokio::task::yield_now().await;
    }
    app.sandbox.faults().set_api(ApiFault::None);
    // Made while the first answer is on its way, and taken before it arrives.
    app.sandbox.change_price(&id, "price_builder").await.unwrap();
    subscriptions::update(&app.inner(), &id).await.unwrap();
    slow.await.unwrap();
    assert_eq!(stands(app).await, json!(["builder", null, 25000, "active"]));
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

on_both!(a_renewal_that_is_declined_is_a_grace_and_its_end_is_frees_cycle, |app| {
    let id = subscribed(app).await;
    app.sandbox.set_declined(&id, true).await.unwrap();
    let reset = instant(&app.balance("acme").await["plan"]["resets_at"]);
    app.advance_to(reset + TimeDelta::minutes(1)).await;
    app.sandbox.catch_up().await.unwrap();
    deliver(app, &id).await;
    assert_eq!(stands(app).await, json!(["starter", null, 5000, "past_due"]), "the new cycle, in its grace");
    app.advance(json!({"advance_days": 8})).await.expect(200);
    assert_eq!(stands(app).await, json!(["free", null, 300, "past_due"]));
    app.sandbox.set_status(&id, "canceled").await.unwrap();
    deliver(app, &id).await;
    assert_eq!(stands(app).await, json!(["free", null, 300, null]));
    app.advance(json!({"advance_days": 60})).await.expect(200);
    assert_eq!(stands(app).await, json!(["free", null, 300, null]));
});

on_both!(while_stripe_cannot_be_asked_events_wait, |app| {
    shop(app).await;
    let id = app.sandbox.subscribe("acme", "price_builder").await.unwrap();
    app.sandbox.faults().set_api(ApiFault::Status(500));
    for event in app.sandbox.deliveries_of(&id).await.unwrap() {
        app.deliver(&event).await.expect(503);
    }
    assert_eq!(stands(app).await, json!(["free", null, 300, null]));
    app.sandbox.faults().set_api(ApiFault::None);
    app.inner().clock.put(app.now() + TimeDelta::minutes(5));
    inbox::sweep(&app.inner()).await.unwrap();
    assert_eq!(stands(app).await, json!(["builder", null, 25000, "active"]));
    assert_eq!(app.count("select count(*) as n from inbox where done_at is null").await, 0);
});

on_both!(events_of_subscriptions_that_never_came_are_read, |app| {
    shop(app).await;
    events::catch_up(&app.inner()).await.unwrap();
    app.sandbox.subscribe("acme", "price_starter").await.unwrap();
    app.inner().clock.put(app.now() + TimeDelta::minutes(11));
    assert!(events::catch_up(&app.inner()).await.unwrap() >= 2);
    assert_eq!(stands(app).await, json!(["starter", null, 5000, "active"]));
});

on_both!(a_price_or_payer_that_nobody_knows_changes_nothing, |app| {
    shop(app).await;
    app.sandbox.add_price("price_else", "Else", 500, "usd").await.unwrap();
    let strange = app.sandbox.subscribe("acme", "price_else").await.unwrap();
    let foreign = app.sandbox.subscribe("nobody", "price_pro").await.unwrap();
    deliver(app, &strange).await;
    // It is not awaited for ever.
    app.inner().clock.put(app.now() + TimeDelta::hours(1));
    deliver(app, &foreign).await;
    assert_eq!(stands(app).await, json!(["free", null, 300, null]));
    assert_eq!(app.alarms().await, ["unknown_price"]);
    assert_eq!(app.count("select count(*) as n from subscriptions").await, 1);
    app.put("acme", json!({"plan": "pro"})).await.expect(200);
});

on_both!(a_subscription_may_come_before_its_customer, |app| {
    shop(app).await;
    let id = app.sandbox.subscribe("nova", "price_builder").await.unwrap();
    for event in app.sandbox.deliveries_of(&id).await.unwrap() {
        app.deliver(&event).await.expect(503);
    }
    app.put_customer("nova", "free").await;
    app.inner().clock.put(app.now() + TimeDelta::minutes(3));
    inbox::sweep(&app.inner()).await.unwrap();
    let nova = app.get("/v1/customers/nova").await.expect(200).json();
    assert_eq!((&nova["plan"]["id"], &nova["subscription"]["id"]), (&json!("builder"), &json!(id)));
    assert_eq!(nova["subscription"]["grace_until"], json!(null));
});

on_both!(a_closed_customers_subscription_is_an_alarm, |app| {
    let id = subscribed(app).await;
    app.send(app.request("DELETE", "/v1/customers/acme")).await.expect(204);
    assert_eq!(app.alarms().await, ["subscription"]);
    app.sandbox.change_price(&id, "price_pro").await.unwrap();
    deliver(app, &id).await;
    assert_eq!(app.balance("acme").await["plan"]["id"], "starter");
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

async fn differences(app: &TestApp) -> Vec<(String, String)> {
    let found = reconcile::compare(&app.inner(), app.now() - TimeDelta::days(30)).await.unwrap();
    let mut kinds: Vec<_> = found.iter().map(|one| (one.kind.to_owned(), one.subject.to_string())).collect();
    kinds.sort();
    kinds
}

on_both!(planted_differences_of_subscriptions_are_found_and_mended, |app| {
    let followed = subscribed(app).await;
    assert_eq!(differences(app).await, []);
    let repaired = async || {
        let found = reconcile::compare(&app.inner(), app.now() - TimeDelta::days(30)).await.unwrap();
        reconcile::repair(&app.inner(), &found).await.unwrap();
        assert_eq!(differences(app).await, []);
    };
    // Unknown here; another price; another status; an end; a plan that does not follow.
    app.put_customer("beta", "free").await;
    let unseen = app.sandbox.subscribe("beta", "price_pro").await.unwrap();
    assert_eq!(differences(app).await, [("subscription".to_owned(), unseen.clone())]);
    repaired().await;
    assert_eq!(app.balance("beta").await["plan"]["id"], "pro");
    let is = |kind: &str| vec![(kind.to_owned(), followed.clone())];
    app.sandbox.change_price(&followed, "price_builder").await.unwrap();
    assert_eq!(differences(app).await, is("subscription"));
    repaired().await;
    app.sandbox.set_cancel_at_period_end(&followed, true).await.unwrap();
    assert_eq!(differences(app).await, is("subscription"));
    repaired().await;
    assert_eq!(stands(app).await, json!(["builder", "free", 25000, "active"]));
    app.sandbox.set_cancel_at_period_end(&followed, false).await.unwrap();
    repaired().await;
    app.tamper("delete from controlling_subscriptions where customer_no = 1", Vec::new()).await.unwrap();
    app.restart().await;
    assert_eq!(differences(app).await, is("plan"));
    repaired().await;
    app.sandbox.fail_invoice(&followed).await.unwrap();
    assert_eq!(differences(app).await, is("subscription"));
    repaired().await;
    assert_eq!(stands(app).await, json!(["builder", null, 25000, "past_due"]));
    app.tamper("update subscriptions set id = 'sub_none' where customer_no = 2", Vec::new()).await.unwrap_err();
});

on_both!(the_check_names_lies_about_subscriptions, |app| {
    let id = subscribed(app).await;
    app.sandbox.fail_invoice(&id).await.unwrap();
    deliver(app, &id).await;
    let lies = [
        (
            "update subscriptions set status = 'canceled'",
            "update subscriptions set status = 'past_due'",
            "does not live",
        ),
        ("update subscriptions set plan = null", "update subscriptions set plan = 'starter'", "does not live"),
        (
            "update subscriptions set status = 'active'",
            "update subscriptions set status = 'past_due'",
            "graces of a subscription",
        ),
        (
            "update controlling_subscriptions set grace_until = grace_until + 1",
            "update controlling_subscriptions set grace_until = grace_until - 1",
            "the next thing due",
        ),
    ];
    for (tell, undo, says) in lies {
        app.tamper(tell, Vec::new()).await.unwrap();
        let broken = check::run(&app.inner().store).await.unwrap().expect_err(tell);
        assert!(broken.contains(says), "{tell}: {broken}");
        app.tamper(undo, Vec::new()).await.unwrap();
    }
    app.advance(json!({"advance_days": 10})).await.expect(200);
    let lie = "update grants set is_voided = 0 where kind = 1 and is_voided = 1";
    app.tamper(lie, Vec::new()).await.unwrap();
    assert!(check::run(&app.inner().store).await.unwrap().is_err());
    app.tamper("update grants set is_voided = 1 where kind = 1 and voided > 0", Vec::new()).await.unwrap();
});
