//! Every POST of the operator's pages refuses the same things in the same order and changes nothing.

use crate::app::{Answer, OPERATOR_KEY, TestApp, on_both};
use serde_json::{Value, json};

/// A POST: its path, the path of something that is not there, a good body, another good body, whether a key binds it.
struct Post {
    path: String,
    nowhere: Option<String>,
    right: Value,
    other: Value,
    is_bound: bool,
    /// Its number, and whether 0 is one.
    number: Option<(&'static str, bool)>,
}

async fn posts(app: &TestApp) -> Vec<Post> {
    app.put_customer("acme", "starter").await;
    let nobody = |what: &str| Some(format!("/v1/customers/nobody/{what}"));
    let hold = r#"{"credits":10,"ttl_seconds":3600}"#;
    let mut holds = Vec::new();
    for key in ["h1", "h2"] {
        let hold = app.post("/v1/customers/acme/holds", key, hold).await.expect(201);
        holds.push(hold.json()["id"].as_str().unwrap().to_owned());
    }
    let usage = app.charge("acme", "1", "u1").await.expect(201).json()["id"].as_str().unwrap().to_owned();
    let expires_at = (app.now() + chrono::TimeDelta::days(9)).to_rfc3339();
    let give = |credits: i64| json!({"credits": credits, "expires_at": expires_at, "reason": "sorry"});
    let grant = app.post("/v1/customers/acme/grants", "g1", give(5).to_string()).await.expect(201).json()["id"].clone();
    let grant = grant.as_str().unwrap();
    let none = "0".repeat(32);
    let (one, two) = (json!({"reason": "one"}), json!({"reason": "two"}));
    let post =
        |path: String, nowhere, right, other, number| Post { path, nowhere, right, other, is_bound: true, number };
    let credits = Some(("credits", false));
    let customer = |what: &str| format!("/v1/customers/acme/{what}");
    let unbound = |path: String, nowhere, right: Value, number| Post {
        path,
        nowhere,
        other: right.clone(),
        right,
        is_bound: false,
        number,
    };
    let held = |credits: i64| json!({"credits": credits, "ttl_seconds": 60});
    let charges = json!({"charges": [{"customer": "acme", "idempotency_key": "b1", "credits": 1}]});
    vec![
        post(customer("usage"), nobody("usage"), json!({"credits": 1}), json!({"credits": 2}), credits),
        post(customer("holds"), nobody("holds"), held(1), held(2), Some(("ttl_seconds", false))),
        post(customer("grants"), nobody("grants"), give(1), give(2), credits),
        post(
            customer("purchases"),
            nobody("purchases"),
            json!({"package": "p1200"}),
            json!({"package": "p5000"}),
            None,
        ),
        post(
            format!("/v1/holds/{}/settle", holds[0]),
            Some(format!("/v1/holds/hld_{none}/settle")),
            json!({"credits": 1}),
            json!({"credits": 2}),
            Some(("credits", true)),
        ),
        post(
            format!("/v1/holds/{}/release", holds[1]),
            Some(format!("/v1/holds/hld_{none}/release")),
            json!({}),
            json!({}),
            None,
        ),
        post(
            format!("/v1/usage/{usage}/void"),
            Some(format!("/v1/usage/use_{none}/void")),
            one.clone(),
            two.clone(),
            None,
        ),
        post(format!("/v1/grants/{grant}/void"), Some(format!("/v1/grants/grt_{none}/void")), one, two, None),
        unbound("/v1/usage".to_owned(), None, charges, None),
        unbound(customer("portal_sessions"), nobody("portal_sessions"), json!({}), None),
        unbound(customer("api_keys"), nobody("api_keys"), json!({"name": "worker"}), None),
        unbound("/test/clock".to_owned(), None, json!({"advance_days": 0}), Some(("advance_days", true))),
    ]
}

/// One request, with everything given.
async fn send(app: &TestApp, operator: &str, path: &str, kind: &str, key: Option<&str>, body: &str) -> Answer {
    let request = app.http.post(format!("http://{}{path}", app.address)).header("x-api-key", operator);
    let request = request.header("content-type", kind).body(body.to_owned());
    app.send(if let Some(key) = key { request.header("idempotency-key", key) } else { request }).await
}

const JSON: &str = "application/json";

/// Bodies that no POST takes, with what is said of them.
fn never(right: &Value) -> Vec<(String, u16, &'static str)> {
    let mut unknown = right.clone();
    unknown["colour"] = json!(1);
    let text = right.to_string();
    let twice = match text.strip_prefix('{') {
        Some("}") => r#"{"a":1,"a":1}"#.to_owned(),
        Some(rest) => format!("{{{},{rest}", rest.strip_suffix('}').unwrap()),
        None => unreachable!(),
    };
    vec![
        (String::new(), 400, "invalid_json"),
        ("{".to_owned(), 400, "invalid_json"),
        (format!("{text}x"), 400, "invalid_json"),
        ("NaN".to_owned(), 400, "invalid_json"),
        (twice, 400, "invalid_json"),
        ("[]".to_owned(), 422, "invalid_value"),
        ("null".to_owned(), 422, "invalid_value"),
        ("7".to_owned(), 422, "invalid_value"),
        (unknown.to_string(), 422, "unknown_field"),
        (" ".repeat(10 * 1024 * 1024) + &text, 413, "payload_too_large"),
    ]
}

/// Texts that are no number of credits, seconds or days.
const NUMBERS: [&str; 13] = [
    "-5",
    "0.0001",
    "1e400",
    "-1e400",
    "9223372036854775808",
    "1e19",
    "\"12\"",
    "\"１２\"",
    "true",
    "[]",
    "{}",
    "\"\"",
    "1000000000.5",
];

on_both!(every_post_refuses_bad_values_and_changes_nothing, |app| {
    let posts = posts(app).await;
    let before = app.ledger("acme").await;
    for post in &posts {
        let key = post.is_bound.then_some("fresh");
        for (body, status, code) in never(&post.right) {
            let shown: String = body.chars().take(80).collect();
            let answer = send(app, OPERATOR_KEY, &post.path, JSON, key, &body).await;
            assert_eq!((answer.status, answer.code().as_str()), (status, code), "{} {shown}", post.path);
        }
        for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""] {
            let answer = send(app, OPERATOR_KEY, &post.path, kind, key, &post.right.to_string()).await;
            answer.expect_problem(415, "unsupported_media_type");
        }
        let Some((name, may_be_nothing)) = post.number else { continue };
        let mut right = post.right.clone();
        right[name] = json!("@");
        let mut wrong: Vec<&str> = NUMBERS.to_vec();
        if !may_be_nothing {
            wrong.push("0");
        }
        for number in wrong {
            let body = right.to_string().replace("\"@\"", number);
            let answer = send(app, OPERATOR_KEY, &post.path, JSON, key, &body).await;
            assert_eq!((answer.status, answer.code().as_str()), (422, "invalid_value"), "{} {body}", post.path);
            assert_eq!(answer.fields(), [name], "{} {body}", post.path);
        }
        let body = right.to_string().replace("\"@\"", "NaN");
        send(app, OPERATOR_KEY, &post.path, JSON, key, &body).await.expect_problem(400, "invalid_json");
        let body = right.to_string().replace("\"@\"", "null");
        let code = if name == "advance_days" { "invalid_value" } else { "missing_field" };
        send(app, OPERATOR_KEY, &post.path, JSON, key, &body).await.expect_problem(422, code);
    }
    assert_eq!(app.ledger("acme").await, before);
    assert_eq!(
        app.count("select count(*) as n from api_keys").await + app.count("select count(*) as n from links").await,
        0
    );
});

