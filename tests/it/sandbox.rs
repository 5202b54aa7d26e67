//! The sandbox over HTTP, driven by the product's own client.

mod rig;
mod saved_cards;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use stripe::StripeRequest;
use stripe_checkout::checkout_session::{ExpireCheckoutSession, ListCheckoutSession, RetrieveCheckoutSession};
use stripe_core::charge::RetrieveCharge;
use stripe_core::customer::RetrieveCustomer;
use stripe_core::event::{ListEvent, RetrieveEvent};
use stripe_core::payment_intent::RetrievePaymentIntent;
use stripe_sandbox::ApiFault;
use topup::stripe::{CheckoutOrder, CheckoutStatus, Stripe, StripeError, webhook};

use self::rig::{KEY, NOW, SECRET, browser, page, read, rig, rig_with};

const PAID: [&str; 3] = ["charge.succeeded", "checkout.session.completed", "payment_intent.succeeded"];

#[tokio::test]
async fn a_checkout_is_opened_paid_and_reported() {
    let mut rig = rig().await;
    let order = rig.order().await;
    let checkout = rig.stripe.open_checkout("pur_1", &order).await.expect("a Checkout");
    let before = rig.stripe.checkout(&checkout.session_id).await.expect("a state");
    assert_eq!((before.status, before.paid, before.charge), (CheckoutStatus::Open, false, None));
    assert_eq!(before.url, Some(checkout.url.clone()));

    let (status, location, _) = rig.type_card(&checkout, "4242+4242+4242+4242", "123").await;
    assert_eq!(status, 303);
    assert_eq!(location, format!("http://127.0.0.1:1/purchases/pur_1?session_id={}", checkout.session_id));

    let paid = rig.stripe.checkout(&checkout.session_id).await.expect("a state");
    assert_eq!((paid.status, paid.paid, paid.livemode), (CheckoutStatus::Complete, true, false));
    assert_eq!((paid.amount_subtotal, paid.amount_total, paid.amount_tax), (Some(900), Some(900), Some(0)));
    assert_eq!(paid.client_reference_id.as_deref(), Some("pur_1"));
    assert_eq!(paid.customer, Some(order.stripe_customer));
    assert_eq!(paid.currency.as_deref(), Some("usd"));
    assert!(paid.payment_intent.is_some_and(|id| id.starts_with("pi_")));
    assert!(paid.charge.is_some_and(|id| id.starts_with("ch_")));
    assert_eq!((paid.invoice, paid.url), (None, None));
    assert_eq!(rig.hooks(3).await, PAID);
}

#[tokio::test]
async fn the_same_key_is_the_same_checkout_and_another_order_is_refused() {
    let rig = rig().await;
    let mut order = rig.order().await;
    let first = rig.stripe.open_checkout("pur_1", &order).await.expect("a Checkout");
    assert_eq!(rig.stripe.open_checkout("pur_1", &order).await, Ok(first.clone()));
    assert_ne!(rig.stripe.open_checkout("pur_2", &order).await, Ok(first));
    order.amount = 1000;
    let refused = rig.stripe.open_checkout("pur_1", &order).await;
    assert!(matches!(refused, Err(StripeError::Refused { status: 400, .. })), "{refused:?}");
}

#[tokio::test]
async fn a_key_is_kept_for_a_day_by_the_clock() {
    let rig = rig().await;
    let order = CheckoutOrder { expires_at: NOW + 86_400, ..rig.order().await };
    let first = rig.stripe.open_checkout("pur_1", &order).await.expect("a Checkout");
    rig.clock.fetch_add(86_399, Ordering::SeqCst);
    assert_eq!(rig.stripe.open_checkout("pur_1", &order).await, Ok(first.clone()));
    rig.clock.fetch_add(1, Ordering::SeqCst);
    let order = CheckoutOrder { expires_at: NOW + 2 * 86_400, amount: 1_000, ..order };
    let second = rig.stripe.open_checkout("pur_1", &order).await.expect("the key is free again");
    assert_ne!(second, first);
    assert_eq!(rig.stripe.open_checkout("pur_1", &order).await, Ok(second));
}

