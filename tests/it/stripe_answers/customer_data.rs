//! Email and name of a customer at Stripe.

use super::*;

on_both!(email_and_name_at_stripe_follow_a_put, |app| {
    shop(app).await;
    let opened = app.opened("acme", "p1200", "buy-1").await;
    let path = format!("/customers/{}", stripe_customer(app, &opened).await);
    let there = async || {
        let customer = at_stripe(app, "GET", &path, &[]).await;
        [customer["email"].clone(), customer["name"].clone()]
    };
    let run = async || purchases::send_contact_changes(&app.inner()).await.unwrap();
    assert_eq!(there().await, ["ada@acme.example", "acme"]);
    // Back and forth within a day: no key is used twice.
    for (email, name) in
        [("bob@acme.example", "Acme Data"), ("ada@acme.example", "acme"), ("bob@acme.example", "Acme Data")]
    {
        app.put("acme", json!({"email": email, "name": name})).await.expect(200);
        assert_eq!((run().await, there().await), (1, [json!(email), json!(name)]));
    }
    let calls = app.stripe_calls();
    app.put("acme", json!({"email": "bob@acme.example", "timezone": "Europe/Berlin"})).await.expect(200);
    assert_eq!((run().await, app.stripe_calls()), (0, calls), "nothing changed that Stripe knows of");
    // Down: later. Who buys meanwhile sees the new address at Checkout.
    app.put("acme", json!({"email": "eve@acme.example"})).await.expect(200);
    app.sandbox.faults().set_api(ApiFault::Down);
    assert_eq!(run().await, 0);
    app.sandbox.faults().set_api(ApiFault::None);
    let later = app.opened("acme", "p5000", "buy-2").await;
    assert_eq!(session(app, &later).await["customer_details"]["email"], "eve@acme.example");
    assert_eq!(run().await, 0);
    assert_eq!(app.alarms().await, Vec::<String>::new());
});

on_both!(a_customer_that_stripe_refuses_delays_no_other_update, |app| {
    shop(app).await;
    app.put("beta", json!({"email": "bob@beta.example", "plan": "starter"})).await.expect(201);
    let (acmes, betas) = (app.opened("acme", "p1200", "a").await, app.opened("beta", "p1200", "b").await);
    app.put("acme", json!({"name": "Acme Data"})).await.expect(200);
    app.put("beta", json!({"name": "Beta Data"})).await.expect(200);
    // Stripe takes no such address.
    app.tamper("update customers set email = 'no address' where id = 'acme'", Vec::new()).await.unwrap();
    assert_eq!(purchases::send_contact_changes(&app.inner()).await.unwrap(), 1);
    let name = async |opened: &Opened| {
        let path = format!("/customers/{}", stripe_customer(app, opened).await);
        at_stripe(app, "GET", &path, &[]).await["name"].clone()
    };
    assert_eq!((name(&acmes).await, name(&betas).await), (json!("acme"), json!("Beta Data")));
    assert_eq!(app.alarms().await, ["stripe_refused"]);
    assert_eq!(purchases::contact_changes_waiting(&app.inner()).await.unwrap(), 0, "the same would be refused again");
});
