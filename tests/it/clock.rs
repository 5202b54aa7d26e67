//! The test clock: it stands still, moves forwards only, step by step, and is stored.

use crate::app::{TestApp, on_both};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

fn instant(json: &Value) -> DateTime<Utc> {
    json.as_str().unwrap().parse().unwrap()
}

async fn now(app: &TestApp) -> DateTime<Utc> {
    instant(&app.get("/test/clock").await.expect(200).json()["now"])
}

on_both!(the_test_clock_stands_still_and_is_moved_by_hand, |app| {
    let start = now(app).await;
    assert_eq!(start.timestamp_subsec_millis(), 0, "the first start's instant, to the second");
    app.put_customer("acme", "starter").await;
    app.charge("acme", "1", "job-1").await.expect(201);
    assert_eq!((now(app).await, instant(&app.balance("acme").await["as_of"])), (start, start));
    let to = start + TimeDelta::milliseconds(1_234);
    let moved = app.advance(json!({"advance_to": to.to_rfc3339()})).await.expect(200).json();
    assert_eq!((instant(&moved["now"]), now(app).await), (to, to));
    let moved = app.advance(json!({"advance_days": 2})).await.expect(200).json();
    assert_eq!(instant(&moved["now"]), to + TimeDelta::days(2));
    let zone = (to + TimeDelta::days(3)).with_timezone(&chrono::FixedOffset::east_opt(5_400).unwrap()).to_rfc3339();
    app.advance(json!({"advance_to": zone})).await.expect(200);
    assert_eq!(now(app).await, to + TimeDelta::days(3));
    // Standing still is no step backwards.
    app.advance(json!({"advance_days": 0})).await.expect(200);
    app.advance(json!({"advance_to": now(app).await.to_rfc3339()})).await.expect(200);
    assert_eq!(app.entries("acme").await.len(), 2);
});

on_both!(a_reading_that_comes_late_does_not_put_the_clock_back, |app| {
    // A request reads before another moves the clock, and writes after it.
    let inner = app.inner();
    let moved = inner.clock.now() + TimeDelta::hours(1);
    inner.clock.put(moved);
    inner.clock.refresh(&inner.store).await.unwrap();
    assert_eq!(inner.clock.now(), moved);
});

on_both!(the_test_clock_does_not_go_backwards, |app| {
    app.advance(json!({"advance_days": 1})).await.expect(200);
    let here = now(app).await;
    for back in [TimeDelta::milliseconds(1), TimeDelta::days(1), TimeDelta::days(20_000)] {
        let answer = app.advance(json!({"advance_to": (here - back).to_rfc3339()})).await;
        assert_eq!(answer.expect_problem(422, "clock_backwards").fields(), ["advance_to"]);
    }
    for (body, code) in [
        (json!({"advance_days": -1}), "invalid_value"),
        (json!({"advance_days": 0.5}), "invalid_value"),
        (json!({"advance_days": "1"}), "invalid_value"),
        (json!({"advance_to": "tomorrow"}), "invalid_value"),
        (json!({"advance_to": "2026-02-30T00:00:00Z"}), "invalid_value"),
        (json!({"advance_to": 5}), "invalid_value"),
        (json!({}), "invalid_value"),
        (json!({"advance_days": 1, "advance_to": "2099-01-01T00:00:00Z"}), "invalid_value"),
        (json!({"advance_hours": 1, "advance_days": 1}), "unknown_field"),
    ] {
        app.advance(body).await.expect_problem(422, code);
    }
    app.send(app.write("POST", "/test/clock", None, "{")).await.expect_problem(400, "invalid_json");
    assert_eq!(now(app).await, here);
});

on_both!(the_test_clock_is_kept_over_a_restart, |app| {
    app.advance(json!({"advance_to": (now(app).await + TimeDelta::milliseconds(90_061_007)).to_rfc3339()}))
        .await
        .expect(200);
    let here = now(app).await;
    app.restart().await;
    assert_eq!(now(app).await, here);
    app.put_customer("acme", "starter").await;
    assert_eq!(instant(&app.balance("acme").await["as_of"]), here);
});

on_both!(a_long_move_is_made_step_by_step, |app| {
    app.put_customer_with_left("acme", 180).await;
    app.advance(json!({"advance_days": 3})).await.expect(200);
    app.put("larch", json!({"email": "lin@larch.example", "plan": "builder"})).await.expect(201);
    app.buy("acme", "p1200", "buy-1").await;
    app.advance(json!({"advance_days": 400})).await.expect(200);
    for customer in ["acme", "larch"] {
        let entries = app.entries(customer).await;
        assert!(entries.len() > 26, "{customer}");
        for entry in entries {
            assert_eq!(entry["created_at"], entry["event_at"], "booked at its own instant: {entry}");
        }
    }
});

on_both!(without_the_setting_there_is_no_test_clock, |app| {
    // A database on which a test clock has stood is served by the real one.
    app.advance(json!({"advance_days": 4_000})).await.expect(200);
    app.set(|settings| settings.test_clock = None);
    app.restart().await;
    for method in ["GET", "POST"] {
        let answer = app.send(app.write(method, "/test/clock", None, r#"{"advance_days":1}"#)).await;
        assert_eq!(answer.status, 404, "{method}");
    }
    app.put_customer("acme", "starter").await;
    let as_of = instant(&app.balance("acme").await["as_of"]);
    let real = app.inner().clock.real();
    assert!(as_of <= real && real - as_of < TimeDelta::minutes(2));
});

on_both!(a_clock_that_is_behind_does_not_reopen_the_past, |app| {
    app.put_customer_with_left("acme", 180).await;
    let end = instant(&app.balance("acme").await["plan"]["resets_at"]);
    app.advance_to(end + TimeDelta::seconds(1)).await;
    app.charge("acme", "1", "after").await.expect(201);
    // As a process would see it whose clock is two hours behind.
    app.tamper("update test_clock set now = $1", topup::args![end - TimeDelta::hours(2)]).await.unwrap();
    app.restart().await;
    let usage = app.charge("acme", "1", "behind").await.expect(201).json();
    assert_eq!(
        (usage["balance"]["available"].clone(), instant(&usage["created_at"])),
        (json!(4_998), end + TimeDelta::seconds(1))
    );
    assert_eq!(app.available("acme").await, 4_998);
    let entries = app.entries("acme").await;
    let at: Vec<DateTime<Utc>> = entries.iter().map(|entry| instant(&entry["event_at"])).collect();
    assert!(at.is_sorted());
    app.tamper("update test_clock set now = $1", topup::args![end + TimeDelta::seconds(1)]).await.unwrap();
});
