//! Actions of operators: with a reason, once, and audited.

use super::{EMAIL, OperatorBrowser, PASSWORD, cookie_of, send, sign_in};
use crate::app::{Database, on_both};
use serde_json::json;
use stripe_sandbox::ApiFault;
use topup::domain::PurchaseId;
use topup::usecases::operators::actions;
use topup::usecases::purchases;
use topup::usecases::upkeep::check;

const UNTIL: (&str, &str) = ("second", "2999-12-31");

/// The audit, oldest first: action, subject, result.
async fn audit(operator: &OperatorBrowser<'_>) -> Vec<(String, String, String)> {
    let inner = operator.app.inner();
    let rows = inner.store.read().await.unwrap();
    let mut rows = rows;
    let rows = rows.fetch_all("select action, about, detail from audit order by no", Vec::new()).await.unwrap();
    rows.iter()
        .map(|row| (row.text("action").unwrap(), row.text("about").unwrap(), row.text("detail").unwrap()))
        .collect()
}

on_both!(courtesy_credits_are_given_once_and_taken_back_once, |app| {
    app.put_customer_with_left("acme", 0).await;
    let (operator, key) = (OperatorBrowser::open(app).await, "0190a5d0-0000-7000-8000-000000000001");
    let give = [("first", "1,250.5"), UNTIL];
    assert_eq!(operator.send(key, "give", "acme", &give).await, "done");
    assert_eq!(operator.send(key, "give", "acme", &give).await, "again");
    // The same form with another amount is the same form.
    assert_eq!(operator.send(key, "give", "acme", &[("first", "9"), UNTIL]).await, "again");
    assert_eq!(app.available("acme").await, json!(1250.5));
    let grant = app.all("/v1/customers/acme/grants", 50).await[0]["id"].as_str().unwrap().to_owned();
    let lines = audit(&operator).await;
    assert_eq!(lines, [("credits_given".into(), grant.clone(), "1,250.5 credits until 3000-01-01 00:00 UTC".into())]);
    let void = operator.key();
    assert_eq!(operator.send(&void, "void_grant", &grant, &[]).await, "done");
    assert_eq!(operator.send(&void, "void_grant", &grant, &[]).await, "again");
    assert_eq!(operator.act("void_grant", &grant, &[]).await, "already_voided");
    assert_eq!((app.available("acme").await, operator.lines().await), (json!(0), 2));
    let shown = operator.page("/operator/customers/acme").await;
    for words in ["Courtesy credits given", "Courtesy credits voided", "asked by mail", EMAIL, &grant] {
        assert!(shown.contains(words), "{words}");
    }
});

on_both!(two_submits_at_once_give_once, |app| {
    app.put_customer_with_left("acme", 0).await;
    let (operator, give) = (OperatorBrowser::open(app).await, [("first", "10"), UNTIL]);
    let key = operator.key();
    let both =
        futures::future::join(operator.send(&key, "give", "acme", &give), operator.send(&key, "give", "acme", &give));
    let mut outcomes = <[String; 2]>::from(both.await);
    outcomes.sort();
    assert_eq!(outcomes, ["again", "done"]);
    assert_eq!((app.available("acme").await, operator.lines().await), (json!(10), 1));
});

