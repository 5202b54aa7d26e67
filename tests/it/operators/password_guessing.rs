//! Password guessing by address and by account: a stranger locks nobody out and learns no address.

use super::{EMAIL, PASSWORD, account, cookie_of, page, send, sign_in};
use crate::app::{Answer, Database, TestApp, on_both};

const WRONG: &str = "/operator/sign-in?outcome=wrong";
const WAIT: &str = "/operator/sign-in?outcome=wait";

/// A try from a network, with cookies.
async fn tried(app: &TestApp, email: &str, word: &str, network: &str, cookie: &str) -> Answer {
    let form = [("email", email), ("password", word), ("code", "")];
    let post = app.http.post(format!("http://{}/_fn/operator-sign-in", app.address)).form(&form);
    let post = post.header("sec-fetch-site", "same-origin").header("accept", "text/html").header("cookie", cookie);
    app.send(post.header("x-forwarded-for", network)).await.expect(303)
}

fn way(answer: &Answer) -> String {
    answer.way()
}

/// The cookie of a browser that an account was signed in with.
fn device_of(answer: &Answer) -> String {
    let headers = answer.headers.get_all("set-cookie").iter().map(|header| header.to_str().unwrap());
    let device =
        headers.filter_map(|header| header.split(';').next()).find(|pair| pair.starts_with("operator-device="));
    device.expect("a device").to_owned()
}

async fn guessed(database: Database) {
    let app = TestApp::start_with(database, |settings| settings.trusted_proxies = vec!["127.0.0.0/8".to_owned()]).await;
    account(&app, EMAIL).await;
    account(&app, "ada@shop.example").await;
    let before = tried(&app, EMAIL, PASSWORD, "203.0.113.9", "").await;
    let device = device_of(&before);
    // A stranger's guesses, and the same ones for an address that is nobody's: no answer tells them apart.
    let mut answers = Vec::new();
    for email in [EMAIL, "nobody@shop.example"] {
        let mut ways = Vec::new();
        for _ in 0..7 {
            let answer = tried(&app, email, "wrong wrong wrong", "198.51.100.1", "").await;
            let mut names: Vec<_> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
            names.sort();
            ways.push((answer.way(), names, answer.text));
        }
        answers.push(ways);
    }
    assert_eq!(answers[0], answers[1]);
    let ways: Vec<_> = answers[0].iter().map(|(way, ..)| way.as_str()).collect();
    assert_eq!(ways, [WRONG, WRONG, WRONG, WRONG, WRONG, WAIT, WAIT]);
    assert_eq!(
        way(&tried(&app, EMAIL, PASSWORD, "198.51.100.1", "").await),
        WAIT,
        "the right one is not looked at there"
    );
    // Elsewhere the operator comes in, and there too in the browser that was signed in before.
    assert_eq!(way(&tried(&app, EMAIL, PASSWORD, "203.0.113.10", "").await), "/operator");
    assert_eq!(way(&tried(&app, EMAIL, PASSWORD, "198.51.100.1", &device).await), "/operator");
    // That browser is known for its own account alone, and only as it was given.
    for _ in 0..5 {
        assert_eq!(way(&tried(&app, "ada@shop.example", "wrong wrong wrong", "198.51.100.1", &device).await), WRONG);
    }
    assert_eq!(way(&tried(&app, "ada@shop.example", PASSWORD, "198.51.100.1", &device).await), WAIT);
    for forged in ["operator-device=0123", "operator-device=0123-4567", &device.replace('-', "0-")] {
        assert_eq!(way(&tried(&app, EMAIL, PASSWORD, "198.51.100.1", forged).await), WAIT, "{forged}");
    }
    // Guessing in it locks that place alone.
    for _ in 0..5 {
        assert_eq!(way(&tried(&app, EMAIL, "wrong wrong wrong", "203.0.113.9", &device).await), WRONG);
    }
    assert_eq!(way(&tried(&app, EMAIL, PASSWORD, "203.0.113.9", &device).await), WAIT);
    assert_eq!(way(&tried(&app, EMAIL, PASSWORD, "203.0.113.9", "").await), "/operator");
    let metrics = app.get("/metrics").await.expect(200).text;
    for line in [
        "topup_operator_sign_ins_total{outcome=\"signed_in\"} 4",
        "topup_operator_sign_ins_total{outcome=\"wrong\"} 20",
        "topup_operator_sign_ins_total{outcome=\"locked\"} 10",
        "topup_operator_locks_total 4",
        "topup_unauthorized_total{api=\"operator\"} 0",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} in {metrics}");
    }
    app.send(app.http.get(format!("http://{}/v1/catalog", app.address))).await.expect(401);
    assert!(app.get("/metrics").await.text.contains("topup_unauthorized_total{api=\"operator\"} 1"));
    app.stop().await;
    app.home.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guessing_locks_nobody_out_and_reveals_no_account_on_sqlite() {
    guessed(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guessing_locks_nobody_out_and_reveals_no_account_on_postgres() {
    guessed(Database::Postgres).await;
}

on_both!(tries_that_are_long_over_are_forgotten, |app| {
    for n in 0..12 {
        sign_in(app, &format!("nobody{n}@shop.example"), "wrong wrong wrong").await;
    }
    app.tamper("update operator_sign_in_failures set until = 0", Vec::new()).await.unwrap();
    sign_in(app, "nobody0@shop.example", "wrong wrong wrong").await;
    sign_in(app, "nobody0@shop.example", "wrong wrong wrong").await;
    // A try of its own is no reason to forget it: three in a row now.
    assert_eq!(app.count("select count(*) as n from operator_sign_in_failures").await, 1);
    assert_eq!(app.count("select failures as n from operator_sign_in_failures").await, 3);
});

on_both!(a_reset_forgets_the_failures_from_everywhere, |app| {
    account(app, EMAIL).await;
    for _ in 0..5 {
        sign_in(app, EMAIL, "wrong wrong wrong").await;
    }
    assert_eq!(sign_in(app, EMAIL, PASSWORD).await.way(), WAIT);
    let store = app.inner().store.clone();
    let hash = topup::usecases::operators::password::hash_password(PASSWORD.to_owned()).await.unwrap();
    assert!(topup::usecases::operators::reset_operator(&store, EMAIL, &hash, app.now()).await.unwrap());
    let signed = sign_in(app, EMAIL, PASSWORD).await;
    assert_eq!(signed.header("location"), Some("/operator"));
    // The device opens nothing by itself.
    let device = device_of(&signed);
    let shown = page(app, "/operator", &device).await.expect(303);
    assert_eq!(shown.header("location"), Some("/operator/sign-in"));
    send(app, "/_fn/operator-sign-out", &cookie_of_operator(&signed), &[]).await.expect(303);
});

/// The session's cookie, whichever comes first.
fn cookie_of_operator(answer: &Answer) -> String {
    let headers = answer.headers.get_all("set-cookie").iter().map(|header| header.to_str().unwrap());
    let found = headers.filter_map(|header| header.split(';').next()).find(|pair| pair.starts_with("operator="));
    found.map_or_else(|| cookie_of(answer), str::to_owned)
}
