//! Fulfillment (R8): a paid purchase is one grant, for any source, order and number of reports.

use crate::app::{Opened, STUCK, TestApp, on_both};
use futures::future::join_all;
use serde_json::{Value, json};
use stripe_sandbox::ApiFault;
use topup::stripe::webhook;
use topup::usecases::purchases;
use topup::usecases::purchases::Fulfillment;
use topup::usecases::stripe_sync::inbox;

const INBOX: &str = "select count(*) as n from inbox";

/// A customer with an open Checkout; webhooks go out by hand only.
async fn checkout(app: &TestApp) -> Opened {
    app.sandbox.faults().set_webhooks(false);
    app.put_customer("acme", "starter").await;
    app.opened("acme", "p1200", "buy-1").await
}

async fn paid(app: &TestApp) -> Opened {
    let opened = checkout(app).await;
    app.pay(&opened).await;
    assert_eq!(app.available("acme").await, 5000, "a payment alone credits nothing");
    opened
}

/// One purchase, credited once.
async fn credited_once(app: &TestApp, opened: &Opened) {
    let purchase = app.purchase(&opened.id).await;
    assert_eq!((&purchase["state"], &purchase["credits"]), (&json!("credited"), &json!(1200)));
    let balance = app.balance("acme").await;
    assert_eq!((&balance["available"], &balance["top_up"]["remaining"]), (&json!(6200), &json!(1200)));
    let granted: Vec<Value> =
        app.entries_of("acme", "granted").await.into_iter().filter(|entry| entry["ref"] == opened.id).collect();
    assert_eq!(granted.len(), 1);
    assert_eq!((&granted[0]["amount"], &granted[0]["grant"]), (&json!(1200), &purchase["grant"]));
    assert_eq!(app.count("select count(*) as n from grants where purchase is not null").await, 1);
    let whats = |what: &str| purchase["timeline"].as_array().unwrap().iter().filter(|it| it["what"] == what).count();
    assert_eq!(["chosen", "checkout_opened", "paid", "credited"].map(whats), [1, 1, 1, 1], "{purchase}");
    assert_eq!(app.check().await.purchases, 1);
}

async fn nothing_credited(app: &TestApp, opened: &Opened, state: &str) {
    assert_eq!(app.purchase(&opened.id).await["state"], state);
    assert_eq!(app.available("acme").await, 5000);
    assert_eq!(app.count("select count(*) as n from grants where purchase is not null").await, 0);
}

on_both!(a_webhook_alone_credits, |app| {
    let opened = paid(app).await;
    let event = app.completed(&opened).await;
    app.deliver(&event).await.expect(200);
    credited_once(app, &opened).await;
    app.deliver(&event).await.expect(200);
    credited_once(app, &opened).await;
    assert_eq!(app.count("select count(*) as n from inbox where done_at is not null").await, 1);
});

