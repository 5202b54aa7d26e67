//! Reminders and other emails: at their instants, once each, with the page's amounts.

use crate::app::{Browser, TestApp, on_both};
use chrono::TimeDelta;
use serde_json::{Value, json};
use topup::args;
use topup::domain::Instant;

/// A mail: kind, recipient, subject, text, when it was written.
#[derive(Clone, Debug)]
pub struct Mail {
    pub kind: String,
    pub to: String,
    pub subject: String,
    pub text: String,
    pub at: Instant,
}

/// The mails of these kinds in the order in which they were written; of all but receipts if none is named.
pub async fn mails(app: &TestApp, kinds: &[&str]) -> Vec<Mail> {
    let sql = "select kind, recipient, subject, body_text, created_at from outbox order by no";
    let inner = app.inner();
    let rows = inner.store.read().await.unwrap().fetch_all(sql, Vec::new()).await.unwrap();
    let mail = rows.iter().map(|row| Mail {
        kind: row.text("kind").unwrap(),
        to: row.text("recipient").unwrap(),
        subject: row.text("subject").unwrap(),
        text: row.text("body_text").unwrap(),
        at: row.at("created_at").unwrap(),
    });
    mail.filter(|mail| if kinds.is_empty() { mail.kind != "receipt" } else { kinds.contains(&mail.kind.as_str()) })
        .collect()
}

fn instant(json: &Value) -> Instant {
    json.as_str().unwrap().parse().unwrap()
}

fn subjects(mails: &[Mail]) -> Vec<&str> {
    mails.iter().map(|mail| mail.subject.as_str()).collect()
}

/// Noon of a day, so that some hours more are the same day in Berlin.
async fn berlin_noon(app: &TestApp, customer: &str, plan: &str) {
    let noon = app.now().date_naive().and_hms_opt(11, 0, 0).unwrap().and_utc() + TimeDelta::days(1);
    app.advance_to(noon).await;
    let body = json!({"email": "ada@acme.example", "name": "Acme Data", "plan": plan, "timezone": "Europe/Berlin"});
    app.put(customer, body).await.expect(201);
}

