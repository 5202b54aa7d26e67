//! The API of a customer's own keys, and the daily totals behind it.

use crate::app::{Answer, TestApp, on_both};
use serde_json::{Value, json};

/// A key of the customer's own.
async fn key(app: &TestApp, customer: &str) -> String {
    let path = format!("/v1/customers/{customer}/api_keys");
    let made = app.send(app.write("POST", &path, None, r#"{"name":"worker"}"#)).await.expect(201);
    made.json()["key"].as_str().unwrap().to_owned()
}

async fn get(app: &TestApp, key: &str, path: &str) -> Answer {
    app.send(app.http.get(format!("http://{}{path}", app.address)).header("x-api-key", key)).await
}

async fn credits(app: &TestApp, key: &str) -> Value {
    get(app, key, "/api/account").await.expect(200).json()["data"]["credits"].clone()
}

async fn stats(app: &TestApp, key: &str, range: &str) -> Vec<Value> {
    let answer = get(app, key, &format!("/api/usage-stats?range={range}")).await.expect(200).json();
    assert_eq!(answer["status"], "ok");
    answer["data"].as_array().unwrap().clone()
}

async fn charge(app: &TestApp, key: &str, body: Value) -> Answer {
    app.post("/v1/customers/acme/usage", key, body.to_string()).await.expect(201)
}

on_both!(a_customers_key_reads_its_account_in_spidras_shape, |app| {
    app.put_customer("acme", "starter").await;
    let key = key(app, "acme").await;
    let start = app.get("/v1/customers/acme").await.json()["cycle"]["start"].clone();
    let want = json!({"status": "ok", "data": {
        "plan": {"name": "Starter"},
        "credits": {"limit": 5000, "used": 0, "remaining": 5000, "billingCycleStart": start},
        "subscription": {"status": null}}});
    assert_eq!(get(app, &key, "/api/account").await.expect(200).json(), want);
    let bearer = app.http.get(format!("http://{}/api/account", app.address)).bearer_auth(&key);
    assert_eq!(app.send(bearer).await.expect(200).json(), want);

    app.buy("acme", "p1200", "buy-1").await;
    app.charge("acme", "5100.5", "job-1").await.expect(201);
    let hold = r#"{"credits":100,"ttl_seconds":3600}"#;
    let hold = app.post("/v1/customers/acme/holds", "hold-1", hold).await.expect(201).json();
    let now = credits(app, &key).await;
    assert_eq!((&now["used"], &now["remaining"], &now["limit"]), (&json!(5200.5), &json!(999.5), &json!(6200)));
    // A hold counts as used either way; the rest comes back.
    let path = format!("/v1/holds/{}/settle", hold["id"].as_str().unwrap());
    app.post(&path, "settle-1", r#"{"credits":40}"#).await.expect(200);
    let now = credits(app, &key).await;
    assert_eq!((&now["used"], &now["remaining"], &now["limit"]), (&json!(5140.5), &json!(1059.5), &json!(6200)));
});

on_both!(the_cycles_use_begins_anew_at_its_very_instant, |app| {
    app.put_customer("acme", "starter").await;
    let key = key(app, "acme").await;
    let end = app.get("/v1/customers/acme").await.json()["cycle"]["end"].as_str().unwrap().parse().unwrap();
    app.advance_to(end - chrono::TimeDelta::milliseconds(1)).await;
    let last = app.charge("acme", "30", "last").await.expect(201).json();
    assert_eq!(credits(app, &key).await["used"], 30);
    app.advance_to(end).await;
    assert_eq!(credits(app, &key).await["used"], 0, "also before anything is booked");
    app.charge("acme", "7", "first").await.expect(201);
    let now = credits(app, &key).await;
    assert_eq!(
        (&now["used"], &now["billingCycleStart"]),
        (&json!(7), &app.get("/v1/customers/acme").await.json()["cycle"]["start"])
    );
    // Both were on one day; the void of the old cycle's changes nothing in the new one.
    let path = format!("/v1/usage/{}/void", last["id"].as_str().unwrap());
    app.post(&path, "void", r#"{"reason":"twice"}"#).await.expect(200);
    assert_eq!(credits(app, &key).await["used"], 7);
    assert_eq!(stats(app, &key, "7d").await[6]["credits"], 7);
});

on_both!(daily_totals_leave_out_voided_usage, |app| {
    app.put_customer("acme", "starter").await;
    let key = key(app, "acme").await;
    app.advance(json!({"advance_to": "2031-03-01T23:59:59.999Z"})).await.expect(200);
    let quantities = json!({"requests": 3, "tokens": 1000, "latency_ms": 100});
    charge(app, "a", json!({"credits": 2.5, "operation": "scrape", "quantities": quantities, "source": "k1"})).await;
    app.advance(json!({"advance_to": "2031-03-02T00:00:00Z"})).await.expect(200);
    charge(app, "b", json!({"credits": 1, "quantities": {"requests": 1, "latency_ms": 101, "captchas": 2}})).await;
    charge(app, "c", json!({"credits": 1, "quantities": {"crawls": 4, "latency_ms": 100}})).await;
    let undone = charge(app, "d", json!({"credits": 0.125, "quantities": {"requests": 9, "latency_ms": 9}})).await;
    let path = format!("/v1/usage/{}/void", undone.json()["id"].as_str().unwrap());
    app.post(&path, "void", r#"{"reason":"twice"}"#).await.expect(200);
    app.post(&path, "void", r#"{"reason":"twice"}"#).await.expect(200);

    let week = stats(app, &key, "7d").await;
    let empty = json!({"label": "24 Feb", "date": "2031-02-24", "requests": 0, "crawls": 0, "tokens": 0, "captchas": 0,
        "latency": 0, "credits": 0});
    assert_eq!((week.len(), &week[0]), (7, &empty));
    let first = json!({"label": "1 Mar", "date": "2031-03-01", "requests": 3, "crawls": 0, "tokens": 1000, "captchas": 0,
        "latency": 100, "credits": 2.5});
    let second = json!({"label": "2 Mar", "date": "2031-03-02", "requests": 1, "crawls": 4, "tokens": 0, "captchas": 2,
        "latency": 100.5, "credits": 2});
    assert_eq!((&week[5], &week[6]), (&first, &second));
    let month = stats(app, &key, "30d").await;
    assert_eq!((month.len(), &month[23..]), (30, &week[..]));
    let weekly = stats(app, &key, "weekly").await;
    assert_eq!(
        (weekly.len(), &weekly[6]["label"], &weekly[6]["date"]),
        (7, &json!("24 Feb–2 Mar"), &json!("2031-02-24"))
    );
    assert_eq!(
        (&weekly[6]["credits"], &weekly[6]["requests"], &weekly[6]["latency"]),
        (&json!(4.5), &json!(4), &json!(100.333))
    );
    // A void acts on the day of its usage, days later too.
    app.advance(json!({"advance_days": 6})).await.expect(200);
    let path = format!("/v1/usage/{}/void", app.all("/v1/customers/acme/usage", 50).await[3]["id"].as_str().unwrap());
    app.post(&path, "void-2", r#"{"reason":"twice"}"#).await.expect(200);
    let week = stats(app, &key, "7d").await;
    assert_eq!((&week[0]["credits"], &week[6]["credits"]), (&json!(2), &json!(0)));
    assert_eq!(stats(app, &key, "weekly").await[5]["credits"], 0);
});

on_both!(many_charges_of_one_batch_come_to_one_row, |app| {
    app.put_customer("acme", "pro").await;
    let charges: Vec<Value> = (0..600)
        .map(|n| {
            json!({"customer": "acme", "idempotency_key": format!("k{n}"), "credits": 0.5, "operation": "crawl",
            "source": format!("job-{}", n % 3), "quantities": {"requests": 1}})
        })
        .collect();
    app.send(app.write("POST", "/v1/usage", None, json!({"charges": charges}).to_string())).await.expect(200);
    assert_eq!(app.count("select count(*) as n from usage_days").await, 3);
    assert_eq!(app.count("select cast(sum(plan) as bigint) as n from usage_days").await, 300_000);
    let key = key(app, "acme").await;
    let today = stats(app, &key, "7d").await[6].clone();
    assert_eq!((&today["credits"], &today["requests"]), (&json!(300), &json!(600)));
    // A refused charge is on no day.
    app.charge("acme", "1000000", "too-much").await.expect_problem(402, "insufficient_credits");
    assert_eq!(stats(app, &key, "7d").await[6], today);
});

on_both!(totals_that_are_off_are_found, |app| {
    app.put_customer("acme", "starter").await;
    charge(app, "a", json!({"credits": 2, "operation": "scrape", "quantities": {"requests": 3}, "source": "k1"})).await;
    let inner = app.inner();
    for (wrong, right) in [
        ("plan = plan + 1", "plan = plan - 1"),
        ("usages = 2", "usages = 1"),
        ("operation = 'crawl'", "operation = 'scrape'"),
        ("source = ''", "source = 'k1'"),
        ("day = day + 1", "day = day - 1"),
        ("cycle_start = cycle_start - 1", "cycle_start = cycle_start + 1"),
        ("customer_no = 77", "customer_no = 1"),
    ] {
        app.tamper(&format!("update usage_days set {wrong}"), Vec::new()).await.unwrap();
        let found = topup::usecases::upkeep::check::check_all(&inner.store).await.unwrap();
        assert!(found.is_err(), "{wrong}");
        app.tamper(&format!("update usage_days set {right}"), Vec::new()).await.unwrap();
    }
    for (wrong, right) in [
        ("total = 4", "total = 3"),
        ("usages = 2", "usages = 1"),
        ("metric = 'crawls'", "metric = 'requests'"),
        ("day = day + 1", "day = day - 1"),
        ("customer_no = 77", "customer_no = 1"),
    ] {
        app.tamper(&format!("update usage_metrics set {wrong}"), Vec::new()).await.unwrap();
        let found = topup::usecases::upkeep::check::check_all(&inner.store).await.unwrap();
        assert!(found.is_err(), "{wrong}");
        app.tamper(&format!("update usage_metrics set {right}"), Vec::new()).await.unwrap();
    }
    app.check().await;
});

on_both!(a_closed_customers_days_name_no_source, |app| {
    app.put_customer("acme", "starter").await;
    let key = key(app, "acme").await;
    charge(app, "a", json!({"credits": 2, "source": "ada@acme.example"})).await;
    charge(app, "b", json!({"credits": 3, "source": "bob@acme.example"})).await;
    app.advance(json!({"advance_days": 70})).await.expect(200);
    charge(app, "c", json!({"credits": 4, "source": "ada@acme.example"})).await;
    assert_eq!(app.count("select count(*) as n from usage_days").await, 3);
    app.send(app.request("DELETE", "/v1/customers/acme")).await.expect(204);
    assert_eq!(app.count("select count(*) as n from usage_days where source <> ''").await, 0);
    assert_eq!(app.count("select cast(sum(plan) as bigint) as n from usage_days").await, 9_000);
    // Its keys have ended.
    assert_eq!(get(app, &key, "/api/account").await.expect(401).json()["code"], "unauthorized");
});

on_both!(a_customers_api_refuses_in_its_own_shape, |app| {
    app.put_customer("acme", "starter").await;
    let key = key(app, "acme").await;
    for wrong in ["", "tk_", "tk_0000", crate::app::OPERATOR_KEY, &key[..key.len() - 1], &key.to_uppercase()] {
        for path in ["/api/account", "/api/usage-stats?range=1d", "/api/nothing"] {
            let answer = get(app, wrong, path).await.expect(401);
            let json = answer.json();
            assert_eq!((&json["status"], &json["code"]), (&json!("error"), &json!("unauthorized")));
            assert!(json["message"].as_str().is_some_and(|text| !text.is_empty()));
        }
    }
    for bad in ["", "?range=", "?range=1d", "?range=7D", "?days=7", "?range=7d&x=1", "?range=7d&range=7d"] {
        let answer = get(app, &key, &format!("/api/usage-stats{bad}")).await.expect(400).json();
        assert_eq!((&answer["status"], &answer["code"]), (&json!("error"), &json!("invalid_value")), "{bad}");
    }
    for nothing in ["/api", "/api/", "/api/nothing"] {
        assert_eq!(get(app, &key, nothing).await.expect(404).json()["code"], "not_found", "{nothing}");
    }
    // A customer's key opens nothing of the operator's.
    get(app, &key, "/v1/customers/acme").await.expect_problem(401, "unauthorized");
    let used = app.count("select count(*) as n from api_keys where last_used_at is not null").await;
    assert_eq!(used, 1);
});
