//! Open Checkouts: their address, their number, and requests about them.

use super::*;

on_both!(a_custom_checkout_domain_is_reached_by_a_link_and_by_a_redirect_once_it_is_named, |app| {
    shop(app).await;
    app.sandbox.faults().set_custom_domain(Some("https://pay.shop.example"));
    let browser = owner(app).await;
    let answer = browser.post("buy", &borrowed(&buy_form(&browser, "p1200").await)).await.expect(200);
    let [open] = &sessions(app).await[..] else { panic!("one Checkout") };
    let url = format!("https://pay.shop.example/c/pay/{}", open["id"].as_str().unwrap());
    assert_eq!(open["url"], url);
    assert!(
        answer.text.contains(&format!("href=\"{url}\"")) && answer.text.contains("pay.shop.example"),
        "{}",
        answer.text
    );
    assert_eq!(answer.header("location"), None);
    assert!(!answer.header("content-security-policy").unwrap().contains("pay.shop.example"));
    app.set(|settings| settings.checkout_origins = vec!["https://pay.shop.example".to_owned()]);
    app.restart().await;
    let answer = browser.post("buy", &borrowed(&buy_form(&browser, "p1200").await)).await.expect(303);
    assert_eq!(answer.header("location"), Some(url.as_str()));
    let policy = answer.header("content-security-policy").unwrap().to_owned();
    assert!(policy.contains("form-action 'self'") && policy.contains(" https://pay.shop.example"), "{policy}");
    app.sandbox.faults().set_custom_domain(None);
});

on_both!(fifty_anonymous_browsers_cause_one_request_and_a_wrong_checkout_none, |app| {
    shop(app).await;
    let opened = app.opened("acme", "p1200", "buy-1").await;
    let other = app.opened("acme", "p5000", "buy-2").await;
    let unopened = app.inner().clock.mint();
    let stranger = Browser::new(app);
    let own = format!("/purchases/{}?session_id={}", opened.id, opened.session);
    let calls = app.stripe_calls();
    for wrong in [
        format!("/purchases/{}?session_id={}", opened.id, other.session),
        format!("/purchases/{}?session_id=cs_test_x", opened.id),
        format!("/purchases/{}", opened.id),
        format!("/purchases/{}?session_id={}", PurchaseId(unopened), opened.session),
    ] {
        let way = stranger.get(&wrong).await.expect(303).way();
        assert_eq!(way, topup::web::return_to::sign_in(&wrong));
    }
    assert_eq!(app.stripe_calls(), calls);
    for answer in join_all((0..50).map(|_| stranger.get(&own))).await {
        answer.expect(200);
    }
    assert_eq!(app.stripe_calls() - calls, 1);
    // Without a session of its own a purchase is nobody's to ask about.
    app.tamper("update purchases set session_id = null, state = 'created'", Vec::new()).await.unwrap();
    let calls = app.stripe_calls();
    stranger.get(&own).await.expect(303);
    owner(app).await.get(&own).await.expect(200);
    assert_eq!(app.stripe_calls(), calls);
});

on_both!(fifty_anonymous_browsers_during_a_503_cause_one_request, |app| {
    shop(app).await;
    let opened = app.opened("acme", "p1200", "buy-1").await;
    let own = format!("/purchases/{}?session_id={}", opened.id, opened.session);
    app.sandbox.faults().set_api(ApiFault::Status(503));
    let (stranger, calls) = (Browser::new(app), app.stripe_calls());
    for answer in join_all((0..50).map(|_| stranger.get(&own))).await {
        answer.expect(200);
    }
    assert_eq!(app.stripe_calls() - calls, 3, "one question, tried three times");
    app.sandbox.faults().set_api(ApiFault::None);
    // A signed-in browser waits for the answer, and credits.
    app.pay(&opened).await;
    let browser = owner(app).await;
    let back = browser.get(&own).await.expect(303).way();
    let page = browser.get(&back).await.expect(200).text;
    assert!(page.contains("Credits added"), "{page}");
    assert_eq!(app.purchase(&opened.id).await["state"], "credited");
});

on_both!(buy_returns_to_the_open_checkout_of_the_same_package, |app| {
    shop(app).await;
    let browser = owner(app).await;
    let (one, two) = (buy_form(&browser, "p1200").await, buy_form(&browser, "p1200").await);
    assert_ne!(one, two, "two tabs, two forms");
    let first = press(&browser, &one).await;
    assert!(first.contains("/pay/cs_"), "{first}");
    assert_eq!(press(&browser, &two).await, first);
    let calls = app.stripe_calls();
    assert_eq!((press(&browser, &two).await, app.stripe_calls()), (first.clone(), calls), "the same form asks nothing");
    assert_ne!(press(&browser, &buy_form(&browser, "p5000").await).await, first);
    assert_eq!(sessions(app).await.len(), 2);
    // Paid, and nobody has told us: a third form is told that it was bought, and so is the second.
    let session = first.rsplit('/').next().unwrap();
    app.sandbox.pay(session).await.unwrap();
    let third = press(&browser, &buy_form(&browser, "p1200").await).await;
    assert!(third.starts_with("/billing?outcome=already_bought"), "{third}");
    assert!(press(&browser, &two).await.starts_with("/billing?outcome=already_bought"));
    assert_eq!(app.available("acme").await, 6_200);
    // After that, another one can be bought.
    let next = press(&browser, &buy_form(&browser, "p1200").await).await;
    assert!(next.contains("/pay/cs_") && next != first, "{next}");
});

