//! Customers: created and changed by `PUT`, changes of plan, closed ones.

use crate::app::{TestApp, on_both};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use topup::usecases::InternalError;

fn instant(json: &Value) -> DateTime<Utc> {
    json.as_str().unwrap().parse().unwrap()
}

async fn read(app: &TestApp, id: &str) -> Value {
    app.get(&format!("/v1/customers/{id}")).await.expect(200).json()
}

on_both!(an_id_that_no_address_carries_is_no_id, |app| {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    // Clients resolve such a path before they send it; by hand it arrives.
    for id in [".", "..", "%2e", "%2E%2e"] {
        for (method, status) in [("PUT", "422"), ("GET", "404"), ("DELETE", "404")] {
            let body = r#"{"email":"ada@acme.example","plan":"starter"}"#;
            let key = crate::app::OPERATOR_KEY;
            let head = format!(
                "{method} /v1/customers/{id} HTTP/1.1\r\nhost: x\r\nx-api-key: {key}\r\nconnection: close\r\n\
                 content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            let mut stream = tokio::net::TcpStream::connect(app.address).await.unwrap();
            stream.write_all(head.as_bytes()).await.unwrap();
            let mut said = String::new();
            stream.read_to_string(&mut said).await.unwrap();
            assert!(said.starts_with(&format!("HTTP/1.1 {status}")), "{method} {id}: {said}");
        }
    }
    let batch = r#"{"charges":[{"customer":"..","idempotency_key":"a","credits":1}]}"#;
    let answer = app.send(app.write("POST", "/v1/usage", None, batch)).await.expect(200).json();
    assert_eq!(answer["results"][0]["status"], 404);
    for id in ["...", ".a", "a..", "-", "_", ":"] {
        app.put_customer(id, "starter").await;
        app.charge(id, "1", "k").await.expect(201);
    }
});

on_both!(a_plan_on_which_only_closed_customers_are_can_be_retired, |app| {
    app.put_customer("gone", "starter").await;
    app.put_customer("left", "starter").await;
    app.put_customer("stays", "pro").await;
    app.charge("gone", "5", "k").await.expect(201);
    app.put("left", serde_json::json!({"plan": "builder"})).await.expect(200);
    app.put("left", serde_json::json!({"plan": "starter"})).await.expect(200);
    let sample = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/catalog.toml")).unwrap();
    let (before, rest) = sample.split_once("[[plan]]\nid = \"starter\"").unwrap();
    let (_, after) = rest.split_once("[[plan]]").unwrap();
    std::fs::create_dir_all(&app.home.folder).unwrap();
    let path = app.home.folder.join("retired.toml");
    std::fs::write(&path, format!("{before}[[plan]]{after}")).unwrap();
    let catalog = path.display().to_string();
    let serve = || {
        let settings = [("DATABASE_URL", app.home.url.as_str()), ("CATALOG", catalog.as_str()), ("WORKER", "off")];
        crate::process::start(crate::process::topup(&["serve"], &settings))
    };
    app.send(app.request("DELETE", "/v1/customers/gone")).await.expect(204);
    app.stop().await;
    // Somebody is on it, or is to be.
    let refused = serve().err().expect("a refusal");
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("starter"), "{refused:?}");
    app.launch().await;
    app.send(app.request("DELETE", "/v1/customers/left")).await.expect(204);
    app.set(|settings| settings.database.catalog = path.clone());
    app.restart().await;
    for (id, plan) in [("gone", "starter"), ("left", "builder")] {
        assert_eq!(app.get(&format!("/v1/customers/{id}")).await.expect(200).json()["plan"]["id"], plan);
        app.get(&format!("/v1/customers/{id}/balance")).await.expect(200);
    }
    app.advance(serde_json::json!({"advance_days": 40})).await.expect(200);
    for id in ["gone", "left"] {
        app.get(&format!("/v1/customers/{id}/balance")).await.expect(200);
    }
    app.charge("stays", "1", "k").await.expect(201);
    app.put("new", serde_json::json!({"email": "n@new.example", "plan": "starter"}))
        .await
        .expect_problem(422, "invalid_value");
});