on_both!(a_refused_action_changes_nothing_and_is_not_audited, |app| {
    app.put_customer("acme", "starter").await;
    let operator = OperatorBrowser::open(app).await;
    let (credits, usage) = (("first", "10"), "use_01890a5d-ac96-774b-bcce-b302099a8057");
    let grant = app.all("/v1/customers/acme/grants", 50).await[0]["id"].as_str().unwrap().to_owned();
    let before = app.ledger("acme").await;
    for (act, about, more, want) in [
        ("give", "acme", vec![credits, UNTIL, ("reason", "  ")], "no_reason"),
        ("give", "acme", vec![credits, UNTIL, ("key", "no key")], "bad_input"),
        ("give", "acme", vec![("first", "-5"), UNTIL], "bad_input"),
        ("give", "acme", vec![("first", "0"), UNTIL], "bad_input"),
        ("give", "acme", vec![("first", "0.0001"), UNTIL], "bad_input"),
        ("give", "acme", vec![("first", "1000000001"), UNTIL], "bad_input"),
        ("give", "acme", vec![credits, ("second", "tomorrow")], "bad_input"),
        ("give", "acme", vec![credits, ("second", "2001-01-01")], "past"),
        ("give", "nobody", vec![credits, UNTIL], "unknown"),
        ("void_grant", &grant, vec![], "not_courtesy"),
        ("void_grant", "grt_x", vec![], "unknown"),
        ("void_usage", usage, vec![], "unknown"),
        ("resend_receipt", "pur_x", vec![], "unknown"),
        ("retry_event", "evt_x", vec![], "unknown"),
        ("acknowledge", "77", vec![], "unknown"),
        ("acknowledge", "x", vec![], "unknown"),
        ("erase", "acme", vec![("first", "acm")], "not_confirmed"),
    ] {
        assert_eq!(operator.act(act, about, &more).await, want, "{act} {about} {more:?}");
    }
    let long = "x".repeat(501);
    assert_eq!(operator.act("give", "acme", &[credits, UNTIL, ("reason", &long)]).await, "bad_input");
    assert_eq!((app.ledger("acme").await, operator.lines().await), (before, 0));
    // An act that there is not leads nowhere, and says no more than that.
    let odd = [("act", "drop_tables"), ("about", "acme"), ("key", "k"), ("back", "/operator")];
    let way = send(app, "/_fn/operator-act", &operator.cookie, &odd).await.expect(303);
    assert_eq!(way.way(), "/operator/sign-in?outcome=fault");
    // A way back leads to an operator's page only.
    let away = [("act", "acknowledge"), ("about", "1"), ("key", "k"), ("back", "//evil.example"), ("reason", "r")];
    let signature = operator.signed(&away).await;
    let away: Vec<_> = away.into_iter().chain([("signature", signature.as_str())]).collect();
    let way = send(app, "/_fn/operator-act", &operator.cookie, &away).await.expect(303);
    assert_eq!(way.way(), "/operator?outcome=bad_input&act=acknowledge");
});

on_both!(a_usage_is_undone_once, |app| {
    app.put_customer("acme", "starter").await;
    let usage = app.charge("acme", "12.5", "c").await.expect(201).json()["id"].as_str().unwrap().to_owned();
    let operator = OperatorBrowser::open(app).await;
    let key = operator.key();
    assert_eq!(operator.send(&key, "void_usage", &usage, &[]).await, "done");
    assert_eq!(operator.send(&key, "void_usage", &usage, &[]).await, "again");
    assert_eq!(operator.act("void_usage", &usage, &[]).await, "already_voided");
    assert_eq!((app.available("acme").await, operator.lines().await), (json!(5000), 1));
});

on_both!(a_receipt_is_sent_again_once_for_each_form, |app| {
    app.put_customer("acme", "starter").await;
    let id = app.buy("acme", "p1200", "b").await["id"].as_str().unwrap().to_owned();
    let receipts = "select count(*) as n from outbox where kind = 'receipt'";
    let (operator, before) = (OperatorBrowser::open(app).await, app.count(receipts).await);
    let key = operator.key();
    assert_eq!(operator.send(&key, "resend_receipt", &id, &[]).await, "done");
    assert_eq!(operator.send(&key, "resend_receipt", &id, &[]).await, "again");
    assert_eq!(app.count(receipts).await, before + 1);
    assert_eq!(operator.act("resend_receipt", &id, &[]).await, "done");
    assert_eq!(app.count(receipts).await, before + 2);
    let opened = app.opened("acme", "p1200", "b2").await;
    assert_eq!(operator.act("resend_receipt", &opened.id, &[]).await, "no_receipt");
});

on_both!(a_lost_payment_is_found_by_asking_stripe, |app| {
    app.put_customer("acme", "starter").await;
    app.sandbox.faults().set_webhooks(false);
    let opened = app.opened("acme", "p1200", "b").await;
    app.pay(&opened).await;
    let (operator, key) = (OperatorBrowser::open(app).await, "0190a5d0-0000-7000-8000-000000000002");
    assert_eq!(operator.send(key, "recheck", &opened.id, &[]).await, "done");
    assert_eq!(app.purchase(&opened.id).await["state"], "credited");
    let calls = app.stripe_calls();
    assert_eq!(operator.send(key, "recheck", &opened.id, &[]).await, "again");
    assert_eq!((app.stripe_calls(), operator.lines().await), (calls, 1));
    let found = operator.page("/operator?q=ada@acme.example").await;
    assert!(found.contains("/operator/customers/acme") && found.contains(&opened.id));
    assert!(operator.page(&format!("/operator/purchases/{}", opened.id)).await.contains("Credited"));
});

