//! The shop's own metrics: its words are the keys of `quantities`, on the API, the pages and in files.

use crate::app::{Answer, Browser, TestApp, on_both};
use serde_json::{Value, json};

/// The sample's catalogue with these metrics instead of its own.
fn catalogue(metrics: &[(&str, &str, &str)]) -> String {
    let sample = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/catalog.toml")).unwrap();
    let (bare, _) = sample.split_once("[[metric]]").unwrap();
    let metric = |(key, label, unit): &(&str, &str, &str)| {
        format!("[[metric]]\nkey = \"{key}\"\nlabel = \"{label}\"\nunit = \"{unit}\"\n")
    };
    bare.to_owned() + &metrics.iter().map(metric).collect::<String>()
}

const PAGES: (&str, &str, &str) = ("pages", "Pages printed", "");
const MINUTES: (&str, &str, &str) = ("video.Minutes", "Minutes of video", "min");

/// Starts the shop again with other metrics.
async fn sells(app: &TestApp, metrics: &[(&str, &str, &str)]) {
    let path = app.home.folder.join("catalog.toml");
    std::fs::create_dir_all(&app.home.folder).unwrap();
    std::fs::write(&path, catalogue(metrics)).unwrap();
    app.set(|settings| settings.database.catalog = path);
    app.restart().await;
}

async fn charge(app: &TestApp, key: &str, quantities: Value) -> Answer {
    app.post("/v1/customers/acme/usage", key, json!({"credits": 2, "quantities": quantities}).to_string()).await
}

async fn stored(app: &TestApp, metric: &str) -> i64 {
    let sql =
        format!("select cast(coalesce(sum(total), 0) as bigint) as n from usage_metrics where metric = '{metric}'");
    app.count(&sql).await
}

fn is_unknown(answer: Answer, field: &str) {
    let answer = answer.expect_problem(422, "unknown_field");
    assert_eq!(answer.fields(), [field], "{}", answer.text);
}

