//! `require_notice`: no top-up ends before an email server accepted a reminder and seven days passed.

use crate::app::{Browser, TestApp, on_both};
use crate::reminders::mails;
use chrono::TimeDelta;
use serde_json::json;
use topup::domain::Instant;

/// A port that nobody listens on.
const NOBODY: &str = "smtp://127.0.0.1:1";

/// Restarts with the option on.
async fn required(app: &TestApp) {
    let before = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/catalog.toml")).unwrap();
    let after = before.replace("require_notice = false", "require_notice = true");
    assert_ne!(after, before);
    let file = app.home.folder.join("catalog.toml");
    std::fs::write(&file, after).unwrap();
    app.set(|settings| settings.database.catalog = file);
    app.restart().await;
}

/// Restarts with or without somebody who takes mail.
async fn mail(app: &TestApp, taken: bool) {
    let folder = app.home.folder.join("mails");
    app.set(|settings| {
        settings.mail_dir = taken.then_some(folder);
        settings.smtp_url = (!taken).then(|| NOBODY.to_owned());
        settings.mail_from = (!taken).then(|| "Gleaner <billing@gleaner.example>".to_owned());
    });
    app.restart().await;
}

/// A top-up of 1,200 credits: its page, and when it ends.
async fn bought(app: &TestApp) -> (String, Instant) {
    app.put_customer("acme", "starter").await;
    let bought = app.buy("acme", "p1200", "buy-1").await;
    (format!("/purchases/{}", bought["id"].as_str().unwrap()), bought["expires_at"].as_str().unwrap().parse().unwrap())
}

async fn left(app: &TestApp) -> serde_json::Value {
    app.balance("acme").await["top_up"]["remaining"].clone()
}

async fn dies_at(app: &TestApp) -> Instant {
    let inner = app.inner();
    let row = inner
        .store
        .read()
        .await
        .unwrap()
        .fetch_optional("select expires_at from grants where kind = 3", Vec::new())
        .await;
    row.unwrap().unwrap().at("expires_at").unwrap()
}

const EXTENDED: &str = "select count(*) as n from entries where kind = 12";

on_both!(an_announced_expiry_is_kept, |app| {
    required(app).await;
    let (_, ends) = bought(app).await;
    assert_eq!(app.count("select awaits_notice as n from grants where kind = 3").await, 1);
    app.advance_to(ends - TimeDelta::days(29)).await;
    assert_eq!(app.count("select awaits_notice as n from grants where kind = 3").await, 0, "the first was taken");
    app.tamper("update grants set awaits_notice = 1 where kind = 3", Vec::new()).await.unwrap();
    let said = topup::usecases::upkeep::check::check_all(&app.inner().store).await.unwrap().unwrap_err();
    assert!(said.contains("wait for a reminder that was delivered"), "{said}");
    app.tamper("update grants set awaits_notice = 0", Vec::new()).await.unwrap();
    app.advance_to(ends - TimeDelta::milliseconds(1)).await;
    assert_eq!(left(app).await, json!(1_200));
    app.advance_to(ends).await;
    assert_eq!(left(app).await, json!(0));
    assert_eq!(app.count(EXTENDED).await, 0);
});

on_both!(a_top_up_lives_on_while_no_reminder_is_delivered_and_seven_days_more, |app| {
    required(app).await;
    let (page, ends) = bought(app).await;
    mail(app, false).await;
    app.advance_to(ends + TimeDelta::days(20)).await;
    assert_eq!(left(app).await, json!(1_200));
    assert_eq!(dies_at(app).await, ends + TimeDelta::days(21));
    assert_eq!(app.count(EXTENDED).await, 3);
    assert_eq!(mails(app, &["reminder"]).await.len(), 5, "two before its date, one for each new date");
    let ada = Browser::new(app);
    ada.arrive("acme", "ada@acme.example", "owner").await;
    let purchase = app.purchase(page.trim_start_matches("/purchases/")).await;
    assert_eq!(purchase["expires_at"].as_str().unwrap().parse::<Instant>().unwrap(), ends + TimeDelta::days(21));
    let billing = ada.get("/billing").await.expect(200).text;
    assert!(billing.contains("reach you by email, so we"), "{billing}");
    assert!(billing.contains(">Kept<"), "{billing}");
    assert!(ada.get(&page).await.expect(200).text.contains("or 7 days after a reminder is delivered"));
    let history = ada.get("/history").await.expect(200).text;
    assert!(history.contains("reach you by email"), "{history}");
    // Credits are drawn from it as ever.
    app.charge("acme", "5100", "job-1").await.expect(201);
    assert_eq!(left(app).await, json!(1_100));
    mail(app, true).await;
    app.advance_to(ends + TimeDelta::days(21)).await;
    assert_eq!(mails(app, &["reminder"]).await.len(), 6);
    ada.arrive("acme", "ada@acme.example", "owner").await;
    assert!(!ada.get("/billing").await.expect(200).text.contains(">Kept<"));
    let last = ends + TimeDelta::days(28);
    assert_eq!(dies_at(app).await, last);
    app.advance_to(last - TimeDelta::milliseconds(1)).await;
    assert_eq!(left(app).await, json!(1_100));
    app.advance_to(last).await;
    assert_eq!(left(app).await, json!(0));
    assert_eq!(app.count(EXTENDED).await, 4);
});

on_both!(a_reminder_that_is_delivered_late_leaves_seven_days, |app| {
    required(app).await;
    let (_, ends) = bought(app).await;
    mail(app, false).await;
    app.advance_to(ends - TimeDelta::days(5)).await;
    mail(app, true).await;
    app.advance_to(ends - TimeDelta::days(4)).await;
    let sql = "select min(done_at) as n from outbox where kind = 'reminder' and state = 'accepted'";
    let taken = topup::domain::time::from_millis(app.count(sql).await);
    assert_eq!(dies_at(app).await, taken + TimeDelta::days(7));
    assert_eq!(app.count(EXTENDED).await, 1);
    app.advance_to(taken + TimeDelta::days(7)).await;
    assert_eq!(left(app).await, json!(0));
    assert_eq!(app.count(EXTENDED).await, 1);
});

on_both!(the_option_acts_on_later_top_ups, |app| {
    let (_, ends) = bought(app).await;
    required(app).await;
    mail(app, false).await;
    app.advance_to(ends).await;
    assert_eq!(left(app).await, json!(0));
});

on_both!(a_closed_customer_gets_no_email_and_keeps_no_credits, |app| {
    required(app).await;
    let (_, ends) = bought(app).await;
    mail(app, false).await;
    app.send(app.request("DELETE", "/v1/customers/acme")).await.expect(204);
    app.advance_to(ends).await;
    assert_eq!(app.count("select expired as n from grants where kind = 3").await, 1_200_000);
});
