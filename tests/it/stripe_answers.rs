//! Stripe's definite answers: what it lacks, what it refuses, where it shows Checkout, and how often it is asked.

use crate::app::{Browser, Database, Opened, SECRET_KEY, TestApp, on_both};
use futures::future::join_all;
use serde_json::{Value, json};
use stripe_sandbox::ApiFault;
use topup::domain::{PurchaseId, PurchaseState};
use topup::usecases::operators::actions;
use topup::usecases::operators::actions::{ActionOutcome, ActionRequest, Refund};
use topup::usecases::purchases;
use topup::usecases::purchases::{Fulfillment, Purchase};

/// A request to Stripe's API, as its dashboard makes some.
async fn at_stripe(app: &TestApp, method: &str, path: &str, form: &[(&str, &str)]) -> Value {
    let base = app.stripe_settings().api_base.unwrap();
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let request = app.http.request(method, format!("{base}/v1{path}")).bearer_auth(SECRET_KEY);
    let request = if form.is_empty() { request } else { request.form(form) };
    app.send(request).await.expect(200).json()
}

async fn sessions(app: &TestApp) -> Vec<Value> {
    at_stripe(app, "GET", "/checkout/sessions?limit=100", &[]).await["data"].as_array().unwrap().clone()
}

async fn session(app: &TestApp, opened: &Opened) -> Value {
    at_stripe(app, "GET", &format!("/checkout/sessions/{}", opened.session), &[]).await
}

async fn stripe_customer(app: &TestApp, opened: &Opened) -> String {
    session(app, opened).await["customer"].as_str().unwrap().to_owned()
}

async fn stored(app: &TestApp, id: &str) -> Purchase {
    purchases::find(&app.inner(), PurchaseId::parse(id).unwrap()).await.unwrap().unwrap()
}

/// A shop without webhooks, with one customer.
async fn shop(app: &TestApp) {
    app.sandbox.faults().set_webhooks(false);
    app.put_customer("acme", "starter").await;
}

/// Another catalogue, from the next start.
fn catalogue(app: &TestApp, name: &str, change: impl Fn(&str) -> String) -> std::path::PathBuf {
    let sample = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/catalog.toml")).unwrap();
    let (file, changed) = (app.home.folder.join(name), change(&sample));
    assert_ne!(changed, sample);
    std::fs::create_dir_all(&app.home.folder).unwrap();
    std::fs::write(&file, changed).unwrap();
    file
}

async fn sells(app: &TestApp, change: impl Fn(&str) -> String) {
    let file = catalogue(app, "changed.toml", change);
    app.set(|settings| settings.database.catalog = file);
    app.restart().await;
}

async fn owner(app: &TestApp) -> Browser<'_> {
    let browser = Browser::new(app);
    browser.arrive("acme", "ada@acme.example", "owner").await;
    browser
}

/// The fields of the Buy form of a package, as Billing draws it now.
async fn buy_form(browser: &Browser<'_>, package: &str) -> Vec<(String, String)> {
    let page = browser.get("/billing").await.expect(200).text;
    // The first: one that goes on with an open purchase stands further down.
    let is_meant = |form: &&str| form.contains("/_fn/buy") && form.contains(&format!("\"{package}\""));
    let form = page.split("<form").find(is_meant).unwrap_or_else(|| panic!("no form for {package} in {page}"));
    let form = form.split("</form>").next().unwrap();
    let part = |input: &str, name: &str| {
        input.split_once(&format!("{name}=\"")).map(|(_, rest)| rest.split('"').next().unwrap().to_owned())
    };
    let field = |input: &str| Some((part(input, "name")?, part(input, "value").unwrap_or_default()));
    form.split("<input").skip(1).filter_map(field).collect()
}