on_both!(every_post_refuses_in_the_same_order, |app| {
    for post in posts(app).await {
        let (right, other) = (post.right.to_string(), post.other.to_string());
        let path = post.path.as_str();
        send(app, "wrong", post.nowhere.as_deref().unwrap_or(path), "text/plain", None, "{")
            .await
            .expect_problem(401, "unauthorized");
        if let Some(nowhere) = &post.nowhere {
            send(app, OPERATOR_KEY, nowhere, "text/plain", None, "{").await.expect_problem(404, "not_found");
            send(app, OPERATOR_KEY, nowhere, JSON, Some("k"), &right).await.expect_problem(404, "not_found");
        }
        if !post.is_bound {
            send(app, OPERATOR_KEY, path, "text/plain", None, "{").await.expect_problem(415, "unsupported_media_type");
            send(app, OPERATOR_KEY, path, JSON, None, "{").await.expect_problem(400, "invalid_json");
            continue;
        }
        send(app, OPERATOR_KEY, path, "text/plain", None, "{").await.expect_problem(400, "idempotency_key_missing");
        send(app, OPERATOR_KEY, path, "text/plain", Some("a b"), "{").await.expect_problem(400, "invalid_header");
        send(app, OPERATOR_KEY, path, "text/plain", Some("k"), "{").await.expect_problem(415, "unsupported_media_type");
        // The key is bound by this write, and by this write only.
        let key = format!("bound-{path}");
        let first = send(app, OPERATOR_KEY, path, JSON, Some(&key), &right).await;
        assert!(matches!(first.status, 200 | 201), "{path}: {}", first.text);
        let again = send(app, OPERATOR_KEY, path, JSON, Some(&key), &right).await;
        assert_eq!((again.status, again.json()), (first.status, first.json()), "{path}");
        assert_eq!(again.header("idempotent-replayed"), Some("true"), "{path}");
        send(app, OPERATOR_KEY, path, JSON, Some(&key), "{").await.expect_problem(400, "invalid_json");
        send(app, OPERATOR_KEY, path, JSON, Some(&key), r#"{"colour":1}"#).await.expect(422);
        // Another body with the key, and the key with another call, before what the state would say.
        if right != other {
            send(app, OPERATOR_KEY, path, JSON, Some(&key), &other).await.expect_problem(409, "idempotency_key_reused");
        }
        app.charge("acme", "99999", &key).await.expect_problem(409, "idempotency_key_reused");
        // Without the key the state speaks: what can be done once is done.
        if path.ends_with("/void") || path.contains("/holds/") {
            let answer = send(app, OPERATOR_KEY, path, JSON, Some(&format!("{key}-2")), &right).await.expect(409);
            assert!(["already_voided", "hold_settled", "hold_released"].contains(&answer.code().as_str()), "{path}");
        }
    }
    // A closed customer is the last thing that is said.
    app.send(app.request("DELETE", "/v1/customers/acme")).await.expect(204);
    send(app, OPERATOR_KEY, "/v1/customers/acme/usage", JSON, Some("late"), r#"{"credits":0}"#)
        .await
        .expect_problem(422, "invalid_value");
    for (path, body) in [
        ("usage", r#"{"credits":1}"#),
        ("holds", r#"{"credits":1,"ttl_seconds":1}"#),
        ("grants", r#"{"credits":1,"expires_at":"2090-01-01T00:00:00Z","reason":"x"}"#),
        ("purchases", r#"{"package":"p1200"}"#),
        ("portal_sessions", "{}"),
        ("api_keys", r#"{"name":"x"}"#),
    ] {
        let path = format!("/v1/customers/acme/{path}");
        send(app, OPERATOR_KEY, &path, JSON, Some("late"), body).await.expect_problem(409, "customer_closed");
    }
});