#[tokio::test]
async fn a_double_click_opens_one_checkout() {
    let rig = rig().await;
    let order = rig.order().await;
    let clicks = futures::future::join_all((0..20).map(|_| rig.stripe.open_checkout("pur_1", &order))).await;
    assert!(clicks.iter().all(|click| click.is_ok() && *click == clicks[0]), "{clicks:?}");
}

#[tokio::test]
async fn a_double_payment_is_one() {
    let mut rig = rig().await;
    let checkout = rig.opened().await;
    let pays = futures::future::join_all((0..10).map(|_| rig.sandbox.pay(&checkout.session_id))).await;
    assert!(pays.iter().all(|paid| paid.is_ok() && *paid == pays[0]), "{pays:?}");
    assert_eq!(rig.hooks(3).await, PAID);
    assert_eq!(rig.sandbox.deliveries_of(&checkout.session_id).await.map(|all| all.len()), Ok(3));
}

#[tokio::test]
async fn a_replay_says_so() {
    let rig = rig().await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let request = browser().post(format!("{}/v1/customers", rig.base)).basic_auth(KEY, Some(""));
        let answer = request.header("idempotency-key", "k").send().await.expect("an answer");
        let replayed = answer.headers().contains_key("idempotent-replayed");
        seen.push((replayed, read(answer).await));
    }
    assert_eq!((seen[0].0, seen[1].0), (false, true));
    assert_eq!(seen[0].1, seen[1].1);
}

#[tokio::test]
async fn refusals_have_the_words_of_stripe() {
    let rig = rig().await;
    let good = "mode=payment&success_url=http://a.example&line_items[0][price_data][currency]=usd\
        &line_items[0][price_data][unit_amount]=900&line_items[0][price_data][product_data][name]=x";
    let check = async |form: String, code: Option<&str>, param: &str| {
        let (status, body) = rig.post("/v1/checkout/sessions", &form).await;
        let error = &body["error"];
        assert_eq!(
            (status, error["code"].as_str(), error["param"].as_str()),
            (400, code, Some(param)),
            "{form} {body}"
        );
    };
    let name = "line_items[0][price_data][product_data][name]";
    check(format!("{good}&foo=1"), Some("parameter_unknown"), "foo").await;
    check(format!("{good}&payment_method_types[0]=card"), Some("parameter_unknown"), "payment_method_types").await;
    check(good.replace("name", "nam"), Some("parameter_unknown"), &name.replace("name", "nam")).await;
    check(good.replace(&format!("&{name}=x"), ""), Some("parameter_missing"), &name.replace("[name]", "")).await;
    check(good.replace("mode=payment&", ""), Some("parameter_missing"), "mode").await;
    let amount = "line_items[0][price_data][unit_amount]";
    check(good.replace("=900", "=9.5"), Some("parameter_invalid_integer"), amount).await;
    check(good.replace("http://a.example", "a"), Some("url_invalid"), "success_url").await;
    check(format!("{good}&allowed_payment_method_types[0]=cash"), None, "allowed_payment_method_types[0]").await;
    check(format!("{good}&expires_at={}", NOW + 60), None, "expires_at").await;
    check(format!("{good}&customer=cus_1"), Some("resource_missing"), "customer").await;
    check(format!("{good}&expand[]=livemode"), None, "expand").await;
    assert_eq!(rig.post("/v1/checkout/sessions", good).await.0, 200);
    assert_eq!(rig.post("/v1/nothing", "").await.0, 404);
}

