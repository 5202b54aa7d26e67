//! Charges: idempotency keys, concurrent callers, burn order.

use crate::app::{TestApp, on_both};
use chrono::{Months, TimeDelta};
use futures::future::join_all;
use serde_json::{Value, json};
use std::collections::HashSet;
use topup::domain::Instant;

const USAGE: &str = "/v1/customers/acme/usage";

fn credits_headers(answer: &crate::app::Answer) -> [Option<&str>; 3] {
    ["x-credits-cost", "x-credits-remaining", "x-credits-source"].map(|name| answer.header(name))
}

/// Kind and credits of each draw.
fn draws(usage: &Value) -> Vec<(String, Value)> {
    let draws = usage["draws"].as_array().unwrap();
    draws.iter().map(|draw| (draw["kind"].as_str().unwrap().to_owned(), draw["credits"].clone())).collect()
}

fn instant(json: &Value) -> Instant {
    json.as_str().unwrap().parse().unwrap()
}

on_both!(a_charge_is_answered_with_its_draws_and_the_balance, |app| {
    app.put_customer("acme", "starter").await;
    let body =
        r#"{"credits":12.5,"operation":"scrape","quantities":{"requests":3},"source":"key-1","metadata":{"job":7}}"#;
    let answer = app.post(USAGE, "job-1", body).await.expect(201);
    let usage = answer.json();
    let balance = app.balance("acme").await;
    let grant = &balance["grants"][0]["id"];
    assert_eq!(usage["customer"], "acme");
    assert_eq!(usage["credits"], json!(12.5));
    assert_eq!((&usage["operation"], &usage["source"]), (&json!("scrape"), &json!("key-1")));
    assert_eq!(usage["draws"], json!([{"grant": grant, "kind": "plan", "credits": 12.5}]));
    assert_eq!(usage["balance"], json!({"available": 4987.5, "plan": 4987.5, "courtesy": 0, "top_up": 0, "held": 0}));
    assert_eq!(instant(&usage["created_at"]), app.now());
    assert!(usage["id"].as_str().unwrap().starts_with("use_"));
    assert_eq!(credits_headers(&answer), [Some("12.5"), Some("4987.5"), Some("plan")]);
    assert_eq!(answer.header("idempotent-replayed"), None);
    assert_eq!(balance["plan"]["used"], json!(12.5));
    let entry = app.entries("acme").await.pop().unwrap();
    assert_eq!((&entry["kind"], &entry["amount"]), (&json!("used"), &json!(-12.5)));
    assert_eq!((&entry["ref"], &entry["grant"]), (&usage["id"], grant));
});

on_both!(a_repeated_charge_gets_the_same_answer_in_any_spelling, |app| {
    app.put_customer("acme", "starter").await;
    let first = r#"{"credits":12.5,"operation":"scrape","quantities":{"requests":3,"tokens":9},"metadata":{"a":1,"b":{"c":[2]}}}"#;
    let first = app.post(USAGE, "job-1", first).await.expect(201);
    app.charge("acme", "100", "job-2").await.expect(201);
    for body in [
        r#" { "metadata" : { "b":{"c":[ 2 ]}, "a" : 1 } , "quantities":{"tokens":9.0,"requests":3},
             "operation":"scrape","credits":12.50 } "#,
        r#"{"source":null,"credits":1.25e1,"operation":"\u0073crape","quantities":{"requests":3,"tokens":9},"metadata":{"b":{"c":[2]},"a":1}}"#,
    ] {
        let again = app.post(USAGE, "job-1", body).await.expect(201);
        assert_eq!(again.json(), first.json());
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        assert_eq!(credits_headers(&again), credits_headers(&first));
    }
    let apart = r#"{"credits":1,"metadata":{"a":12345678901234567890123,"b":[1.0,-0,1e300]}}"#;
    app.post(USAGE, "job-3", apart).await.expect(201);
    let again = app.post(USAGE, "job-3", &apart.replace("1.0,-0", " 10e-1 , 0.0")).await.expect(201);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    app.post(USAGE, "job-3", &apart.replace("0123", "0124")).await.expect_problem(409, "idempotency_key_reused");
    let before = app.ledger("acme").await;
    for other in [r#"{"credits":12.501}"#, r#"{"credits":12.5}"#] {
        app.post(USAGE, "job-1", other).await.expect_problem(409, "idempotency_key_reused");
    }
    assert_eq!(app.ledger("acme").await, before);
    // The answer is kept for ever: over a restart, and after the cycle that it speaks of.
    app.restart().await;
    app.advance(json!({"advance_days": 400})).await.expect(200);
    let body = r#"{"credits":12.5,"operation":"scrape","quantities":{"requests":3,"tokens":9},"metadata":{"a":1,"b":{"c":[2]}}}"#;
    let again = app.post(USAGE, "job-1", body).await.expect(201);
    assert_eq!((again.json(), credits_headers(&again)), (first.json(), credits_headers(&first)));
});

