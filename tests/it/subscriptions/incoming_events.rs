//! Events of subscriptions: repeated, reordered, lost, unknown.

use super::*;

on_both!(repeated_reordered_and_concurrent_events_end_the_same, |app| {
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

on_both!(an_outdated_answer_is_ignored, |app| {
    let id = subscribed(app).await;
    let calls = app.stripe_calls();
    app.sandbox.faults().set_api(ApiFault::Slow(Duration::from_secs(1)));
    let (inner, of) = (app.inner(), id.clone());
    let slow = tokio::spawn(async move { subscriptions::update_plan(&inner, &of).await.unwrap() });
    while app.stripe_calls() == calls {
        tokio::task::yield_now().await;
    }
    app.sandbox.faults().set_api(ApiFault::None);
    // Made while the first answer is on its way, and taken before it arrives.
    app.sandbox.change_price(&id, "price_builder").await.unwrap();
    subscriptions::update_plan(&app.inner(), &id).await.unwrap();
    slow.await.unwrap();
    assert_eq!(stands(app).await, json!(["builder", null, 25000, "active"]));
});

on_both!(events_wait_during_an_outage, |app| {
    shop(app).await;
    let id = app.sandbox.subscribe("acme", "price_builder").await.unwrap();
    app.sandbox.faults().set_api(ApiFault::Status(500));
    for event in app.sandbox.deliveries_of(&id).await.unwrap() {
        app.deliver(&event).await.expect(503);
    }
    assert_eq!(stands(app).await, json!(["free", null, 300, null]));
    app.sandbox.faults().set_api(ApiFault::None);
    app.inner().clock.put(app.now() + TimeDelta::minutes(5));
    inbox::sweep_inbox(&app.inner()).await.unwrap();
    assert_eq!(stands(app).await, json!(["builder", null, 25000, "active"]));
    assert_eq!(app.count("select count(*) as n from inbox where done_at is null").await, 0);
});

on_both!(lost_events_of_subscriptions_are_read, |app| {
    shop(app).await;
    events::fetch_missed_events(&app.inner()).await.unwrap();
    app.sandbox.subscribe("acme", "price_starter").await.unwrap();
    app.inner().clock.put(app.now() + TimeDelta::minutes(11));
    assert!(events::fetch_missed_events(&app.inner()).await.unwrap() >= 2);
    assert_eq!(stands(app).await, json!(["starter", null, 5000, "active"]));
});

on_both!(an_unknown_price_or_payer_changes_nothing, |app| {
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
    inbox::sweep_inbox(&app.inner()).await.unwrap();
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
