//! Refunds and disputes (R13–R15), with events in any order and any number.

use crate::app::{Opened, TestApp, on_both};
use serde_json::{Value, json};
use topup::usecases::purchases;
use topup::usecases::purchases::Fulfillment;

/// A credited purchase of 1,200 credits for 9.00; webhooks go out by hand only.
async fn sold(app: &TestApp) -> Opened {
    app.sandbox.faults().set_webhooks(false);
    app.put_customer("acme", "starter").await;
    let opened = app.opened("acme", "p1200", "buy-1").await;
    app.pay(&opened).await;
    assert_eq!(app.fulfill(&opened).await, Fulfillment::Done);
    opened
}

/// Delivers every event that there is, the newest first, and some of them again.
async fn deliver(app: &TestApp, opened: &Opened) {
    let mut events = app.events(opened).await;
    events.reverse();
    for event in events.iter().chain(events.iter().rev().step_by(2)) {
        app.deliver(event).await.expect(200);
    }
}

/// A purchase's refunds and disputes, and its remaining and frozen credits.
async fn stands(app: &TestApp, opened: &Opened) -> Value {
    let (purchase, balance) = (app.purchase(&opened.id).await, app.balance("acme").await);
    json!([
        purchase["state"],
        purchase["refunded_amount"],
        purchase["dispute"],
        purchase["shortfall"],
        balance["top_up"]["remaining"],
        balance["top_up"]["frozen"],
    ])
}

async fn kinds(app: &TestApp, opened: &Opened) -> Vec<String> {
    let lines = app.entries("acme").await.into_iter().filter(|line| line["ref"] == opened.id.as_str());
    lines.map(|line| line["kind"].as_str().unwrap().to_owned()).collect()
}

async fn moments(app: &TestApp, opened: &Opened) -> Vec<String> {
    let purchase = app.purchase(&opened.id).await;
    let timeline = purchase["timeline"].as_array().unwrap();
    timeline.iter().skip(4).map(|one| one["what"].as_str().unwrap().to_owned()).collect()
}

on_both!(refunds_in_part_and_in_full_remove_their_share, |app| {
    let opened = sold(app).await;
    app.sandbox.refund(&opened.session, Some(100)).await.unwrap();
    deliver(app, &opened).await;
    // 1,200 × 100 ÷ 900, down to a thousandth.
    assert_eq!(stands(app, &opened).await, json!(["credited", 100, null, 0, 1066.667, 0]));
    app.sandbox.refund(&opened.session, Some(350)).await.unwrap();
    deliver(app, &opened).await;
    assert_eq!(stands(app, &opened).await, json!(["credited", 450, null, 0, 600, 0]));
    app.sandbox.refund(&opened.session, None).await.unwrap();
    deliver(app, &opened).await;
    assert_eq!(stands(app, &opened).await, json!(["credited", 900, null, 0, 0, 0]));
    assert_eq!(kinds(app, &opened).await, ["granted", "refunded", "refunded", "refunded"]);
    assert_eq!(moments(app, &opened).await, ["refunded", "refunded", "refunded"]);
    assert!(app.sandbox.refund(&opened.session, None).await.is_err(), "nothing is left to refund");
    assert_eq!(app.count("select count(*) as n from outbox where kind = 'refund'").await, 3);
    assert_eq!(app.count("select count(*) as n from inbox where done_at is null").await, 0);
});

on_both!(used_credits_are_a_shortfall_and_an_alarm, |app| {
    let opened = sold(app).await;
    app.charge("acme", "6000", "job-1").await.expect(201);
    app.sandbox.refund(&opened.session, Some(450)).await.unwrap();
    deliver(app, &opened).await;
    assert_eq!(stands(app, &opened).await, json!(["credited", 450, null, 400, 0, 0]));
    assert_eq!(app.available("acme").await, 0);
    assert_eq!(app.alarms().await, ["shortfall"]);
});

