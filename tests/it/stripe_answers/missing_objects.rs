//! Objects that Stripe does not have (any more).

use super::*;

on_both!(a_deleted_stripe_customer_is_created_again_and_every_payment_credited, |app| {
    shop(app).await;
    let before = app.opened("acme", "p1200", "buy-1").await;
    let first = stripe_customer(app, &before).await;
    app.pay(&before).await;
    at_stripe(app, "DELETE", &format!("/customers/{first}"), &[]).await;
    let after = app.opened("acme", "p1200", "buy-2").await;
    let second = stripe_customer(app, &after).await;
    assert_ne!(first, second);
    // Once more, so that no key of the first time is used again; and the same key goes on with the same purchase.
    at_stripe(app, "DELETE", &format!("/customers/{second}"), &[]).await;
    let third = app.opened("acme", "p5000", "buy-3").await;
    assert!(![first.as_str(), second.as_str()].contains(&stripe_customer(app, &third).await.as_str()));
    assert_eq!(app.opened("acme", "p5000", "buy-3").await.session, third.session);
    assert_eq!(
        stripe_customer(app, &app.opened("acme", "p1200", "buy-4").await).await,
        stripe_customer(app, &third).await
    );
    for opened in [&before, &after, &third] {
        app.sandbox.pay(&opened.session).await.unwrap();
        app.deliver(&app.completed(opened).await).await.expect(200);
        assert_eq!(app.purchase(&opened.id).await["state"], "credited");
    }
    assert_eq!(app.available("acme").await, 5_000 + 2 * 1_200 + 5_000);
    // A payment of a former Stripe customer is refunded as any other.
    app.sandbox.refund(&before.session, None).await.unwrap();
    for event in app.events(&before).await {
        app.deliver(&event).await.expect(200);
    }
    assert_eq!(app.purchase(&before.id).await["refunded_amount"], 900);
    assert_eq!(app.alarms().await, Vec::<String>::new());
    assert_eq!(app.count("select count(*) as n from former_stripe_customers").await, 2);
});

on_both!(a_customer_that_is_deleted_repeatedly_is_refused, |app| {
    shop(app).await;
    let opened = app.opened("acme", "p1200", "buy-1").await;
    let customer = stripe_customer(app, &opened).await;
    at_stripe(app, "DELETE", &format!("/customers/{customer}"), &[]).await;
    let calls = app.stripe_calls();
    app.opened("acme", "p1200", "buy-2").await;
    assert_eq!(app.stripe_calls() - calls, 3, "refused, made, opened");
});

on_both!(a_checkout_that_stripe_lacks_is_over_with_an_alarm, |app| {
    shop(app).await;
    let opened = app.opened("acme", "p1200", "buy-1").await;
    let id = PurchaseId::parse(&opened.id).unwrap();
    let sql = "update purchases set session_id = 'cs_test_of_another_account' where id = $1";
    assert_eq!(app.tamper(sql, topup::args![id.bytes()]).await.unwrap(), 1);
    app.advance_minutes(3).await;
    purchases::sweep_purchases(&app.inner()).await.unwrap();
    assert_eq!(app.purchase(&opened.id).await["state"], "expired");
    assert_eq!(app.alarms().await, ["stripe_missing"]);
});

on_both!(an_invoice_that_stripe_lacks_is_asked_for_by_its_checkout, |app| {
    shop(app).await;
    let opened = app.opened("acme", "p1200", "buy-1").await;
    app.pay(&opened).await;
    app.fulfill(&opened).await;
    let good = purchases::purchase_invoice(&app.inner(), &stored(app, &opened.id).await).await.unwrap();
    app.tamper("update purchases set invoice = 'in_gone'", Vec::new()).await.unwrap();
    assert_eq!(purchases::purchase_invoice(&app.inner(), &stored(app, &opened.id).await).await.unwrap(), good);
});
