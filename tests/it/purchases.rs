//! Starting a purchase: rights, idempotency keys, Stripe down or slow.

use crate::app::{Opened, SECRET_KEY, TestApp, on_both};
use futures::future::join_all;
use serde_json::{Value, json};
use std::time::Duration;
use stripe_sandbox::ApiFault;

/// All Checkouts that were ever opened at Stripe.
async fn sessions(app: &TestApp) -> Vec<Value> {
    let base = app.inner().settings.checkout_origin.clone();
    let request = app.http.get(format!("{base}/v1/checkout/sessions?limit=100")).bearer_auth(SECRET_KEY);
    app.send(request).await.expect(200).json()["data"].as_array().unwrap().clone()
}

async fn purchases(app: &TestApp) -> Vec<Value> {
    app.all("/v1/customers/acme/purchases", 200).await
}

on_both!(a_purchase_is_a_checkout_of_the_chosen_package, |app| {
    app.put_customer("acme", "starter").await;
    let answer = app.start_purchase("acme", "p1200", "buy-1").await.expect(201);
    let started = answer.json();
    let opened = Opened::of(&answer);
    let url = format!("{}/pay/{}", app.inner().settings.checkout_origin, opened.session);
    let wanted = json!({"id": opened.id, "url": url, "state": "open", "package": "p1200", "credits": 1200, "amount": 900,
        "currency": "usd"});
    assert_eq!(started, wanted);
    let purchase = app.purchase(&opened.id).await;
    for (field, value) in [
        ("package", json!("p1200")),
        ("credits", json!(1200)),
        ("amount", json!(900)),
        ("state", json!("open")),
        ("refunded_amount", json!(0)),
        ("shortfall", json!(0)),
        ("dispute", Value::Null),
        ("credited_at", Value::Null),
        ("expires_at", Value::Null),
        ("grant", Value::Null),
    ] {
        assert_eq!(purchase[field], value, "{field}");
    }
    let [session] = &sessions(app).await[..] else { panic!("one Checkout") };
    assert_eq!(session["client_reference_id"], opened.id);
    assert_eq!(session["metadata"]["purchase"], opened.id);
    assert_eq!((&session["amount_subtotal"], &session["currency"]), (&json!(900), &json!("usd")));
    let home = format!("http://{}", app.address);
    assert_eq!(session["success_url"], format!("{home}/purchases/{}?session_id={{CHECKOUT_SESSION_ID}}", opened.id));
    assert!(session["cancel_url"].as_str().unwrap().starts_with(&format!("{home}/billing")));
    let hour = app.now().timestamp() + 3_600;
    assert_eq!(session["expires_at"], hour);
});

on_both!(a_plan_that_may_not_buy_is_refused_before_any_call_to_stripe, |app| {
    app.put_customer("acme", "free").await;
    let before = app.ledger("acme").await;
    for package in ["p1200", "p50000"] {
        app.start_purchase("acme", package, "buy-1").await.expect_problem(403, "plan_cannot_buy");
    }
    assert_eq!((app.stripe_calls(), app.count("select count(*) as n from purchases").await), (0, 0));
    assert_eq!(app.ledger("acme").await, before);
    // The refusal bound nothing: after an upgrade the same key buys.
    app.put("acme", json!({"plan": "starter"})).await.expect(200);
    app.start_purchase("acme", "p1200", "buy-1").await.expect(201);
});

on_both!(an_unknown_package_is_refused_before_any_call_to_stripe, |app| {
    app.put_customer("acme", "starter").await;
    for (body, code) in [
        (json!({"package": "p1"}), "invalid_value"),
        (json!({"package": "P1200"}), "invalid_value"),
        (json!({"package": ""}), "invalid_value"),
        (json!({"package": 1200}), "invalid_value"),
        (json!({"package": null}), "missing_field"),
        (json!({}), "missing_field"),
    ] {
        let answer = app.post("/v1/customers/acme/purchases", "buy-1", body.to_string()).await;
        assert_eq!(answer.expect_problem(422, code).fields(), ["package"]);
    }
    let body = json!({"package": "p1200", "amount": 1}).to_string();
    let answer = app.post("/v1/customers/acme/purchases", "buy-1", body).await.expect_problem(422, "unknown_field");
    assert_eq!(answer.fields(), ["amount"]);
    assert_eq!((app.stripe_calls(), app.count("select count(*) as n from purchases").await), (0, 0));
});

on_both!(the_same_key_is_the_same_purchase, |app| {
    app.put_customer("acme", "starter").await;
    let first = app.start_purchase("acme", "p1200", "buy-1").await.expect(201);
    assert_eq!(first.header("idempotent-replayed"), None);
    let spaced = app.post("/v1/customers/acme/purchases", "buy-1", " { \"package\" : \"p1200\" } ").await.expect(201);
    app.restart().await;
    let later = app.start_purchase("acme", "p1200", "buy-1").await.expect(201);
    for again in [spaced, later] {
        assert_eq!((again.json(), again.header("idempotent-replayed")), (first.json(), Some("true")));
    }
    app.start_purchase("acme", "p5000", "buy-1").await.expect_problem(409, "idempotency_key_reused");
    assert_eq!((sessions(app).await.len(), purchases(app).await.len()), (1, 1));
    let other = app.start_purchase("acme", "p1200", "buy-2").await.expect(201);
    assert_ne!(other.json()["id"], first.json()["id"]);
});

