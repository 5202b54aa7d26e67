//! The sandbox, driven over real HTTP by the product's own client: what one says the other understands.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU16, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use topup::sandbox::{ApiFault, Sandbox, SandboxSettings};
use topup::stripe::{CheckoutOrder, CheckoutStatus, NewCustomer, OpenedCheckout, Stripe, StripeError, webhook};

const KEY: &str = "sk_test_sandbox";
const SECRET: &str = "whsec_sandbox";
const NOW: i64 = 1_795_000_000;

/// A webhook as it arrived: its signature, its body.
type Hook = (String, Bytes);

/// A sandbox on a port of its own, a client of it, and a shop that its webhooks reach.
struct Rig {
    sandbox: Sandbox,
    stripe: Stripe,
    base: String,
    /// The product's clock.
    clock: Arc<AtomicI64>,
    /// What the shop answers webhooks with.
    answer: Arc<AtomicU16>,
    hooks: UnboundedReceiver<Hook>,
}

async fn listen(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    serve(listener, router);
    base
}

fn serve(listener: TcpListener, router: Router) {
    tokio::spawn(async move { axum::serve(listener, router).await });
}

async fn take(
    State((hooks, answer)): State<(UnboundedSender<Hook>, Arc<AtomicU16>)>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let signature = headers["stripe-signature"].to_str().expect("ascii").to_owned();
    hooks.send((signature, body)).expect("a listening test");
    StatusCode::from_u16(answer.load(Ordering::SeqCst)).expect("a status")
}

async fn rig() -> Rig {
    rig_with(None).await
}

async fn rig_with(file: Option<std::path::PathBuf>) -> Rig {
    let (sender, hooks) = unbounded_channel();
    let (clock, answer) = (Arc::new(AtomicI64::new(NOW)), Arc::new(AtomicU16::new(200)));
    let shop = listen(Router::new().route("/hook", post(take)).with_state((sender, answer.clone()))).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let read = clock.clone();
    let settings = SandboxSettings {
        file,
        public_base: base.clone(),
        secret_key: KEY.to_owned(),
        webhook_url: format!("{shop}/hook"),
        webhook_secret: SECRET.to_owned(),
        now: Arc::new(move || read.load(Ordering::SeqCst)),
        real_now: Arc::new(|| NOW),
        shop_name: "Gleaner".to_owned(),
    };
    let sandbox = Sandbox::open(settings).await.expect("a sandbox");
    serve(listener, sandbox.router());
    sandbox.spawn_deliveries();
    let stripe = Stripe::new(KEY, Some(&base)).expect("a client");
    Rig { sandbox, stripe, base, clock, answer, hooks }
}

impl Rig {
    async fn order(&self) -> CheckoutOrder {
        let ada = NewCustomer {
            email: "ada@acme.example".to_owned(),
            name: Some("Acme Data".to_owned()),
            customer_ref: "acme".to_owned(),
        };
        let customer = self.stripe.create_customer("customer:acme", &ada).await.expect("a customer");
        CheckoutOrder {
            purchase: "pur_1".to_owned(),
            stripe_customer: customer,
            product_name: "1,200 credits".to_owned(),
            amount: 900,
            currency: "usd".to_owned(),
            payment_methods: vec!["card".to_owned(), "link".to_owned()],
            submit_text: "1,200 credits for Gleaner. Non-refundable.".to_owned(),
            success_url: "http://127.0.0.1:1/purchases/pur_1?session_id={CHECKOUT_SESSION_ID}".to_owned(),
            cancel_url: "http://127.0.0.1:1/billing".to_owned(),
            expires_at: NOW + 3600,
        }
    }

    async fn opened(&self) -> OpenedCheckout {
        self.stripe.open_checkout("pur_1", &self.order().await).await.expect("a Checkout")
    }

    /// The next webhook, verified.
    async fn hook(&mut self) -> webhook::Envelope {
        let (signature, body) = self.hooks.recv().await.expect("a webhook");
        webhook::verify(&[SECRET.to_owned()], &signature, &body, NOW).expect("a signed event")
    }

    async fn hooks(&mut self, count: usize) -> Vec<String> {
        let mut kinds = Vec::new();
        for _ in 0..count {
            kinds.push(self.hook().await.kind);
        }
        kinds.sort();
        kinds
    }

