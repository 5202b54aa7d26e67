//! Closing a customer, and the customer's API keys.

use super::{give, hold, id, settle, void};
use crate::app::on_both;
use serde_json::json;

on_both!(a_key_is_shown_once_and_kept_as_a_hash, |app| {
    app.put_customer("acme", "starter").await;
    let path = "/v1/customers/acme/api_keys";
    let made = app.send(app.write("POST", path, None, r#"{"name":"ci"}"#)).await.expect(201).json();
    let key = made["key"].as_str().unwrap();
    assert!(made["id"].as_str().unwrap().starts_with("key_") && key.starts_with("tk_"), "{made}");
    assert_eq!(app.count("select count(*) as n from api_keys where length(key_hash) = 32").await, 1);
    let stranger = app.http.get(format!("http://{}/v1/catalog", app.address)).header("x-api-key", key);
    app.send(stranger).await.expect_problem(401, "unauthorized");
    app.send(app.write("POST", path, None, "{}")).await.expect_problem(422, "missing_field");
});

on_both!(a_closed_customer_can_be_read_and_not_written, |app| {
    app.put_customer("acme", "starter").await;
    give(app, 50, 10, "g").await.expect(201);
    let usage = r#"{"credits":30,"source":"ada","metadata":{"a":1}}"#;
    let charge = id(&app.post("/v1/customers/acme/usage", "c", usage).await.expect(201));
    let other = id(&app.charge("acme", "1", "c2").await.expect(201));
    void(app, &format!("/v1/usage/{other}/void"), "v").await.expect(200);
    let held = id(&hold(app, 10, 60, "h").await.expect(201));
    app.send(app.write("POST", "/v1/customers/acme/api_keys", None, r#"{"name":"ci"}"#)).await.expect(201);
    for _ in 0..2 {
        app.send(app.request("DELETE", "/v1/customers/acme")).await.expect(204);
    }
    app.send(app.request("DELETE", "/v1/customers/nobody")).await.expect_problem(404, "not_found");
    let customer = app.get("/v1/customers/acme").await.expect(200).json();
    assert_eq!((&customer["email"], &customer["name"]), (&json!(""), &json!("")));
    assert!(customer["closed_at"].is_string());
    app.charge("acme", "1", "c3").await.expect_problem(409, "customer_closed");
    hold(app, 1, 60, "h2").await.expect_problem(409, "customer_closed");
    settle(app, &held, "1", "s").await.expect_problem(409, "customer_closed");
    give(app, 1, 10, "g2").await.expect_problem(409, "customer_closed");
    void(app, &format!("/v1/usage/{charge}/void"), "v2").await.expect_problem(409, "customer_closed");
    app.put("acme", json!({"email": "ada@acme.example"})).await.expect_problem(409, "customer_closed");
    app.send(app.write("POST", "/v1/customers/acme/api_keys", None, r#"{"name":"x"}"#))
        .await
        .expect_problem(409, "customer_closed");
    let usages = app.all("/v1/customers/acme/usage", 200).await;
    assert_eq!((usages.len(), &usages[1]["source"]), (2, &json!(null)));
    for sql in [
        "select count(*) as n from members",
        "select count(*) as n from grant_notes",
        "select count(*) as n from api_keys where revoked_at is null or name <> ''",
        "select count(*) as n from holds where source is not null",
        "select count(*) as n from usages where source is not null or metadata is not null or void_reason is not null",
    ] {
        assert_eq!(app.count(sql).await, 0, "{sql}");
    }
});