on_both!(twenty_copies_of_one_click_open_one_checkout, |app| {
    app.put_customer("acme", "starter").await;
    let answers = join_all((0..20).map(|_| app.start_purchase("acme", "p1200", "buy-1"))).await;
    for answer in &answers {
        assert_eq!((answer.status, answer.json()), (201, answers[0].json()), "{}", answer.text);
    }
    let fresh = answers.iter().filter(|answer| answer.header("idempotent-replayed").is_none()).count();
    assert_eq!((fresh, sessions(app).await.len(), purchases(app).await.len()), (1, 1, 1));
});

on_both!(a_customer_is_one_customer_at_stripe, |app| {
    app.put_customer("acme", "starter").await;
    let keys: Vec<String> = (0..8).map(|n| format!("buy-{n}")).collect();
    join_all(keys.iter().map(|key| app.opened("acme", "p1200", key))).await;
    app.put("acme", json!({"email": "bob@acme.example"})).await.expect(200);
    app.opened("acme", "p5000", "buy-later").await;
    let sessions = sessions(app).await;
    assert_eq!(sessions.len(), 9);
    assert!(sessions.iter().all(|session| session["customer"] == sessions[0]["customer"]), "{sessions:?}");
});

on_both!(while_stripe_is_down_the_purchase_is_kept_for_the_same_key, |app| {
    app.put_customer("acme", "starter").await;
    for fault in [ApiFault::Down, ApiFault::Status(500), ApiFault::Status(429)] {
        app.sandbox.faults().set_api(fault);
        app.start_purchase("acme", "p1200", "buy-1").await.expect_problem(503, "stripe_unavailable");
    }
    let kept = purchases(app).await;
    assert_eq!((kept.len(), &kept[0]["state"]), (1, &json!("created")));
    app.restart().await;
    app.sandbox.faults().set_api(ApiFault::None);
    let opened = app.opened("acme", "p1200", "buy-1").await;
    assert_eq!((&kept[0]["id"], purchases(app).await.len(), sessions(app).await.len()), (&json!(opened.id), 1, 1));
    app.sandbox.faults().set_webhooks(false);
    app.pay(&opened).await;
    app.fulfill(&opened).await;
    assert_eq!(app.available("acme").await, 6200);
});

on_both!(a_key_of_an_unknown_outcome_is_not_for_another_package, |app| {
    app.put_customer("acme", "starter").await;
    app.sandbox.faults().set_api(ApiFault::Down);
    app.start_purchase("acme", "p1200", "buy-1").await.expect_problem(503, "stripe_unavailable");
    app.sandbox.faults().set_api(ApiFault::None);
    app.start_purchase("acme", "p5000", "buy-1").await.expect_problem(409, "idempotency_key_reused");
    // A refusal changes nothing.
    assert_eq!((sessions(app).await.len(), &purchases(app).await[0]["state"]), (0, &json!("created")));
    app.opened("acme", "p1200", "buy-1").await;
});

on_both!(a_stored_purchase_is_not_opened_without_the_right_to_buy, |app| {
    app.put_customer("acme", "starter").await;
    // At the very end of its cycle, so that the plan ends while the purchase waits.
    let end: topup::domain::Instant = app.balance("acme").await["plan"]["resets_at"].as_str().unwrap().parse().unwrap();
    app.advance_to(end - chrono::TimeDelta::minutes(1)).await;
    app.put("acme", json!({"plan": "free"})).await.expect(200);
    app.sandbox.faults().set_api(ApiFault::Down);
    app.start_purchase("acme", "p1200", "buy-1").await.expect_problem(503, "stripe_unavailable");
    app.sandbox.faults().set_api(ApiFault::None);
    app.advance_to(end).await;
    let calls = app.stripe_calls();
    app.start_purchase("acme", "p1200", "buy-1").await.expect_problem(403, "plan_cannot_buy");
    assert_eq!((app.stripe_calls(), sessions(app).await.len()), (calls, 0));
    app.put("acme", json!({"plan": "builder"})).await.expect(200);
    app.opened("acme", "p1200", "buy-1").await;
    assert_eq!(purchases(app).await.len(), 1);
});