    /// Posts a raw form to the API.
    async fn post(&self, path: &str, form: &str) -> (u16, serde_json::Value) {
        let request = browser().post(format!("{}{path}", self.base)).bearer_auth(KEY);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        read(request.body(form.to_owned()).send().await.expect("an answer")).await
    }

    /// Fills in the pay page.
    async fn type_card(&self, checkout: &OpenedCheckout, card: &str, cvc: &str) -> (u16, String, String) {
        let form = format!("card_number={card}&expiry=12+%2F+34&cvc={cvc}");
        let request = browser().post(&checkout.url).header("content-type", "application/x-www-form-urlencoded");
        page(request.body(form).send().await.expect("an answer")).await
    }
}

fn browser() -> reqwest::Client {
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    client.build().expect("a client")
}

async fn read(answer: reqwest::Response) -> (u16, serde_json::Value) {
    let status = answer.status().as_u16();
    assert!(answer.headers().contains_key("request-id"));
    let text = answer.text().await.expect("a body");
    (status, serde_json::from_str(&text).expect("json"))
}

/// Status, `Location` and body of a page.
async fn page(answer: reqwest::Response) -> (u16, String, String) {
    let location = answer.headers().get("location").map(|url| url.to_str().expect("ascii").to_owned());
    (answer.status().as_u16(), location.unwrap_or_default(), answer.text().await.expect("a body"))
}

const PAID: [&str; 3] = ["charge.succeeded", "checkout.session.completed", "payment_intent.succeeded"];

#[tokio::test]
async fn a_checkout_is_opened_paid_and_told_of() {
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
async fn what_stripe_refuses_is_refused_in_its_words() {
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
    // What was slow has happened all the same, once: the same key finds it.
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
async fn a_webhook_comes_again_until_it_is_taken() {
    let mut rig = rig().await;
    let checkout = rig.opened().await;
    rig.answer.store(500, Ordering::SeqCst);
    rig.sandbox.pay(&checkout.session_id).await.expect("paid");
    assert_eq!(rig.hooks(3).await, PAID);
    rig.answer.store(200, Ordering::SeqCst);
    assert_eq!(rig.hooks(3).await, PAID);
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
        webhook::verify(&[SECRET.to_owned()], signature, body.as_bytes(), NOW).expect("a signed event");
        stripe_webhook::Webhook::construct_event_with_timestamp(body, signature, SECRET, NOW).expect("a typed event");
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

    let session = stripe_checkout::checkout_session::RetrieveCheckoutSession::new(checkout.session_id.as_str())
        .expand(["payment_intent.latest_charge", "customer", "line_items"].map(str::to_owned).to_vec());
    let session = session.send(&client).await.expect("a session");
    assert_eq!(session.line_items.map(|items| items.data.len()), Some(1));
    assert_eq!(session.metadata.and_then(|mut pairs| pairs.remove("purchase")).as_deref(), Some("pur_1"));
    assert!(session.customer.is_some_and(|customer| customer.is_object()));
    let intent =
        stripe_core::payment_intent::RetrievePaymentIntent::new(intent.as_str()).send(&client).await.expect("it");
    assert_eq!(intent.metadata.get("purchase").map(String::as_str), Some("pur_1"));
    let charge = stripe_core::charge::RetrieveCharge::new(charge.as_str()).send(&client).await.expect("a charge");
    assert_eq!((charge.amount, charge.paid, charge.amount_refunded), (900, true, 0));
    let customer = stripe_core::customer::RetrieveCustomer::new(order.stripe_customer.as_str());
    assert!(customer.send(&client).await.is_ok());
    let events = stripe_core::event::ListEvent::new().send(&client).await.expect("events");
    assert_eq!(events.data.len(), 3);
    let one = stripe_core::event::RetrieveEvent::new(events.data[0].id.clone()).send(&client).await.expect("an event");
    assert_eq!(one.id, events.data[0].id);
    let found = stripe_checkout::checkout_session::ListCheckoutSession::new().payment_intent(intent.id.to_string());
    assert_eq!(found.send(&client).await.expect("a list").data[0].id.as_str(), checkout.session_id);
    let expired = stripe_checkout::checkout_session::ExpireCheckoutSession::new(checkout.session_id.as_str());
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
