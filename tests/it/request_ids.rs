//! The ids of a request: in answers, errors, webhooks and the log.

use crate::app::{Answer, Database, Home, OPERATOR_KEY, TestApp, on_both};
use crate::process::{start, topup};
use serde_json::Value;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

async fn get(app: &TestApp, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = app.request("GET", path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.send(request).await
}

on_both!(ids_are_taken_or_made_and_stand_in_answers_and_errors, |app| {
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let given = [("x-request-id", "req-7"), ("traceparent", parent.as_str())];
    let answer = get(app, "/v1/customers/nobody", &given).await.expect_problem(404, "not_found");
    assert_eq!(answer.header("x-request-id"), Some("req-7"));
    assert_eq!(answer.json()["request_id"], "req-7");
    let ours = answer.header("traceparent").unwrap();
    assert!(ours.starts_with(&format!("00-{TRACE}-")) && ours != parent, "{ours}");
    for path in ["/v1/catalog", "/healthz", "/sign-in", "/nothing", "/api/account"] {
        let answer = get(app, path, &[("x-request-id", "not a sane id"), ("traceparent", "nonsense")]).await;
        let id = answer.header("x-request-id").unwrap_or_else(|| panic!("{path}"));
        assert!(id.len() == 32 && answer.header("traceparent").is_some_and(|trace| trace.len() == 55), "{path}: {id}");
    }
    let wrong = app.http.get(format!("http://{}/v1/catalog", app.address));
    let wrong = app.send(wrong).await.expect_problem(401, "unauthorized");
    assert_eq!(wrong.json()["request_id"].as_str(), wrong.header("x-request-id"));
});

/// The log of a process that answers these requests.
async fn log_of(format: &str, requests: &str) -> Vec<String> {
    let home = Home::make(Database::Sqlite).await;
    let file = home.folder.join("log");
    let settings = [("DATABASE_URL", home.url.as_str()), ("LOG_FORMAT", format), ("LOG_REQUESTS", requests)];
    let mut command = topup(&["serve"], &settings);
    command.stderr(std::fs::File::create(&file).unwrap());
    let mut process = start(command).unwrap_or_else(|output| panic!("{output:?}"));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let put = client.put(format!("{}/v1/customers/acme", process.base)).header("x-api-key", OPERATOR_KEY);
    let put = put.header("content-type", "application/json").header("x-request-id", "put-1");
    let put = put.body(r#"{"email":"ada@acme.example","plan":"starter"}"#).send().await.unwrap();
    assert_eq!(put.status(), 201);
    let read = client.get(format!("{}/v1/customers/nobody?limit=9", process.base)).header("x-api-key", OPERATOR_KEY);
    assert_eq!(read.header("x-request-id", "get-1").send().await.unwrap().status(), 404);
    assert_eq!(process.terminate().await, Some(0));
    let text = std::fs::read_to_string(&file).unwrap();
    for secret in [OPERATOR_KEY, "ada@acme.example", "127.0.0.1:"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    text.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_has_a_json_line_for_each_request() {
    let lines: Vec<Value> =
        log_of("json", "all").await.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |id: &str| {
        let found: Vec<&Value> = lines.iter().filter(|line| line["span"]["request_id"] == id).collect();
        assert_eq!(found.len(), 1, "{id}: {lines:#?}");
        found[0].clone()
    };
    let put = of("put-1");
    assert_eq!(
        (&put["method"], &put["route"], &put["status"]),
        (&"PUT".into(), &"/v1/customers/{id}".into(), &201.into())
    );
    assert!(put["ms"].is_u64() && put["span"]["trace_id"].as_str().unwrap().len() == 32, "{put}");
    assert_eq!(of("get-1")["code"], "not_found");
    assert!(lines.iter().all(|line| line["timestamp"].is_string() && line["level"].is_string()), "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_logged_as_the_setting_says() {
    let lines = log_of("text", "errors").await;
    assert!(lines.iter().all(|line| !line.contains("answered")), "{lines:#?}");
    let lines = log_of("text", "all").await;
    let line = lines.iter().find(|line| line.contains("put-1")).unwrap_or_else(|| panic!("{lines:#?}"));
    assert!(line.contains("answered") && line.contains("status=201"), "{line}");
}