on_both!(credits_that_a_hold_returns_are_removed_first, |app| {
    let opened = sold(app).await;
    let body = json!({"credits": 6000, "ttl_seconds": 600}).to_string();
    let hold = app.post("/v1/customers/acme/holds", "hold-1", body).await.expect(201).json();
    app.sandbox.refund(&opened.session, Some(450)).await.unwrap();
    deliver(app, &opened).await;
    // 1,000 of the 1,200 are held; the rest goes at once.
    assert_eq!(stands(app, &opened).await, json!(["credited", 450, null, 0, 0, 0]));
    assert_eq!(app.balance("acme").await["held"], 6000);
    let path = format!("/v1/holds/{}/release", hold["id"].as_str().unwrap());
    app.post(&path, "release-1", "{}").await.expect(200);
    assert_eq!(stands(app, &opened).await, json!(["credited", 450, null, 0, 600, 0]));
    assert_eq!(app.available("acme").await, 5600);
});

on_both!(a_refund_that_fails_gives_the_credits_back, |app| {
    let opened = sold(app).await;
    let refund = app.sandbox.refund(&opened.session, Some(450)).await.unwrap();
    deliver(app, &opened).await;
    app.sandbox.fail_refund(&refund).await.unwrap();
    deliver(app, &opened).await;
    assert_eq!(stands(app, &opened).await, json!(["credited", 0, null, 0, 1200, 0]));
    assert_eq!(kinds(app, &opened).await, ["granted", "refunded", "restored"]);
    assert_eq!(moments(app, &opened).await, ["refunded", "refund_failed"]);
    assert_eq!(app.alarms().await, ["refund_failed"]);
});

on_both!(a_dispute_freezes_and_a_won_one_gives_back_the_time, |app| {
    let opened = sold(app).await;
    let before = app.purchase(&opened.id).await["expires_at"].clone();
    let dispute = app.sandbox.dispute(&opened.session, None, "warning_needs_response").await.unwrap();
    deliver(app, &opened).await;
    assert_eq!(stands(app, &opened).await, json!(["credited", 0, "warning_needs_response", 0, 1200, 0]));
    app.sandbox.move_dispute(&dispute, "needs_response").await.unwrap();
    deliver(app, &opened).await;
    assert_eq!(stands(app, &opened).await, json!(["credited", 0, "needs_response", 0, 0, 1200]));
    assert_eq!(app.balance("acme").await["grants"][1]["state"], "frozen");
    app.advance(json!({"advance_days": 20})).await.expect(200);
    app.sandbox.move_dispute(&dispute, "won").await.unwrap();
    deliver(app, &opened).await;
    assert_eq!(stands(app, &opened).await, json!(["credited", 0, "won", 0, 1200, 0]));
    assert_eq!(kinds(app, &opened).await, ["granted", "frozen", "thawed", "extended"]);
    assert_eq!(moments(app, &opened).await, ["disputed", "dispute_won"]);
    let after = app.purchase(&opened.id).await["expires_at"].clone();
    let at = |value: &Value| value.as_str().unwrap().parse::<topup::domain::Instant>().unwrap();
    assert_eq!((at(&after) - at(&before)).num_days(), 20);
    assert_eq!(app.balance("acme").await["grants"][1]["expires_at"], after);
});

on_both!(a_lost_dispute_removes_and_a_late_win_restores, |app| {
    let opened = sold(app).await;
    let dispute = app.sandbox.dispute(&opened.session, Some(300), "needs_response").await.unwrap();
    deliver(app, &opened).await;
    assert_eq!(stands(app, &opened).await, json!(["credited", 0, "needs_response", 0, 800, 400]));
    app.sandbox.move_dispute(&dispute, "lost").await.unwrap();
    deliver(app, &opened).await;
    assert_eq!(stands(app, &opened).await, json!(["credited", 0, "lost", 0, 800, 0]));
    app.sandbox.refund(&opened.session, None).await.unwrap();
    deliver(app, &opened).await;
    assert_eq!(stands(app, &opened).await, json!(["credited", 900, "lost", 0, 0, 0]), "one target, capped");
    app.sandbox.move_dispute(&dispute, "won").await.unwrap();
    deliver(app, &opened).await;
    assert_eq!(stands(app, &opened).await, json!(["credited", 900, "won", 0, 0, 0]));
});