on_both!(an_event_that_waits_is_retried, |app| {
    app.put_customer("acme", "starter").await;
    app.sandbox.faults().set_webhooks(false);
    let opened = app.opened("acme", "p1200", "b").await;
    app.pay(&opened).await;
    let event = app.completed(&opened).await;
    app.sandbox.faults().set_api(ApiFault::Status(503));
    app.deliver(&event).await.expect(503);
    let id = serde_json::from_str::<serde_json::Value>(&event.0).unwrap()["id"].as_str().unwrap().to_owned();
    let operator = OperatorBrowser::open(app).await;
    assert!(operator.page("/operator/alarms").await.contains(&id));
    assert_eq!(operator.act("retry_event", &id, &[]).await, "stripe_unavailable");
    app.sandbox.faults().set_api(ApiFault::None);
    let key = operator.key();
    assert_eq!(operator.send(&key, "retry_event", &id, &[]).await, "done");
    assert_eq!(operator.send(&key, "retry_event", &id, &[]).await, "again");
    assert_eq!(app.purchase(&opened.id).await["state"], "credited");
    assert_eq!(operator.act("retry_event", &id, &[]).await, "not_waiting");
    assert!(operator.page("/operator/alarms").await.contains("None pending."));
});

on_both!(an_alarm_is_acknowledged_by_the_operator, |app| {
    app.tamper(
        "insert into alarms (key, kind, subject, detail, raised_at, times) values ('k', 'review', 'x', 'seen', 0, 3)",
        Vec::new(),
    )
    .await
    .unwrap();
    let operator = OperatorBrowser::open(app).await;
    assert!(
        operator.page("/operator/alarms").await.contains("Alarms (1)")
            || operator.page("/operator").await.contains(" (1)")
    );
    let (no, key) = (app.count("select no as n from alarms").await.to_string(), operator.key());
    assert_eq!(operator.send(&key, "acknowledge", &no, &[]).await, "done");
    assert_eq!(operator.send(&key, "acknowledge", &no, &[]).await, "again");
    assert!(app.alarms().await.is_empty());
    let by = format!("select count(*) as n from alarms where acknowledged_by = '{EMAIL}'");
    assert_eq!((app.count(&by).await, operator.lines().await), (1, 1));
});

on_both!(an_erasure_keeps_the_audit, |app| {
    app.put_customer("acme", "starter").await;
    let operator = OperatorBrowser::open(app).await;
    assert_eq!(operator.act("give", "acme", &[("first", "10"), UNTIL]).await, "done");
    let key = operator.key();
    assert_eq!(operator.send(&key, "erase", "acme", &[("first", "acme")]).await, "done");
    assert_eq!(operator.send(&key, "erase", "acme", &[("first", "acme")]).await, "again");
    assert!(!app.get("/v1/customers/acme").await.expect(200).json()["closed_at"].is_null());
    assert_eq!(operator.act("give", "acme", &[("first", "10"), UNTIL]).await, "closed");
    let shown = operator.page("/operator/customers/acme").await;
    assert!(shown.contains("Erased") && shown.contains("Customer erased"), "{shown}");
    // The demo's bar names its people.
    let main = shown.split("<main").nth(1).and_then(|rest| rest.split("</main>").next()).unwrap();
    assert!(!main.contains("ada@acme.example"), "{main}");
    assert_eq!(operator.lines().await, 2);
});

on_both!(a_refund_without_an_answer_is_repeated_with_its_key, |app| {
    app.put_customer("acme", "starter").await;
    let id = app.buy("acme", "p1200", "b").await["id"].as_str().unwrap().to_owned();
    let (operator, key) = (OperatorBrowser::open(app).await, "0190a5d0-0000-7000-8000-000000000003");
    for amount in ["0", "9.01", "9.001", "nine", ""] {
        let want = if ["0", "9.01"].contains(&amount) { "nothing_to_refund" } else { "bad_input" };
        assert_eq!(operator.act("refund", &id, &[("first", amount)]).await, want, "{amount}");
    }
    app.sandbox.faults().set_api(ApiFault::Status(503));
    assert_eq!(operator.send(key, "refund", &id, &[("first", "4.50")]).await, "stripe_unavailable");
    let pending = actions::pending_refund(&app.inner(), PurchaseId::parse(&id).unwrap()).await.unwrap().unwrap();
    assert_eq!((pending.key.to_string().as_str(), pending.amount), (key, 450));
    assert!(operator.page(&format!("/operator/purchases/{id}")).await.contains("A refund of $4.50 was requested"));
    // Nobody begins a second one beside it.
    assert_eq!(operator.act("refund", &id, &[("first", "4.50")]).await, "refund_open");
    // The same key with another amount is not that refund.
    assert_eq!(operator.send(key, "refund", &id, &[("first", "9")]).await, "again");
    // Stripe forgets keys after a day.
    app.advance_minutes(20 * 60).await;
    app.sandbox.faults().set_api(ApiFault::None);
    let operator = OperatorBrowser { app, cookie: cookie_of(&sign_in(app, EMAIL, PASSWORD).await) };
    assert_eq!(operator.send(key, "refund", &id, &[("first", "4.50")]).await, "refund_too_old");
    let lines = audit(&operator).await;
    assert_eq!(lines, [("refund_asked".into(), id.clone(), "450 $4.50".into())]);
});