on_both!(a_key_belongs_to_one_customer_and_to_all_its_calls, |app| {
    app.put_customer("acme", "starter").await;
    app.put_customer("larch", "builder").await;
    app.charge("acme", "5", "k").await.expect(201);
    let other = app.charge("larch", "5", "k").await.expect(201);
    assert_eq!(other.header("idempotent-replayed"), None);
    app.start_purchase("acme", "p1200", "k").await.expect_problem(409, "idempotency_key_reused");
    app.start_purchase("acme", "p1200", "p").await.expect(201);
    app.charge("acme", "5", "p").await.expect_problem(409, "idempotency_key_reused");
    assert_eq!(app.available("acme").await, 4995);
});

on_both!(a_refused_charge_binds_nothing, |app| {
    app.put_customer_with_left("acme", 10).await;
    let before = app.ledger("acme").await;
    let refused = app.charge("acme", "11", "job-1").await.expect_problem(402, "insufficient_credits").json();
    let numbers = ["needed", "available", "plan", "courtesy", "top_up", "held"].map(|name| refused[name].clone());
    assert_eq!(json!(numbers), json!([11, 10, 10, 0, 0, 0]));
    assert_eq!(refused["resets_at"], before.0["plan"]["resets_at"]);
    assert_eq!(refused["buy_url"], format!("http://{}/billing", app.address));
    assert_eq!(app.ledger("acme").await, before);
    let other = app.charge("acme", "10", "job-1").await.expect(201);
    assert_eq!(other.header("idempotent-replayed"), None);
    assert_eq!(app.available("acme").await, 0);
    // Later the same key, bound now, is a replay even though there is nothing left.
    assert_eq!(app.charge("acme", "10", "job-1").await.expect(201).json(), other.json());
    app.put_customer("fjord", "free").await;
    let free = app.charge("fjord", "301", "job-1").await.expect_problem(402, "insufficient_credits").json();
    assert_eq!(free["buy_url"], Value::Null);
});

on_both!(two_hundred_charges_at_once_on_a_balance_of_one_are_one_success, |app| {
    app.put_customer_with_left("acme", 1).await;
    let keys: Vec<String> = (0..200).map(|n| format!("job-{n}")).collect();
    let answers = join_all(keys.iter().map(|key| app.charge("acme", "1", key))).await;
    let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(201), count(402)), (1, 199));
    for refused in answers.iter().filter(|answer| answer.status == 402) {
        assert_eq!(refused.json()["available"], 0);
    }
    assert_eq!(app.available("acme").await, 0);
    assert_eq!(app.entries_of("acme", "used").await.len(), 2);
});

on_both!(sixty_four_copies_of_one_charge_at_once_are_one_usage, |app| {
    app.put_customer("acme", "starter").await;
    let answers = join_all((0..64).map(|_| app.charge("acme", "7", "job-1"))).await;
    let replayed = answers.iter().filter(|answer| answer.header("idempotent-replayed") == Some("true")).count();
    assert_eq!(replayed, 63);
    for answer in &answers {
        assert_eq!((answer.status, answer.json()), (201, answers[0].json()));
    }
    assert_eq!(app.available("acme").await, 4993);
    assert_eq!(app.entries_of("acme", "used").await.len(), 1);
});