on_both!(a_customer_is_created_once_and_absent_fields_stay, |app| {
    let new =
        json!({"email": "ada@acme.example", "name": "Acme Data", "plan": "starter", "timezone": "America/New_York"});
    let made = app.put("acme", new).await.expect(201).json();
    assert_eq!(made["id"], "acme");
    assert_eq!((&made["email"], &made["name"]), (&json!("ada@acme.example"), &json!("Acme Data")));
    assert_eq!(made["plan"], json!({"id": "starter", "name": "Starter", "next": null}));
    assert_eq!(made["timezone"], "America/New_York");
    assert_eq!((instant(&made["created_at"]), instant(&made["cycle"]["start"])), (app.now(), app.now()));
    let ledger = app.ledger("acme").await;
    assert_eq!(ledger.1.len(), 1, "one grant, and nothing of the past");
    for same in [json!({}), json!({"email": null, "name": null, "plan": null, "timezone": null, "cycle_anchor": null})]
    {
        assert_eq!(app.put("acme", same).await.expect(200).json(), made);
    }
    let changed = app.put("acme", json!({"name": "Acme Data Ltd"})).await.expect(200).json();
    let mut wanted = made.clone();
    wanted["name"] = json!("Acme Data Ltd");
    assert_eq!((&changed, &read(app, "acme").await), (&wanted, &wanted));
    assert_eq!(app.ledger("acme").await, ledger);
    // Nothing of it needs a name.
    let bare = app.put("larch", json!({"email": "lin@larch.example", "plan": "free"})).await.expect(201).json();
    assert_eq!(bare["timezone"], "UTC");
});

on_both!(the_address_of_a_customer_is_an_owner, |app| {
    app.put_customer("acme", "starter").await;
    app.put("acme", json!({"email": "Bob@Acme.example"})).await.expect(200);
    app.put("acme", json!({"email": "bob@acme.example"})).await.expect(200);
    let owners = "select count(*) as n from members where role = 'owner' and removed_at is null and email in
        ('ada@acme.example', 'bob@acme.example')";
    // The address that it replaced is none any more.
    assert_eq!((app.count(owners).await, app.count("select count(*) as n from members").await), (1, 2));
    assert_eq!(app.count(&format!("{owners} and email like 'bob@%'")).await, 1);
});

on_both!(an_upgrade_acts_at_once_and_keeps_the_usage, |app| {
    app.put_customer_with_left("acme", 180).await;
    let put = app.put("acme", json!({"plan": "builder"})).await.expect(200).json();
    assert_eq!(put["plan"], json!({"id": "builder", "name": "Builder", "next": null}));
    let balance = app.balance("acme").await;
    let figures = ["allowance", "used", "remaining"].map(|name| balance["plan"][name].clone());
    assert_eq!(figures, [json!(25_000), json!(4_820), json!(20_180)]);
    let granted = app.entries_of("acme", "granted").await;
    assert_eq!(granted.iter().map(|entry| entry["amount"].clone()).collect::<Vec<_>>(), [json!(5_000), json!(20_000)]);
    // Up and down within one cycle never adds up to more than the largest.
    for plan in ["starter", "builder", "free", "builder"] {
        app.put("acme", json!({"plan": plan})).await.expect(200);
    }
    assert_eq!(app.available("acme").await, 20_180);
    assert_eq!(read(app, "acme").await["plan"], json!({"id": "builder", "name": "Builder", "next": null}));
});