on_both!(a_refund_goes_to_stripe_once_and_is_written_down_with_its_end, |app| {
    app.put_customer("acme", "starter").await;
    let id = app.buy("acme", "p1200", "b").await["id"].as_str().unwrap().to_owned();
    let (operator, key) = (OperatorBrowser::open(app).await, "0190a5d0-0000-7000-8000-000000000004");
    assert_eq!(operator.send(key, "refund", &id, &[("first", "4.50")]).await, "done");
    let calls = app.stripe_calls();
    assert_eq!(operator.send(key, "refund", &id, &[("first", "4.50")]).await, "again");
    assert_eq!(app.stripe_calls(), calls, "nothing was asked a second time");
    let lines = audit(&operator).await;
    assert_eq!(lines[0], ("refund_asked".into(), id.clone(), "450 $4.50".into()));
    assert!(lines[1].0 == "refund_sent" && lines[1].2.starts_with("re_") && lines.len() == 2, "{lines:?}");
    assert_eq!(actions::pending_refund(&app.inner(), PurchaseId::parse(&id).unwrap()).await.unwrap(), None);
    // The refund is on the page before its event arrives.
    let find =
        || async { purchases::find_purchase(&app.inner(), PurchaseId::parse(&id).unwrap()).await.unwrap().unwrap() };
    let purchase = find().await;
    assert_eq!(purchase.refunded_amount, 450);
    assert_eq!(operator.act("refund", &id, &[("first", "9")]).await, "nothing_to_refund");
    // A stale page cannot refund more than was paid.
    app.sandbox.refund(&purchase.session_id.unwrap(), Some(50)).await.unwrap();
    assert_eq!(find().await.refunded_amount, 450);
    assert_eq!(operator.act("refund", &id, &[("first", "4.50")]).await, "stripe_refused");
    assert_eq!(audit(&operator).await[3].0, "refund_refused");
});

on_both!(the_audit_cannot_be_changed_and_the_check_sees_it_if_it_was, |app| {
    app.put_customer("acme", "starter").await;
    let operator = OperatorBrowser::open(app).await;
    for n in ["1", "2", "3"] {
        assert_eq!(operator.act("give", "acme", &[("first", n), UNTIL]).await, "done");
    }
    let mut attempts = vec!["update audit set reason = 'other'", "delete from audit where no = 2", "delete from audit"];
    if app.home.database == Database::Postgres {
        attempts.push("truncate audit");
    }
    for sql in attempts {
        let refused = app.tamper(sql, Vec::new()).await.expect_err(sql).to_string();
        assert!(refused.contains("append-only"), "{sql}: {refused}");
    }
    app.check().await;
    // Somebody who takes the triggers away is found out.
    let (off, on) = match app.home.database {
        Database::Sqlite => (vec!["drop trigger audit_keep"], vec![]),
        Database::Postgres => {
            (vec!["alter table audit disable trigger all"], vec!["alter table audit enable trigger all"])
        }
    };
    for sql in off {
        app.tamper(sql, Vec::new()).await.unwrap();
    }
    app.tamper("update audit set reason = 'other' where no = 2", Vec::new()).await.unwrap();
    let broken = check::check_all(&app.inner().store).await.unwrap().expect_err("a broken chain");
    assert_eq!(broken, "audit line 2 was changed");
    app.tamper("update audit set reason = 'asked by mail' where no = 2", Vec::new()).await.unwrap();
    for sql in on {
        app.tamper(sql, Vec::new()).await.unwrap();
    }
});

