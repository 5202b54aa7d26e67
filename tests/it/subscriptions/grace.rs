//! The grace of an unpaid subscription (R6).

use super::*;

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

on_both!(a_grace_ends_on_a_read_without_jobs, |app| {
    let id = subscribed(app).await;
    app.sandbox.fail_invoice(&id).await.unwrap();
    deliver(app, &id).await;
    let inner = app.inner();
    inner.clock.put(app.now() + TimeDelta::days(8));
    assert_eq!(stands(app).await, json!(["free", null, 300, "past_due"]));
    assert_eq!(kinds(app).await, ["granted", "granted", "voided", "granted"]);
});

on_both!(a_status_without_credits_ends_the_grace_at_once, |app| {
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

on_both!(a_status_without_credits_and_grace_ends_the_plan, |app| {
    let id = subscribed(app).await;
    app.sandbox.set_status(&id, "paused").await.unwrap();
    deliver(app, &id).await;
    assert_eq!(stands(app).await, json!(["free", null, 300, null]));
    app.sandbox.set_status(&id, "active").await.unwrap();
    deliver(app, &id).await;
    assert_eq!(stands(app).await, json!(["starter", null, 5000, "active"]), "resumed");
});

on_both!(a_declined_renewal_is_a_grace_and_ends_on_free, |app| {
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