on_both!(buy_does_not_return_to_a_checkout_on_other_terms, |app| {
    shop(app).await;
    let browser = owner(app).await;
    let first = press(&browser, &buy_form(&browser, "p1200").await).await;
    sells(app, |sample| sample.replace("credits = 1200\namount = 900", "credits = 1100\namount = 900")).await;
    let second = press(&browser, &buy_form(&browser, "p1200").await).await;
    assert_ne!(first, second);
    let credits: Vec<Value> =
        app.all("/v1/customers/acme/purchases", 200).await.iter().map(|one| one["credits"].clone()).collect();
    assert_eq!(credits, [json!(1100), json!(1200)]);
});

on_both!(an_unopened_purchase_is_continued_by_any_form_of_the_package, |app| {
    shop(app).await;
    let browser = owner(app).await;
    app.sandbox.faults().set_api(ApiFault::Down);
    for _ in 0..2 {
        let way = press(&browser, &buy_form(&browser, "p1200").await).await;
        assert!(way.starts_with("/billing?outcome=stripe_unavailable"), "{way}");
    }
    app.sandbox.faults().set_api(ApiFault::None);
    press(&browser, &buy_form(&browser, "p1200").await).await;
    assert_eq!((sessions(app).await.len(), app.all("/v1/customers/acme/purchases", 200).await.len()), (1, 1));
});

on_both!(an_eleventh_open_purchase_is_refused_over_the_api_and_closes_the_oldest_in_the_browser, |app| {
    shop(app).await;
    let mut all = Vec::new();
    for n in 0..10 {
        all.push(app.opened("acme", "p1200", &format!("buy-{n}")).await);
    }
    app.start_purchase("acme", "p1200", "buy-10").await.expect_problem(409, "limit_reached");
    app.start_purchase("acme", "p5000", "buy-11").await.expect_problem(409, "limit_reached");
    assert_eq!(app.all("/v1/customers/acme/purchases", 200).await.len(), 10, "a refusal stores nothing");
    // Another customer is not concerned.
    app.put("beta", json!({"email": "bob@beta.example", "plan": "starter"})).await.expect(201);
    app.opened("beta", "p1200", "buy-1").await;
    // In the browser the same package leads back, and another one closes the oldest.
    let browser = owner(app).await;
    let back = press(&browser, &buy_form(&browser, "p1200").await).await;
    assert!(all.iter().any(|one| back.ends_with(&one.session)), "{back}");
    let fresh = press(&browser, &buy_form(&browser, "p5000").await).await;
    assert!(fresh.contains("/pay/cs_") && fresh != back, "{fresh}");
    let (mut ended, mut open) = (Vec::new(), Vec::new());
    for one in &all {
        let is_open = app.purchase(&one.id).await["state"] == "open";
        assert_eq!(session(app, one).await["status"], if is_open { "open" } else { "expired" });
        if is_open { open.push(one) } else { ended.push(one) }
    }
    assert_eq!((open.len(), ended.len()), (9, 1));
    // One that was paid makes room, though nobody has told us.
    app.pay(open[0]).await;
    app.advance_minutes(1).await;
    app.opened("acme", "p5000", "buy-12").await;
    assert_eq!(app.purchase(&open[0].id).await["state"], "credited");
    app.start_purchase("acme", "p1200", "buy-13").await.expect_problem(409, "limit_reached");
    // And so does one whose time is over.
    app.advance_minutes(61).await;
    app.opened("acme", "p1200", "buy-13").await;
});

on_both!(twenty_concurrent_purchases_are_ten, |app| {
    shop(app).await;
    let keys: Vec<String> = (0..20).map(|n| format!("buy-{n}")).collect();
    let answers = join_all(keys.iter().map(|key| app.start_purchase("acme", "p1200", key))).await;
    let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(201), count(409), sessions(app).await.len()), (10, 10, 10));
});

on_both!(refused_purchases_do_not_count, |app| {
    shop(app).await;
    app.sandbox.faults().set_api(ApiFault::Status(400));
    for n in 0..12 {
        app.start_purchase("acme", "p1200", &format!("buy-{n}")).await.expect_problem(409, "purchase_refused");
    }
    app.sandbox.faults().set_api(ApiFault::None);
    app.opened("acme", "p1200", "buy-0").await;
});

#[tokio::test]
async fn the_sweep_asks_less_often_the_older_a_purchase_is() {
    let app = TestApp::start_with(Database::Sqlite, |settings| settings.worker = topup::settings::Switch::Off).await;
    shop(&app).await;
    sells(&app, |sample| sample.replace("checkout_minutes = 60", "checkout_minutes = 1430")).await;
    let opened = app.opened("acme", "p1200", "buy-1").await;
    let asked = async |minutes: i64| {
        let calls = app.checkout_calls();
        for _ in 0..minutes {
            app.inner().store.read().await.unwrap();
            app.advance_minutes(1).await;
            purchases::sweep_purchases(&app.inner()).await.unwrap();
        }
        app.checkout_calls() - calls
    };
    let (first, second) = (asked(12).await, asked(60).await);
    assert!((10..=12).contains(&first), "{first}");
    assert!((15..=30).contains(&second), "{second}");
    // Its end is asked for at once, however old it is.
    app.advance_to(stored(&app, &opened.id).await.checkout_expires_at).await;
    purchases::sweep_purchases(&app.inner()).await.unwrap();
    assert_eq!(stored(&app, &opened.id).await.state, PurchaseState::Expired);
    app.stop().await;
    app.home.remove().await;
}
