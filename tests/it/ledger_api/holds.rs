//! Holds (R10).

use super::{assert_replay, draws, give, hold, id, instant, settle};
use crate::app::on_both;
use chrono::TimeDelta;
use futures::future::join_all;
use serde_json::json;
use topup::usecases::upkeep::check;

on_both!(a_hold_sets_credits_aside_and_shows_them, |app| {
    app.put_customer("acme", "starter").await;
    let first = hold(app, 100, 60, "h1").await.expect(201);
    let held = first.json();
    assert_eq!((&held["customer"], &held["credits"], &held["state"]), (&json!("acme"), &json!(100), &json!("open")));
    assert_eq!(draws(&held), [("plan", &json!(100))]);
    assert_eq!(instant(&held["expires_at"]), app.now() + TimeDelta::seconds(60));
    assert_eq!(held["balance"], json!({"available": 4900, "plan": 4900, "courtesy": 0, "top_up": 0, "held": 100}));
    assert_replay(&first, &hold(app, 100, 60, "h1").await);
    hold(app, 101, 60, "h1").await.expect_problem(409, "idempotency_key_reused");
    app.charge("acme", "1", "h1").await.expect_problem(409, "idempotency_key_reused");
    assert_eq!(app.balance("acme").await["held"], json!(100));
    let read = app.get(&format!("/v1/holds/{}", id(&first))).await.expect(200).json();
    assert_eq!((&read["state"], &read["draws"]), (&json!("open"), &held["draws"]));
    let second = hold(app, 7, 60, "h2").await.expect(201);
    let all = app.all("/v1/customers/acme/holds", 1).await;
    assert_eq!(all.iter().map(|h| h["id"].clone()).collect::<Vec<_>>(), [id(&second), id(&first)]);
});