on_both!(a_downgrade_is_booked_and_acts_at_the_reset, |app| {
    app.put_customer_with_left("acme", 180).await;
    let put = app.put("acme", json!({"plan": "free"})).await.expect(200).json();
    let end = instant(&put["cycle"]["end"]);
    assert_eq!(
        put["plan"],
        json!({"id": "starter", "name": "Starter", "next": {"id": "free", "at": put["cycle"]["end"]}})
    );
    let balance = app.balance("acme").await;
    assert_eq!((&balance["plan"]["next"], &balance["available"]), (&put["plan"]["next"], &json!(180)));
    app.start_purchase("acme", "p1200", "buy-1").await.expect(201);
    // A later change replaces what was booked.
    app.put("acme", json!({"plan": "starter"})).await.expect(200);
    assert_eq!(app.balance("acme").await["plan"]["next"], Value::Null);
    app.put("acme", json!({"plan": "free"})).await.expect(200);
    app.advance_to(end - TimeDelta::milliseconds(1)).await;
    assert_eq!(app.balance("acme").await["plan"]["id"], "starter");
    app.advance_to(end).await;
    let balance = app.balance("acme").await;
    assert_eq!((&balance["plan"]["id"], &balance["plan"]["next"]), (&json!("free"), &Value::Null));
    assert_eq!(balance["available"], 300);
    assert_eq!(read(app, "acme").await["plan"], json!({"id": "free", "name": "Free", "next": null}));
    app.start_purchase("acme", "p1200", "buy-2").await.expect_problem(403, "plan_cannot_buy");
});

on_both!(an_anchor_at_the_months_end_is_counted_from_itself, |app| {
    let year = app.now().format("%Y").to_string().parse::<i32>().unwrap() + 1;
    let body =
        json!({"email": "ada@acme.example", "plan": "starter", "cycle_anchor": format!("{year}-01-31T14:03:00.250Z")});
    app.put("acme", body).await.expect(201);
    let mut ends = Vec::new();
    app.advance_to(format!("{year}-01-31T14:03:00.250Z").parse().unwrap()).await;
    for _ in 0..4 {
        let end = instant(&read(app, "acme").await["cycle"]["end"]);
        ends.push(end.format("%m-%dT%H:%M:%S%.3f").to_string());
        app.advance_to(end).await;
    }
    let february =
        if DateTime::parse_from_rfc3339(&format!("{year}-02-29T00:00:00Z")).is_ok() { "02-29" } else { "02-28" };
    let wanted = [february, "03-31", "04-30", "05-31"].map(|day| format!("{day}T14:03:00.250"));
    assert_eq!(ends, wanted);
});

on_both!(an_anchor_changed_later_acts_from_the_next_boundary, |app| {
    app.put_customer_with_left("acme", 180).await;
    let end = instant(&read(app, "acme").await["cycle"]["end"]);
    let anchor = end + TimeDelta::days(9);
    let put = app.put("acme", json!({"cycle_anchor": anchor.to_rfc3339()})).await.expect(200).json();
    assert_eq!((instant(&put["cycle"]["end"]), app.available("acme").await), (end, json!(180)));
    app.advance_to(end).await;
    let cycle = read(app, "acme").await["cycle"].clone();
    assert_eq!((instant(&cycle["start"]), instant(&cycle["end"])), (end, anchor));
    assert_eq!(app.entries_of("acme", "granted").await.len(), 2);
});

