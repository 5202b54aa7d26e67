//! Lists: pages stay stable while rows are added; bad limits and cursors; CSV.

use crate::app::on_both;
use serde_json::{Value, json};

const LISTS: [&str; 3] = ["/v1/customers/acme/entries", "/v1/customers/acme/grants", "/v1/customers/acme/purchases"];

fn ids(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

on_both!(a_list_is_the_same_rows_by_pages_of_any_length, |app| {
    app.put_customer("acme", "starter").await;
    for n in 0..5 {
        app.buy("acme", "p1200", &format!("buy-{n}")).await;
        app.advance_minutes(n % 2).await;
    }
    for path in LISTS {
        let whole = app.all(path, 200).await;
        assert_eq!(whole.len(), if path == LISTS[2] { 5 } else { 6 });
        for limit in [1, 2, 3, 5, 6] {
            assert_eq!(app.all(path, limit).await, whole, "{path} by {limit}");
        }
        assert_eq!(app.get(path).await.json(), json!({"data": whole, "next": null}));
    }
    let entries = app.entries("acme").await;
    assert!(entries.iter().zip(1..).all(|(entry, seq)| entry["seq"] == seq), "ascending");
    let created: Vec<String> =
        app.all(LISTS[2], 200).await.iter().map(|row| row["created_at"].as_str().unwrap().to_owned()).collect();
    assert!(created.is_sorted_by(|a, b| a >= b), "newest first: {created:?}");
    // Another customer's rows are in none of them.
    app.put_customer("larch", "builder").await;
    assert_eq!(app.all("/v1/customers/larch/purchases", 200).await, [] as [Value; 0]);
    assert_eq!(app.all("/v1/customers/larch/grants", 200).await.len(), 1);
});

on_both!(a_page_is_not_moved_by_rows_that_come_meanwhile, |app| {
    app.put_customer("acme", "starter").await;
    for n in 0..4 {
        app.buy("acme", "p1200", &format!("buy-{n}")).await;
    }
    for path in LISTS {
        let before = ids(&app.all(path, 200).await);
        let first = app.get(&format!("{path}?limit=2")).await.expect(200).json();
        app.advance_minutes(1).await;
        app.buy("acme", "p5000", &format!("meanwhile-{path}").replace('/', "-")).await;
        let mut seen = ids(first["data"].as_array().unwrap());
        let next = first["next"].as_str().unwrap();
        let rest = app.get(&format!("{path}?limit=200&cursor={next}")).await.expect(200).json();
        seen.extend(ids(rest["data"].as_array().unwrap()));
        // Entries ascend, so the new ones follow; the others begin with the newest, so it is not among them.
        assert_eq!(seen[..before.len()], before, "{path}");
        assert_eq!(seen.len() > before.len(), path == LISTS[0], "{path}");
    }
});

on_both!(a_bad_limit_or_cursor_is_400_and_says_so, |app| {
    app.put_customer("acme", "starter").await;
    app.put_customer("larch", "builder").await;
    let others = app.buy("larch", "p1200", "buy-1").await["id"].as_str().unwrap().to_owned();
    for path in LISTS {
        for limit in ["0", "201", "-1", "x", "1.5", "", "99999999999999999999", "1%00", "%EF%BC%91"] {
            let answer = app.get(&format!("{path}?limit={limit}")).await.expect_problem(400, "invalid_value");
            assert_eq!(answer.fields(), ["limit"], "{path} {limit}");
        }
        let cursors =
            ["", "x", "n", "n-1", "nFF", "n00", "n1g", "-1", "1", "%00", "pur_1", "n7fffffffffffffff1", &others];
        for cursor in cursors.into_iter().chain(["n7fffffffffffffff", "nffffffffffffffff", "%27%3B--"]) {
            app.get(&format!("{path}?cursor={cursor}")).await.expect_problem(400, "invalid_cursor");
        }
        let answer = app.get(&format!("{path}?page=2")).await.expect_problem(400, "invalid_value");
        assert_eq!(answer.fields(), ["page"]);
        let answer = app.get(&format!("{path}?limit=1&limit=1")).await.expect_problem(400, "invalid_value");
        assert_eq!(answer.fields(), ["limit"]);
        app.get(&format!("{path}?limit=1")).await.expect(200);
        app.get(&format!("{path}?limit=200")).await.expect(200);
    }
    let answer = app.get("/v1/customers/acme/entries?format=xml").await.expect_problem(400, "invalid_value");
    assert_eq!(answer.fields(), ["format"]);
});

on_both!(the_csv_is_the_json, |app| {
    app.put_customer_with_left("acme", 100).await;
    app.buy("acme", "p1200", "buy-1").await;
    app.charge("acme", "150.125", "job-1").await.expect(201);
    let body = r#"{"credits":0.001,"source":"=cmd|' /C calc'!A1","metadata":{"a":"b,\"c\"\nd"}}"#;
    app.post("/v1/customers/acme/usage", "job-2", body).await.expect(201);
    app.advance(json!({"advance_days": 400})).await.expect(200);
    let entries = app.entries("acme").await;
    let answer = app.get("/v1/customers/acme/entries?format=csv").await.expect(200);
    assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8"));
    let mut reader = csv::Reader::from_reader(answer.text.as_bytes());
    let columns: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let documented = ["id", "seq", "kind", "grant", "amount", "balance_after", "held_change", "frozen_change"];
    let documented = documented.into_iter().chain(["event_at", "created_at", "ref", "hash"]);
    assert!(columns.iter().map(String::as_str).zip(documented).all(|(have, want)| have == want), "{columns:?}");
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(records.len(), entries.len());
    for (record, entry) in records.iter().zip(&entries) {
        for (column, cell) in columns.iter().zip(record) {
            let wanted = match &entry[column.as_str()] {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            assert_eq!(cell, wanted, "{column} of {entry}");
        }
    }
});

on_both!(the_catalogue_is_the_file, |app| {
    let catalog = app.get("/v1/catalog").await.expect(200).json();
    assert_eq!(catalog["shop"], json!({"name": "Gleaner", "currency": "usd"}));
    let starter = json!({"id": "starter", "name": "Starter", "amount": 1900, "credits": 5000, "top_ups": true});
    assert_eq!((catalog["plans"].as_array().unwrap().len(), &catalog["plans"][1]), (4, &starter));
    assert_eq!(catalog["plans"][0]["top_ups"], false);
    let packages: Vec<Value> = catalog["packages"].as_array().unwrap().clone();
    assert_eq!(packages[0], json!({"id": "p1200", "credits": 1200, "amount": 900}));
    assert_eq!(ids(&packages), ["p1200", "p5000", "p20000", "p50000"]);
});