#[tokio::test]
async fn a_refusal_reaches_the_shop_with_its_parameter() {
    let rig = rig().await;
    let order = CheckoutOrder { expires_at: NOW + 60, ..rig.order().await };
    let refused = rig.stripe.open_checkout("pur_1", &order).await;
    let param = match refused {
        Err(StripeError::Refused { status: 400, param, .. }) => param,
        other => panic!("{other:?}"),
    };
    assert_eq!(param.as_deref(), Some("expires_at"));
    // A refusal binds no key.
    assert!(rig.stripe.open_checkout("pur_1", &CheckoutOrder { expires_at: NOW + 3600, ..order }).await.is_ok());
    let missing = rig.stripe.checkout("cs_test_missing").await;
    assert!(matches!(missing, Err(StripeError::Refused { status: 404, .. })), "{missing:?}");
}

#[tokio::test]
async fn a_wrong_key_is_unauthorized_and_not_repeated_to_the_log() {
    let rig = rig().await;
    let stranger = Stripe::new("sk_test_0123456789stranger", Some(&rig.base)).expect("a client");
    let error = stranger.checkout("cs_test_1").await.expect_err("refused");
    assert!(matches!(error, StripeError::Unauthorized(_)), "{error:?}");
    assert!(!error.to_string().contains("sk_test"), "{error}");
}

