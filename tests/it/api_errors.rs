//! Refused requests: status, code, the named field, their order, and nothing changed.

use crate::app::{Answer, TestApp, on_both};
use serde_json::json;

const USAGE: &str = "/v1/customers/acme/usage";
const PURCHASES: &str = "/v1/customers/acme/purchases";

/// A body, and the status, code and field that it is refused with.
type Refused<'a> = (String, u16, &'a str, &'a str);

fn credits(token: &str) -> String {
    format!(r#"{{"credits":{token}}}"#)
}

/// Bodies of a charge that are JSON, and wrong.
fn wrong_values() -> Vec<Refused<'static>> {
    let numbers = ["-5", "-0.001", "0", "-0", "0.000", "0e5", "0.0001", "12.0005", "1e-4", "1e400", "-1e400", "1e-400"];
    let large = ["9223372036854775808", "9223372036854775807", "1000000000.001", "1e10", "99999999999999999999999999"];
    let others = [r#""12""#, r#""１２""#, r#""""#, "true", "[]", "[12]", "{}", r#"{"credits":12}"#];
    let bad = numbers.into_iter().chain(large).chain(others);
    let mut all: Vec<Refused> = bad.map(|token| (credits(token), 422, "invalid_value", "credits")).collect();
    let long = |n: usize| "x".repeat(n);
    all.extend([
        (credits("null"), 422, "missing_field", "credits"),
        ("{}".to_owned(), 422, "missing_field", "credits"),
        (r#"{"credits":1,"credit":1}"#.to_owned(), 422, "unknown_field", "credit"),
        (r#"{"credits":1,"idempotency_key":"k"}"#.to_owned(), 422, "unknown_field", "idempotency_key"),
        (r#"{"credits":1,"quantities":{"pages":1}}"#.to_owned(), 422, "unknown_field", "quantities.pages"),
        (format!(r#"{{"credits":1,"operation":"{}"}}"#, long(33)), 422, "invalid_value", "operation"),
        (format!(r#"{{"credits":1,"source":"{}"}}"#, long(65)), 422, "invalid_value", "source"),
        (format!(r#"{{"credits":1,"metadata":{{"a":"{}"}}}}"#, long(2041)), 422, "invalid_value", "metadata"),
    ]);
    let fields = [
        ("operation", &[r#""Scrape""#, r#""""#, r#""a b""#, r#""é""#, "5"] as &[_]),
        ("quantities", &["[]", "5", r#""requests""#]),
        ("source", &[r#""""#, "5", r#""a\u0000b""#, r#""\ud800""#]),
        ("metadata", &["[]", "5", r#""{}""#, r#"{"a":1e400}"#]),
    ];
    for (field, values) in fields {
        all.extend(values.iter().map(|v| (format!(r#"{{"credits":1,"{field}":{v}}}"#), 422, "invalid_value", field)));
    }
    for count in ["-1", "0.5", "1e13", r#""1""#, "[1]"] {
        let body = format!(r#"{{"credits":1,"quantities":{{"requests":{count}}}}}"#);
        all.push((body, 422, "invalid_value", "quantities.requests"));
    }
    all
}

/// Bodies that are no JSON, or name something twice, or are no object.
fn wrong_json() -> Vec<Refused<'static>> {
    let tokens = ["NaN", "Infinity", "-Infinity", "１２", "+5", "05", ".5", "5.", "0x10", "5e", "1_000", "'5'", ""];
    let mut all: Vec<Refused> = tokens.into_iter().map(|token| (credits(token), 400, "invalid_json", "")).collect();
    let bodies = [
        "",
        " ",
        "{",
        r#"{"credits":5"#,
        r#"{"credits":5,}"#,
        r#"{"credits":5}{"credits":5}"#,
        "{credits:5}",
        "credits=5",
        "\u{feff}{\"credits\":5}",
        r#"{"credits":1,"credits":1}"#,
        r#"{"credits":1,"\u0063redits":2}"#,
        r#"{"credits":1,"metadata":{"a":1,"a":1}}"#,
        r#"{"credits":1,"metadata":{"a":[{"b":{"c":1,"c":2}}]}}"#,
        r#"{"credits":1,"quantities":{"requests":1,"requests":1}}"#,
        "{\"credits\":1,\"source\":\"a\nb\"}",
    ];
    all.extend(bodies.into_iter().map(|body| (body.to_owned(), 400, "invalid_json", "")));
    let deep = format!(r#"{{"credits":1,"metadata":{{"a":{}{}}}}}"#, "[".repeat(5_000), "]".repeat(5_000));
    all.push((deep, 400, "invalid_json", ""));
    let others = ["5", "[]", r#"[{"credits":5}]"#, "null", r#""{}""#];
    all.extend(others.into_iter().map(|body| (body.to_owned(), 422, "invalid_value", "")));
    all
}

/// Each is refused as it says, with nothing changed.
async fn refused(app: &TestApp, path: &str, bodies: Vec<Refused<'_>>) {
    let before = app.ledger("acme").await;
    for (body, status, code, field) in bodies {
        let shown: String = body.chars().take(100).collect();
        let answer = app.post(path, "the-key", body).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{shown}: {}", answer.text);
        let answer = answer.expect_problem(status, code);
        if !field.is_empty() {
            assert_eq!(answer.fields(), [field], "{shown}");
            assert_eq!(answer.json()["errors"][0]["code"], code, "{shown}");
        }
        assert_eq!(app.ledger("acme").await, before, "{shown}");
    }
}

on_both!(a_charge_of_a_wrong_value_is_refused_and_changes_nothing, |app| {
    app.put_customer("acme", "starter").await;
    refused(app, USAGE, wrong_values()).await;
    refused(app, USAGE, wrong_json()).await;
    // The key that all of them carried is still free, and what is just right is taken.
    for (key, body) in [
        ("the-key", credits("0.001")),
        ("most", credits("4.9e3")),
        ("long-metadata", format!(r#"{{"credits":1,"metadata":{{"a":"{}"}}}}"#, "x".repeat(2040))),
        ("long-source", format!(r#"{{"credits":1,"operation":"{}","source":"{}"}}"#, "a".repeat(32), "é".repeat(64))),
        ("nulls", r#"{"credits":1,"operation":null,"quantities":null,"source":null,"metadata":null}"#.to_owned()),
    ] {
        let answer = app.post(USAGE, key, body).await.expect(201);
        assert_eq!(answer.header("idempotent-replayed"), None);
    }
    assert_eq!(app.available("acme").await, json!(96.999));
});

on_both!(all_that_is_wrong_with_a_body_is_said_at_once, |app| {
    app.put_customer("acme", "starter").await;
    let body = r#"{"credits":0,"operation":"A","quantities":{"requests":-1,"x":1},"source":"","metadata":[],"more":1}"#;
    let answer = app.post(USAGE, "k", body).await.expect_problem(422, "invalid_value");
    let wanted = ["credits", "operation", "quantities.requests", "quantities.x", "source", "metadata", "more"];
    assert_eq!(answer.fields(), wanted);
});

on_both!(bytes_that_are_no_text_are_refused, |app| {
    app.put_customer("acme", "starter").await;
    for body in [&b"{\"credits\":1,\"source\":\"\xff\"}"[..], b"\xff\xfe{\0}\0", b"\0"] {
        let request =
            app.request("POST", USAGE).header("content-type", "application/json").header("idempotency-key", "k");
        app.send(request.body(body.to_vec())).await.expect_problem(400, "invalid_json");
    }
    assert_eq!(app.available("acme").await, 5000);
});

on_both!(a_body_of_ten_megabytes_is_413_wherever_it_is_sent, |app| {
    app.put_customer("acme", "starter").await;
    let before = app.ledger("acme").await;
    let large = format!(r#"{{"credits":1,"source":"{}"}}"#, "x".repeat(10 * 1024 * 1024));
    for path in [USAGE, PURCHASES, "/v1/customers/acme/portal_sessions", "/webhooks/stripe", "/test/clock"] {
        app.post(path, "k", large.clone()).await.expect_problem(413, "payload_too_large");
    }
    app.send(app.write("PUT", "/v1/customers/acme", None, large)).await.expect_problem(413, "payload_too_large");
    // Just over 1 MiB, and just as much.
    let exact = |bytes: usize| format!("{}{}", credits("1"), " ".repeat(bytes - credits("1").len()));
    app.post(USAGE, "k", exact(1024 * 1024 + 1)).await.expect_problem(413, "payload_too_large");
    assert_eq!(app.ledger("acme").await, before);
    app.post(USAGE, "k", exact(1024 * 1024)).await.expect(201);
});

on_both!(only_json_is_read, |app| {
    app.put_customer("acme", "starter").await;
    let send = async |kind: Option<&str>, key: &str| {
        let request = app.request("POST", USAGE).header("idempotency-key", key).body(credits("1"));
        app.send(if let Some(kind) = kind { request.header("content-type", kind) } else { request }).await
    };
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "text/json", "application", ""]
    {
        send(Some(kind), "k").await.expect_problem(415, "unsupported_media_type");
    }
    send(None, "k").await.expect_problem(415, "unsupported_media_type");
    assert_eq!(app.available("acme").await, 5000);
    send(Some("application/json; charset=utf-8"), "k1").await.expect(201);
    send(Some("Application/JSON"), "k2").await.expect(201);
});

on_both!(a_write_needs_one_good_idempotency_key, |app| {
    app.put_customer("acme", "starter").await;
    let before = app.ledger("acme").await;
    for (path, body) in [(USAGE, credits("1")), (PURCHASES, r#"{"package":"p1200"}"#.to_owned())] {
        app.send(app.write("POST", path, None, body.as_str())).await.expect_problem(400, "idempotency_key_missing");
        for key in ["", "a b", " ", "a\tb", &"k".repeat(256)] {
            app.post(path, key, body.as_str()).await.expect_problem(400, "invalid_header");
        }
        let bytes = reqwest::header::HeaderValue::from_bytes("clé".as_bytes()).unwrap();
        let request = app.write("POST", path, None, body.as_str()).header("idempotency-key", bytes);
        app.send(request).await.expect_problem(400, "invalid_header");
        let twice = app.write("POST", path, Some("one"), body.as_str()).header("idempotency-key", "two");
        app.send(twice).await.expect_problem(400, "invalid_header");
    }
    assert_eq!(app.ledger("acme").await, before);
    let longest: String = ('!'..='~').cycle().take(255).collect();
    app.charge("acme", "1", &longest).await.expect(201);
});

on_both!(only_an_operators_key_opens_the_api, |app| {
    app.put_customer("acme", "starter").await;
    let before = app.ledger("acme").await;
    let paths = [
        ("GET", "/v1/catalog"),
        ("GET", "/v1/customers/acme"),
        ("PUT", "/v1/customers/acme"),
        ("GET", "/v1/customers/acme/balance"),
        ("GET", "/v1/customers/acme/entries"),
        ("GET", "/v1/customers/acme/grants"),
        ("GET", "/v1/customers/acme/purchases"),
        ("POST", USAGE),
        ("POST", PURCHASES),
        ("POST", "/v1/customers/acme/portal_sessions"),
        ("GET", "/v1/purchases/pur_1"),
        ("GET", "/v1/nothing"),
        ("GET", "/v1"),
        ("GET", "/v1/customers/%FF"),
        ("GET", "/v1/customers/acme/entries?limit=1&limit=2"),
        ("GET", "/test/clock"),
        ("POST", "/test/clock"),
    ];
    let keys = ["", "wrong", "tk_0000000000000000000000000000000000000000", &crate::app::OPERATOR_KEY[1..]];
    for (method, path) in paths {
        let url = format!("http://{}{path}", app.address);
        let bare =
            || app.http.request(method.parse().unwrap(), &url).header("content-type", "application/json").body("{}");
        let answer = app.send(bare()).await.expect_problem(401, "unauthorized");
        assert!(answer.headers.contains_key("www-authenticate"), "{method} {path}");
        for key in keys {
            app.send(bare().header("x-api-key", key)).await.expect_problem(401, "unauthorized");
            app.send(bare().bearer_auth(key)).await.expect_problem(401, "unauthorized");
            app.send(bare().basic_auth(key, Some(crate::app::OPERATOR_KEY))).await.expect_problem(401, "unauthorized");
        }
    }
    assert_eq!(app.ledger("acme").await, before);
    let url = format!("http://{}/v1/catalog", app.address);
    app.send(app.http.get(&url).bearer_auth(crate::app::OPERATOR_KEY)).await.expect(200);
    app.send(app.http.get(&url).header("authorization", format!("bearer  {}", crate::app::OPERATOR_KEY)))
        .await
        .expect(200);
});

/// Ids that no customer can have; the database must not choke on any of them.
const NOBODY: [&str; 12] = [
    "nobody",
    "%FF",
    "a%C3%28",
    "ACME",
    "acme%20",
    "a%00b",
    "%00",
    "a%20b",
    "%C3%A9",
    "a%2Fb",
    "%F0%9F%98%80",
    "%27%20or%201%3D1%3B--",
];

on_both!(unknown_ids_are_404, |app| {
    app.put_customer("acme", "starter").await;
    let long = "a".repeat(129);
    for id in NOBODY.into_iter().chain([long.as_str()]) {
        for list in ["", "/balance", "/entries", "/grants", "/purchases", "/entries?format=csv"] {
            app.get(&format!("/v1/customers/{id}{list}")).await.expect_problem(404, "not_found");
        }
        app.charge(id, "1", "k").await.expect_problem(404, "not_found");
        app.start_purchase(id, "p1200", "k").await.expect_problem(404, "not_found");
        let path = format!("/v1/customers/{id}/portal_sessions");
        app.send(app.write("POST", &path, None, "{}")).await.expect_problem(404, "not_found");
    }
    for id in ["pur_1", "pur_00000000000000000000000000000000", "grt_00000000000000000000000000000000", "%00"] {
        app.get(&format!("/v1/purchases/{id}")).await.expect_problem(404, "not_found");
    }
    for path in ["/v1", "/v1/", "/v1/customers", "/v1/nothing", "/v1/customers/acme/nothing", "/test/nothing"] {
        app.get(path).await.expect_problem(404, "not_found");
    }
    app.send(app.write("PUT", "/v1/customers/%FF", None, "{}")).await.expect_problem(422, "invalid_value");
    assert_eq!(app.count("select count(*) as n from customers").await, 1);
});

on_both!(one_callers_strange_id_does_not_fail_its_neighbours, |app| {
    app.put_customer("acme", "starter").await;
    let keys: Vec<String> = (0..40).map(|n| format!("job-{n}")).collect();
    let charges = keys.iter().enumerate().map(async |(n, key)| {
        let customer = if n % 2 == 0 { "acme" } else { NOBODY[n / 2 % NOBODY.len()] };
        (customer, app.charge(customer, "1", key).await)
    });
    for (customer, answer) in futures::future::join_all(charges).await {
        answer.expect(if customer == "acme" { 201 } else { 404 });
    }
    assert_eq!(app.available("acme").await, 4980);
});

/// A request that everything is wrong with, mended step by step: each time the next refusal.
async fn mended_step_by_step(app: &TestApp, path: &str, bodies: [&str; 3]) {
    let (nobodys, [broken, wrong, right]) = (path.replace("acme", "nobody"), bodies);
    let send = async |operator: &str, path: &str, kind: &str, key: Option<&str>, body: &str| {
        let request = app.http.post(format!("http://{}{path}", app.address)).header("x-api-key", operator);
        let request = request.header("content-type", kind).body(body.to_owned());
        app.send(if let Some(key) = key { request.header("idempotency-key", key) } else { request }).await
    };
    let (ours, json) = (crate::app::OPERATOR_KEY, "application/json");
    send("wrong", &nobodys, "text/plain", None, broken).await.expect_problem(401, "unauthorized");
    send(ours, &nobodys, "text/plain", None, broken).await.expect_problem(404, "not_found");
    send(ours, &nobodys, json, Some("bound"), wrong).await.expect_problem(404, "not_found");
    send(ours, path, "text/plain", None, broken).await.expect_problem(400, "idempotency_key_missing");
    send(ours, path, json, Some("a b"), wrong).await.expect_problem(400, "invalid_header");
    send(ours, path, "text/plain", Some("bound"), broken).await.expect_problem(415, "unsupported_media_type");
    send(ours, path, json, Some("bound"), broken).await.expect_problem(400, "invalid_json");
    send(ours, path, json, Some("bound"), wrong).await.expect_problem(422, "invalid_value");
    send(ours, path, json, Some("bound"), right).await.expect_problem(409, "idempotency_key_reused");
}

on_both!(refusals_of_a_charge_come_in_their_order, |app| {
    app.put_customer_with_left("acme", 10).await;
    let bound = app.charge("acme", "10", "bound").await.expect(201);
    let before = app.ledger("acme").await;
    mended_step_by_step(app, USAGE, ["{", r#"{"credits":-1}"#, r#"{"credits":11}"#]).await;
    let replay: Answer = app.charge("acme", "10", "bound").await.expect(201);
    assert_eq!((replay.json(), replay.header("idempotent-replayed")), (bound.json(), Some("true")));
    app.charge("acme", "11", "free").await.expect_problem(402, "insufficient_credits");
    assert_eq!(app.ledger("acme").await, before);
});

on_both!(refusals_of_a_purchase_come_in_their_order, |app| {
    app.put_customer("acme", "starter").await;
    let bound = app.start_purchase("acme", "p1200", "bound").await.expect(201);
    app.put("acme", json!({"plan": "free"})).await.expect(200);
    app.advance(json!({"advance_days": 31})).await.expect(200);
    assert_eq!(app.balance("acme").await["plan"]["id"], "free");
    mended_step_by_step(app, PURCHASES, ["{", r#"{"package":"p1"}"#, r#"{"package":"p5000"}"#]).await;
    let replay = app.start_purchase("acme", "p1200", "bound").await.expect(201);
    assert_eq!((replay.json(), replay.header("idempotent-replayed")), (bound.json(), Some("true")));
    app.start_purchase("acme", "p1200", "free").await.expect_problem(403, "plan_cannot_buy");
});
