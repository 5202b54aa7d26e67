//! Portal links open at once where a person navigates, and sign-in leads to where the person was going.

use crate::app::Answer;
use crate::app::Browser;
use crate::app::TestApp;
use crate::app::on_both;
use serde_json::json;

const ADA: &str = "ada@acme.example";
const NAVIGATES: [(&str, &str); 2] = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];

async fn shop(app: &TestApp) {
    for (id, email, name) in [("acme", ADA, "Acme Data"), ("orbit", "lin@orbit.example", "Orbit")] {
        app.put(id, json!({"email": email, "name": name, "plan": "starter"})).await.expect(201);
    }
}

/// The path of a new portal link.
async fn link(app: &TestApp, customer: &str, email: &str, path: &str) -> String {
    let body = json!({"member_email": email, "path": path}).to_string();
    let url = format!("/v1/customers/{customer}/portal_sessions");
    let link = app.send(app.write("POST", &url, None, body)).await.expect(201).json();
    format!("/sign-in/{}", link["url"].as_str().unwrap().rsplit('/').next().unwrap())
}

async fn opened(browser: &Browser<'_>, path: &str) -> Answer {
    browser.get_as(path, &NAVIGATES).await
}

async fn sessions(app: &TestApp) -> i64 {
    app.count("select count(*) as n from sessions where ended_at is null").await
}

on_both!(a_portal_link_opens_at_once_where_a_person_navigates, |app| {
    shop(app).await;
    let browser = Browser::new(app);
    let path = link(app, "acme", ADA, "/usage?range=7d").await;
    // None of these is a person who opens the page.
    let prefetch = |name, value| [NAVIGATES[0], NAVIGATES[1], (name, value)];
    for headers in [
        vec![],
        vec![NAVIGATES[0]],
        vec![NAVIGATES[1]],
        vec![("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")],
        vec![NAVIGATES[0], ("sec-fetch-dest", "iframe")],
        prefetch("sec-purpose", "prefetch").to_vec(),
        prefetch("sec-purpose", "prefetch;prerender").to_vec(),
        prefetch("purpose", "prefetch").to_vec(),
    ] {
        let page = browser.get_as(&path, &headers).await.expect(200);
        assert!(page.text.contains("Continue as ada@acme.example to Acme Data"), "{headers:?} {}", page.text);
    }
    browser.head_as(&path, &NAVIGATES).await.expect(200);
    assert_eq!(sessions(app).await, 0);

    let answer = opened(&browser, &path).await.expect(303);
    assert_eq!(answer.way(), "/usage?range=7d");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("referrer-policy"), Some("same-origin"));
    browser.get("/billing").await.expect(200);
    // The same browser goes on to where the link leads; a link that is spent opens nothing for another.
    for headers in [&NAVIGATES[..], &[]] {
        assert_eq!(browser.get_as(&path, headers).await.expect(303).way(), "/usage?range=7d");
    }
    let other = Browser::new(app);
    let page = opened(&other, &path).await.expect(200).text;
    assert!(page.contains("This link has expired.") && other.cookie("session").is_none(), "{page}");
    assert_eq!(sessions(app).await, 1);

    let old = link(app, "acme", ADA, "/billing").await;
    app.advance_minutes(6).await;
    assert!(opened(&other, &old).await.expect(200).text.contains("This link has expired."));
});

on_both!(nobody_becomes_another_person_without_a_click, |app| {
    shop(app).await;
    let browser = Browser::new(app);
    browser.sign_in(ADA).await;
    let theirs = link(app, "orbit", "lin@orbit.example", "/billing").await;
    let page = opened(&browser, &theirs).await.expect(200).text;
    assert!(page.contains("signed in as ada@acme.example to Acme Data"), "{page}");
    // The same person at another customer, and the same account anew, need none.
    for (customer, name) in [("orbit", "Orbit"), ("acme", "Acme Data")] {
        let own = link(app, customer, ADA, "/billing").await;
        assert_eq!(opened(&browser, &own).await.expect(303).way(), "/billing");
        assert!(browser.get("/billing").await.text.contains(&format!("title=\"{name}\"")));
    }
    assert_eq!(sessions(app).await, 1, "the sessions before have ended");
});

