//! The client against a scripted server: its requests and their number.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::stripe::{CheckoutOrder, NewCustomer, Sold, Stripe, StripeError, is_live_key};

/// Answers to give, and requests received: method and path, idempotency key, body.
#[derive(Default)]
struct Script {
    answers: VecDeque<(u16, String)>,
    asked: Vec<(String, String, String)>,
}

type Shared = Arc<Mutex<Script>>;

async fn answer(State(script): State<Shared>, request: Request) -> (StatusCode, String) {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    let key = head.headers.get("idempotency-key").map(|key| key.to_str().expect("ascii").to_owned());
    let mut script = script.lock().expect("a script");
    let body = String::from_utf8(body.to_vec()).expect("text");
    script.asked.push((format!("{} {}", head.method, head.uri), key.unwrap_or_default(), body));
    let (status, text) = script.answers.pop_front().expect("an answer in the script");
    (StatusCode::from_u16(status).expect("a status"), text)
}

async fn stripe(answers: &[(u16, Value)]) -> (Stripe, Shared) {
    let script: Shared = Arc::default();
    let texts = answers.iter().map(|(status, body)| (*status, body.as_str().map_or(body.to_string(), str::to_owned)));
    script.lock().expect("a script").answers.extend(texts);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}/under/a/path", listener.local_addr().expect("an address"));
    let router = Router::new().fallback(answer).with_state(script.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (Stripe::new("sk_test_1", Some(&base)).expect("a client"), script)
}

fn error(code: &str) -> Value {
    json!({ "error": { "type": "invalid_request_error", "code": code, "message": "no" } })
}

fn customer() -> Value {
    json!({ "id": "cus_1", "object": "customer", "created": 1, "livemode": false })
}

fn session(payment_intent: Value) -> Value {
    json!({
        "id": "cs_test_1", "object": "checkout.session", "created": 1, "livemode": false, "mode": "payment",
        "automatic_tax": { "enabled": false }, "custom_fields": [], "custom_text": {}, "expires_at": 2,
        "payment_method_types": [], "payment_status": "paid", "shipping_options": [], "status": "complete",
        "payment_intent": payment_intent, "url": "http://pay.example/",
    })
}

async fn create(stripe: &Stripe) -> Result<String, StripeError> {
    let new = NewCustomer { email: "a@b.example".into(), name: None, customer_ref: "acme".into() };
    stripe.create_customer("key", &new).await
}

fn asked(script: &Shared) -> Vec<(String, String, String)> {
    script.lock().expect("a script").asked.clone()
}

#[tokio::test]
async fn a_passing_error_is_retried_with_the_same_key() {
    let html = json!("<html>Bad gateway</html>");
    let conflict = (409, error("lock_timeout"));
    for passing in
        [(409, error("idempotency_key_in_use")), conflict, (429, error("rate_limit")), (500, error("x")), (502, html)]
    {
        let (stripe, script) = stripe(&[passing.clone(), passing.clone(), (200, customer())]).await;
        assert_eq!(create(&stripe).await, Ok("cus_1".to_owned()), "{passing:?}");
        let asked = asked(&script);
        assert_eq!(asked.len(), 3);
        let same = ("POST /under/a/path/v1/customers".to_owned(), "key".to_owned());
        assert!(asked.iter().all(|(path, key, body)| (path, key) == (&same.0, &same.1) && *body == asked[0].2));
    }
}

#[tokio::test]
async fn a_permanent_error_is_not_retried() {
    for (status, code) in [(400, "parameter_unknown"), (404, "resource_missing")] {
        let (stripe, script) = stripe(&[(status, error(code))]).await;
        let refused = create(&stripe).await;
        assert!(matches!(refused, Err(StripeError::Refused { status: same, .. }) if same == status), "{refused:?}");
        assert_eq!(asked(&script).len(), 1);
    }
    let (declining, script) = stripe(&[(402, error("expired_card"))]).await;
    assert!(matches!(create(&declining).await, Err(StripeError::Card { code, .. }) if code == "expired_card"));
    assert_eq!(asked(&script).len(), 1);
    for status in [401, 403] {
        let (stripe, script) = stripe(&[(status, error("x"))]).await;
        assert!(matches!(create(&stripe).await, Err(StripeError::Unauthorized(_))));
        assert_eq!(asked(&script).len(), 1);
    }
}

