//! Courtesy credits and voids (R11).

use super::{assert_replay, draws, give, hold, id, instant, settle, void};
use crate::app::on_both;
use chrono::TimeDelta;
use serde_json::json;

on_both!(courtesy_credits_are_given_once, |app| {
    app.put_customer_with_left("acme", 0).await;
    let first = give(app, 50, 10, "g").await.expect(201);
    let grant = first.json();
    assert_eq!(
        (&grant["kind"], &grant["state"], &grant["reason"]),
        (&json!("courtesy"), &json!("active"), &json!("sorry for the outage"))
    );
    assert_eq!((&grant["amount"], &grant["remaining"]), (&json!(50), &json!(50)));
    assert_eq!(instant(&grant["expires_at"]), app.now() + TimeDelta::days(10));
    assert_eq!(grant["balance"]["courtesy"], json!(50));
    let body = json!({"credits": 50, "expires_at": grant["expires_at"], "reason": "sorry for the outage"}).to_string();
    let charge = app.charge("acme", "50", "c").await.expect(201);
    assert_eq!(charge.header("x-credits-source"), Some("courtesy"));
    app.advance_to(app.now() + TimeDelta::days(11)).await;
    // Its own repeat is answered although the instant is past by now; anything else is not.
    assert_replay(&first, &app.post("/v1/customers/acme/grants", "g", body.clone()).await);
    app.post("/v1/customers/acme/grants", "g2", body.clone()).await.expect_problem(422, "invalid_value");
    let other = body.replace("50", "51");
    app.post("/v1/customers/acme/grants", "g", other).await.expect_problem(422, "invalid_value");
    give(app, 50, 20, "g").await.expect_problem(409, "idempotency_key_reused");
    let long = json!({"credits": 1, "expires_at": "2999-01-01T00:00:00Z", "reason": "é".repeat(201)}).to_string();
    assert_eq!(app.post("/v1/customers/acme/grants", "g3", long).await.expect(422).fields(), ["reason"]);
});

on_both!(the_two_hundredth_grant_is_the_last, |app| {
    app.put_customer("acme", "starter").await;
    for n in 1..200 {
        give(app, 1, 10, &format!("g{n}")).await.expect(201);
    }
    let before = app.ledger("acme").await;
    give(app, 1, 10, "over").await.expect_problem(409, "limit_reached");
    assert_eq!(app.ledger("acme").await, before);
});

on_both!(a_void_takes_back_a_courtesy_grant_and_its_returned_credits, |app| {
    app.put_customer_with_left("acme", 0).await;
    let grant = id(&give(app, 50, 10, "g").await.expect(201));
    let path = format!("/v1/grants/{grant}/void");
    let charge = id(&app.charge("acme", "5", "c").await.expect(201));
    let (kept, back) = (id(&hold(app, 10, 60, "h1").await.expect(201)), id(&hold(app, 20, 60, "h2").await.expect(201)));
    let first = void(app, &path, "v").await.expect(200);
    let json = first.json();
    assert_eq!((&json["state"], &json["remaining"], &json["held"]), (&json!("voided"), &json!(0), &json!(30)));
    assert_eq!((&json["reason"], &json["balance"]["available"]), (&json!("sorry for the outage"), &json!(0)));
    assert_replay(&first, &void(app, &path, "v").await);
    void(app, &path, "v2").await.expect_problem(409, "already_voided");
    // Held credits may be used; the rest, and credits that a void returns, are gone.
    settle(app, &kept, "4", "s").await.expect(200);
    app.post(&format!("/v1/holds/{back}/release"), "r", "{}").await.expect(200);
    let undone = void(app, &format!("/v1/usage/{charge}/void"), "vu").await.expect(200);
    assert_eq!(undone.json()["balance"]["available"], json!(0));
    let voided: Vec<_> = app.entries_of("acme", "voided").await.iter().map(|e| e["amount"].clone()).collect();
    assert_eq!(voided, [json!(-15), json!(-6), json!(-20), json!(5), json!(-5)]);
});