on_both!(errors_of_holds_name_the_field, |app| {
    app.put_customer("acme", "starter").await;
    let path = "/v1/customers/acme/holds";
    for (body, status, code) in [
        (r#"{"credits":1}"#, 422, "missing_field"),
        (r#"{"credits":1,"ttl_seconds":0}"#, 422, "invalid_value"),
        (r#"{"credits":1,"ttl_seconds":86401}"#, 422, "invalid_value"),
        (r#"{"credits":0,"ttl_seconds":60}"#, 422, "invalid_value"),
        (r#"{"credits":1,"ttl_seconds":60,"metadata":{}}"#, 422, "unknown_field"),
        ("{", 400, "invalid_json"),
        (r#"{"credits":5001,"ttl_seconds":60}"#, 402, "insufficient_credits"),
    ] {
        app.post(path, "h", body).await.expect_problem(status, code);
    }
    app.post("/v1/customers/nobody/holds", "h", "{").await.expect_problem(404, "not_found");
    app.get("/v1/holds/hld_1").await.expect_problem(404, "not_found");
    app.get("/v1/customers/acme/holds?state=shut").await.expect_problem(400, "invalid_value");
    app.get("/v1/customers/acme/holds?cursor=n1").await.expect_problem(400, "invalid_cursor");
    hold(app, 1, 86_400, "h").await.expect(201);
});

on_both!(settling_for_less_exactly_more_and_nothing, |app| {
    app.put_customer_with_left("acme", 300).await;
    give(app, 50, 10, "g").await.expect(201);
    let mut holds = Vec::new();
    for key in ["less", "exactly", "more", "nothing"] {
        holds.push(id(&hold(app, 60, 3_600, key).await.expect(201)));
    }
    let less = settle(app, &holds[0], "12.5", "s1").await.expect(200);
    let json = less.json();
    assert_eq!((&json["state"], &json["credits"]), (&json!("settled"), &json!(12.5)));
    assert_eq!((&json["released"], draws(&json)), (&json!(47.5), vec![("plan", &json!(12.5))]));
    assert_eq!(less.header("x-credits-cost"), Some("12.5"));
    assert_eq!(less.header("x-credits-remaining"), Some("157.5"));
    assert_eq!(less.header("x-credits-source"), Some("plan"));
    assert_replay(&less, &settle(app, &holds[0], "12.50", "s1").await);
    settle(app, &holds[0], "1", "s1b").await.expect_problem(409, "hold_settled");
    assert_eq!(settle(app, &holds[1], "60", "s2").await.expect(200).json()["released"], json!(0));
    // 157.5 left: 107.5 of the plan, 50 of the courtesy; the hold's 60 come first.
    let more = settle(app, &holds[2], "200", "s3").await.expect(200);
    assert_eq!(draws(&more.json()), [("plan", &json!(167.5)), ("courtesy", &json!(32.5))]);
    assert_eq!(more.header("x-credits-source"), Some("mixed"));
    let nothing = settle(app, &holds[3], "0", "s4").await.expect(200);
    assert_eq!((&nothing.json()["usage"], &nothing.json()["released"]), (&json!(null), &json!(60)));
    assert_replay(&nothing, &settle(app, &holds[3], "0", "s4").await);
    let usages = app.all("/v1/customers/acme/usage", 2).await;
    assert_eq!(
        usages.iter().map(|u| u["credits"].clone()).collect::<Vec<_>>(),
        [json!(200), json!(60), json!(12.5), json!(4_700)]
    );
    assert_eq!((&usages[0]["operation"], &usages[0]["source"]), (&json!("crawl"), &json!("job-7")));
    assert_eq!(usages[2]["id"], less.json()["usage"]);
    assert_eq!(app.balance("acme").await["held"], json!(0));
});

on_both!(a_settle_for_more_than_there_is_leaves_the_hold, |app| {
    app.put_customer_with_left("acme", 100).await;
    let held = id(&hold(app, 60, 3_600, "h").await.expect(201));
    let before = app.ledger("acme").await;
    let refused = settle(app, &held, "100.001", "s").await.expect_problem(402, "insufficient_credits").json();
    assert_eq!(
        (&refused["needed"], &refused["available"], &refused["held"]),
        (&json!(100.001), &json!(40), &json!(60))
    );
    assert_eq!(app.ledger("acme").await, before);
    settle(app, &held, "100", "s").await.expect(200);
});

on_both!(a_hold_lapses_at_the_exact_instant, |app| {
    app.put_customer("acme", "starter").await;
    let (first, second) = (hold(app, 10, 60, "h1").await.expect(201), hold(app, 20, 60, "h2").await.expect(201));
    let lapse = instant(&first.json()["expires_at"]);
    app.advance_to(lapse - TimeDelta::milliseconds(1)).await;
    settle(app, &id(&first), "10", "s1").await.expect(200);
    assert_eq!(app.all("/v1/customers/acme/holds", 200).await[0]["state"], "open");
    app.advance_to(lapse).await;
    assert_eq!(app.get(&format!("/v1/holds/{}", id(&second))).await.json()["state"], "lapsed");
    let open = app.get("/v1/customers/acme/holds?state=open").await.expect(200).json();
    assert_eq!(open["data"], json!([]));
    let lapsed = app.get("/v1/customers/acme/holds?state=lapsed").await.expect(200).json();
    assert_eq!(lapsed["data"].as_array().unwrap().len(), 1);
    settle(app, &id(&second), "20", "s2").await.expect_problem(409, "hold_lapsed");
    app.post(&format!("/v1/holds/{}/release", id(&second)), "r2", "{}").await.expect_problem(409, "hold_lapsed");
    assert_eq!(app.available("acme").await, json!(4_990));
    let released = app.entries_of("acme", "released").await;
    assert_eq!(instant(&released[0]["event_at"]), lapse);
});

on_both!(a_release_returns_a_hold_whole, |app| {
    app.put_customer("acme", "starter").await;
    let held = id(&hold(app, 10, 60, "h").await.expect(201));
    let path = format!("/v1/holds/{held}/release");
    app.post(&path, "r", r#"{"credits":1}"#).await.expect_problem(422, "unknown_field");
    let released = app.post(&path, "r", "{}").await.expect(200);
    assert_eq!(
        (&released.json()["state"], &released.json()["balance"]["available"]),
        (&json!("released"), &json!(5_000))
    );
    assert_replay(&released, &app.post(&path, "r", "{}").await);
    app.post(&path, "r2", "{}").await.expect_problem(409, "hold_released");
    settle(app, &held, "1", "s").await.expect_problem(409, "hold_released");
});

on_both!(a_hold_outlives_the_cycle_that_it_drew_on, |app| {
    app.put_customer("acme", "starter").await;
    let end = instant(&app.balance("acme").await["plan"]["resets_at"]);
    app.advance_to(end - TimeDelta::minutes(1)).await;
    let (used, back) = (hold(app, 10, 3_600, "h1").await.expect(201), hold(app, 20, 3_600, "h2").await.expect(201));
    app.advance_to(end + TimeDelta::minutes(1)).await;
    settle(app, &id(&used), "4", "s").await.expect(200);
    app.post(&format!("/v1/holds/{}/release", id(&back)), "r", "{}").await.expect(200);
    let balance = app.balance("acme").await;
    assert_eq!((&balance["available"], &balance["plan"]["used"]), (&json!(5_000), &json!(0)));
});

on_both!(the_thousandth_open_hold_is_the_last, |app| {
    app.put_customer("acme", "starter").await;
    for n in 0..1_000 {
        hold(app, 1, 60, &format!("h{n}")).await.expect(201);
    }
    hold(app, 1, 60, "over").await.expect_problem(409, "limit_reached");
    app.advance_minutes(1).await;
    hold(app, 1, 60, "over").await.expect(201);
    assert_eq!(app.balance("acme").await["held"], json!(1));
});

on_both!(many_callers_with_one_key_get_one_answer, |app| {
    app.put_customer_with_left("acme", 100).await;
    let answers = join_all((0..20).map(|_| hold(app, 30, 60, "h"))).await;
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.json() == answers[0].json()));
    assert_eq!(answers.iter().filter(|answer| answer.header("idempotent-replayed").is_none()).count(), 1);
    let held = id(&answers[0]);
    // One settles, whoever is first; the others are told.
    let keys: Vec<String> = (0..10).map(|n| format!("s{n}")).collect();
    let settled = join_all(keys.iter().map(|key| settle(app, &held, "30", key))).await;
    assert_eq!(settled.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(settled.iter().filter(|answer| answer.code() == "hold_settled").count(), 9);
    assert_eq!(app.available("acme").await, json!(70));
});

on_both!(check_sees_a_hold_and_its_usage_that_disagree, |app| {
    app.put_customer("acme", "starter").await;
    let held = id(&hold(app, 10, 60, "h").await.expect(201));
    settle(app, &held, "10", "s").await.expect(200);
    for (broken, mended) in [
        ("update usages set hold = null", "update usages set hold = (select id from holds)"),
        ("update holds set usage = null", "update holds set usage = (select id from usages)"),
        ("update holds set closed_at = null", "update holds set closed_at = created_at"),
        ("update usages set voided_at = 1", "update usages set voided_at = null"),
    ] {
        app.tamper(broken, Vec::new()).await.unwrap();
        assert!(check::check_all(&app.inner().store).await.unwrap().is_err(), "{broken}");
        app.tamper(mended, Vec::new()).await.unwrap();
        app.check().await;
    }
});
