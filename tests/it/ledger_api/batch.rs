//! `POST /v1/usage`, and the list of usages.

use super::id;
use crate::app::{Answer, TestApp, on_both};
use serde_json::{Value, json};

async fn batch(app: &TestApp, charges: Value) -> Answer {
    app.send(app.write("POST", "/v1/usage", None, json!({ "charges": charges }).to_string())).await
}

fn statuses(answer: &Answer) -> Vec<(u64, String)> {
    let json = answer.json();
    let of = |r: &Value| (r["status"].as_u64().unwrap(), r["error"]["code"].as_str().unwrap_or("").to_owned());
    json["results"].as_array().unwrap().iter().map(of).collect()
}

fn charge(customer: &str, key: &str, credits: i64) -> Value {
    json!({"customer": customer, "idempotency_key": key, "credits": credits})
}

on_both!(each_charge_of_a_batch_stands_on_its_own, |app| {
    app.put_customer_with_left("acme", 100).await;
    app.put_customer("globex", "starter").await;
    let answer = batch(
        app,
        json!([
            charge("acme", "a", 60),
            charge("acme", "b", 60),
            charge("acme", "a", 60),
            charge("acme", "a", 61),
            charge("globex", "a", 60),
            charge("nobody", "a", 0),
            charge("acme", "c", -1),
            {"customer": "acme", "credits": 1},
            {"customer": "acme", "idempotency_key": "ü", "credits": 1},
            {"idempotency_key": "d", "credits": 1},
            7,
            {"customer": "acme", "idempotency_key": "d", "credits": 1, "ttl": 1},
            charge("acme", "b", 40),
        ]),
    )
    .await
    .expect(200);
    let want = [
        (201, ""),
        (402, "insufficient_credits"),
        (201, ""),
        (409, "idempotency_key_reused"),
        (201, ""),
        (404, "not_found"),
        (422, "invalid_value"),
        (400, "idempotency_key_missing"),
        (400, "invalid_header"),
        (422, "missing_field"),
        (422, "invalid_value"),
        (422, "unknown_field"),
        (201, ""),
    ];
    assert_eq!(statuses(&answer), want.map(|(status, code)| (status, code.to_owned())));
    let results = &answer.json()["results"];
    assert_eq!(results[0]["usage"], results[2]["usage"]);
    assert_eq!((results[0].get("replayed"), &results[2]["replayed"]), (None, &json!(true)));
    assert_eq!(results[0]["usage"]["balance"]["available"], json!(40));
    assert_eq!((&results[1]["error"]["status"], &results[1]["error"]["needed"]), (&json!(402), &json!(60)));
    assert_eq!(app.available("acme").await, json!(0));
});

on_both!(a_key_is_the_same_over_both_routes, |app| {
    app.put_customer("acme", "starter").await;
    let alone = app.charge("acme", "12.5", "k1").await.expect(201);
    let answer =
        batch(app, json!([{"customer": "acme", "idempotency_key": "k1", "credits": 12.50}, charge("acme", "k2", 3)]));
    let answer = answer.await.expect(200).json();
    assert_eq!(answer["results"][0]["usage"], alone.json());
    let again = app.charge("acme", "3", "k2").await.expect(201);
    assert_eq!(
        (again.header("idempotent-replayed"), again.json()),
        (Some("true"), answer["results"][1]["usage"].clone())
    );
    assert_eq!(app.available("acme").await, json!(4_984.5));
});

on_both!(a_batch_that_is_none_is_refused_whole, |app| {
    app.put_customer("acme", "starter").await;
    batch(app, json!([])).await.expect_problem(422, "invalid_value");
    batch(app, json!({})).await.expect_problem(422, "invalid_value");
    batch(app, json!(null)).await.expect_problem(422, "missing_field");
    let many: Vec<Value> = (0..1_001).map(|n| charge("acme", &format!("k{n}"), 1)).collect();
    batch(app, json!(many)).await.expect_problem(422, "invalid_value");
    for (body, status) in
        [("[", 400), ("[]", 422), (r#"{"charges":[],"charges":[]}"#, 400), (r#"{"charges":[1],"x":1}"#, 422)]
    {
        app.send(app.write("POST", "/v1/usage", None, body)).await.expect(status);
    }
    let twice = r#"{"charges":[{"customer":"acme","idempotency_key":"x","credits":1,"credits":2},{"customer":"acme","idempotency_key":"y","credits":1}]}"#;
    let answer = app.send(app.write("POST", "/v1/usage", None, twice)).await.expect(200);
    assert_eq!(statuses(&answer), [(400, "invalid_json".to_owned()), (201, String::new())]);
});

on_both!(a_thousand_charges_keep_their_order_and_are_listed_newest_first, |app| {
    app.put_customer("acme", "starter").await;
    let many: Vec<Value> = (1..=1_000).map(|n| charge("acme", &format!("k{n}"), 1 + n % 3)).collect();
    let answer = batch(app, json!(many)).await.expect(200).json();
    let results = answer["results"].as_array().unwrap();
    let left: Vec<i64> = results.iter().map(|r| r["usage"]["balance"]["available"].as_i64().unwrap()).collect();
    assert!(left.windows(2).all(|two| two[0] > two[1]), "in order");
    let ids: Vec<Value> = results.iter().rev().map(|r| r["usage"]["id"].clone()).collect();
    // Rows that come meanwhile move no page.
    let first = app.get("/v1/customers/acme/usage?limit=130").await.expect(200).json();
    let newest = id(&app.charge("acme", "1", "late").await.expect(201));
    let next = first["next"].as_str().unwrap();
    let second = app.get(&format!("/v1/customers/acme/usage?limit=1&cursor={next}")).await.expect(200).json();
    assert_eq!(second["data"][0]["id"], ids[130]);
    let listed: Vec<Value> = app.all("/v1/customers/acme/usage", 130).await.iter().map(|u| u["id"].clone()).collect();
    assert_eq!(listed[0], json!(newest));
    assert_eq!(listed[1..], ids);
    app.get("/v1/customers/acme/usage?cursor=z").await.expect_problem(400, "invalid_cursor");
    app.get("/v1/customers/nobody/usage").await.expect_problem(404, "not_found");
});