on_both!(an_emailed_link_is_spent_by_a_click_alone, |app| {
    shop(app).await;
    let browser = Browser::new(app);
    browser.sent("request-link", &[("email", ADA)]).await;
    let token = app.mailed_token().await;
    let page = opened(&browser, &format!("/sign-in/{token}")).await.expect(200).text;
    assert!(page.contains("Click to continue") && browser.cookie("session").is_none(), "{page}");
});

on_both!(a_sign_in_leads_to_where_the_person_was_going, |app| {
    shop(app).await;
    let going = "/history?source=nightly";
    let browser = Browser::new(app);
    let sign_in = browser.get(going).await.expect(303).way();
    assert_eq!(sign_in, "/sign-in?to=%2Fhistory%3Fsource%3Dnightly");
    let to = browser.field(&sign_in, "to").await;
    assert_eq!(to, going);
    assert_eq!(browser.sent("request-link", &[("email", ADA), ("to", &to)]).await, format!("{sign_in}&outcome=sent"));
    // The link is opened in another browser.
    let mail = app.mails().await.pop().unwrap();
    let token = app.mailed_token().await;
    let link = format!("/sign-in/{token}?to=%2Fhistory%3Fsource%3Dnightly");
    assert!(mail.contains(&link), "{mail}");
    let phone = Browser::new(app);
    let to = phone.field(&link, "to").await;
    assert_eq!(phone.sent("open-session", &[("token", &token), ("to", &to)]).await, going);
    // An old link, again in the same browser, leads on; a signed-in browser does not stop at the sign-in page.
    assert_eq!(phone.get(&link).await.expect(303).way(), going);
    assert_eq!(phone.get(&sign_in).await.expect(303).way(), going);
    // A new link in place of an old one leads there, too.
    let renewed = browser.sent("renew-link", &[("token", &token), ("to", going)]).await;
    assert_eq!(renewed, format!("{sign_in}&outcome=sent"));
    assert!(app.mails().await.pop().unwrap().contains("?to=%2Fhistory%3Fsource%3Dnightly"));
});

on_both!(a_sign_in_leads_to_no_other_site_and_to_no_form, |app| {
    shop(app).await;
    let bad =
        ["//evil.example", "/\\evil.example", "/%2fevil.example", "https://evil.example", "/_fn/sign-out", "/sign-out"];
    for to in bad {
        // A person is sent a few links an hour.
        app.advance_minutes(60).await;
        let browser = Browser::new(app);
        assert_eq!(browser.sent("request-link", &[("email", ADA), ("to", to)]).await, "/sign-in?outcome=sent");
        assert!(!app.mails().await.pop().unwrap().contains("evil"));
        let token = app.mailed_token().await;
        assert_eq!(browser.sent("open-session", &[("token", &token), ("to", to)]).await, "/billing", "{to}");
        let encoded: String = url::form_urlencoded::byte_serialize(to.as_bytes()).collect();
        browser.get(&format!("/sign-in?to={encoded}")).await.expect(200);
    }
});

on_both!(a_form_that_meets_an_ended_session_says_that_nothing_was_saved, |app| {
    shop(app).await;
    let (browser, elsewhere) = (Browser::new(app), Browser::new(app));
    browser.sign_in(ADA).await;
    elsewhere.sign_in(ADA).await;
    elsewhere.sent("sign-out-others", &[]).await;
    let to = browser.sent("time-zone", &[("zone", "UTC")]).await;
    assert_eq!(to, "/sign-in?to=%2Fsettings&outcome=signed_out");
    let page = browser.get(&to).await.expect(200).text;
    assert!(
        page.contains("You were signed out. Nothing was saved.") && page.contains("Sign in and try again."),
        "{page}"
    );
    assert!(!browser.get(&to).await.text.contains("Nothing was saved"), "it is said once");
    // The page that the form was on is where the sign-in leads.
    let referer = [("referer", "http://127.0.0.1/plans?wanted=p1200")];
    let answer = browser.post_with("buy", &referer).await.expect(303);
    assert_eq!(answer.way(), "/sign-in?to=%2Fplans%3Fwanted%3Dp1200&outcome=signed_out");
});
