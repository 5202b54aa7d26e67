//! Signing in over HTTP: emailed links, portal links, the life of a session.

use crate::app::{Browser, Database, TestApp, on_both};
use serde_json::json;

const ADA: &str = "ada@acme.example";

async fn asked(browser: &Browser<'_>, email: &str) -> String {
    browser.sent("request-link", &[("email", email)]).await
}

async fn is_signed_in(browser: &Browser<'_>) -> bool {
    let answer = browser.get("/billing").await;
    match (answer.status, answer.header("location")) {
        (200, _) => true,
        (303, Some("/sign-in")) => false,
        other => panic!("{other:?}"),
    }
}

on_both!(the_answer_is_the_same_for_unknown_addresses, |app| {
    app.put_customer("nova", "starter").await;
    let mut pages = Vec::new();
    for email in [ADA, "eve@evil.example"] {
        let browser = Browser::new(app);
        let answer = browser.post("request-link", &[("email", email)]).await.expect(303);
        assert_eq!(answer.way(), "/sign-in?outcome=sent");
        let mut names: Vec<_> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
        names.sort();
        let page = browser.get("/sign-in").await.expect(200).text;
        let said = format!("If {email} belongs to a Gleaner account, a link is on its way. It works for 15 minutes.");
        assert!(page.contains(&said), "{page}");
        pages.push((names, answer.text, page.replace(email, "somebody")));
        // It is said once, and to this browser alone.
        for browser in [browser, Browser::new(app)] {
            let page = browser.get("/sign-in").await.expect(200).text;
            assert!(page.contains("Send link") && !page.contains("a link is on its way"), "{page}");
        }
    }
    assert_eq!(pages[0], pages[1]);
    assert_eq!(app.mails().await.len(), 1, "a mail for the member alone");
    assert_eq!(app.count("select count(*) as n from outbox where recipient <> 'ada@acme.example'").await, 0);
    let browser = Browser::new(app);
    for bad in ["", "ada", "ada@acme.example\r\nBcc: eve@evil.example"] {
        assert_eq!(asked(&browser, bad).await, "/sign-in?outcome=bad_address");
    }
    let page = browser.get("/sign-in").await.expect(200).text;
    let said =
        ["role=\"alert\"", "aria-invalid=\"true\"", "aria-describedby=\"email-error\"", "Enter an email address"];
    assert!(said.iter().all(|part| page.contains(part)), "{page}");
    assert!(page.contains("Bcc: eve@evil.example"), "the typed value stays: {page}");
});

on_both!(an_address_gets_five_emails_an_hour, |app| {
    app.put_customer("nova", "starter").await;
    app.put("larch", json!({"email": "lin@larch.example", "plan": "starter"})).await.expect(201);
    let browser = Browser::new(app);
    for _ in 0..7 {
        assert_eq!(asked(&browser, " ADA@acme.example ").await, "/sign-in?outcome=sent");
    }
    assert_eq!(app.mails().await.len(), 5);
    asked(&browser, "lin@larch.example").await;
    assert_eq!(app.mails().await.len(), 6, "another's mails are not counted");
    app.advance_minutes(61).await;
    asked(&browser, ADA).await;
    assert_eq!(app.mails().await.len(), 7);
});

async fn asked_from(app: &TestApp, email: &str, network: &str) {
    let post = app.http.post(format!("http://{}/_fn/request-link", app.address)).form(&[("email", email)]);
    let post = post.header("sec-fetch-site", "same-origin").header("accept", "text/html");
    let answer = app.send(post.header("x-forwarded-for", network)).await.expect(303);
    assert_eq!(answer.way(), "/sign-in?outcome=sent", "the same for everybody");
}

