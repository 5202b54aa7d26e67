//! Checkouts of others that name a purchase of ours.

use super::*;

/// A Checkout of another program on the same account, paid, that names a purchase of ours in all that it can write.
async fn foreign(app: &TestApp, opened: &Opened, customer: Option<&str>, amount: &str) -> Opened {
    let new = at_stripe(app, "POST", "/customers", &[("email", "eve@other.example")]).await;
    let customer = customer.unwrap_or(new["id"].as_str().unwrap());
    let form = [
        ("mode", "payment"),
        ("customer", customer),
        ("client_reference_id", opened.id.as_str()),
        ("metadata[purchase]", opened.id.as_str()),
        ("payment_intent_data[metadata][purchase]", opened.id.as_str()),
        ("success_url", "https://other.example/"),
        ("line_items[0][quantity]", "1"),
        ("line_items[0][price_data][currency]", "usd"),
        ("line_items[0][price_data][unit_amount]", amount),
        ("line_items[0][price_data][product_data][name]", "A book"),
    ];
    let session = at_stripe(app, "POST", "/checkout/sessions", &form).await["id"].as_str().unwrap().to_owned();
    app.sandbox.pay(&session).await.unwrap();
    Opened { id: opened.id.clone(), session }
}

on_both!(a_foreign_payment_that_names_a_purchase_changes_nothing, |app| {
    shop(app).await;
    for (n, own_customer, amount) in [(1, false, "100"), (2, false, "900"), (3, true, "100"), (4, true, "900")] {
        let opened = app.opened("acme", "p1200", &format!("buy-{n}")).await;
        let customer = stripe_customer(app, &opened).await;
        let other = foreign(app, &opened, own_customer.then_some(customer.as_str()), amount).await;
        app.sandbox.refund(&other.session, None).await.unwrap();
        app.sandbox.dispute(&other.session, None, "needs_response").await.unwrap();
        let before = stored(app, &opened.id).await;
        for event in app.events(&other).await {
            app.deliver(&event).await.expect(200);
        }
        assert_eq!(app.fulfill(&other).await, Fulfillment::Done, "the purchase's own Checkout was asked about");
        assert_eq!(stored(app, &opened.id).await, before, "{n}");
        app.pay(&opened).await;
        app.deliver(&app.completed(&opened).await).await.expect(200);
        let purchase = app.purchase(&opened.id).await;
        assert_eq!((&purchase["state"], &purchase["refunded_amount"]), (&json!("credited"), &json!(0)), "{n}");
        for event in app.events(&other).await {
            app.deliver(&event).await.expect(200);
        }
        assert_eq!(app.purchase(&opened.id).await, purchase, "{n}");
        assert_eq!(app.available("acme").await, 5_000 + n * 1_200);
    }
    let alarms = topup::usecases::alarms::open_alarms(&app.inner().store).await.unwrap();
    assert!(alarms.len() == 4 && alarms.iter().all(|alarm| alarm.kind == "review"), "{alarms:?}");
});

on_both!(after_a_lost_answer_only_the_matching_checkout_counts, |app| {
    shop(app).await;
    let opened = app.opened("acme", "p1200", "buy-1").await;
    let customer = stripe_customer(app, &opened).await;
    let lose = "update purchases set session_id = null, url = null, state = 'created'";
    app.tamper(lose, Vec::new()).await.unwrap();
    for (own_customer, amount) in [(false, "900"), (true, "100")] {
        let other = foreign(app, &opened, own_customer.then_some(customer.as_str()), amount).await;
        for event in app.events(&other).await {
            app.deliver(&event).await.expect(200);
        }
        assert_eq!(app.purchase(&opened.id).await["state"], "created");
    }
    app.pay(&opened).await;
    app.deliver(&app.completed(&opened).await).await.expect(200);
    assert_eq!(app.purchase(&opened.id).await["state"], "credited");
    assert_eq!(app.alarms().await, ["review"]);
});