on_both!(a_wrong_customer_is_refused_field_by_field, |app| {
    let good = json!({"email": "ada@acme.example", "plan": "starter"});
    app.put("acme", json!({})).await.expect_problem(422, "missing_field");
    app.put("acme", json!({"plan": "starter"})).await.expect_problem(422, "missing_field");
    app.put("acme", json!({"email": "ada@acme.example", "plan": null})).await.expect_problem(422, "missing_field");
    for id in ["a%20b", "%C3%A9", "a%00", &"a".repeat(129), "a%2Fb", "acme!"] {
        let answer = app.put(id, good.clone()).await.expect_problem(422, "invalid_value");
        assert_eq!(answer.fields(), ["id"]);
    }
    assert_eq!(app.count("select count(*) as n from customers").await, 0);
    for id in ["a", &"a".repeat(128), "A.b_c:d-9"] {
        app.put(id, good.clone()).await.expect(201);
    }
    app.put("acme", good).await.expect(201);
    let before = (read(app, "acme").await, app.ledger("acme").await);
    for (field, value) in [
        ("plan", json!("gold")),
        ("plan", json!("Starter")),
        ("plan", json!("")),
        ("plan", json!(5)),
        ("timezone", json!("Mars/Olympus")),
        ("timezone", json!("")),
        ("timezone", json!("+02:00")),
        ("email", json!("ada")),
        ("email", json!("")),
        ("email", json!("a b@acme.example")),
        ("email", json!("ada@acme.example\r\nBcc: eve@evil.example")),
        ("email", json!("ada@")),
        ("name", json!("")),
        ("name", json!("  ")),
        ("name", json!("x".repeat(201))),
        ("name", json!("a\u{0}b")),
        ("cycle_anchor", json!("tomorrow")),
        ("cycle_anchor", json!("2026-13-01T00:00:00Z")),
        ("cycle_anchor", json!("2026-01-01")),
        ("cycle_anchor", json!("12026-01-01T00:00:00Z")),
        ("cycle_anchor", json!(1_700_000_000)),
    ] {
        let answer = app.put("acme", json!({field: value, "name": "Other"}));
        // The name is good unless it is what is wrong.
        let answer = if field == "name" { app.put("acme", json!({field: value})).await } else { answer.await };
        assert_eq!(answer.expect_problem(422, "invalid_value").fields(), [field], "{value}");
    }
    let answer = app.put("acme", json!({"name": "Other", "credits": 5})).await.expect_problem(422, "unknown_field");
    assert_eq!(answer.fields(), ["credits"]);
    assert_eq!((read(app, "acme").await, app.ledger("acme").await), before);
});

on_both!(many_puts_of_one_new_customer_at_once_make_one, |app| {
    let new = json!({"email": "ada@acme.example", "plan": "starter"});
    let answers = futures::future::join_all((0..20).map(|_| app.put("acme", new.clone()))).await;
    let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(201), count(200)), (1, 19));
    assert_eq!(app.entries("acme").await.len(), 1);
});

on_both!(a_closed_customer_can_be_read_and_not_written_to, |app| {
    app.put_customer_with_left("acme", 180).await;
    let opened = app.opened("acme", "p1200", "buy-1").await;
    let ledger = app.inner().ledger.clone();
    let close = ledger.job(|tx| {
        Box::pin(async move {
            let no = tx.customer_no("acme").await?.unwrap();
            let now = tx.now();
            tx.db.execute("update customers set closed_at = $1 where no = $2", topup::args![now, no]).await?;
            tx.evict_account(no).await?;
            Ok::<_, InternalError>(())
        })
    });
    close.await.unwrap().unwrap();
    drop(ledger);
    let before = app.ledger("acme").await;
    app.put("acme", json!({"name": "Back again"})).await.expect_problem(409, "customer_closed");
    app.charge("acme", "1", "k").await.expect_problem(409, "customer_closed");
    app.start_purchase("acme", "p1200", "k").await.expect_problem(409, "customer_closed");
    let path = "/v1/customers/acme/portal_sessions";
    app.send(app.write("POST", path, None, "{}")).await.expect_problem(409, "customer_closed");
    assert_eq!(instant(&read(app, "acme").await["closed_at"]), app.now());
    // Earlier requests are still answered.
    let replay = app.charge("acme", "4820", "used-before").await.expect(201);
    assert_eq!(replay.header("idempotent-replayed"), Some("true"));
    assert_eq!(app.ledger("acme").await, before);
    // Money that comes now is for a person to look at (R8).
    app.sandbox.faults().set_webhooks(false);
    app.pay(&opened).await;
    app.fulfill(&opened).await;
    assert_eq!(
        (app.purchase(&opened.id).await["state"].clone(), app.alarms().await),
        (json!("review"), vec!["review".to_owned()])
    );
    assert_eq!(app.ledger("acme").await, before);
});
