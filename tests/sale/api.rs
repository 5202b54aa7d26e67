//! Statuses, codes, and that a refusal changes nothing.

use crate::app::{OPERATOR, TestApp};
use reqwest::Method;
use serde_json::json;

on_both!(
    a_bad_request_names_the_field_and_changes_nothing,
    refusals_come_in_their_order,
    a_customer_is_made_changed_and_read,
    lists_are_paged_stably_and_cursors_of_nonsense_are_refused,
    a_portal_link_is_made_only_for_known_origins,
);

async fn a_bad_request_names_the_field_and_changes_nothing(app: TestApp) {
    app.customer("c", "starter").await;
    assert_eq!(app.charge("c", "1", "used").await.status, 201);
    let before = app.balance("c").await["grants"].clone();
    let long = "x".repeat(65);
    let large = format!(r#"{{"credits":1,"metadata":{{"a":"{}"}}}}"#, "x".repeat(2_100));
    let table: Vec<(String, u16, &str, &str)> = [
        (r#"{"credits":-5}"#, 422, "invalid_value", "credits"),
        (r#"{"credits":0}"#, 422, "invalid_value", "credits"),
        (r#"{"credits":0.0001}"#, 422, "invalid_value", "credits"),
        (r#"{"credits":1e400}"#, 422, "invalid_value", "credits"),
        (r#"{"credits":9223372036854775808}"#, 422, "invalid_value", "credits"),
        (r#"{"credits":"5"}"#, 422, "invalid_value", "credits"),
        (r#"{"credits":true}"#, 422, "invalid_value", "credits"),
        (r#"{"credits":null}"#, 422, "missing_field", "credits"),
        ("{}", 422, "missing_field", "credits"),
        (r#"{"credits":1,"colour":1}"#, 422, "unknown_field", "colour"),
        (r#"{"credits":1,"operation":"Scrape!"}"#, 422, "invalid_value", "operation"),
        (r#"{"credits":1,"quantities":{"requests":-1}}"#, 422, "invalid_value", "quantities.requests"),
        (r#"{"credits":1,"quantities":{"pages":1}}"#, 422, "unknown_field", "quantities.pages"),
        (r#"{"credits":1,"metadata":[]}"#, 422, "invalid_value", "metadata"),
        (r#"{"credits":1,"metadata":{"a":1e400}}"#, 422, "invalid_value", "metadata"),
        ("[]", 422, "invalid_value", ""),
        (r#"{"credits":NaN}"#, 400, "invalid_json", ""),
        (r#"{"credits":１２}"#, 400, "invalid_json", ""),
        (r#"{"credits":1,"credits":2}"#, 400, "invalid_json", ""),
        (r#"{"credits":1,"metadata":{"a":1,"a":2}}"#, 400, "invalid_json", ""),
        ("", 400, "invalid_json", ""),
        ("{", 400, "invalid_json", ""),
    ]
    .map(|(body, status, code, field)| (body.to_owned(), status, code, field))
    .into_iter()
    .chain([
        (format!(r#"{{"credits":1,"source":"{long}"}}"#), 422, "invalid_value", "source"),
        (large, 422, "invalid_value", "metadata"),
        ("[".repeat(100_000), 400, "invalid_json", ""),
        (format!(r#"{{"credits":1,"source":"{}"}}"#, "x".repeat(10_000_000)), 413, "payload_too_large", ""),
    ])
    .collect();
    for (body, status, code, field) in table {
        let answer = app.post_text("/v1/customers/c/usage", "bad", &body).await;
        let shown = &body[..body.len().min(80)];
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{shown}: {}", answer.text);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        if !field.is_empty() {
            assert_eq!(answer.json()["errors"][0]["field"], field, "{shown}");
        }
    }
    assert_eq!(app.balance("c").await["grants"], before);
    assert_eq!(app.entries("c").await.len(), 2);
    assert_eq!(app.charge("c", "1", "bad").await.status, 201, "a refusal binds no key");
    app.check().await;
}

async fn refusals_come_in_their_order(app: TestApp) {
    app.customer("c", "starter").await;
    let body = || Some(r#"{"credits":-1}"#.to_owned());
    let json = ("content-type", "application/json");
    let key = ("x-api-key", OPERATOR);
    let usage = "/v1/customers/c/usage";
    let nobody = "/v1/customers/nobody/usage";
    let check = async |path: &str, headers: &[(&str, &str)], status: u16, code: &str| {
        let answer = app.call(Method::POST, path, headers, body()).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{path} {headers:?}");
    };
    check(nobody, &[], 401, "unauthorized").await;
    check(nobody, &[("x-api-key", "tk_1234567890")], 401, "unauthorized").await;
    check(nobody, &[("authorization", "Bearer wrong")], 401, "unauthorized").await;
    check(nobody, &[key], 404, "not_found").await;
    check("/v1/customers/%20/usage", &[key], 404, "not_found").await;
    check(usage, &[key, json], 400, "idempotency_key_missing").await;
    check(usage, &[key, json, ("idempotency-key", "a b")], 400, "invalid_header").await;
    check(usage, &[key, json, ("idempotency-key", &"x".repeat(256))], 400, "invalid_header").await;
    check(usage, &[key, ("idempotency-key", "k"), ("content-type", "text/plain")], 415, "unsupported_media_type").await;
    check(usage, &[key, json, ("idempotency-key", "k")], 422, "invalid_value").await;
    assert_eq!(app.charge("c", "5000", "all").await.status, 201);
    assert_eq!(app.charge("c", "4", "all").await.code(), "idempotency_key_reused");
    assert_eq!(app.charge("c", "5000", "all").await.status, 201, "a bound key comes before the empty balance");
    let short = app.charge("c", "1", "more").await;
    assert_eq!((short.status, short.code().as_str()), (402, "insufficient_credits"));
    assert_eq!(short.json()["needed"], 1);
    assert!(short.json()["buy_url"].as_str().unwrap().ends_with("/billing"));
    assert_eq!(app.get("/v1/nothing").await.status, 404);
    assert_eq!(app.call(Method::GET, "/v1/nothing", &[], None).await.status, 401);
    let second = [("authorization", "Bearer second-operator-key-000000000000000")];
    assert_eq!(app.call(Method::GET, "/v1/catalog", &second, None).await.status, 200);
    assert_eq!(app.call(Method::GET, "/healthz", &[], None).await.text, "ok");
    assert_eq!(app.call(Method::GET, "/readyz", &[], None).await.status, 200);
}

async fn a_customer_is_made_changed_and_read(app: TestApp) {
    let path = "/v1/customers/acme";
    let missing = app.put(path, json!({"email": "a@b.example"})).await;
    assert_eq!((missing.status, missing.json()["errors"][0]["field"].as_str()), (422, Some("plan")));
    for body in [
        json!({"email": "a@b.example", "plan": "gold"}),
        json!({"email": "nobody", "plan": "pro"}),
        json!({"email": "a@b.example", "plan": "pro", "timezone": "Mars/Base"}),
        json!({"email": "a@b.example", "plan": "pro", "cycle_anchor": "tomorrow"}),
        json!({"email": "a@b.example", "plan": "pro", "colour": "red"}),
    ] {
        assert_eq!(app.put(path, body.clone()).await.status, 422, "{body}");
    }
    assert_eq!(app.get(path).await.status, 404, "a refused PUT makes nobody");
    let body = json!({"email": "a@b.example", "plan": "builder", "name": "Acme", "timezone": "Europe/Berlin"});
    assert_eq!(app.put(path, body).await.status, 201);
    let changed = app.put(path, json!({"plan": "starter"})).await;
    assert_eq!(changed.status, 200);
    let changed = changed.json();
    assert_eq!((&changed["plan"]["id"], &changed["plan"]["next"]["id"]), (&json!("builder"), &json!("starter")));
    assert_eq!(changed["plan"]["next"]["at"], changed["cycle"]["end"]);
    assert_eq!((&changed["name"], &changed["timezone"]), (&json!("Acme"), &json!("Europe/Berlin")));
    let up = app.put(path, json!({"plan": "pro"})).await.json();
    assert_eq!((&up["plan"]["id"], &up["plan"]["next"]), (&json!("pro"), &json!(null)));
    assert_eq!(app.balance("acme").await["plan"]["allowance"], 100_000);
    assert_eq!(app.put("/v1/customers/a%20b", json!({"email": "a@b.example", "plan": "pro"})).await.status, 422);
    app.check().await;
}

async fn lists_are_paged_stably_and_cursors_of_nonsense_are_refused(app: TestApp) {
    app.customer("c", "pro").await;
    for n in 0..130 {
        assert_eq!(app.charge("c", "1.5", &format!("k{n}")).await.status, 201);
    }
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let more = cursor.as_ref().map(|c| format!("&cursor={c}")).unwrap_or_default();
        let page = app.get(&format!("/v1/customers/c/entries?limit=7{more}")).await.json();
        seen.extend(page["data"].as_array().unwrap().iter().map(|e| e["seq"].as_i64().unwrap()));
        assert_eq!(app.charge("c", "1", &format!("later{}", seen.len())).await.status, 201);
        match page["next"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    assert_eq!(seen, (1..=i64::try_from(seen.len()).unwrap()).collect::<Vec<_>>());
    for query in ["limit=0", "limit=201", "limit=x", "colour=red", "format=xml"] {
        assert_eq!(app.get(&format!("/v1/customers/c/entries?{query}")).await.status, 400, "{query}");
    }
    for cursor in ["x", "n", "n-1", "nzz", "n0001", ""] {
        let answer = app.get(&format!("/v1/customers/c/entries?cursor={cursor}")).await;
        assert_eq!(answer.code(), "invalid_cursor", "{cursor:?}");
    }
    let csv = app.get("/v1/customers/c/entries?format=csv").await.text;
    let all = app.get("/v1/customers/c/entries?limit=200").await.json();
    assert_eq!(csv.lines().count(), all["data"].as_array().unwrap().len() + 1);
    assert!(csv.lines().nth(1).unwrap().starts_with(all["data"][0]["id"].as_str().unwrap()));
}

async fn a_portal_link_is_made_only_for_known_origins(app: TestApp) {
    app.customer("c", "starter").await;
    let path = "/v1/customers/c/portal_sessions";
    for body in [
        json!({"return_url": "https://evil.example/"}),
        json!({"path": "//evil.example"}),
        json!({"path": "https://evil.example"}),
        json!({"role": "king"}),
    ] {
        assert_eq!(app.post(path, "-", body.clone()).await.status, 422, "{body}");
    }
    let link = app.post(path, "-", json!({"return_url": "https://app.example/home", "role": "viewer"})).await;
    assert_eq!(link.status, 201);
    let token = link.json()["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    assert_eq!(token.len(), 64);
    assert!(topup::usecases::portal::link_works(&app.services, &token).await.unwrap());
    let spent = topup::usecases::portal::spend_link(&app.services, &token).await.unwrap();
    assert!(matches!(spent, topup::usecases::portal::Spent::Session { .. }));
    let again = topup::usecases::portal::spend_link(&app.services, &token).await.unwrap();
    assert!(matches!(again, topup::usecases::portal::Spent::Gone));
}