on_both!(many_callers_of_many_customers_lose_nothing_and_gain_nothing, |app| {
    let customers = ["acme", "larch", "meridian"];
    for customer in customers {
        app.put_customer_with_left(customer, 100).await;
    }
    let names: Vec<(&str, String)> = (0..180).map(|n| (customers[n % 3], format!("job-{}", n / 6))).collect();
    // Each key twice for each customer, thirty of four credits each: more than there is.
    let answers = join_all(names.iter().map(|(customer, key)| app.charge(customer, "4", key))).await;
    for customer in customers {
        let of = |status: u16| {
            let mine =
                names.iter().zip(&answers).filter(|((name, _), answer)| *name == customer && answer.status == status);
            mine.map(|((_, key), _)| key).collect::<HashSet<_>>().len()
        };
        assert_eq!((of(201), of(402)), (25, 5), "{customer}");
        assert_eq!(app.available(customer).await, 0);
        assert_eq!(app.entries_of(customer, "used").await.len(), 26);
    }
    // `balance_after` of the lines is the running sum, and the answers' balances are those of the lines.
    let mut sum = 0;
    let entries = app.entries("acme").await;
    for (entry, seq) in entries.iter().zip(1..) {
        sum += entry["amount"].as_i64().unwrap();
        assert_eq!((entry["seq"].as_i64(), entry["balance_after"].as_i64()), (Some(seq), Some(sum)));
    }
    for answer in answers.iter().filter(|answer| answer.status == 201 && answer.json()["customer"] == "acme") {
        let usage = answer.json();
        let line = entries.iter().find(|entry| entry["ref"] == usage["id"]).unwrap();
        assert_eq!(line["balance_after"], usage["balance"]["available"]);
    }
});

on_both!(plan_credits_go_first_and_then_the_top_up_that_ends_soonest, |app| {
    app.put_customer_with_left("acme", 100).await;
    let first = app.buy("acme", "p1200", "buy-1").await;
    app.advance(json!({"advance_days": 3})).await.expect(200);
    let second = app.buy("acme", "p5000", "buy-2").await;
    let order: Vec<Value> = app.balance("acme").await["grants"].as_array().unwrap().clone();
    assert_eq!(
        order.iter().map(|grant| grant["kind"].as_str().unwrap()).collect::<Vec<_>>(),
        ["plan", "top_up", "top_up"]
    );
    assert_eq!([&order[1]["purchase"], &order[2]["purchase"]], [&first["id"], &second["id"]]);

    let inside = app.charge("acme", "60", "job-1").await.expect(201);
    assert_eq!(draws(&inside.json()), [("plan".to_owned(), json!(60))]);
    let split = app.charge("acme", "140.001", "job-2").await.expect(201);
    assert_eq!(draws(&split.json()), [("plan".to_owned(), json!(40)), ("top_up".to_owned(), json!(100.001))]);
    assert_eq!(credits_headers(&split), [Some("140.001"), Some("6099.999"), Some("mixed")]);
    let over = app.charge("acme", "1100", "job-3").await.expect(201);
    assert_eq!(draws(&over.json()), [("top_up".to_owned(), json!(1099.999)), ("top_up".to_owned(), json!(0.001))]);
    assert_eq!(credits_headers(&over)[2], Some("top_up"));
    let grants = [&over.json()["draws"][0]["grant"], &over.json()["draws"][1]["grant"]].map(Value::clone);
    assert_eq!(grants, [first["grant"].clone(), second["grant"].clone()]);
    assert_eq!(
        over.json()["balance"],
        json!({"available": 4999.999, "plan": 0, "courtesy": 0, "top_up": 4999.999, "held": 0})
    );
    app.charge("acme", "5000", "job-4").await.expect_problem(402, "insufficient_credits");
    // The lines of one usage are consecutive and say where each part came from.
    let id = split.json()["id"].clone();
    let lines: Vec<Value> = app.entries("acme").await.into_iter().filter(|entry| entry["ref"] == id).collect();
    assert_eq!(lines.iter().map(|line| line["amount"].clone()).collect::<Vec<_>>(), [json!(-40), json!(-100.001)]);
    assert_eq!(lines[0]["seq"].as_i64().unwrap() + 1, lines[1]["seq"].as_i64().unwrap());
});