on_both!(stripes_own_deliveries_credit, |app| {
    app.put_customer("acme", "starter").await;
    let deliveries = app.sandbox.spawn_deliveries();
    let opened = app.opened("acme", "p1200", "buy-1").await;
    app.pay(&opened).await;
    let credited = async {
        while app.purchase(&opened.id).await["state"] != "credited" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(STUCK, credited).await.expect("credits within the minute");
    credited_once(app, &opened).await;
    deliveries.abort();
});

on_both!(any_event_of_the_payment_in_any_order_leaves_one_grant, |app| {
    let opened = paid(app).await;
    let mut events = app.events(&opened).await;
    assert!(events.len() >= 3);
    events.reverse();
    for event in events.iter().chain(events.iter().rev()) {
        app.deliver(event).await.expect(200);
    }
    credited_once(app, &opened).await;
});

on_both!(the_success_page_alone_credits, |app| {
    let opened = paid(app).await;
    assert_eq!(app.fulfill(&opened).await, Fulfillment::Done);
    credited_once(app, &opened).await;
    assert_eq!(app.count(INBOX).await, 0);
    // Late news changes nothing.
    for event in app.events(&opened).await {
        app.deliver(&event).await.expect(200);
    }
    assert_eq!(app.fulfill(&opened).await, Fulfillment::Done);
    credited_once(app, &opened).await;
});

on_both!(the_sweep_alone_credits, |app| {
    let opened = paid(app).await;
    purchases::sweep_purchases(&app.inner()).await.unwrap();
    nothing_credited(app, &opened, "open").await;
    app.advance_minutes(3).await;
    purchases::sweep_purchases(&app.inner()).await.unwrap();
    credited_once(app, &opened).await;
});

on_both!(an_unpaid_checkout_credits_nothing, |app| {
    let opened = checkout(app).await;
    assert_eq!(app.fulfill(&opened).await, Fulfillment::Done);
    nothing_credited(app, &opened, "open").await;
    let forged = app.completed_of_another(&opened).await;
    app.deliver(&forged).await.expect(200);
    nothing_credited(app, &opened, "open").await;
    app.advance_minutes(61).await;
    app.sandbox.catch_up().await.unwrap();
    purchases::sweep_purchases(&app.inner()).await.unwrap();
    nothing_credited(app, &opened, "expired").await;
});

on_both!(fifty_deliveries_with_success_pages_and_restarts_are_one_grant, |app| {
    let opened = paid(app).await;
    let events = app.events(&opened).await;
    // Each delivery is repeated until it is taken, as Stripe does; a restart may cut it off.
    let deliver = async |n: usize| {
        let event = &events[n % events.len()];
        loop {
            match app.delivery(event).send().await {
                Ok(answer) if answer.status().is_success() => return,
                _ => tokio::task::yield_now().await,
            }
        }
    };
    let page = async || {
        let id = topup::domain::PurchaseId::parse(&opened.id).unwrap();
        loop {
            if let Some(inner) = app.running_services()
                && purchases::fulfill(&inner, id, Some(&opened.session)).await.is_ok()
            {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    let restarts = async {
        for _ in 0..3 {
            app.restart().await;
        }
    };
    let callers = async {
        let deliveries = join_all((0..50).map(&deliver));
        let pages = join_all((0..10).map(|_| page()));
        tokio::join!(deliveries, pages, restarts)
    };
    tokio::time::timeout(STUCK, callers).await.expect("all taken within the minute");
    credited_once(app, &opened).await;
    app.restart().await;
    credited_once(app, &opened).await;
});

on_both!(two_purchases_paid_at_once_are_two_grants, |app| {
    app.sandbox.faults().set_webhooks(false);
    app.put_customer("acme", "starter").await;
    let keys: Vec<String> = (0..6).map(|n| format!("buy-{n}")).collect();
    let opened = join_all(keys.iter().map(|key| app.opened("acme", "p1200", key))).await;
    for one in &opened {
        app.pay(one).await;
    }
    let mut events = Vec::new();
    for one in &opened {
        events.push(app.completed(one).await);
    }
    let twice = events.iter().chain(&events);
    for answer in join_all(twice.map(|event| app.deliver(event))).await {
        answer.expect(200);
    }
    assert_eq!(app.available("acme").await, 5000 + 6 * 1200);
    assert_eq!(app.check().await.purchases, 6);
});

on_both!(a_webhook_while_stripe_is_down_waits_in_the_inbox, |app| {
    let opened = paid(app).await;
    let event = app.completed(&opened).await;
    app.sandbox.faults().set_api(ApiFault::Down);
    app.deliver(&event).await.expect_problem(503, "stripe_unavailable");
    nothing_credited(app, &opened, "open").await;
    assert_eq!(app.count("select count(*) as n from inbox where done_at is null").await, 1);
    app.sandbox.faults().set_api(ApiFault::None);
    app.advance_minutes(2).await;
    inbox::sweep_inbox(&app.inner()).await.unwrap();
    credited_once(app, &opened).await;
    assert_eq!(app.count("select count(*) as n from inbox where done_at is null").await, 0);
});

on_both!(a_webhook_that_is_not_stripes_writes_nothing, |app| {
    let opened = paid(app).await;
    let (body, signature) = app.completed(&opened).await;
    let real = app.inner().clock.real().timestamp();
    let signed = |secret: &str, at: i64| webhook::sign_payload(secret, at, body.as_bytes());
    let ours = crate::app::WEBHOOK_SECRET;
    for (name, body, signature) in [
        ("another secret", body.clone(), signed("whsec_of_somebody_else_0000", real)),
        ("an empty secret", body.clone(), signed("", real)),
        ("another body", body.replace("checkout.session.completed", "checkout.session.completes"), signature.clone()),
        ("a space more", format!("{body} "), signature.clone()),
        ("six minutes ago", body.clone(), signed(ours, real - 360)),
        ("in six minutes", body.clone(), signed(ours, real + 360)),
        ("no scheme", body.clone(), "t=1".to_owned()),
        ("no header", body.clone(), String::new()),
        ("an older scheme", body.clone(), signature.replace("v1=", "v0=")),
    ] {
        let answer = app.deliver(&(body, signature)).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_header"), "{name}: {}", answer.text);
    }
    assert_eq!(app.count(INBOX).await, 0);
    nothing_credited(app, &opened, "open").await;
    app.deliver(&(body.clone(), signed(ours, real - 290))).await.expect(200);
    credited_once(app, &opened).await;
});

on_both!(an_event_of_the_other_mode_is_refused_with_an_alarm, |app| {
    let opened = paid(app).await;
    let (body, _) = app.completed(&opened).await;
    let body = body.replace(r#""livemode":false"#, r#""livemode":true"#);
    let real = app.inner().clock.real().timestamp();
    let signature = webhook::sign_payload(crate::app::WEBHOOK_SECRET, real, body.as_bytes());
    app.deliver(&(body, signature)).await.expect_problem(400, "invalid_header");
    assert_eq!((app.count(INBOX).await, app.alarms().await), (0, vec!["wrong_mode".to_owned()]));
    nothing_credited(app, &opened, "open").await;
});

on_both!(a_payment_that_disagrees_goes_to_review_with_an_alarm, |app| {
    let opened = paid(app).await;
    let id = topup::domain::PurchaseId::parse(&opened.id).unwrap();
    let sql = "update purchases set amount = 901 where id = $1";
    assert_eq!(app.tamper(sql, topup::args![id.bytes()]).await.unwrap(), 1);
    assert_eq!(app.fulfill(&opened).await, Fulfillment::Done);
    nothing_credited(app, &opened, "review").await;
    assert_eq!(app.alarms().await, ["review"]);
    // Nothing that comes later changes that.
    for event in app.events(&opened).await {
        app.deliver(&event).await.expect(200);
    }
    app.advance_minutes(3).await;
    purchases::sweep_purchases(&app.inner()).await.unwrap();
    nothing_credited(app, &opened, "review").await;
    assert_eq!(app.alarms().await, ["review"]);
});

on_both!(each_fact_of_a_payment_must_agree, |app| {
    app.sandbox.faults().set_webhooks(false);
    app.put_customer("acme", "starter").await;
    for (n, (state, sql)) in [
        ("review", "update purchases set currency = 'eur' where id = $1"),
        // Then the payment is another Checkout's, which merely names the purchase.
        ("open", "update purchases set session_id = 'cs_test_of_another' where id = $1"),
        ("review", "update customers set stripe_customer = 'cus_of_another' where no = (select customer_no from purchases where id = $1)"),
    ]
    .into_iter()
    .enumerate()
    {
        let opened = app.opened("acme", "p1200", &format!("buy-{n}")).await;
        app.pay(&opened).await;
        let id = topup::domain::PurchaseId::parse(&opened.id).unwrap();
        assert_eq!(app.tamper(sql, topup::args![id.bytes()]).await.unwrap(), 1);
        app.deliver(&app.completed(&opened).await).await.expect(200);
        nothing_credited(app, &opened, state).await;
    }
    assert_eq!(app.alarms().await, ["review"; 3]);
});

on_both!(a_checkout_that_names_another_purchase_is_looked_at_by_a_person, |app| {
    app.sandbox.faults().set_webhooks(false);
    app.put_customer("acme", "starter").await;
    // The webhook or the browser may come first.
    for way in ["webhook", "browser"] {
        let one = app.opened("acme", "p1200", &format!("buy-{way}")).await;
        let other = app.opened("acme", "p1200", &format!("buy-beside-{way}")).await;
        let [id, of_other] = [&one, &other].map(|it| topup::domain::PurchaseId::parse(&it.id).unwrap());
        let take = "update purchases set session_id = null where id = $1";
        assert_eq!(app.tamper(take, topup::args![of_other.bytes()]).await.unwrap(), 1);
        let give = "update purchases set session_id = $1 where id = $2";
        assert_eq!(app.tamper(give, topup::args![&other.session, id.bytes()]).await.unwrap(), 1);
        app.pay(&other).await;
        match way {
            "webhook" => drop(app.deliver(&app.completed(&other).await).await.expect(200)),
            _ => assert_eq!(purchases::fulfill(&app.inner(), id, None).await.unwrap(), Fulfillment::Done),
        }
        nothing_credited(app, &one, "review").await;
    }
    assert_eq!(app.alarms().await.len(), 2);
});

on_both!(a_payment_is_credited_after_the_plan_lost_top_ups, |app| {
    let opened = checkout(app).await;
    app.put("acme", json!({"plan": "free"})).await.expect(200);
    app.advance_minutes(30).await;
    app.pay(&opened).await;
    assert_eq!(app.fulfill(&opened).await, Fulfillment::Done);
    credited_once(app, &opened).await;
});

on_both!(a_checkout_that_was_given_up_here_is_credited_when_it_is_paid_after_all, |app| {
    let opened = checkout(app).await;
    let id = topup::domain::PurchaseId::parse(&opened.id).unwrap();
    app.tamper("update purchases set state = 'expired' where id = $1", topup::args![id.bytes()]).await.unwrap();
    app.pay(&opened).await;
    app.deliver(&app.completed(&opened).await).await.expect(200);
    credited_once(app, &opened).await;
});

impl TestApp {
    /// A well-signed event that says "completed" of a Checkout that was not paid.
    async fn completed_of_another(&self, opened: &Opened) -> (String, String) {
        let event = json!({
            "object": "event", "id": "evt_forged", "type": "checkout.session.completed", "created": 1, "livemode": false,
            "data": {"object": {"id": opened.session, "object": "checkout.session", "payment_status": "paid"}},
        });
        let body = event.to_string();
        let real = self.inner().clock.real().timestamp();
        let signature = webhook::sign_payload(crate::app::WEBHOOK_SECRET, real, body.as_bytes());
        (body, signature)
    }
}

on_both!(a_signed_event_from_another_time_is_refused_and_one_alarm, |app| {
    let opened = paid(app).await;
    let (body, _) = app.completed(&opened).await;
    let now = topup::clock::Clock::system().real().timestamp();
    for seconds in [-301, 400, -90_000] {
        let signature =
            topup::stripe::webhook::sign_payload(crate::app::WEBHOOK_SECRET, now + seconds, body.as_bytes());
        app.deliver(&(body.clone(), signature)).await.expect_problem(400, "invalid_header");
    }
    nothing_credited(app, &opened, "open").await;
    assert_eq!(app.alarms().await, ["clock"]);
    assert_eq!(app.count("select times as n from alarms").await, 1, "a flood of them takes one turn");
    assert_eq!(app.count(INBOX).await, 0);
});

on_both!(two_sweeps_at_once_count_one_attempt, |app| {
    let opened = paid(app).await;
    let event = app.completed(&opened).await;
    app.sandbox.faults().set_api(ApiFault::Down);
    app.deliver(&event).await.expect(503);
    let sql = "update inbox set due_at = 0 where done_at is null";
    app.tamper(sql, Vec::new()).await.unwrap();
    let inner = app.inner();
    let (one, other) = tokio::join!(inbox::sweep_inbox(&inner), inbox::sweep_inbox(&inner));
    assert_eq!((one.unwrap(), other.unwrap()), (0, 0));
    assert_eq!(app.count("select attempts as n from inbox where done_at is null").await, 2);
});

on_both!(an_event_that_waits_for_more_than_an_hour_is_an_alarm_and_is_done_in_the_end, |app| {
    let opened = paid(app).await;
    let event = app.completed(&opened).await;
    app.sandbox.faults().set_api(ApiFault::Down);
    app.deliver(&event).await.expect(503);
    for _ in 0..5 {
        app.advance_minutes(11).await;
    }
    assert_eq!(app.alarms().await, Vec::<String>::new());
    app.advance_minutes(60).await;
    assert_eq!(app.alarms().await, ["webhook"]);
    app.sandbox.faults().set_api(stripe_sandbox::ApiFault::None);
    app.advance_minutes(60).await;
    credited_once(app, &opened).await;
});