async fn strangers_use_up_nothing_of_a_members(database: Database) {
    let app = TestApp::start_with(database, |settings| settings.trusted_proxies = vec!["127.0.0.0/8".to_owned()]).await;
    app.put_customer("nova", "starter").await;
    for _ in 0..7 {
        asked_from(&app, ADA, "198.51.100.1").await;
    }
    assert_eq!(app.mails().await.len(), 5);
    asked_from(&app, ADA, "203.0.113.9").await;
    assert_eq!(app.mails().await.len(), 6, "the member's own network has its own five");
    // Strangers from many networks: the mailbox is not flooded, and whoever gets no mail has a link that works.
    for n in 0..40 {
        asked_from(&app, ADA, &format!("192.0.2.{n}")).await;
    }
    assert_eq!(app.mails().await.len(), 20);
    app.advance_minutes(14).await;
    asked_from(&app, ADA, "203.0.113.9").await;
    assert_eq!(app.mails().await.len(), 20);
    let browser = Browser::new(&app);
    let token = app.mailed_token().await;
    assert_eq!(browser.sent("open-session", &[("token", &token)]).await, "/billing");
    // When those links are over, there are new ones.
    app.advance_minutes(2).await;
    asked_from(&app, ADA, "203.0.113.9").await;
    assert_eq!(app.mails().await.len(), 21);
    assert_eq!(app.count("select count(*) as n from outbox where length(origin) = 16").await, 21);
    app.check().await;
    app.stop().await;
    app.home.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_use_up_nothing_of_a_members_emails_on_sqlite() {
    strangers_use_up_nothing_of_a_members(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_use_up_nothing_of_a_members_emails_on_postgres() {
    strangers_use_up_nothing_of_a_members(Database::Postgres).await;
}

on_both!(a_link_is_spent_by_its_button_alone_and_once, |app| {
    app.put_customer("nova", "starter").await;
    let browser = Browser::new(app);
    asked(&browser, ADA).await;
    let token = app.mailed_token().await;
    let page = format!("/sign-in/{token}");
    for _ in 0..3 {
        let page = browser.get(&page).await.expect(200).text;
        assert!(page.contains("Continue as ada@acme.example to ") && page.contains("method=\"post\""), "{page}");
    }
    let url = format!("http://{}/_fn/open-session?token={token}", app.address);
    let got = app.send(app.http.get(url)).await;
    assert!(got.status != 200 && !got.headers.contains_key("set-cookie"), "{got:?}");
    browser.post_from("cross-site", "open-session", &[("token", &token)]).await.expect(403);
    assert!(!is_signed_in(&browser).await, "nothing of it signed in");
    let opened = browser.post("open-session", &[("token", &token)]).await.expect(303);
    assert_eq!(opened.header("location"), Some("/billing"));
    let cookie = opened.headers.get_all("set-cookie").iter().find_map(|header| {
        let header = header.to_str().unwrap();
        header.starts_with("session=").then(|| header.to_owned())
    });
    let cookie = cookie.expect("a session");
    assert!(cookie.ends_with("; Path=/; Max-Age=1209600; HttpOnly; SameSite=Lax"), "{cookie}");
    assert!(is_signed_in(&browser).await);

    let again = Browser::new(app);
    assert_eq!(again.sent("open-session", &[("token", &token)]).await, page);
    let gone = again.get(&page).await.expect(200).text;
    for part in ["This link has expired.", "A link works once, for 15 minutes.", "Send a new one"] {
        assert!(gone.contains(part), "{part} in {gone}");
    }
    assert!(!gone.contains(ADA) && !is_signed_in(&again).await);
    // Where a new one goes is nobody's business who has the old one.
    assert_eq!(again.sent("renew-link", &[("token", &token)]).await, "/sign-in?outcome=sent");
    let page = again.get("/sign-in").await.text;
    assert!(page.contains("If that address belongs to a Gleaner account") && !page.contains(ADA), "{page}");
    let fresh = app.mailed_token().await;
    assert!(fresh != token && app.mails().await.last().unwrap().contains("To: ada@acme.example"));
    app.advance_minutes(15).await;
    again.sent("open-session", &[("token", &fresh)]).await;
    assert!(!is_signed_in(&again).await, "fifteen minutes");
    assert_eq!(again.sent("renew-link", &[("token", "no token of ours")]).await, "/sign-in");
});

on_both!(an_old_portal_link_says_where_a_new_one_comes_from, |app| {
    app.put_customer("nova", "starter").await;
    for bad in ["ada", "@", "ada@", "ada@acme@example", "ada lovelace@acme.example", "<ada@acme.example>"] {
        let body = json!({"member_email": bad}).to_string();
        let answer = app.send(app.write("POST", "/v1/customers/nova/portal_sessions", None, body)).await;
        assert_eq!(answer.expect_problem(422, "invalid_value").fields(), ["member_email"], "{bad}");
    }
    let body = json!({"member_email": ADA, "role": "owner"}).to_string();
    let link = app.send(app.write("POST", "/v1/customers/nova/portal_sessions", None, body)).await.expect(201).json();
    let page = format!("/sign-in/{}", link["url"].as_str().unwrap().rsplit('/').next().unwrap());
    let browser = Browser::new(app);
    assert!(browser.get(&page).await.expect(200).text.contains("Continue as ada@acme.example to "));
    app.advance_minutes(5).await;
    for old in [page.as_str(), "/sign-in/0123456789abcdef"] {
        let gone = browser.get(old).await.expect(200).text;
        for part in ["This link has expired.", "Open Billing from Gleaner to get a new one.", "Send a new one by email"]
        {
            assert!(gone.contains(part), "{part} in {gone}");
        }
    }
});

async fn lasting(database: Database, idle_minutes: i64, max_days: i64) {
    let app = TestApp::start_with(database, |settings| {
        settings.session_idle_minutes = idle_minutes;
        settings.session_max_days = max_days;
    });
    let app = app.await;
    app.put_customer("nova", "starter").await;
    let browser = Browser::new(&app);
    browser.sign_in(ADA).await;
    app.advance_minutes(idle_minutes - 1).await;
    assert!(is_signed_in(&browser).await, "used before it went idle");
    app.advance_minutes(idle_minutes).await;
    assert!(!is_signed_in(&browser).await, "idle");
    browser.sign_in(ADA).await;
    let until = app.now() + chrono::TimeDelta::days(max_days);
    while app.now() + chrono::TimeDelta::minutes(idle_minutes - 1) < until {
        app.advance_minutes(idle_minutes - 1).await;
        assert!(is_signed_in(&browser).await, "in use");
    }
    app.advance_to(until).await;
    assert!(!is_signed_in(&browser).await, "at its limit, in use or not");
    app.check().await;
    app.stop().await;
    app.home.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_when_idle_and_at_its_limit_on_sqlite() {
    lasting(Database::Sqlite, 360, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_when_idle_and_at_its_limit_on_postgres() {
    lasting(Database::Postgres, 360, 2).await;
}