on_both!(the_monthly_reset_is_of_plan_credits_only, |app| {
    app.put_customer_with_left("acme", 180).await;
    let purchase = app.buy("acme", "p1200", "buy-1").await;
    let end = instant(&app.balance("acme").await["plan"]["resets_at"]);
    app.advance_to(end - TimeDelta::milliseconds(1)).await;
    assert_eq!(app.available("acme").await, 1380);
    app.advance_to(end).await;
    let balance = app.balance("acme").await;
    assert_eq!((&balance["available"], &balance["plan"]["remaining"]), (&json!(6200), &json!(5000)));
    assert_eq!((&balance["plan"]["used"], &balance["top_up"]["remaining"]), (&json!(0), &json!(1200)));
    assert_eq!(instant(&balance["plan"]["resets_at"]), end.checked_add_months(Months::new(1)).unwrap());
    let entries = app.entries("acme").await;
    let last = &entries[entries.len() - 2..];
    let said = |entry: &Value| (entry["kind"].clone(), entry["amount"].clone(), instant(&entry["event_at"]));
    assert_eq!(said(&last[0]), (json!("expired"), json!(-180), end));
    assert_eq!(said(&last[1]), (json!("granted"), json!(5000), end));
    assert_eq!(app.purchase(purchase["id"].as_str().unwrap()).await["expires_at"], purchase["expires_at"]);
});

on_both!(a_top_up_ends_twelve_months_later_at_the_exact_millisecond, |app| {
    app.put_customer("acme", "starter").await;
    app.advance_to(app.now() + TimeDelta::milliseconds(417)).await;
    let purchase = app.buy("acme", "p1200", "buy-1").await;
    let credited = instant(&purchase["credited_at"]);
    assert_eq!(credited, app.now());
    let end = credited.checked_add_months(Months::new(12)).unwrap();
    assert_eq!(instant(&purchase["expires_at"]), end);
    app.advance_to(end - TimeDelta::milliseconds(1)).await;
    // The plan is used up first, so that only the top-up is left.
    app.charge("acme", "5000", "plan").await.expect(201);
    app.charge("acme", "1", "last").await.expect(201);
    assert_eq!(app.available("acme").await, 1199);
    // Nobody writes and no job runs: the balance is right all the same.
    let to = end.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    assert_eq!(instant(&app.advance(json!({"advance_to": to})).await.json()["now"]), end);
    let refused = app.charge("acme", "1", "late").await.expect_problem(402, "insufficient_credits").json();
    assert_eq!((&refused["available"], &refused["top_up"]), (&json!(0), &json!(0)));
    let last = app.entries("acme").await.pop().unwrap();
    assert_eq!((&last["kind"], &last["amount"]), (&json!("expired"), &json!(-1199)));
    assert_eq!(instant(&last["event_at"]), end);
});

on_both!(due_entries_are_booked_in_order_by_a_late_write, |app| {
    app.put_customer_with_left("acme", 180).await;
    app.buy("acme", "p1200", "buy-1").await;
    let target = app.now() + TimeDelta::days(430);
    // The clock of the database is moved as by another process: no job of this one has run in between.
    app.tamper("update test_clock set now = $1", topup::args![target]).await.unwrap();
    let before = app.balance("acme").await;
    assert_eq!(before["available"], 5000, "reads compute what is due");
    let usage = app.charge("acme", "1", "late").await.expect(201).json();
    assert_eq!(usage["balance"]["available"], 4999);
    let entries = app.entries("acme").await;
    let at: Vec<Instant> = entries.iter().map(|entry| instant(&entry["event_at"])).collect();
    assert!(at.is_sorted(), "{at:?}");
    assert_eq!(app.entries_of("acme", "granted").await.len(), 2 + 14);
    assert_eq!(app.entries_of("acme", "expired").await.len(), 1 + 13 + 1);
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_in_use_for_long_is_read_page_by_page_in_order() {
    crate::app::run(crate::app::Database::Sqlite, long_history).await;
}

/// More lines than marks and pages have: every page is the same rows.
async fn long_history(app: &TestApp) {
    app.put_customer("acme", "starter").await;
    let keys: Vec<String> = (0..300).map(|n| format!("job-{n}")).collect();
    for part in keys.chunks(75) {
        join_all(part.iter().map(|key| app.charge("acme", "1", key))).await;
    }
    let whole = app.all("/v1/customers/acme/entries", 200).await;
    assert_eq!(whole.len(), 301);
    assert!(whole.iter().zip(1..).all(|(entry, seq)| entry["seq"] == seq));
    for limit in [1, 63, 64, 65] {
        assert_eq!(app.all("/v1/customers/acme/entries", limit).await, whole, "by {limit}");
    }
}