on_both!(only_a_live_courtesy_grant_can_be_voided, |app| {
    app.put_customer("acme", "starter").await;
    let plan = app.balance("acme").await["grants"][0]["id"].as_str().unwrap().to_owned();
    void(app, &format!("/v1/grants/{plan}/void"), "v1").await.expect_problem(409, "grant_not_courtesy");
    let grant = give(app, 50, 1, "g").await.expect(201);
    app.advance_to(instant(&grant.json()["expires_at"])).await;
    void(app, &format!("/v1/grants/{}/void", id(&grant)), "v2").await.expect_problem(409, "grant_ended");
    void(app, "/v1/grants/grt_1/void", "v3").await.expect_problem(404, "not_found");
    let path = format!("/v1/grants/{}/void", id(&grant));
    app.post(&path, "v4", "{}").await.expect_problem(422, "missing_field");
    app.send(app.write("POST", &path, None, "{")).await.expect_problem(400, "idempotency_key_missing");
});

on_both!(a_grant_that_is_used_up_can_still_be_voided, |app| {
    app.put_customer_with_left("acme", 0).await;
    let grant = id(&give(app, 50, 10, "g").await.expect(201));
    let charge = id(&app.charge("acme", "50", "c").await.expect(201));
    let voided = void(app, &format!("/v1/grants/{grant}/void"), "v").await.expect(200).json();
    assert_eq!((&voided["state"], &voided["remaining"]), (&json!("voided"), &json!(0)));
    void(app, &format!("/v1/usage/{charge}/void"), "vu").await.expect(200);
    assert_eq!(app.available("acme").await, json!(0));
});

on_both!(a_usage_is_undone_once_and_returns_to_its_grants, |app| {
    app.put_customer_with_left("acme", 10).await;
    give(app, 50, 10, "g").await.expect(201);
    let charge = app.post("/v1/customers/acme/usage", "c", r#"{"credits":30,"source":"key-1"}"#).await.expect(201);
    let path = format!("/v1/usage/{}/void", id(&charge));
    let first = void(app, &path, "v").await.expect(200);
    let json = first.json();
    assert_eq!((&json["id"], &json["source"]), (&charge.json()["id"], &json!("key-1")));
    assert_eq!(draws(&json), [("plan", &json!(10)), ("courtesy", &json!(20))]);
    assert_eq!(instant(&json["voided_at"]), app.now());
    assert_eq!(json["balance"], json!({"available": 60, "plan": 10, "courtesy": 50, "top_up": 0, "held": 0}));
    assert_replay(&first, &void(app, &path, "v").await);
    void(app, &path, "v2").await.expect_problem(409, "already_voided");
    void(app, "/v1/usage/use_1/void", "v3").await.expect_problem(404, "not_found");
    let usages = app.all("/v1/customers/acme/usage", 200).await;
    assert_eq!((&usages[0]["voided_at"], usages[1].get("voided_at")), (&json["voided_at"], None));
    // The charge's own repeat is the answer that was given.
    let again = app.post("/v1/customers/acme/usage", "c", r#"{"credits":30,"source":"key-1"}"#).await;
    assert_replay(&charge, &again);
});

on_both!(credits_that_return_to_an_ended_grant_expire, |app| {
    app.put_customer_with_left("acme", 10).await;
    give(app, 50, 100, "g").await.expect(201);
    let charge = id(&app.charge("acme", "30", "c").await.expect(201));
    let end = instant(&app.balance("acme").await["plan"]["resets_at"]);
    app.advance_to(end + TimeDelta::days(1)).await;
    let undone = void(app, &format!("/v1/usage/{charge}/void"), "v").await.expect(200).json();
    assert_eq!((&undone["balance"]["plan"], &undone["balance"]["courtesy"]), (&json!(5_000), &json!(50)));
    let expired = app.entries_of("acme", "expired").await.pop().unwrap();
    assert_eq!((&expired["amount"], &expired["ref"]), (&json!(-10), &undone["id"]));
});