on_both!(a_sign_in_link_is_made_once_and_shown_once, |app| {
    app.put_customer("acme", "starter").await;
    let (desk, key) = (OperatorBrowser::open(app).await, "0190a5d0-0000-7000-8000-000000000007");
    assert_eq!(desk.act("sign_in_link", "acme", &[("first", "king")]).await, "bad_input");
    assert_eq!(desk.act("sign_in_link", "nobody", &[("first", "viewer")]).await, "unknown");
    assert_eq!(desk.send(key, "sign_in_link", "acme", &[("first", "viewer")]).await, "done");
    assert_eq!(desk.send(key, "sign_in_link", "acme", &[("first", "owner")]).await, "again");
    let links = "select count(*) as n from links where purpose = 'portal' and role = 'viewer' and email is null";
    assert_eq!((app.count(links).await, desk.lines().await), (1, 1));
    let lines = audit(&desk).await;
    assert!(
        lines[0].0 == "sign_in_link_made" && lines[0].1 == "acme" && lines[0].2.starts_with("viewer until "),
        "{lines:?}"
    );
    // The page of another customer, another session and a page without the cookie show nothing.
    let shown =
        async |cookie: String| crate::operators::page(app, "/operator/customers/acme", &cookie).await.expect(200);
    let with = format!("{}; operator-link={key}", desk.cookie);
    let first = shown(with.clone()).await;
    assert!(first.text.contains("/sign-in/") && first.header("set-cookie").unwrap().starts_with("operator-link=;"));
    let other = OperatorBrowser { app, cookie: cookie_of(&sign_in(app, EMAIL, PASSWORD).await) };
    assert!(!shown(format!("{}; operator-link={key}", other.cookie)).await.text.contains("/sign-in/"));
    assert!(!shown(desk.cookie.clone()).await.text.contains("/sign-in/"));
    // After its five minutes it is no link.
    app.advance_minutes(5).await;
    assert!(!shown(with).await.text.contains("/sign-in/"));
});

on_both!(home_counts_what_was_sold_and_names_who_ran_out, |app| {
    app.put_customer("acme", "starter").await;
    app.put_customer("fjord", "free").await;
    app.buy("acme", "p1200", "b").await;
    app.charge("fjord", "300", "all").await.expect(201);
    let load = async || topup::usecases::operators::home::load_home(&app.inner()).await.unwrap();
    let now = load().await;
    assert_eq!(now.sold.iter().map(|money| money.minor).collect::<Vec<_>>(), [900]);
    assert_eq!((now.purchases, now.failed, now.open_alarms, now.newest.len()), (1, 0, 0, 1));
    assert_eq!(now.unused.map(|credits| credits.to_string()).as_deref(), Some("1200"));
    assert_eq!(now.ran_out.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["fjord"]);
    app.advance(json!({"advance_days": 31})).await.expect(200);
    let later = load().await;
    assert_eq!((later.sold.len(), later.purchases, later.newest.len(), later.ran_out.len()), (0, 0, 1, 0));
});

on_both!(a_refund_says_what_it_takes_back_before_it_is_done, |app| {
    app.put_customer_with_left("acme", 0).await;
    let id = app.buy("acme", "p1200", "b").await["id"].as_str().unwrap().to_owned();
    app.charge("acme", "900", "used").await.expect(201);
    let find = async || purchases::find_purchase(&app.inner(), PurchaseId::parse(&id).unwrap()).await.unwrap().unwrap();
    let preview = async |amount| actions::preview_refund(&app.inner(), &find().await, amount).await.unwrap();
    let said = |of: actions::RefundPreview| [of.credits, of.removed, of.used, of.held].map(|part| part.to_string());
    // 1,200 credits for $9.00, 300 of them left.
    assert_eq!(said(preview(225).await), ["300", "300", "0", "0"]);
    assert_eq!(said(preview(450).await), ["600", "300", "300", "0"]);
    let hold = json!({"credits": 100, "ttl_seconds": 600}).to_string();
    app.post("/v1/customers/acme/holds", "h", hold).await.expect(201);
    assert_eq!(said(preview(225).await), ["300", "200", "0", "100"]);
    let before = app.ledger("acme").await;
    let operator = OperatorBrowser::open(app).await;
    let page = operator.page(&format!("/operator/purchases/{id}/refund?amount=4.50")).await;
    for words in ["Refund $4.50", "300 credits were already used.", "Credits it takes back", "600"] {
        assert!(page.contains(words), "{words} in {page}");
    }
    assert_eq!(app.ledger("acme").await, before, "a look changes nothing");
    for (amount, code) in
        [("9.01", "nothing_to_refund"), ("0", "nothing_to_refund"), ("x", "bad_input"), ("", "bad_input")]
    {
        let path = format!("/operator/purchases/{id}/refund?amount={amount}");
        let answer = crate::operators::page(app, &path, &operator.cookie).await.expect(303);
        assert_eq!(answer.way(), format!("/operator/purchases/{id}?outcome={code}&act=refund"));
    }
    // Stripe's report takes what the page has said.
    let want = preview(450).await;
    assert_eq!(operator.act("refund", &id, &[("first", "4.50")]).await, "done");
    assert_eq!(find().await.shortfall, want.used);
});