fn borrowed(form: &[(String, String)]) -> Vec<(&str, &str)> {
    form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

async fn press(browser: &Browser<'_>, form: &[(String, String)]) -> String {
    browser.sent("buy", &borrowed(form)).await
}

// What Stripe lacks.

on_both!(a_customer_that_was_deleted_at_stripe_is_made_anew_and_every_payment_is_credited, |app| {
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
    // What was paid by a former customer is refunded as any other.
    app.sandbox.refund(&before.session, None).await.unwrap();
    for event in app.events(&before).await {
        app.deliver(&event).await.expect(200);
    }
    assert_eq!(app.purchase(&before.id).await["refunded_amount"], 900);
    assert_eq!(app.alarms().await, Vec::<String>::new());
    assert_eq!(app.count("select count(*) as n from former_stripe_customers").await, 2);
});

on_both!(a_customer_that_is_deleted_again_and_again_is_refused_and_not_asked_for_for_ever, |app| {
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
    purchases::sweep(&app.inner()).await.unwrap();
    assert_eq!(app.purchase(&opened.id).await["state"], "expired");
    assert_eq!(app.alarms().await, ["stripe_missing"]);
});

on_both!(an_invoice_that_stripe_lacks_is_asked_for_by_its_checkout, |app| {
    shop(app).await;
    let opened = app.opened("acme", "p1200", "buy-1").await;
    app.pay(&opened).await;
    app.fulfill(&opened).await;
    let good = purchases::invoice(&app.inner(), &stored(app, &opened.id).await).await.unwrap();
    app.tamper("update purchases set invoice = 'in_gone'", Vec::new()).await.unwrap();
    assert_eq!(purchases::invoice(&app.inner(), &stored(app, &opened.id).await).await.unwrap(), good);
});

// What Stripe refuses.

on_both!(a_refusal_is_told_as_one_on_the_page_and_over_the_api_with_an_alarm_that_quotes_stripe, |app| {
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
    let alarms = topup::usecases::alarms::open(&app.inner().store).await.unwrap();
    assert_eq!((alarms.len(), alarms[0].kind.as_str()), (1, "stripe_refused"));
    assert!(alarms[0].detail.contains("400") && alarms[0].detail.contains("must be one of"), "{}", alarms[0].detail);
    // It has bound nothing: mended, the same key buys.
    let card = |sample: &str| sample.replace(r#"["card", "link"]"#, r#"["card"]"#);
    let kept = app.all("/v1/customers/acme/purchases", 200).await.len();
    sells(app, card).await;
    app.opened("acme", "p1200", "buy-1").await;
    assert_eq!((kept, app.all("/v1/customers/acme/purchases", 200).await.len()), (2, 2));
});

on_both!(what_passes_is_an_outage_and_what_does_not_is_a_refusal, |app| {
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
async fn an_order_that_is_made_anew_after_a_refusal_has_its_whole_time() {
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

// Where Checkout is shown.

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

// What Stripe is told.

on_both!(email_and_name_at_stripe_follow_a_put, |app| {
    shop(app).await;
    let opened = app.opened("acme", "p1200", "buy-1").await;
    let path = format!("/customers/{}", stripe_customer(app, &opened).await);
    let there = async || {
        let customer = at_stripe(app, "GET", &path, &[]).await;
        [customer["email"].clone(), customer["name"].clone()]
    };
    let run = async || purchases::tell_changes(&app.inner()).await.unwrap();
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

on_both!(one_customer_that_stripe_refuses_to_hear_of_keeps_no_other_from_being_told, |app| {
    shop(app).await;
    app.put("beta", json!({"email": "bob@beta.example", "plan": "starter"})).await.expect(201);
    let (acmes, betas) = (app.opened("acme", "p1200", "a").await, app.opened("beta", "p1200", "b").await);
    app.put("acme", json!({"name": "Acme Data"})).await.expect(200);
    app.put("beta", json!({"name": "Beta Data"})).await.expect(200);
    // Stripe takes no such address.
    app.tamper("update customers set email = 'no address' where id = 'acme'", Vec::new()).await.unwrap();
    assert_eq!(purchases::tell_changes(&app.inner()).await.unwrap(), 1);
    let name = async |opened: &Opened| {
        let path = format!("/customers/{}", stripe_customer(app, opened).await);
        at_stripe(app, "GET", &path, &[]).await["name"].clone()
    };
    assert_eq!((name(&acmes).await, name(&betas).await), (json!("acme"), json!("Beta Data")));
    assert_eq!(app.alarms().await, ["stripe_refused"]);
    assert_eq!(purchases::changes_waiting(&app.inner()).await.unwrap(), 0, "the same would be refused again");
});

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

on_both!(a_payment_of_somebody_else_that_names_ours_changes_nothing_and_the_true_one_is_credited, |app| {
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
    let alarms = topup::usecases::alarms::open(&app.inner().store).await.unwrap();
    assert!(alarms.len() == 4 && alarms.iter().all(|alarm| alarm.kind == "review"), "{alarms:?}");
});

on_both!(where_the_answer_to_opening_was_lost_only_the_checkout_that_agrees_is_ours, |app| {
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

// Amounts.

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
        actions::refund(&inner, order, Refund { purchase: id, amount }).await.unwrap()
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
        actions::refund(&inner, order, Refund { purchase, amount }).await.unwrap()
    };
    app.sandbox.faults().set_api(ApiFault::Status(403));
    assert_eq!(refund(100).await, ActionOutcome::StripeRefused);
    app.sandbox.faults().set_api(ApiFault::None);
    assert_eq!(refund(100).await, ActionOutcome::Done, "the refused one stands in nobody's way");
    app.stop().await;
    app.home.remove().await;
}

// One question at a time.

on_both!(fifty_strangers_make_us_ask_once_and_a_wrong_checkout_makes_us_ask_nothing, |app| {
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
        assert_eq!(stranger.get(&wrong).await.expect(303).header("location"), Some("/sign-in"), "{wrong}");
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

on_both!(fifty_strangers_while_stripe_answers_503_are_one_question_too, |app| {
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
    // Who is signed in waits for an answer, and credits.
    app.pay(&opened).await;
    let page = owner(app).await.get(&own).await.expect(200).text;
    assert!(page.contains("Credits added"), "{page}");
    assert_eq!(app.purchase(&opened.id).await["state"], "credited");
});

// Open Checkouts are bounded.

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

on_both!(what_was_begun_and_not_opened_is_gone_on_with_by_any_form_of_the_package, |app| {
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

on_both!(twenty_at_once_are_ten, |app| {
    shop(app).await;
    let keys: Vec<String> = (0..20).map(|n| format!("buy-{n}")).collect();
    let answers = join_all(keys.iter().map(|key| app.start_purchase("acme", "p1200", key))).await;
    let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(201), count(409), sessions(app).await.len()), (10, 10, 10));
});

on_both!(refused_purchases_take_no_room, |app| {
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
        let calls = app.stripe_calls();
        for _ in 0..minutes {
            app.inner().store.read().await.unwrap();
            app.advance_minutes(1).await;
            purchases::sweep(&app.inner()).await.unwrap();
        }
        app.stripe_calls() - calls
    };
    let (first, second) = (asked(12).await, asked(60).await);
    assert!((10..=12).contains(&first), "{first}");
    assert!((15..=30).contains(&second), "{second}");
    // Its end is asked for at once, however old it is.
    app.advance_to(stored(&app, &opened.id).await.checkout_expires_at).await;
    purchases::sweep(&app.inner()).await.unwrap();
    assert_eq!(stored(&app, &opened.id).await.state, PurchaseState::Expired);
    app.stop().await;
    app.home.remove().await;
}
