//! What happens because time passes, to the millisecond.

use crate::app::TestApp;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

on_both!(
    the_reset_resets_plan_credits_only,
    a_top_up_expires_at_its_exact_instant,
    a_downgrade_acts_at_the_reset_and_top_ups_stay,
    the_clock_stands_still_goes_forward_and_survives_a_restart,
);

fn instant(value: &Value) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(value.as_str().unwrap()).unwrap().with_timezone(&Utc)
}

async fn the_reset_resets_plan_credits_only(app: TestApp) {
    app.customer("c", "starter").await;
    app.charge("c", "4820", "a").await;
    app.buy("c", "p1200", "p").await;
    app.charge("c", "380", "b").await;
    let before = app.balance("c").await;
    assert_eq!((&before["plan"]["remaining"], &before["top_up"]["remaining"]), (&json!(0), &json!(1000)));
    app.advance_to(instant(&before["plan"]["resets_at"])).await;
    let after = app.balance("c").await;
    assert_eq!((&after["plan"]["remaining"], &after["top_up"]["remaining"]), (&json!(5000), &json!(1000)));
    assert_eq!(after["available"], 6000);
    app.check().await;
}

async fn a_top_up_expires_at_its_exact_instant(app: TestApp) {
    app.customer("c", "starter").await;
    app.buy("c", "p1200", "p").await;
    let grant = app.balance("c").await["top_up"]["next_expiry"]["at"].clone();
    let bought = app.now().await;
    assert_eq!(instant(&grant), bought.checked_add_months(chrono::Months::new(12)).unwrap());
    app.advance_to(instant(&grant) - TimeDelta::milliseconds(1)).await;
    assert_eq!(app.charge("c", "5001", "last").await.status, 201);
    app.advance_to(instant(&grant)).await;
    let balance = app.balance("c").await;
    assert_eq!((&balance["top_up"]["remaining"], &balance["top_up"]["next_expiry"]), (&json!(0), &json!(null)));
    let expired: Vec<Value> = app.entries("c").await.into_iter().filter(|e| e["amount"] == -1199).collect();
    assert_eq!(expired.len(), 1);
    assert_eq!((&expired[0]["kind"], &expired[0]["event_at"]), (&json!("expired"), &grant));
    app.check().await;
}

async fn a_downgrade_acts_at_the_reset_and_top_ups_stay(app: TestApp) {
    app.customer("c", "builder").await;
    app.buy("c", "p5000", "p").await;
    let next = app.put("/v1/customers/c", json!({"plan": "free"})).await.json()["plan"]["next"].clone();
    assert_eq!(app.balance("c").await["plan"]["allowance"], 25_000);
    app.advance_to(instant(&next["at"])).await;
    let balance = app.balance("c").await;
    assert_eq!((&balance["plan"]["id"], &balance["plan"]["allowance"]), (&json!("free"), &json!(300)));
    assert_eq!(balance["available"], 5300);
    let refused = app.post("/v1/customers/c/purchases", "q", json!({"package": "p1200"})).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "plan_cannot_buy"));
    app.check().await;
}

async fn the_clock_stands_still_goes_forward_and_survives_a_restart(mut app: TestApp) {
    let start = app.now().await;
    assert_eq!(app.now().await, start);
    let back = app.advance_to(start - TimeDelta::seconds(1)).await;
    assert_eq!((back.status, back.code().as_str()), (422, "clock_backwards"));
    assert_eq!(app.post("/test/clock", "-", json!({})).await.status, 422);
    let moved = app.post("/test/clock", "-", json!({"advance_days": 40})).await.json();
    assert_eq!(instant(&moved["now"]), start + TimeDelta::days(40));
    app = app.restart().await;
    assert_eq!(app.now().await, start + TimeDelta::days(40));
}
