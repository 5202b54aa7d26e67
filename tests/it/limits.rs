//! Rate limits, counted keys, and the client's address.

use crate::app::{Answer, Browser, Database, OPERATOR_KEY, TestApp};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

const OTHER_KEY: &str = "another-operator-key-of-the-tests-00";

async fn catalog(app: &TestApp, key: &str, from: &str) -> Answer {
    let request = app.http.get(format!("http://{}/v1/catalog", app.address));
    app.send(request.header("x-api-key", key).header("x-forwarded-for", from)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_key_and_each_address_is_counted_apart() {
    let app = TestApp::start_with(Database::Sqlite, |settings| {
        settings.rate_limit = Some("5/h".to_owned());
        settings.rate_limit_anonymous = "5/h".to_owned();
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
    let inner = app.inner();
    let body = json!({"email": "ada@acme.example", "plan": "starter"}).to_string();
    let put = app.http.put(format!("http://{}/v1/customers/acme", app.address)).header("x-api-key", OTHER_KEY);
    app.send(put.header("content-type", "application/json").body(body)).await.expect(201);
    catalog(&app, OTHER_KEY, "192.0.2.1").await.expect_problem(429, "rate_limited");
    let key = topup::usecases::customers::api_keys::create_api_key(&inner, 1, "worker".to_owned())
        .await
        .unwrap()
        .unwrap()
        .key;
    let account =
        async || app.send(app.http.get(format!("http://{}/api/account", app.address)).bearer_auth(&key)).await;
    for _ in 0..5 {
        account().await.expect(200);
    }
    let refused = account().await.expect(429);
    assert_eq!(refused.json()["code"], "rate_limited");
    assert!(refused.header("retry-after").is_some());
    // Requests without a key count by the address that the trusted proxy gives.
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
    drop(inner);
    app.stop().await;
    app.home.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_not_limited_unless_it_is_asked_for() {
    let app = TestApp::start(Database::Sqlite).await;
    for _ in 0..100 {
        catalog(&app, OPERATOR_KEY, "192.0.2.1").await.expect(200);
        catalog(&app, "wrong", "192.0.2.1").await.expect(401);
    }
    app.stop().await;
    app.home.remove().await;
}

async fn ended(app: TestApp) {
    app.check().await;
    app.stop().await;
    app.home.remove().await;
}

fn proxied(settings: &mut topup::settings::Settings) {
    settings.trusted_proxies = vec!["127.0.0.0/8".to_owned()];
}

/// A form of a stranger's.
async fn ask_for_link(app: &TestApp, email: &str, from: &str) -> Answer {
    let post = app.http.post(format!("http://{}/_fn/request-link", app.address)).header("x-forwarded-for", from);
    let post = post.header("sec-fetch-site", "same-origin").header("accept", "text/html");
    app.send(post.form(&[("email", email)])).await
}

/// The first refusal: ten more requests a second are allowed, so that a slow machine is let through now and then.
async fn refusal(send: impl AsyncFn() -> Answer) -> Answer {
    for _ in 0..1_000 {
        let answer = send().await;
        if answer.status == 429 {
            return answer;
        }
    }
    panic!("no limit");
}

async fn get_from(app: &TestApp, path: &str, from: &str) -> Answer {
    app.send(app.http.get(format!("http://{}{path}", app.address)).header("x-forwarded-for", from)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anonymous_requests_are_limited_by_default() {
    let app = TestApp::start_with(Database::Sqlite, proxied).await;
    app.put_customer("acme", "starter").await;
    let mut answered = 0;
    let refused = loop {
        // None of these is found; each made the database look.
        let path =
            ["/sign-in/0123", "/purchases/pur_01890a5d-ac96-774b-bcce-b302099a8057?session_id=cs_1", "/mails/1-0"];
        let answer = get_from(&app, path[answered % 3], "192.0.2.7").await;
        if answer.status == 429 {
            break answer;
        }
        answered += 1;
        assert!(answered < 5_000, "no limit");
    };
    assert!(answered >= 600, "a generous burst: {answered}");
    assert!(refused.header("retry-after").is_some() && refused.text.contains("That was a lot at once"));
    refusal(async || ask_for_link(&app, "ada@acme.example", "192.0.2.7").await).await;
    let one_click = || {
        let post = app.http.post(format!("http://{}/mails/1-0", app.address)).header("x-forwarded-for", "192.0.2.7");
        post.body("List-Unsubscribe=One-Click")
    };
    refusal(async || app.send(one_click()).await).await;
    // A browser with an invalid cookie is anonymous too, on every page.
    let forged = || {
        let get = app.http.get(format!("http://{}/billing", app.address)).header("cookie", "session=0123");
        get.header("x-forwarded-for", "192.0.2.7")
    };
    refusal(async || app.send(forged()).await).await;
    // Pages that ask nobody, other addresses and keys go on.
    get_from(&app, "/sign-in", "192.0.2.7").await.expect(200);
    get_from(&app, "/sign-in/0123", "192.0.2.8").await.expect(200);
    let charge = app.write("POST", "/v1/customers/acme/usage", Some("k"), r#"{"credits":1}"#);
    app.send(charge.header("x-forwarded-for", "192.0.2.7")).await.expect(201);
    let metrics = app.get("/metrics").await.expect(200).text;
    assert!(metrics.contains("topup_refused_total{limit=\"anonymous\"} 4"), "{metrics}");
    ended(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn valid_sessions_and_keys_are_not_anonymous() {
    let app = TestApp::start_with(Database::Sqlite, |settings| settings.rate_limit_anonymous = "10/h".to_owned()).await;
    app.put_customer("acme", "starter").await;
    let key = topup::usecases::customers::api_keys::create_api_key(&app.inner(), 1, "worker".to_owned())
        .await
        .unwrap()
        .unwrap()
        .key;
    let account =
        async || app.send(app.http.get(format!("http://{}/api/account", app.address)).bearer_auth(&key)).await;
    account().await.expect(200);
    let browser = Browser::new(&app);
    browser.sign_in("ada@acme.example").await;
    browser.get("/billing").await.expect(200);
    let stranger = Browser::new(&app);
    while stranger.get("/sign-in/0123").await.status != 429 {}
    for _ in 0..20 {
        account().await.expect(200);
        browser.get("/billing").await.expect(200);
        browser.post("theme", &[("theme", "dark"), ("back", "/billing")]).await.expect(303);
    }
    // Once signed out it is as strange as any other.
    browser.sent("sign-out", &[]).await;
    browser.post("request-link", &[("email", "ada@acme.example")]).await.expect(429);
    ended(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anonymous_writes_fill_their_own_lane_and_not_the_queue() {
    let app = TestApp::start_with(Database::Sqlite, proxied).await;
    app.put_customer("acme", "starter").await;
    let asks =
        (0..400).map(|n| {
            let app = &app;
            async move {
                ask_for_link(app, &format!("nobody{n}@evil.example"), &format!("10.0.{}.{}", n / 250, n % 250)).await
            }
        });
    let charges = async {
        for n in 0..50 {
            app.charge("acme", "1", &format!("beside-{n}")).await.expect(201);
        }
    };
    let (answers, ()) = tokio::join!(futures::future::join_all(asks), charges);
    let served = answers.iter().filter(|answer| answer.status == 303).count();
    let refused =
        answers.iter().filter(|answer| answer.status == 503 && answer.header("retry-after").is_some()).count();
    assert_eq!(served + refused, answers.len(), "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    assert!(served >= 100, "{served}");
    ended(app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_form_takes_no_place() {
    let app = TestApp::start(Database::Sqlite).await;
    app.put_customer("acme", "starter").await;
    let head = "POST /_fn/request-link HTTP/1.1\r\nhost: x\r\nsec-fetch-site: same-origin\r\n\
                content-type: application/x-www-form-urlencoded\r\ncontent-length: 1000\r\n\r\nemail=";
    let mut slow = Vec::new();
    for wave in 0..6 {
        let open = (0..60).map(async |_| {
            let mut stream = tokio::net::TcpStream::connect(app.address).await.unwrap();
            stream.write_all(head.as_bytes()).await.unwrap();
            stream
        });
        slow.extend(futures::future::join_all(open).await);
        assert!(slow.len() == (wave + 1) * 60);
    }
    assert_eq!(ask_for_link(&app, "ada@acme.example", "").await.expect(303).way(), "/sign-in?outcome=sent");
    // A form that is larger than any of ours is not read to its end.
    let large = "x".repeat(100_000);
    ask_for_link(&app, &large, "").await.expect(413);
    drop(slow);
    ended(app).await;
}
