//! Definite refusals of Stripe.

use super::*;

on_both!(a_refusal_is_shown_on_the_page_and_over_the_api_with_an_alarm_that_quotes_stripe, |app| {
    shop(app).await;
    sells(app, |sample| sample.replace(r#"["card", "link"]"#, r#"["crad"]"#)).await;
    app.start_purchase("acme", "p1200", "buy-1").await.expect_problem(409, "purchase_refused");
    let browser = owner(app).await;
    let way = press(&browser, &buy_form(&browser, "p5000").await).await;
    assert_eq!(way, "/billing?outcome=purchase_refused");
    let page = browser.get(&way).await.expect(200).text;
    let plain = page.replace("&#39;", "'").replace("&#x27;", "'");
    assert!(plain.contains("This can't be bought at the moment. You weren't charged."), "{page}");
    assert!(plain.contains("Support has been told."), "{page}");
    let alarms = topup::usecases::alarms::open_alarms(&app.inner().store).await.unwrap();
    assert_eq!((alarms.len(), alarms[0].kind.as_str()), (1, "stripe_refused"));
    assert!(alarms[0].detail.contains("400") && alarms[0].detail.contains("must be one of"), "{}", alarms[0].detail);
    // It has bound nothing: mended, the same key buys.
    let card = |sample: &str| sample.replace(r#"["card", "link"]"#, r#"["card"]"#);
    let kept = app.all("/v1/customers/acme/purchases", 200).await.len();
    sells(app, card).await;
    app.opened("acme", "p1200", "buy-1").await;
    assert_eq!((kept, app.all("/v1/customers/acme/purchases", 200).await.len()), (2, 2));
});

on_both!(passing_errors_are_outages_and_permanent_ones_refusals, |app| {
    shop(app).await;
    for (status, told, code) in [
        (400, 409, "purchase_refused"),
        (401, 409, "purchase_refused"),
        (402, 409, "purchase_refused"),
        (403, 409, "purchase_refused"),
        (404, 409, "purchase_refused"),
        (408, 503, "stripe_unavailable"),
        (409, 503, "stripe_unavailable"),
        (429, 503, "stripe_unavailable"),
        (500, 503, "stripe_unavailable"),
        (503, 503, "stripe_unavailable"),
    ] {
        app.sandbox.faults().set_api(ApiFault::Status(status));
        app.start_purchase("acme", "p1200", "buy-1").await.expect_problem(told, code);
    }
    app.sandbox.faults().set_api(ApiFault::None);
    app.opened("acme", "p1200", "buy-1").await;
    assert_eq!(sessions(app).await.len(), 1);
});

#[tokio::test]
async fn a_new_checkout_after_a_refusal_has_its_whole_time() {
    let app = TestApp::start(Database::Sqlite).await;
    shop(&app).await;
    app.sandbox.faults().set_api(ApiFault::Status(400));
    app.start_purchase("acme", "p1200", "buy-1").await.expect_problem(409, "purchase_refused");
    app.advance_minutes(9).await;
    app.sandbox.faults().set_api(ApiFault::None);
    let opened = app.opened("acme", "p1200", "buy-1").await;
    let ends = app.now().timestamp() + 3_600;
    assert_eq!(session(&app, &opened).await["expires_at"], ends);
    assert_eq!(stored(&app, &opened.id).await.checkout_expires_at.timestamp(), ends);
    app.stop().await;
    app.home.remove().await;
}

#[tokio::test]
async fn the_shortest_and_the_longest_checkout_are_taken_though_clocks_differ() {
    for minutes in [30, 1_440] {
        let app = TestApp::start(Database::Sqlite).await;
        shop(&app).await;
        sells(&app, |sample| sample.replace("checkout_minutes = 60", &format!("checkout_minutes = {minutes}"))).await;
        // As a clock that is 90 seconds slow, or fast, would say it.
        let opened = app.opened("acme", "p1200", "buy-1").await;
        let open_for = session(&app, &opened).await["expires_at"].as_i64().unwrap() - app.now().timestamp();
        assert!((30 * 60 + 90..=24 * 3_600 - 90).contains(&open_for), "{minutes}: {open_for}");
        app.stop().await;
        app.home.remove().await;
    }
}

on_both!(a_refund_keeps_stripes_step_of_the_currency, |app| {
    shop(app).await;
    let prices =
        |text: String, price: &str| text.replace(&format!("amount = {price}\n"), &format!("amount = {price}0\n"));
    let kwd = |sample: &str| {
        let sample = sample.replace(r#"currency = "usd""#, r#"currency = "kwd""#);
        ["900", "3000", "10500", "22500"].into_iter().fold(sample, prices)
    };
    sells(app, kwd).await;
    let opened = app.opened("acme", "p1200", "buy-1").await;
    app.pay(&opened).await;
    app.fulfill(&opened).await;
    let id = PurchaseId::parse(&opened.id).unwrap();
    let refund = async |amount: i64| {
        let inner = app.inner();
        let order = ActionRequest {
            key: inner.clock.mint(),
            operator: "op@shop.example".to_owned(),
            reason: "asked".to_owned(),
        };
        actions::refund_purchase(&inner, order, RefundOrder { purchase: id, amount }).await.unwrap()
    };
    let calls = app.stripe_calls();
    for between in [1, 5, 1_005, 8_999] {
        assert_eq!(refund(between).await, ActionOutcome::BetweenSteps, "{between}");
    }
    assert_eq!(app.stripe_calls(), calls);
    assert_eq!(refund(1_010).await, ActionOutcome::Done);
    assert_eq!(refund(9_000 - 1_010).await, ActionOutcome::Done);
    assert_eq!(app.purchase(&opened.id).await["refunded_amount"], 9_000);
});

#[tokio::test]
async fn a_refund_that_the_key_may_not_make_is_a_refusal_and_not_an_outage() {
    let app = TestApp::start(Database::Sqlite).await;
    shop(&app).await;
    let opened = app.opened("acme", "p1200", "buy-1").await;
    app.pay(&opened).await;
    app.fulfill(&opened).await;
    let refund = async |amount: i64| {
        let inner = app.inner();
        let order = ActionRequest {
            key: inner.clock.mint(),
            operator: "op@shop.example".to_owned(),
            reason: "asked".to_owned(),
        };
        let purchase = PurchaseId::parse(&opened.id).unwrap();
        actions::refund_purchase(&inner, order, RefundOrder { purchase, amount }).await.unwrap()
    };
    app.sandbox.faults().set_api(ApiFault::Status(403));
    assert_eq!(refund(100).await, ActionOutcome::StripeRefused);
    app.sandbox.faults().set_api(ApiFault::None);
    assert_eq!(refund(100).await, ActionOutcome::Done, "the refused one stands in nobody's way");
    app.stop().await;
    app.home.remove().await;
}