on_both!(a_prevented_dispute_moves_nothing, |app| {
    let opened = sold(app).await;
    app.sandbox.dispute(&opened.session, None, "prevented").await.unwrap();
    deliver(app, &opened).await;
    assert_eq!(stands(app, &opened).await, json!(["credited", 0, "prevented", 0, 1200, 0]));
    assert_eq!(kinds(app, &opened).await, ["granted"]);
});

on_both!(a_refund_heard_of_before_the_payment_ends_the_same, |app| {
    app.sandbox.faults().set_webhooks(false);
    app.put_customer("acme", "starter").await;
    let opened = app.opened("acme", "p1200", "buy-1").await;
    app.pay(&opened).await;
    app.sandbox.refund(&opened.session, Some(450)).await.unwrap();
    let events = app.events(&opened).await;
    let refunded = events.iter().find(|(body, _)| body.contains(r#""charge.refunded""#)).unwrap();
    app.deliver(refunded).await.expect(200);
    assert_eq!(stands(app, &opened).await, json!(["credited", 450, null, 0, 600, 0]));
    deliver(app, &opened).await;
    assert_eq!(stands(app, &opened).await, json!(["credited", 450, null, 0, 600, 0]));
});

on_both!(a_payment_that_names_ours_and_disagrees_is_an_alarm_and_moves_nothing, |app| {
    let opened = sold(app).await;
    app.sandbox.refund(&opened.session, None).await.unwrap();
    let before = stands(app, &opened).await;
    let changed = app.tamper("update purchases set payment_intent = 'pi_other', charge = 'ch_other'", Vec::new()).await;
    assert_eq!(changed.unwrap(), 1);
    deliver(app, &opened).await;
    assert_eq!(stands(app, &opened).await, before);
    assert_eq!(app.alarms().await, ["review"]);
});

on_both!(a_payment_that_is_not_ours_is_ignored, |app| {
    app.sandbox.faults().set_webhooks(false);
    app.put_customer("acme", "starter").await;
    let mine = app.opened("acme", "p1200", "buy-1").await;
    // Another program sells through the same account.
    let stripe = app.inner().stripe.clone().unwrap();
    let new = topup::stripe::NewCustomer {
        email: "bob@other.example".to_owned(),
        name: None,
        customer_ref: "other".to_owned(),
    };
    let order = topup::stripe::CheckoutOrder {
        purchase: "pur_00000000000000000000000000000000".to_owned(),
        stripe_customer: stripe.create_customer("other", &new).await.unwrap(),
        product_name: "A book".to_owned(),
        amount: 900,
        currency: "usd".to_owned(),
        payment_methods: vec!["card".to_owned()],
        submit_text: String::new(),
        success_url: "http://127.0.0.1:1/purchases/1".to_owned(),
        cancel_url: "http://127.0.0.1:1/".to_owned(),
        expires_at: app.now().timestamp() + 3_600,
        invoice: false,
        tax_ids: false,
        automatic_tax: false,
        sold: Some(topup::stripe::Sold {
            quantity: None,
            customer: "acme".to_owned(),
            package: "p1200".to_owned(),
            credits: "1200".to_owned(),
            months: None,
        }),
    };
    let session = stripe.open_checkout("other-1", &order).await.unwrap().session_id;
    drop(stripe);
    app.sandbox.pay(&session).await.unwrap();
    app.sandbox.refund(&session, None).await.unwrap();
    app.sandbox.dispute(&session, None, "needs_response").await.unwrap();
    for event in app.sandbox.deliveries_of(&session).await.unwrap() {
        app.deliver(&event).await.expect(200);
    }
    assert_eq!(app.count("select count(*) as n from inbox where done_at is null").await, 0);
    assert_eq!(app.count("select count(*) as n from refunds_and_disputes").await, 0);
    assert_eq!(app.alarms().await, Vec::<String>::new());
    assert_eq!(app.purchase(&mine.id).await["state"], "open");
    // A second installation, whose database has a customer of the same name, and whose buyers come back elsewhere.
    let since = app.now() - chrono::TimeDelta::days(1);
    assert_eq!(topup::usecases::stripe_sync::reconcile::compare_with_stripe(&app.inner(), since).await.unwrap(), []);
});

on_both!(a_refund_waits_where_stripe_cannot_be_asked, |app| {
    let opened = sold(app).await;
    app.sandbox.refund(&opened.session, None).await.unwrap();
    let events = app.events(&opened).await;
    app.sandbox.faults().set_api(stripe_sandbox::ApiFault::Status(403));
    let refunded = events.iter().find(|(body, _)| body.contains(r#""charge.refunded""#)).unwrap();
    app.deliver(refunded).await.expect(503);
    assert_eq!(app.alarms().await, ["stripe_key"]);
    app.sandbox.faults().set_api(stripe_sandbox::ApiFault::None);
    app.advance_minutes(3).await;
    topup::usecases::stripe_sync::inbox::sweep_inbox(&app.inner()).await.unwrap();
    assert_eq!(stands(app, &opened).await, json!(["credited", 900, null, 0, 0, 0]));
});

on_both!(each_order_of_dispute_events_has_the_same_result, |app| {
    let opened = sold(app).await;
    let steps = [
        "warning_needs_response",
        "warning_under_review",
        "warning_closed",
        "needs_response",
        "under_review",
        "prevented",
        "lost",
        "won",
    ];
    let id = topup::domain::PurchaseId::parse(&opened.id).unwrap();
    for (n, first) in steps.iter().enumerate() {
        for (m, second) in steps.iter().enumerate() {
            let dispute = app.sandbox.dispute(&opened.session, None, first).await.unwrap();
            let purchase = purchases::find_purchase(&app.inner(), id).await.unwrap().unwrap();
            assert_eq!(purchases::update_purchase_payment(&app.inner(), &purchase).await.unwrap(), Fulfillment::Done);
            app.sandbox.move_dispute(&dispute, second).await.unwrap();
            assert_eq!(purchases::update_payment(&app.inner(), &dispute).await.unwrap(), Fulfillment::Done);
            let grant = &app.balance("acme").await["top_up"];
            let (remaining, frozen) = match steps[n.max(m)] {
                "needs_response" | "under_review" => (0, 1200),
                "lost" => (0, 0),
                _ => (1200, 0),
            };
            assert_eq!(
                (&grant["remaining"], &grant["frozen"]),
                (&json!(remaining), &json!(frozen)),
                "{first} {second}"
            );
            // The next pair begins with none.
            app.sandbox.move_dispute(&dispute, "won").await.unwrap();
            assert_eq!(purchases::update_payment(&app.inner(), &dispute).await.unwrap(), Fulfillment::Done);
        }
    }
});

on_both!(a_disputes_alarm_has_stripes_deadline_until_it_is_answered, |app| {
    let opened = sold(app).await;
    let dispute = app.sandbox.dispute(&opened.session, None, "needs_response").await.unwrap();
    deliver(app, &opened).await;
    let alarms = async || topup::usecases::alarms::open_alarms(&app.inner().store).await.unwrap();
    let id = topup::domain::PurchaseId::parse(&opened.id).unwrap();
    let parts = async || purchases::payment_parts(&app.inner(), id).await.unwrap();
    let (alarm, part) = (alarms().await.remove(0), parts().await.remove(0));
    let due = part.due_at.expect("a deadline");
    assert!(part.is_dispute && part.id == dispute && due > app.now(), "{part:?}");
    assert_eq!((alarm.kind.as_str(), alarm.due_at), ("dispute", Some(due)));
    let operator = crate::operators::OperatorBrowser::open(app).await;
    let day = due.format("%-d %b %Y").to_string();
    for page in ["/operator/alarms".to_owned(), format!("/operator/purchases/{}", opened.id)] {
        let page = operator.page(&page).await;
        assert!(page.contains("Answer by") && page.contains(&day), "{day} in {page}");
    }
    app.sandbox.move_dispute(&dispute, "under_review").await.unwrap();
    deliver(app, &opened).await;
    assert_eq!((alarms().await.remove(0).due_at, parts().await.remove(0).due_at), (None, None));
});
