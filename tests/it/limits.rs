//! Rate limits, the keys that are counted, and whose address it is.

use crate::app::{Answer, Database, OPERATOR_KEY, TestApp};
use serde_json::json;

const OTHER_KEY: &str = "another-operator-key-of-the-tests-00";

async fn catalog(app: &TestApp, key: &str, from: &str) -> Answer {
    let request = app.http.get(format!("http://{}/v1/catalog", app.address));
    app.send(request.header("x-api-key", key).header("x-forwarded-for", from)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_key_and_each_stranger_is_counted_apart() {
    let app = TestApp::start_with(Database::Sqlite, |settings| {
        settings.rate_limit = Some("5/h".to_owned());
        settings.trusted_proxies = vec!["127.0.0.0/8".to_owned()];
        settings.operator_keys.push(OTHER_KEY.to_owned());
    })
    .await;
    for _ in 0..5 {
        catalog(&app, OPERATOR_KEY, "192.0.2.1").await.expect(200);
    }
    let refused = catalog(&app, OPERATOR_KEY, "192.0.2.2").await.expect_problem(429, "rate_limited");
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=720).contains(&seconds), "one more each 12 minutes: {seconds}");
    // A second key of the operator's opens the same, and counts for itself. Keys of customers do too.
    for _ in 0..4 {
        catalog(&app, OTHER_KEY, "192.0.2.1").await.expect(200);
    }
    let services = app.services();
    let body = json!({"email": "ada@acme.example", "plan": "starter"}).to_string();
    let put = app.http.put(format!("http://{}/v1/customers/acme", app.address)).header("x-api-key", OTHER_KEY);
    app.send(put.header("content-type", "application/json").body(body)).await.expect(201);
    catalog(&app, OTHER_KEY, "192.0.2.1").await.expect_problem(429, "rate_limited");
    let key = topup::usecases::api_keys::make(&services, 1, "worker".to_owned()).await.unwrap().unwrap().key;
    let account =
        async || app.send(app.http.get(format!("http://{}/api/account", app.address)).bearer_auth(&key)).await;
    for _ in 0..5 {
        account().await.expect(200);
    }
    let refused = account().await.expect(429);
    assert_eq!(refused.json()["code"], "rate_limited");
    assert!(refused.header("retry-after").is_some());
    // Who has no key is counted by address, as the trusted proxy tells it.
    for _ in 0..5 {
        catalog(&app, "wrong", "192.0.2.7").await.expect_problem(401, "unauthorized");
    }
    catalog(&app, "wrong", "192.0.2.7").await.expect_problem(429, "rate_limited");
    catalog(&app, "wrong", "192.0.2.8").await.expect_problem(401, "unauthorized");
    catalog(&app, "wrong", "192.0.2.7, 192.0.2.9").await.expect_problem(401, "unauthorized");
    // So is what browsers send; what they read is not, nor is health.
    let post = async || {
        app.send(app.http.post(format!("http://{}/_fn/nothing", app.address)).header("x-forwarded-for", "192.0.2.7"))
            .await
    };
    let refused = post().await.expect(429);
    assert!(refused.header("retry-after").is_some());
    assert!(refused.header("content-security-policy").is_some_and(|policy| policy.contains("frame-ancestors 'none'")));
    assert!(refused.text.contains("Nothing was done. Wait a moment, then try again."));
    for path in ["/sign-in", "/healthz", "/readyz"] {
        let request = app.http.get(format!("http://{}{path}", app.address)).header("x-forwarded-for", "192.0.2.7");
        app.send(request).await.expect(200);
    }
    drop(services);
    app.stop().await;
    app.home.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_limited_unless_it_is_asked_for() {
    let app = TestApp::start(Database::Sqlite).await;
    for _ in 0..100 {
        catalog(&app, OPERATOR_KEY, "192.0.2.1").await.expect(200);
        catalog(&app, "wrong", "192.0.2.1").await.expect(401);
    }
    app.stop().await;
    app.home.remove().await;
}