on_both!(a_shops_own_words_are_counted_shown_and_filed, |app| {
    sells(app, &[PAGES, MINUTES]).await;
    app.put_customer("acme", "starter").await;
    charge(app, "a", json!({"pages": 30, "video.Minutes": 7})).await.expect(201);
    charge(app, "b", json!({"pages": 12})).await.expect(201);
    let hold = app.post("/v1/customers/acme/holds", "h", r#"{"credits":9,"ttl_seconds":60}"#).await.expect(201).json();
    let settle = format!("/v1/holds/{}/settle", hold["id"].as_str().unwrap());
    // The words of another shop are none here, whichever way they come.
    let foreign = json!({"credits": 3, "quantities": {"requests": 1}});
    is_unknown(app.post(&settle, "s", foreign.to_string()).await, "quantities.requests");
    is_unknown(app.post("/v1/customers/acme/usage", "c", foreign.to_string()).await, "quantities.requests");
    is_unknown(charge(app, "c", json!({"Pages": 1})).await, "quantities.Pages");
    let batch = json!({"charges": [
        {"customer": "acme", "idempotency_key": "d", "credits": 1, "quantities": {"tokens": 1}},
        {"customer": "acme", "idempotency_key": "e", "credits": 1, "quantities": {"pages": 8}}]});
    let results = app.send(app.write("POST", "/v1/usage", None, batch.to_string())).await.expect(200).json();
    let statuses = [&results["results"][0]["error"]["code"], &results["results"][1]["status"]];
    assert_eq!(statuses, [&json!("unknown_field"), &json!(201)]);
    app.post(&settle, "s", r#"{"credits":3,"quantities":{"pages":50}}"#).await.expect(200);

    let browser = Browser::new(app);
    browser.arrive("acme", "ada@acme.example", "owner").await;
    let page = browser.get("/usage?range=7d").await.expect(200).text;
    for words in ["Pages printed", "Minutes of video", "7 min"] {
        assert!(page.contains(words), "no {words:?} in {page}");
    }
    assert!(page.contains(">100<") && !page.contains("Requests"), "{page}");
    let hidden = browser.get("/usage?range=7d&hide=video.Minutes").await.expect(200).text;
    assert!(hidden.matches("Minutes of video").count() < page.matches("Minutes of video").count());
    let csv = browser.get("/usage.csv?range=7d").await.expect(200).text;
    let lines: Vec<&str> = csv.trim_start_matches('\u{feff}').lines().collect();
    assert!(lines[0].ends_with("usages,pages,video.Minutes"), "{csv}");
    assert!(lines[7].ends_with(",4,100,7"), "{csv}");

    // The shape of Spidra's clients is fixed: what the catalogue lacks is 0.
    let made = app.send(app.write("POST", "/v1/customers/acme/api_keys", None, r#"{"name":"w"}"#)).await.expect(201);
    let key = made.json()["key"].as_str().unwrap().to_owned();
    let stats = app.http.get(format!("http://{}/api/usage-stats?range=7d", app.address)).bearer_auth(key);
    let today = app.send(stats).await.expect(200).json()["data"][6].clone();
    for name in ["requests", "crawls", "tokens", "captchas", "latency"] {
        assert_eq!(today[name], 0, "{name}");
    }
    assert_eq!(today["credits"], 8);
});

on_both!(a_metric_that_the_catalogue_lost_is_refused_and_stays_stored, |app| {
    sells(app, &[PAGES, MINUTES]).await;
    app.put_customer("acme", "starter").await;
    let first = charge(app, "a", json!({"pages": 30, "video.Minutes": 7})).await.expect(201).json();
    charge(app, "b", json!({"video.Minutes": 4})).await.expect(201);
    sells(app, &[PAGES]).await;
    is_unknown(charge(app, "c", json!({"video.Minutes": 1})).await, "quantities.video.Minutes");
    is_unknown(charge(app, "a", json!({"pages": 30, "video.Minutes": 7})).await, "quantities.video.Minutes");
    assert_eq!((stored(app, "pages").await, stored(app, "video.Minutes").await), (30, 11));
    let browser = Browser::new(app);
    browser.arrive("acme", "ada@acme.example", "owner").await;
    assert!(!browser.get("/usage").await.expect(200).text.contains("Minutes of video"));
    // A void takes back the whole usage.
    let path = format!("/v1/usage/{}/void", first["id"].as_str().unwrap());
    app.post(&path, "v", r#"{"reason":"twice"}"#).await.expect(200);
    assert_eq!((stored(app, "pages").await, stored(app, "video.Minutes").await), (0, 4));
    app.check().await;
    // It comes back with the figures that it had.
    sells(app, &[MINUTES]).await;
    browser.arrive("acme", "ada@acme.example", "owner").await;
    let page = browser.get("/usage").await.expect(200).text;
    assert!(page.contains("4 min") && !page.contains("Pages printed"), "{page}");
});

on_both!(the_columns_of_older_tables_are_carried_over, |app| {
    app.put_customer("acme", "pro").await;
    for (key, quantities) in [
        ("a", json!({"requests": 3, "tokens": 1000, "latency_ms": 100})),
        ("b", json!({"requests": 0, "latency_ms": 250})),
        ("c", json!({})),
    ] {
        charge(app, key, quantities).await.expect(201);
    }
    let undone = charge(app, "d", json!({"captchas": 9})).await.expect(201).json();
    let path = format!("/v1/usage/{}/void", undone["id"].as_str().unwrap());
    app.post(&path, "v", r#"{"reason":"twice"}"#).await.expect(200);
    app.advance(json!({"advance_days": 1})).await.expect(200);
    charge(app, "e", json!({"crawls": 2, "requests": 4})).await.expect(201);
    // Back to the tables as they were.
    app.tamper("drop table usage_metrics", Vec::new()).await.unwrap();
    for column in ["requests", "crawls", "tokens", "captchas", "latency_ms", "latencies"] {
        let sql = format!("alter table usage_days add column {column} bigint not null default 0");
        app.tamper(&sql, Vec::new()).await.unwrap();
    }
    let folder = if app.home.database == crate::app::Database::Sqlite { "sqlite" } else { "postgres" };
    let path = format!("{}/migrations/{folder}/0015_metrics.sql", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let bare: Vec<&str> = text.lines().map(|line| line.split("--").next().unwrap()).collect();
    for sql in bare.join("\n").split(';').map(str::trim).filter(|sql| !sql.is_empty()) {
        app.tamper(sql, Vec::new()).await.unwrap();
    }
    // A later migration's name.
    app.tamper("alter table usage_metrics rename column said to usages", Vec::new()).await.unwrap();
    for (metric, total) in [("requests", 7), ("tokens", 1000), ("latency_ms", 350), ("crawls", 2), ("captchas", 0)] {
        assert_eq!(stored(app, metric).await, total, "{metric}");
    }
    // The check adds up every usage and compares.
    app.check().await;
});
