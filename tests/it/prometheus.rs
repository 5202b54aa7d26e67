//! `/metrics`: its keys, its names, and the figures of real work.
#![allow(clippy::float_arithmetic, reason = "the values of metrics are floats")]

use crate::app::{OPERATOR_KEY, TestApp, on_both};
use std::collections::BTreeSet;

const METRICS_KEY: &str = "metrics-key-of-the-tests-00000000000000";

const ALARM: &str = "insert into alarms (key, kind, subject, detail, raised_at, times)
    values ('review:x', 'review', 'x', 'planted', 0, 1)";

async fn lines(app: &TestApp) -> Vec<String> {
    let text = app.get("/metrics").await.expect(200).text;
    assert!(text.ends_with("# EOF\n"), "{text}");
    text.lines().map(str::to_owned).collect()
}

/// The value of the one series that begins so.
#[track_caller]
fn value(lines: &[String], series: &str) -> f64 {
    let found = lines.iter().find(|line| line.starts_with(&format!("{series} ")));
    let found = found.unwrap_or_else(|| panic!("{series} in {lines:#?}"));
    found.rsplit(' ').next().unwrap().parse().unwrap()
}

on_both!(charges_requests_and_transactions_are_counted, |app| {
    app.put_customer("acme", "starter").await;
    let before = lines(app).await;
    app.charge("acme", "12.5", "one").await.expect(201);
    app.charge("acme", "12.5", "one").await.expect(201);
    app.charge("acme", "5000", "two").await.expect(402);
    app.get("/v1/customers/nobody").await.expect(404);
    let hold = app.post("/v1/customers/acme/holds", "h", r#"{"credits":9,"ttl_seconds":60}"#).await.expect(201).json();
    let settle = format!("/v1/holds/{}/settle", hold["id"].as_str().unwrap());
    app.post(&settle, "s", r#"{"credits":3}"#).await.expect(200);
    let after = lines(app).await;
    // Other tests of this process count too.
    let grew = |series: &str, by: f64| {
        let zero = before.iter().all(|line| !line.starts_with(&format!("{series} ")));
        let was = if zero { 0.0 } else { value(&before, series) };
        assert!(value(&after, series) >= was + by, "{series}: {was}, then {}", value(&after, series));
    };
    grew("topup_charges_total{outcome=\"charged\"}", 1.0);
    grew("topup_charges_total{outcome=\"replayed\"}", 1.0);
    grew("topup_charges_total{outcome=\"insufficient_credits\"}", 1.0);
    grew("topup_credits_used_total{kind=\"plan\"}", 15.5);
    let usage = "method=\"POST\",route=\"/v1/customers/{id}/usage\"";
    grew(&format!("topup_http_requests_total{{{usage},status=\"201\"}}"), 2.0);
    grew(&format!("topup_http_requests_total{{{usage},status=\"402\"}}"), 1.0);
    grew(&format!("topup_http_request_duration_seconds_count{{{usage}}}"), 3.0);
    grew("topup_http_problems_total{code=\"not_found\"}", 1.0);
    grew("topup_transactions_total{outcome=\"committed\"}", 4.0);
    grew("topup_transaction_charges_count", 4.0);
    grew("topup_commit_duration_seconds_count", 4.0);
    grew("topup_queue_wait_seconds_count", 5.0);
    grew("topup_database_round_trips_total", 10.0);
    assert!(value(&after, "topup_database_connections_max") >= 4.0);
    assert!(value(&after, "process_resident_memory_bytes") > 1e6);
    assert!(value(&after, "process_start_time_seconds") > 1e9);
});

on_both!(alarms_messages_and_stripe_are_counted, |app| {
    app.put_customer("acme", "starter").await;
    let opened = app.opened("acme", "p1200", "buy").await;
    app.pay(&opened).await;
    app.tamper(ALARM, Vec::new()).await.unwrap();
    let lines = lines(app).await;
    assert_eq!(value(&lines, "topup_alarms_open{kind=\"review\"}"), 1.0);
    assert!(value(&lines, "topup_stripe_requests_total{outcome=\"ok\"}") >= 1.0);
    assert!(lines.iter().any(|line| line.starts_with("topup_delivery_oldest_seconds{kind=\"webhook\"}")));
    assert!(lines.iter().any(|line| line.starts_with("topup_build_info{version=")));
    let offset = lines.iter().any(|line| line.starts_with("topup_clock_offset_seconds "));
    assert_eq!(offset, app.home.database == crate::app::Database::Postgres);
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_metrics_key_opens_metrics_alone() {
    let app = TestApp::start_with(crate::app::Database::Sqlite, |settings| {
        settings.metrics_key = Some(METRICS_KEY.to_owned());
    })
    .await;
    for (path, key, status) in [
        ("/metrics", METRICS_KEY, 200),
        ("/metrics", OPERATOR_KEY, 200),
        ("/metrics", "another-key-of-nobody-00000000000000000", 401),
        ("/v1/catalog", METRICS_KEY, 401),
        ("/v1/nothing", METRICS_KEY, 401),
    ] {
        let request = app.http.get(format!("http://{}{path}", app.address)).bearer_auth(key);
        app.send(request).await.expect(status);
    }
    app.stop().await;
}

/// The names in a text: `topup_…` and `process_…`.
fn names(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !is_name(c)).filter(|word| word.starts_with("topup_") || word.starts_with("process_"));
    words.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_metric_is_in_the_document_and_the_alerts_and_the_dashboard_name_no_other() {
    let app = TestApp::start_with(crate::app::Database::Postgres, |settings| {
        settings.database.read_database_url = Some(settings.database.database_url.clone());
    })
    .await;
    while app.inner().read_store.age().is_none() {
        tokio::task::yield_now().await;
    }
    app.put_customer("acme", "starter").await;
    app.get("/v1/customers/nobody").await.expect(404);
    app.tamper(ALARM, Vec::new()).await.unwrap();
    let job = topup::usecases::jobs::job_named("news").unwrap();
    topup::jobs::run_once(job, &app.inner(), &tokio_util::sync::CancellationToken::new()).await.unwrap();
    let mut known = BTreeSet::new();
    for line in lines(&app).await.iter().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        let ends: &[&str] = match kind {
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_sum", "_count", ""],
            "info" => &["_info"],
            _ => &[""],
        };
        known.extend(ends.iter().map(|end| format!("{name}{end}")));
    }
    let read = |path: &str| std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let operations = read("docs/operations.md");
    let table = operations.split_once("## Metrics").unwrap().1.split_once("\n## ").unwrap().0;
    let told = names(&table.lines().filter(|line| line.starts_with("| `")).collect::<String>());
    let wanted: BTreeSet<String> = known
        .iter()
        .filter(|name| !["_bucket", "_sum", "_count"].iter().any(|end| name.ends_with(end)))
        .cloned()
        .collect();
    assert_eq!(wanted.difference(&told).collect::<Vec<_>>(), Vec::<&String>::new(), "not in docs/operations.md");
    // It has a series for each list with failed items.
    let unseen: Vec<&String> = told.difference(&wanted).filter(|name| *name != "topup_failed_items").collect();
    assert_eq!(unseen, Vec::<&String>::new(), "not in /metrics");
    for path in
        ["contrib/prometheus/topup.rules.yml", "contrib/prometheus/topup.test.yml", "contrib/grafana/topup.json"]
    {
        let unknown: Vec<String> = names(&read(path)).difference(&known).cloned().collect();
        assert_eq!(unknown, Vec::<String>::new(), "{path}");
    }
    app.stop().await;
}
