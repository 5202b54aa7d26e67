//! Replies of an SMTP server, and the pages about a reminder: the top-up's and the operator's.

#[path = "../../src/usecases/access/tests/peer.rs"]
mod peer;

use crate::app::{Browser, TestApp, on_both};
use crate::operators::OperatorBrowser;
use chrono::TimeDelta;
use peer::Peer;
use serde_json::json;
use std::sync::atomic::Ordering;
use topup::domain::Instant;

/// A customer of each kind of mailbox that the peer knows, each with a top-up: name, its page, when it ends.
async fn bought(app: &TestApp) -> Vec<(&'static str, String, Instant)> {
    let mut out = Vec::new();
    for name in ["ada", "later", "nobody", "drop"] {
        app.put(name, json!({"email": format!("{name}@acme.example"), "plan": "starter"})).await.expect(201);
        let purchase = app.buy(name, "p1200", &format!("buy-{name}")).await;
        let ends = purchase["expires_at"].as_str().unwrap().parse().unwrap();
        out.push((name, format!("/purchases/{}", purchase["id"].as_str().unwrap()), ends));
    }
    out
}

/// The text about the reminder on each page.
async fn said(app: &TestApp, bought: &[(&str, String, Instant)]) -> Vec<String> {
    let mut out = Vec::new();
    for (name, page, _) in bought {
        let browser = Browser::new(app);
        browser.arrive(name, &format!("{name}@acme.example"), "owner").await;
        let text = browser.get(page).await.expect(200).text;
        let words = text.split("Reminder ").nth(1).map(|rest| rest.split('<').next().unwrap().to_owned());
        out.push(words.unwrap_or_default());
    }
    out
}

on_both!(the_delivery_of_a_reminder_is_shown_to_its_owner_and_to_operators, |app| {
    let peer = Peer::start().await;
    let bought = bought(app).await;
    let url = peer.url.clone();
    app.set(|settings| {
        (settings.mail_dir, settings.smtp_url) = (None, Some(url));
        settings.mail_from = Some("Gleaner <billing@gleaner.example>".to_owned());
    });
    app.restart().await;
    let last = bought.iter().map(|(.., ends)| *ends).max().unwrap();
    app.advance_to(last - TimeDelta::days(30) + TimeDelta::minutes(1)).await;
    let words = ["sent", "delayed, we're sending it again", "couldn't be delivered", "delayed, we're sending it again"];
    assert_eq!(said(app, &bought).await, words);
    let operator = OperatorBrowser::open(app).await;
    for (name, want) in [("ada", "Accepted"), ("nobody", "1 of 1 not delivered")] {
        let page = operator.page(&format!("/operator/customers/{name}")).await;
        assert!(page.contains(want), "{name}: {page}");
    }
    let alarms = app.alarms().await;
    assert!(!alarms.is_empty() && alarms.iter().all(|kind| kind == "mail"), "mails were given up: {alarms:?}");
    // One server is well again; the other is busy for ever, and after three days a person hears of it.
    peer.is_well.store(true, Ordering::SeqCst);
    app.advance_to(last - TimeDelta::days(26)).await;
    assert_eq!(said(app, &bought).await, ["sent", "couldn't be delivered", "couldn't be delivered", "sent"]);
    let dropped = peer.taken().into_iter().filter(|mail| mail.contains("To: drop@")).count();
    assert!(dropped >= 2, "nobody can know whether the first was taken: {dropped}");
});
