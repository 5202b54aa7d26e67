//! The rest of the operator API: holds, courtesy credits, voids, batches, lists of usages, closing.

mod batch;
mod closing;
mod holds;
mod voids;

use crate::app::{Answer, TestApp};
use serde_json::{Value, json};
use topup::domain::Instant;

fn instant(json: &Value) -> Instant {
    json.as_str().unwrap().parse().unwrap()
}

fn id(answer: &Answer) -> String {
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// Kind and credits of each draw.
fn draws(json: &Value) -> Vec<(&str, &Value)> {
    json["draws"].as_array().unwrap().iter().map(|d| (d["kind"].as_str().unwrap(), &d["credits"])).collect()
}

async fn hold(app: &TestApp, credits: i64, ttl: i64, key: &str) -> Answer {
    let body = json!({"credits": credits, "ttl_seconds": ttl, "operation": "crawl", "source": "job-7"});
    app.post("/v1/customers/acme/holds", key, body.to_string()).await
}

async fn settle(app: &TestApp, hold: &str, credits: &str, key: &str) -> Answer {
    app.post(&format!("/v1/holds/{hold}/settle"), key, format!(r#"{{"credits":{credits}}}"#)).await
}

async fn give(app: &TestApp, credits: i64, days: i64, key: &str) -> Answer {
    let expires = app.now() + chrono::TimeDelta::days(days);
    let body = json!({"credits": credits, "expires_at": expires.to_rfc3339(), "reason": "sorry for the outage"});
    app.post("/v1/customers/acme/grants", key, body.to_string()).await
}

async fn void(app: &TestApp, path: &str, key: &str) -> Answer {
    app.post(path, key, r#"{"reason":"charged twice"}"#).await
}

/// The same answer again, said to be one.
fn assert_replay(first: &Answer, again: &Answer) {
    assert_eq!((first.status, first.json()), (again.status, again.json()));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    for header in ["x-credits-cost", "x-credits-remaining", "x-credits-source"] {
        assert_eq!(first.header(header), again.header(header), "{header}");
    }
}