#[tokio::test]
async fn stripe_down_is_known_within_the_deadline() {
    let rig = rig().await;
    let order = rig.order().await;
    for fault in [ApiFault::Down, ApiFault::Status(503), ApiFault::Status(429), ApiFault::Slow(Duration::from_secs(60))]
    {
        rig.sandbox.faults().set_api(fault.clone());
        let stripe = rig.stripe.clone().with_deadline(Duration::from_millis(600));
        let started = Instant::now();
        let result = stripe.open_checkout("pur_1", &order).await;
        assert!(matches!(result, Err(StripeError::Unavailable(_))), "{fault:?} {result:?}");
        assert!(started.elapsed() < Duration::from_secs(3), "{fault:?}");
    }
    let nowhere = Stripe::new(KEY, Some("http://127.0.0.1:1")).expect("a client");
    assert!(matches!(nowhere.checkout("cs_test_1").await, Err(StripeError::Unavailable(_))));
    // The slow request was done once: the same key finds it.
    rig.sandbox.faults().set_api(ApiFault::None);
    let request = browser().get(format!("{}/v1/checkout/sessions", rig.base)).bearer_auth(KEY);
    let (_, sessions) = read(request.send().await.expect("an answer")).await;
    let found = rig.stripe.open_checkout("pur_1", &order).await.expect("a Checkout").session_id;
    assert_eq!(sessions["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(sessions["data"][0]["id"], found.as_str());
}

#[tokio::test]
async fn a_declined_card_is_said_and_another_one_pays() {
    let mut rig = rig().await;
    let checkout = rig.opened().await;
    let (status, _, html) = rig.type_card(&checkout, "4000000000000002", "123").await;
    assert_eq!(status, 402);
    assert!(html.contains("role=\"alert\">Your card was declined. Try another card.<"));
    let declined = rig.stripe.checkout(&checkout.session_id).await.expect("a state");
    assert_eq!((declined.status, declined.paid), (CheckoutStatus::Open, false));
    assert_eq!(rig.hook().await.kind, "payment_intent.payment_failed");
    assert_eq!(rig.type_card(&checkout, "1234", "12").await.0, 422);

    assert_eq!(rig.type_card(&checkout, "4242424242424242", "123").await.0, 303);
    let paid = rig.stripe.checkout(&checkout.session_id).await.expect("a state");
    assert_eq!(paid.payment_intent, declined.payment_intent);
    assert_ne!(paid.charge, declined.charge);
    assert_eq!(rig.hooks(3).await, PAID);
}

#[tokio::test]
async fn the_pay_page_is_the_customers_way_through() {
    let rig = rig().await;
    let checkout = rig.opened().await;
    let answer = browser().get(&checkout.url).send().await.expect("an answer");
    let policy = answer.headers()["content-security-policy"].to_str().expect("ascii").to_owned();
    assert!(policy.contains("form-action 'self' http://127.0.0.1:1;") && !policy.contains("unsafe-inline"), "{policy}");
    let (status, _, html) = page(answer).await;
    assert_eq!(status, 200);
    for part in ["Sandbox", "Gleaner", "1,200 credits", "$9.00", "Non-refundable.", ">Pay $9.00<", ">Back to Gleaner<"]
    {
        assert!(html.contains(part), "{part}");
    }
    assert_eq!(rig.sandbox.pay(&checkout.session_id).await, rig.sandbox.pay(&checkout.session_id).await);
    let (status, location, _) = page(browser().get(&checkout.url).send().await.expect("an answer")).await;
    assert_eq!((status, location.ends_with(&checkout.session_id)), (303, true));
    assert_eq!(rig.type_card(&checkout, "", "").await.0, 303);
    let nowhere = browser().get(format!("{}/pay/cs_test_0", rig.base)).send().await.expect("an answer");
    assert_eq!(nowhere.status().as_u16(), 404);
}

#[tokio::test]
async fn a_checkout_expires_by_the_products_clock() {
    let mut rig = rig().await;
    let checkout = rig.opened().await;
    rig.clock.store(NOW + 3600, Ordering::SeqCst);
    rig.sandbox.catch_up().await.expect("a store");
    let hook = rig.hook().await;
    assert_eq!((hook.kind.as_str(), hook.object_id), ("checkout.session.expired", Some(checkout.session_id.clone())));
    let state = rig.stripe.checkout(&checkout.session_id).await.expect("a state");
    assert_eq!((state.status, state.paid, state.url), (CheckoutStatus::Expired, false, None));
    let (status, _, html) = rig.type_card(&checkout, "4242424242424242", "123").await;
    assert_eq!(status, 410);
    assert!(html.contains("You were not charged.") && html.contains(">Back to Gleaner<"));
    assert!(rig.sandbox.pay(&checkout.session_id).await.is_err());
}

#[tokio::test]
async fn a_webhook_is_repeated_until_accepted() {
    let mut rig = rig().await;
    let checkout = rig.opened().await;
    rig.answer.store(500, Ordering::SeqCst);
    rig.sandbox.pay(&checkout.session_id).await.expect("paid");
    assert_eq!(rig.hooks(3).await, PAID);
    rig.answer.store(200, Ordering::SeqCst);
    assert_eq!(rig.hooks(3).await, PAID);
}

/// The library's types read an event and the object in it.
fn assert_is_typed(body: &str) {
    fn check<R: StripeRequest<Output: miniserde::Deserialize>>(json: &str) {
        assert!(miniserde::json::from_str::<R::Output>(json).is_ok(), "{json}");
    }
    check::<RetrieveEvent>(body);
    let object = &serde_json::from_str::<serde_json::Value>(body).unwrap()["data"]["object"];
    let json = object.to_string();
    match object["object"].as_str().unwrap() {
        "charge" => check::<RetrieveCharge>(&json),
        "checkout.session" => check::<RetrieveCheckoutSession>(&json),
        "payment_intent" => check::<RetrievePaymentIntent>(&json),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn lost_webhooks_can_be_delivered_by_hand() {
    let mut rig = rig().await;
    let checkout = rig.opened().await;
    rig.sandbox.faults().set_webhooks(false);
    rig.sandbox.pay(&checkout.session_id).await.expect("paid");
    rig.sandbox.faults().set_webhooks(true);
    let deliveries = rig.sandbox.deliveries_of(&checkout.session_id).await.expect("a store");
    assert_eq!(deliveries.len(), 3);
    for (body, signature) in &deliveries {
        webhook::verify_signature(&[SECRET.to_owned()], signature, body.as_bytes(), NOW).expect("a signed event");
        assert_is_typed(body);
    }
    // The next Checkout's event arrives, and none of the lost ones before it.
    let next = rig.stripe.open_checkout("pur_2", &rig.order().await).await.expect("a Checkout");
    rig.clock.store(NOW + 3600, Ordering::SeqCst);
    rig.sandbox.catch_up().await.expect("a store");
    assert_eq!(rig.hook().await.object_id, Some(next.session_id));
}

#[tokio::test]
async fn the_librarys_types_read_every_object() {
    let rig = rig().await;
    let (order, checkout) = (rig.order().await, rig.opened().await);
    rig.sandbox.pay(&checkout.session_id).await.expect("paid");
    let state = rig.stripe.checkout(&checkout.session_id).await.expect("a state");
    let client = stripe::ClientBuilder::new(KEY).url(format!("{}/", rig.base)).build().expect("a client");
    let (intent, charge) = (state.payment_intent.expect("an intent"), state.charge.expect("a charge"));

    let session = RetrieveCheckoutSession::new(checkout.session_id.as_str())
        .expand(["payment_intent.latest_charge", "customer", "line_items"].map(str::to_owned).to_vec());
    let session = session.send(&client).await.expect("a session");
    assert_eq!(session.line_items.map(|items| items.data.len()), Some(1));
    assert_eq!(session.metadata.and_then(|mut pairs| pairs.remove("purchase")).as_deref(), Some("pur_1"));
    assert!(session.customer.is_some_and(|customer| customer.is_object()));
    let intent = RetrievePaymentIntent::new(intent.as_str()).send(&client).await.expect("it");
    assert_eq!(intent.metadata.get("purchase").map(String::as_str), Some("pur_1"));
    let charge = RetrieveCharge::new(charge.as_str()).send(&client).await.expect("a charge");
    assert_eq!((charge.amount, charge.paid, charge.amount_refunded), (900, true, 0));
    let customer = RetrieveCustomer::new(order.stripe_customer.as_str());
    assert!(customer.send(&client).await.is_ok());
    let events = ListEvent::new().send(&client).await.expect("events");
    assert_eq!(events.data.len(), 3);
    let one = RetrieveEvent::new(events.data[0].id.clone()).send(&client).await.expect("an event");
    assert_eq!(one.id, events.data[0].id);
    let found = ListCheckoutSession::new().payment_intent(intent.id.to_string());
    assert_eq!(found.send(&client).await.expect("a list").data[0].id.as_str(), checkout.session_id);
    let expired = ExpireCheckoutSession::new(checkout.session_id.as_str());
    assert!(expired.send(&client).await.is_err());
}

#[tokio::test]
async fn everything_survives_a_restart() {
    let folder = std::env::temp_dir().join(format!("topup-sandbox-{}", std::process::id()));
    let file = folder.join("new/sandbox.db");
    let checkout = {
        let mut rig = rig_with(Some(file.clone())).await;
        rig.answer.store(500, Ordering::SeqCst);
        let checkout = rig.opened().await;
        rig.sandbox.pay(&checkout.session_id).await.expect("paid");
        rig.hooks(3).await;
        rig.stop().await;
        checkout
    };
    let mut rig = rig_with(Some(file)).await;
    // Not taken before, so delivered again; and the same key is still the same Checkout.
    assert_eq!(rig.hooks(3).await, PAID);
    assert!(rig.stripe.checkout(&checkout.session_id).await.expect("a state").paid);
    assert_eq!(rig.opened().await, checkout);
    drop(rig);
    std::fs::remove_dir_all(folder).expect("a folder");
}

#[test]
fn every_currency_of_a_catalogue_is_charged_in_with_the_same_limits() {
    use stripe_sandbox::currencies;
    use topup::domain::money;
    for currency in money::CURRENCIES.split_ascii_whitespace() {
        assert!(currencies::is_known(currency), "{currency}");
        assert_eq!(currencies::step(currency), money::smallest_step(currency), "{currency}");
        assert!(
            money::smallest_charge(currency).is_none_or(|least| least == currencies::minimum(currency)),
            "{currency}"
        );
    }
    assert!(!currencies::is_known("uds"));
}