#[tokio::test]
async fn three_failures_are_an_unknown_outcome() {
    let (stripe, script) = stripe(&[(503, error("x")), (503, error("x")), (503, error("x"))]).await;
    assert!(matches!(create(&stripe).await, Err(StripeError::Unavailable(_))));
    assert_eq!(asked(&script).len(), 3);
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_malformed() {
    for nonsense in [json!("{"), json!({ "id": 1 }), json!("<html>")] {
        let (stripe, _) = stripe(&[(200, nonsense)]).await;
        assert!(matches!(create(&stripe).await, Err(StripeError::Malformed(_))));
    }
}

#[tokio::test]
async fn an_order_goes_out_whole() {
    let (stripe, script) = stripe(&[(200, session(Value::Null))]).await;
    let order = CheckoutOrder {
        purchase: "pur_1".into(),
        stripe_customer: "cus_1".into(),
        product_name: "1,200 credits".into(),
        amount: 900,
        currency: "USD".into(),
        payment_methods: vec!["card".into(), "link".into()],
        submit_text: "Now".into(),
        success_url: "http://a.example/?s={CHECKOUT_SESSION_ID}".into(),
        cancel_url: "http://a.example/".into(),
        expires_at: 1234,
        invoice: true,
        tax_ids: true,
        automatic_tax: true,
        sold: Some(Sold {
            quantity: None,
            customer: "acme".into(),
            package: "p1200".into(),
            credits: "1200".into(),
            months: Some("12".into()),
        }),
    };
    let opened = stripe.open_checkout("pur_1", &order).await.expect("a Checkout");
    assert_eq!((opened.session_id.as_str(), opened.url.as_str()), ("cs_test_1", "http://pay.example/"));
    let (path, key, body) = asked(&script).remove(0);
    assert_eq!((path.as_str(), key.as_str()), ("POST /under/a/path/v1/checkout/sessions", "pur_1"));
    let base = url::Url::parse(&format!("http://x/?{body}")).expect("a query");
    let mut pairs: Vec<_> = base.query_pairs().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.sort();
    let expected = [
        "allowed_payment_method_types[0]=card",
        "allowed_payment_method_types[1]=link",
        "automatic_tax[enabled]=true",
        "billing_address_collection=required",
        "cancel_url=http://a.example/",
        "client_reference_id=pur_1",
        "custom_text[submit][message]=Now",
        "customer=cus_1",
        "customer_update[address]=auto",
        "customer_update[name]=auto",
        "expires_at=1234",
        "invoice_creation[enabled]=true",
        "invoice_creation[invoice_data][metadata][purchase]=pur_1",
        "line_items[0][price_data][currency]=usd",
        "line_items[0][price_data][product_data][name]=1,200 credits",
        "line_items[0][price_data][tax_behavior]=exclusive",
        "line_items[0][price_data][unit_amount]=900",
        "line_items[0][quantity]=1",
        "metadata[credits]=1200",
        "metadata[customer]=acme",
        "metadata[months]=12",
        "metadata[package]=p1200",
        "metadata[purchase]=pur_1",
        "mode=payment",
        "payment_intent_data[metadata][purchase]=pur_1",
        "success_url=http://a.example/?s={CHECKOUT_SESSION_ID}",
        "tax_id_collection[enabled]=true",
    ];
    assert_eq!(pairs, expected);
}

#[tokio::test]
async fn a_payment_that_cannot_be_read_does_not_hide_that_it_was_paid() {
    let odd = session(json!({ "id": "pi_1", "object": "payment_intent", "shape": "new" }));
    let (stripe, script) = stripe(&[(200, odd.clone()), (200, odd), (200, session(json!("pi_1")))]).await;
    let state = stripe.checkout("cs_test_1").await.expect("a state");
    assert_eq!((state.paid, state.payment_intent.as_deref(), state.charge), (true, Some("pi_1"), None));
    let paths: Vec<_> = asked(&script).into_iter().map(|(path, ..)| path).collect();
    let path = "GET /under/a/path/v1/checkout/sessions/cs_test_1?".to_owned();
    assert!(paths[..2].iter().all(|asked| asked.starts_with(&path) && asked.contains("payment_intent")), "{paths:?}");
    assert!(paths[0].contains("invoice") && !paths[1].contains("invoice"), "{paths:?}");
    assert!(!paths[2].contains("expand"), "{paths:?}");
}

#[tokio::test]
async fn a_failed_connection_is_an_unknown_outcome() {
    let stripe = Stripe::new("sk_test_1", Some("http://127.0.0.1:1")).expect("a client");
    let stripe = stripe.with_deadline(Duration::from_millis(500));
    assert!(matches!(create(&stripe).await, Err(StripeError::Unavailable(_))));
}

#[test]
fn only_the_three_live_prefixes_are_live() {
    for key in ["sk_live_1", "rk_live_1", "sk_org_live_1"] {
        assert!(is_live_key(key), "{key}");
    }
    for key in ["sk_test_1", "rk_test_1", "sk_org_test_1", "", "pk_live_1", " sk_live_1"] {
        assert!(!is_live_key(key), "{key}");
    }
}

#[tokio::test]
async fn an_order_without_tax_or_invoice_goes_out_as_it_was_stored() {
    let (stripe, script) = stripe(&[(200, session(Value::Null))]).await;
    let stored = json!({
        "purchase": "pur_1", "stripe_customer": "cus_1", "product_name": "x", "amount": 900, "currency": "usd",
        "payment_methods": [], "submit_text": "", "success_url": "http://a.example/", "cancel_url": "http://a.example/",
        "expires_at": 1234,
    });
    let order: CheckoutOrder = serde_json::from_value(stored).expect("an order of an earlier release");
    stripe.open_checkout("pur_1", &order).await.expect("a Checkout");
    let (.., body) = asked(&script).remove(0);
    for newer in ["invoice", "tax", "customer_update", "billing_address"] {
        assert!(!body.contains(newer), "{newer} {body}");
    }
}

#[tokio::test]
async fn an_invoice_is_asked_for_its_links_and_nothing_else() {
    let invoice = json!({
        "id": "in_1", "hosted_invoice_url": "https://invoice.example/1", "invoice_pdf": null, "number": "A-1",
        "lines": "of a shape that nobody knows",
    });
    let (stripe, script) = stripe(&[(200, invoice)]).await;
    let links = stripe.invoice("in_1").await.expect("links");
    assert_eq!(links.hosted_url.as_deref(), Some("https://invoice.example/1"));
    assert_eq!((links.pdf, links.number.as_deref()), (None, Some("A-1")));
    assert!(matches!(stripe.invoice("in_/../x").await, Err(StripeError::Refused { status: 404, .. })));
    assert_eq!(asked(&script).len(), 1);
}