on_both!(stripe_slow_is_said_within_five_seconds_and_found_done_later, |app| {
    app.put_customer("acme", "starter").await;
    // The customer at Stripe is there already: the slow call is the Checkout itself.
    app.opened("acme", "p5000", "buy-0").await;
    app.sandbox.faults().set_api(ApiFault::Slow(Duration::from_secs(30)));
    let asked = app.start_purchase("acme", "p1200", "buy-1");
    let answer = tokio::time::timeout(Duration::from_secs(5), asked).await.expect("an answer within 5 seconds");
    answer.expect_problem(503, "stripe_unavailable");
    app.sandbox.faults().set_api(ApiFault::None);
    let opened = app.opened("acme", "p1200", "buy-1").await;
    assert_eq!((sessions(app).await.len(), purchases(app).await.len()), (2, 2));
    app.sandbox.faults().set_webhooks(false);
    app.pay(&opened).await;
    app.fulfill(&opened).await;
    assert_eq!(app.available("acme").await, 6200);
});

on_both!(two_slow_calls_together_have_five_seconds, |app| {
    app.put_customer("acme", "starter").await;
    // Each call would be in time for itself.
    app.sandbox.faults().set_api(ApiFault::Slow(Duration::from_millis(2_400)));
    let asked = app.start_purchase("acme", "p1200", "buy-1");
    let answer = tokio::time::timeout(Duration::from_secs(5), asked).await.expect("an answer within 5 seconds");
    assert!(matches!(answer.status, 201 | 503), "{}", answer.text);
    app.sandbox.faults().set_api(ApiFault::None);
    app.opened("acme", "p1200", "buy-1").await;
    assert_eq!(sessions(app).await.len(), 1);
});

on_both!(a_definite_refusal_by_stripe_is_an_alarm_and_binds_no_key, |app| {
    app.put_customer("acme", "starter").await;
    for (status, alarm) in [(401, "stripe_key"), (400, "stripe_refused")] {
        app.sandbox.faults().set_api(ApiFault::Status(status));
        app.start_purchase("acme", "p1200", "buy-1").await.expect_problem(409, "purchase_refused");
        assert!(app.alarms().await.contains(&alarm.to_owned()), "{alarm}");
    }
    let kept = purchases(app).await;
    app.sandbox.faults().set_api(ApiFault::None);
    let opened = app.opened("acme", "p1200", "buy-1").await;
    assert_eq!((kept.len(), &kept[0]["id"], sessions(app).await.len()), (1, &json!(opened.id), 1));
});

on_both!(a_checkout_that_could_not_open_in_ten_minutes_is_given_up, |app| {
    app.put_customer("acme", "starter").await;
    app.sandbox.faults().set_api(ApiFault::Down);
    app.start_purchase("acme", "p1200", "buy-1").await.expect_problem(503, "stripe_unavailable");
    app.sandbox.faults().set_api(ApiFault::None);
    app.advance_minutes(10).await;
    topup::usecases::purchases::sweep_purchases(&app.inner()).await.unwrap();
    let given_up = purchases(app).await;
    assert_eq!((given_up.len(), &given_up[0]["state"]), (1, &json!("expired")));
    // The key has bound nothing: it begins anew.
    let opened = app.opened("acme", "p1200", "buy-1").await;
    assert_ne!(given_up[0]["id"], opened.id);
    assert_eq!(sessions(app).await.len(), 1);
});

on_both!(a_purchase_belongs_to_its_customer, |app| {
    app.put_customer("acme", "starter").await;
    app.put_customer("larch", "builder").await;
    let acmes = app.opened("acme", "p1200", "buy-1").await;
    let larchs = app.opened("larch", "p1200", "buy-1").await;
    assert_ne!((&acmes.id, &acmes.session), (&larchs.id, &larchs.session));
    let sessions = sessions(app).await;
    assert_ne!(sessions[0]["customer"], sessions[1]["customer"]);
    app.sandbox.faults().set_webhooks(false);
    app.pay(&acmes).await;
    // A browser brings another purchase's Checkout: not believed.
    let mixed = Opened { id: larchs.id.clone(), session: acmes.session.clone() };
    app.fulfill(&mixed).await;
    assert_eq!((app.available("larch").await, app.available("acme").await), (json!(25_000), json!(5_000)));
    app.fulfill(&acmes).await;
    assert_eq!((app.available("larch").await, app.available("acme").await), (json!(25_000), json!(6_200)));
});

on_both!(a_purchase_is_credited_after_a_change_of_the_catalogue, |app| {
    app.put_customer("acme", "starter").await;
    app.sandbox.faults().set_webhooks(false);
    let opened = app.opened("acme", "p1200", "buy-1").await;
    let before = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/catalog.toml")).unwrap();
    let package = "id = \"p1200\"\ncredits = 1200\namount = 900";
    let after = before.replace(package, "id = \"p1200\"\ncredits = 1000\namount = 990");
    assert_ne!(after, before);
    let file = app.home.folder.join("catalog.toml");
    std::fs::write(&file, after).unwrap();
    app.set(|settings| settings.database.catalog = file);
    app.restart().await;
    app.pay(&opened).await;
    app.deliver(&app.completed(&opened).await).await.expect(200);
    let purchase = app.purchase(&opened.id).await;
    let sold = ["state", "credits", "amount"].map(|field| purchase[field].clone());
    assert_eq!(sold, [json!("credited"), json!(1200), json!(900)]);
    assert_eq!(app.available("acme").await, 6_200);
});