on_both!(a_year_sends_both_reminders_and_the_end_at_their_own_instants, |app| {
    berlin_noon(app, "acme", "starter").await;
    let bought = app.buy("acme", "p1200", "buy-1").await;
    let ends = instant(&bought["expires_at"]);
    app.advance(json!({"advance_days": 400})).await.expect(200);
    let mails = mails(app, &["reminder", "expired"]).await;
    let day = ends.format("%-d %b %Y").to_string();
    let expire = format!("1,200 credits expire on {day}");
    assert_eq!(subjects(&mails), [&expire, &expire, "1,200 credits have expired"]);
    let purchase = app.purchase(bought["id"].as_str().unwrap()).await;
    let told: Vec<Instant> = purchase["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|moment| moment["what"] == "reminded")
        .map(|moment| instant(&moment["at"]))
        .collect();
    assert_eq!(told, [ends - TimeDelta::days(30), ends - TimeDelta::days(7)]);
    let at: Vec<Instant> = mails.iter().map(|mail| mail.at).collect();
    assert_eq!(at, [ends - TimeDelta::days(30), ends - TimeDelta::days(7), ends]);
    for mail in &mails {
        assert_eq!(mail.to, "ada@acme.example");
        assert!(mail.text.contains("Acme Data"), "{}", mail.text);
    }
    assert!(mails[0].text.contains("1,200 top-up credits expire in 30 days, on "), "{}", mails[0].text);
    assert!(mails[0].text.contains("at this pace all 1,200 will expire unused."), "{}", mails[0].text);
    assert!(mails[1].text.contains("expire in 7 days, on "), "{}", mails[1].text);
    assert_eq!(app.count("select count(*) as n from reminders").await, 2);
    // Once more over the same time changes nothing.
    app.advance(json!({"advance_days": 30})).await.expect(200);
    assert_eq!(app.count("select count(*) as n from outbox where kind = 'reminder'").await, 2);
});

on_both!(top_ups_that_expire_on_one_calendar_day_share_an_email, |app| {
    berlin_noon(app, "acme", "builder").await;
    app.buy("acme", "p1200", "buy-1").await;
    app.advance_minutes(11 * 60).await;
    app.buy("acme", "p5000", "buy-2").await;
    // Midnight has passed in Berlin, not in UTC.
    app.advance_minutes(90).await;
    app.buy("acme", "p20000", "buy-3").await;
    app.advance(json!({"advance_days": 340})).await.expect(200);
    let mails = mails(app, &["reminder"]).await;
    assert_eq!(mails.len(), 2, "{:?}", subjects(&mails));
    assert!(mails[0].subject.starts_with("6,200 credits expire on "), "{}", mails[0].subject);
    assert!(mails[1].subject.starts_with("20,000 credits expire on "), "{}", mails[1].subject);
    assert!(mails[0].text.contains("1,200 of 1,200, bought") && mails[0].text.contains("5,000 of 5,000, bought"));
    assert_eq!(app.count("select count(*) as n from reminders where kind = '30d'").await, 3);
});

on_both!(reminders_go_to_owners_and_admins_with_the_remaining_credits, |app| {
    berlin_noon(app, "acme", "starter").await;
    app.buy("acme", "p1200", "buy-1").await;
    let sql = "insert into members (customer_no, email, role, created_at, removed_at, alerts) values
        (1, 'al@acme.example', 'admin', 0, null, 0), (1, 'vi@acme.example', 'viewer', 0, null, 1),
        (1, 'ex@acme.example', 'owner', 0, 1, 1)";
    app.tamper(sql, Vec::new()).await.unwrap();
    app.advance(json!({"advance_days": 334})).await.expect(200);
    // 200 of the top-up are gone, and at 5,200 in 30 days more will be.
    app.charge("acme", "5200", "job-1").await.expect(201);
    app.advance(json!({"advance_days": 3})).await.expect(200);
    let mails = mails(app, &["reminder"]).await;
    let to: Vec<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
    assert_eq!(to, ["ada@acme.example", "al@acme.example"], "switched off or not");
    assert!(mails[0].subject.starts_with("1,000 credits expire on "), "{}", mails[0].subject);
    assert!(mails[0].text.contains("this pace"), "{}", mails[0].text);
    let left = app.balance("acme").await["top_up"]["remaining"].clone();
    assert_eq!(left, 1_000);
});

on_both!(a_late_reminder_goes_out_while_it_is_useful, |app| {
    berlin_noon(app, "acme", "starter").await;
    let ends = instant(&app.buy("acme", "p1200", "buy-1").await["expires_at"]);
    let late = |days| ends - TimeDelta::days(days) + TimeDelta::hours(1);
    // As if nothing had worked until then.
    let jump = async |to: Instant| {
        app.tamper("update grants set remind_at = null", Vec::new()).await.unwrap();
        app.advance_to(to).await;
        let look = ends - TimeDelta::days(30);
        app.tamper("update grants set remind_at = $1 where kind = 3", args![look]).await.unwrap();
        app.advance_minutes(1).await;
        mails(app, &["reminder"]).await.len()
    };
    assert_eq!(jump(late(9)).await, 1, "the first while more than seven days are left");
    assert_eq!(jump(late(7)).await, 2, "the second while the grant lives");
    assert_eq!(jump(late(3)).await, 2);
    assert_eq!(app.count("select count(*) as n from reminders where kind = '7d'").await, 1);
});

on_both!(a_used_up_top_up_has_no_reminder_until_credits_return, |app| {
    berlin_noon(app, "acme", "starter").await;
    app.buy("acme", "p1200", "buy-1").await;
    let usage = app.charge("acme", "6200", "all").await.expect(201).json()["id"].as_str().unwrap().to_owned();
    app.advance(json!({"advance_days": 350})).await.expect(200);
    assert_eq!(mails(app, &["reminder"]).await.len(), 0);
    app.post(&format!("/v1/usage/{usage}/void"), "void-1", r#"{"reason":"failed"}"#).await.expect(200);
    app.advance_minutes(1).await;
    let mails = mails(app, &["reminder"]).await;
    assert_eq!(mails.len(), 1);
    assert!(mails[0].subject.starts_with("1,200 credits"), "{}", mails[0].subject);
});

on_both!(a_balance_tells_of_its_crossings_once_each, |app| {
    berlin_noon(app, "acme", "starter").await;
    app.charge("acme", "4500", "job-1").await.expect(201);
    app.charge("acme", "1", "job-2").await.expect(201);
    app.advance_minutes(1).await;
    app.charge("acme", "499", "job-3").await.expect(201);
    app.advance_minutes(1).await;
    app.charge("acme", "1", "job-4").await.expect(402);
    app.buy("acme", "p1200", "buy-1").await;
    app.charge("acme", "1200", "job-5").await.expect(201);
    app.advance_minutes(1).await;
    app.advance(json!({"advance_days": 31})).await.expect(200);
    app.buy("acme", "p20000", "buy-2").await;
    app.charge("acme", "5001", "job-6").await.expect(201);
    app.advance_minutes(1).await;
    let all = mails(app, &[]).await;
    let want = [
        "You're out of credits: requests fail",
        "You're out of credits: requests fail",
        "Plan credits used up, top-ups in use",
    ];
    // The worker may have come by between the first charge and the second.
    assert!(all[0].subject == "About 500 credits left");
    assert_eq!(subjects(&all)[1..], want);
    assert!(all[1].text.contains("Buy a top-up, or wait for the reset on "), "{}", all[1].text);
    assert!(all[3].text.contains("Left in top-ups: 19,999"), "{}", all[3].text);
});

on_both!(balance_alerts_can_be_switched_off_and_their_level_set, |app| {
    use topup::domain::Credits;
    use topup::usecases::notify::emails::unsubscribe;
    berlin_noon(app, "acme", "starter").await;
    unsubscribe::set_low_balance_alert(&app.inner(), 1, Some(Credits::whole(4_000))).await.unwrap();
    app.charge("acme", "1000", "job-1").await.expect(201);
    app.advance_minutes(1).await;
    let told = mails(app, &[]).await;
    assert_eq!(subjects(&told), ["About 4,000 credits left"]);
    let token = told[0].text.split("/mails/").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let (member, on) = unsubscribe::find_subscription_switch(&app.inner(), &token).await.unwrap().expect("a member");
    assert!(on);
    for wrong in ["", "1", "1-", "x-y", "2-00", &format!("2{}", &token[1..]), &format!("{token}0")] {
        assert_eq!(unsubscribe::find_subscription_switch(&app.inner(), wrong).await.unwrap(), None, "{wrong}");
    }
    // The page does nothing by itself; its button and a mail program's do.
    let mails_are_on =
        async || unsubscribe::find_subscription_switch(&app.inner(), &token).await.unwrap().expect("a member").1;
    let url = format!("http://{}/mails/{token}", app.address);
    let page = app.send(app.http.get(&url)).await.expect(200);
    assert!(page.text.contains(">Turn off<"), "{}", page.text);
    assert!(mails_are_on().await);
    app.send(app.http.post(&url).header("accept", "text/html").body("mails=off")).await.expect(303);
    assert!(!mails_are_on().await);
    let page = app.send(app.http.get(&url)).await.expect(200);
    assert!(page.text.contains(">Turn on<"), "{}", page.text);
    app.send(app.http.post(&url).header("accept", "text/html").body("mails=on")).await.expect(303);
    assert!(mails_are_on().await);
    app.send(app.http.post(&url).body("List-Unsubscribe=One-Click")).await.expect(200);
    assert!(!mails_are_on().await);
    app.send(app.http.post(format!("{url}0")).body("List-Unsubscribe=One-Click")).await.expect(404);
    unsubscribe::switch_alerts(&app.inner(), member, false).await.unwrap();
    app.charge("acme", "4000", "job-2").await.expect(201);
    app.advance_minutes(1).await;
    assert_eq!(mails(app, &[]).await.len(), 1);
    assert_eq!(app.count("select count(*) as n from balance_alerts where emailed_at is null").await, 0);
});

on_both!(a_closed_customer_is_reminded_of_nothing, |app| {
    berlin_noon(app, "acme", "starter").await;
    app.buy("acme", "p1200", "buy-1").await;
    app.charge("acme", "6100", "job-1").await.expect(201);
    app.send(app.request("DELETE", "/v1/customers/acme")).await.expect(204);
    app.advance(json!({"advance_days": 400})).await.expect(200);
    let to = app.count("select count(*) as n from outbox where recipient <> ''").await;
    assert_eq!((to, app.count("select count(*) as n from reminders").await), (0, 0));
});

on_both!(a_top_up_says_how_far_its_reminders_have_come, |app| {
    berlin_noon(app, "acme", "starter").await;
    let bought = app.buy("acme", "p1200", "buy-1").await;
    let sql = "insert into members (customer_no, email, role, created_at, removed_at, alerts)
        values (1, 'al@acme.example', 'admin', 0, null, 0)";
    app.tamper(sql, Vec::new()).await.unwrap();
    app.advance_to(instant(&bought["expires_at"]) - TimeDelta::days(29)).await;
    let ada = Browser::new(app);
    ada.arrive("acme", "ada@acme.example", "owner").await;
    let page = format!("/purchases/{}", bought["id"].as_str().unwrap());
    assert!(ada.get(&page).await.expect(200).text.contains("Reminder sent"), "both were taken");
    // Replies of an SMTP server to each of two emails.
    for (one, other, want) in [
        ("queued", "queued", "Reminder on its way"),
        ("refused", "queued", "Reminder on its way"),
        ("refused", "deferred", "Reminder delayed, we're sending it again"),
        ("refused", "refused", "Reminder couldn't be delivered"),
        ("refused", "accepted", "Reminder sent"),
    ] {
        for (to, state) in [("ada@acme.example", one), ("al@acme.example", other)] {
            let sql = "update outbox set state = $1 where recipient = $2 and kind = 'reminder'";
            app.tamper(sql, args![state, to]).await.unwrap();
        }
        let text = ada.get(&page).await.expect(200).text;
        let said: Vec<&str> = text.split("Reminder ").skip(1).map(|rest| rest.split('<').next().unwrap()).collect();
        assert_eq!(said, [want.trim_start_matches("Reminder ")], "{one}, {other}");
    }
});
