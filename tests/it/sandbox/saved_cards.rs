//! Saved cards and the invoices that they pay, over HTTP.

use serde_json::Value;

use super::rig::{KEY, NOW, Rig, browser, page, read, rig};
use std::sync::atomic::Ordering;

/// A customer with a saved card.
struct Saved {
    rig: Rig,
    customer: String,
    method: String,
}

impl Rig {
    async fn get(&self, path: &str) -> Value {
        let request = browser().get(format!("{}{path}", self.base)).bearer_auth(KEY);
        read(request.send().await.expect("an answer")).await.1
    }

    /// Posts a form under a key.
    async fn post_once(&self, path: &str, form: &str, key: &str) -> (u16, Value) {
        let request = browser().post(format!("{}{path}", self.base)).bearer_auth(KEY).header("idempotency-key", key);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        read(request.body(form.to_owned()).send().await.expect("an answer")).await
    }

    async fn set_up(&self, customer: &str) -> Value {
        let form = format!("mode=setup&currency=usd&customer={customer}&success_url=http://127.0.0.1:1/auto-top-up");
        let (status, session) = self.post("/v1/checkout/sessions", &form).await;
        assert_eq!(status, 200, "{session}");
        session
    }
}

async fn saved(card: &str) -> Saved {
    let rig = rig().await;
    let customer = rig.order().await.stripe_customer;
    let session = rig.set_up(&customer).await;
    let session = session["id"].as_str().expect("an id");
    assert_eq!(rig.sandbox.pay_with(session, card).await.as_deref(), Ok("http://127.0.0.1:1/auto-top-up"));
    let session = rig.get(&format!("/v1/checkout/sessions/{session}?expand[]=setup_intent.payment_method")).await;
    let method = session["setup_intent"]["payment_method"]["id"].as_str().expect("a card").to_owned();
    Saved { rig, customer, method }
}

impl Saved {
    /// An open invoice of $9.
    async fn invoice(&self) -> String {
        let (customer, method) = (&self.customer, &self.method);
        let form = format!(
            "customer={customer}&auto_advance=false&currency=usd&default_payment_method={method}\
             &pending_invoice_items_behavior=exclude&metadata[purchase]=pur_1"
        );
        let (status, invoice) = self.rig.post("/v1/invoices", &form).await;
        assert_eq!((status, invoice["status"].as_str()), (200, Some("draft")), "{invoice}");
        let id = invoice["id"].as_str().expect("an id").to_owned();
        let line = format!("customer={customer}&invoice={id}&amount=900&currency=usd&description=1,200+credits");
        assert_eq!(self.rig.post("/v1/invoiceitems", &line).await.0, 200);
        let (status, invoice) = self.rig.post(&format!("/v1/invoices/{id}/finalize"), "").await;
        assert_eq!((status, invoice["total"].as_i64(), invoice["status"].as_str()), (200, Some(900), Some("open")));
        id
    }

    async fn pay(&self, invoice: &str, key: &str) -> (u16, Value) {
        self.rig.post_once(&format!("/v1/invoices/{invoice}/pay"), "off_session=true", key).await
    }

    async fn kinds(&self, id: &str) -> Vec<String> {
        let events = self.rig.sandbox.deliveries_of(id).await.expect("a store");
        let kind = |body: &str| serde_json::from_str::<Value>(body).expect("json")["type"].as_str().map(str::to_owned);
        events.iter().filter_map(|(body, _)| kind(body)).collect()
    }
}

#[tokio::test]
async fn a_card_is_saved_on_its_page_and_detached() {
    let rig = rig().await;
    let customer = rig.order().await.stripe_customer;
    let session = rig.set_up(&customer).await;
    assert_eq!(
        (session["payment_status"].as_str(), session["amount_total"].as_i64()),
        (Some("no_payment_required"), None)
    );
    let url = session["url"].as_str().expect("a URL");
    let type_card = async |form: &str| {
        let request = browser().post(url).header("content-type", "application/x-www-form-urlencoded");
        page(request.body(form.to_owned()).send().await.expect("an answer")).await
    };
    let (status, _, html) = type_card("card_number=4000000000000002&expiry=12/34&cvc=123").await;
    assert!(status == 402 && html.contains("Your card was declined."));
    let (status, _, html) = type_card("card_number=4000002760003184&expiry=12/34&cvc=123").await;
    assert!(status == 200 && html.contains("Your bank asks you to confirm"));
    assert_eq!(type_card("confirm=no").await.0, 402);
    type_card("card_number=4000002760003184&expiry=12/34&cvc=123").await;
    assert_eq!(type_card("confirm=yes").await.0, 303);

    let intent = rig
        .get(&format!("/v1/setup_intents/{}?expand[]=payment_method", session["setup_intent"].as_str().expect("an id")))
        .await;
    assert_eq!((intent["status"].as_str(), intent["customer"].as_str()), (Some("succeeded"), Some(&*customer)));
    let card = &intent["payment_method"]["card"];
    assert_eq!((card["last4"].as_str(), card["exp_year"].as_i64()), (Some("3184"), Some(2034)));
    let method = intent["payment_method"]["id"].as_str().expect("an id");
    let list = rig.get(&format!("/v1/payment_methods?customer={customer}&type=card")).await;
    assert_eq!(list["data"].as_array().map(Vec::len), Some(1));
    let settings = format!("invoice_settings[default_payment_method]={method}");
    assert_eq!(rig.post(&format!("/v1/customers/{customer}"), &settings).await.0, 200);
    assert_eq!(rig.post(&format!("/v1/payment_methods/{method}/detach"), "").await.1["customer"], Value::Null);
    assert_eq!(rig.post(&format!("/v1/payment_methods/{method}/detach"), "").await.0, 400);
    let customer = rig.get(&format!("/v1/customers/{customer}")).await;
    assert_eq!(customer["invoice_settings"]["default_payment_method"], Value::Null);
}

#[tokio::test]
async fn a_saved_card_has_the_fingerprint_of_its_number() {
    let saved = saved("4242424242424242").await;
    let again = saved.rig.set_up(&saved.customer).await["id"].as_str().expect("an id").to_owned();
    saved.rig.sandbox.pay_with(&again, "4242424242424242").await.expect("saved");
    let methods = saved.rig.get(&format!("/v1/payment_methods?customer={}", saved.customer)).await;
    let print = |at: usize| methods["data"][at]["card"]["fingerprint"].as_str().expect("a fingerprint").to_owned();
    assert_eq!(print(0), print(1));
    // A payment with the same number has it, too.
    let checkout = saved.rig.opened().await;
    saved.rig.sandbox.pay(&checkout.session_id).await.expect("paid");
    let charges = saved.rig.get("/v1/charges").await;
    assert_eq!(charges["data"][0]["payment_method_details"]["card"]["fingerprint"], print(0));
}

#[tokio::test]
async fn an_invoice_is_paid_with_a_saved_card() {
    let saved = saved("4242424242424242").await;
    let id = saved.invoice().await;
    let (status, paid) = saved.pay(&id, "k").await;
    assert_eq!((status, paid["status"].as_str(), paid["amount_paid"].as_i64()), (200, Some("paid"), Some(900)));
    assert_eq!(saved.pay(&id, "k").await, (status, paid));
    assert_eq!(saved.pay(&id, "k2").await.0, 400);

    let path = "payments.data.payment.payment_intent";
    let invoice = saved.rig.get(&format!("/v1/invoices/{id}?expand[]={path}")).await;
    let payment = &invoice["payments"]["data"][0];
    let intent = &payment["payment"]["payment_intent"];
    assert_eq!((payment["status"].as_str(), intent["status"].as_str()), (Some("paid"), Some("succeeded")));
    let charge = intent["latest_charge"].as_str().expect("a charge");
    let charge = saved.rig.get(&format!("/v1/charges/{charge}")).await;
    assert_eq!(charge["payment_method"], saved.method.as_str());
    let intent = intent["id"].as_str().expect("an id");
    let payments = format!("/v1/invoice_payments?payment[type]=payment_intent&payment[payment_intent]={intent}");
    assert_eq!(saved.rig.get(&payments).await["data"][0]["invoice"], id.as_str());
    let events = [
        "invoice.created",
        "invoice.finalized",
        "payment_intent.created",
        "payment_intent.succeeded",
        "charge.succeeded",
        "invoice.paid",
        "invoice.payment_succeeded",
    ];
    assert_eq!(saved.kinds(&id).await, events);
    let refund = saved.rig.sandbox.refund(&id, Some(100)).await;
    assert!(refund.is_ok_and(|refund| refund.starts_with("re_")));
    assert!(saved.rig.sandbox.dispute(&id, None, "needs_response").await.is_ok());
}

#[tokio::test]
async fn a_declined_card_says_why_and_is_counted() {
    let check = async |card: &str, code: &str, decline_code: &str, advice: &str| {
        let saved = saved(card).await;
        let id = saved.invoice().await;
        let (status, answer) = saved.pay(&id, "try-1").await;
        let error = &answer["error"];
        assert_eq!((status, error["type"].as_str()), (402, Some("card_error")), "{answer}");
        let said = ["code", "decline_code", "advice_code"].map(|name| error[name].as_str().unwrap_or_default());
        assert_eq!(said, [code, decline_code, advice]);
        assert_eq!(error["payment_intent"]["status"], "requires_payment_method");
        // The key repeats the answer, and the card is not charged again.
        assert_eq!(saved.pay(&id, "try-1").await, (402, answer));
        assert_eq!(saved.pay(&id, "try-2").await.0, 402);
        let counted = saved.rig.sandbox.charges_by_card().await.expect("a store");
        assert_eq!((counted[0].last4.as_str(), counted[0].paid, counted[0].declined), (&card[12..], 0, 2));
        let invoice = saved.rig.get(&format!("/v1/invoices/{id}")).await;
        assert_eq!((invoice["status"].as_str(), invoice["attempt_count"].as_i64()), (Some("open"), Some(2)));
        let (status, void) = saved.rig.post(&format!("/v1/invoices/{id}/void"), "").await;
        assert_eq!((status, void["status"].as_str()), (200, Some("void")));
        assert_eq!(saved.pay(&id, "try-3").await.0, 400);
        assert_eq!(saved.kinds(&id).await.last().map(String::as_str), Some("invoice.voided"));
    };
    check("4000000000000341", "card_declined", "generic_decline", "try_again_later").await;
    check("4000000000009995", "card_declined", "insufficient_funds", "try_again_later").await;
    check("4000000000009987", "card_declined", "lost_card", "do_not_try_again").await;
    check("4000000000000069", "expired_card", "expired_card", "confirm_card_data").await;
}

#[tokio::test]
async fn a_card_that_asks_is_confirmed_on_the_invoices_page() {
    let saved = saved("4000002760003184").await;
    let id = saved.invoice().await;
    let (status, answer) = saved.pay(&id, "try-1").await;
    let error = &answer["error"];
    assert_eq!((status, error["code"].as_str()), (402, Some("invoice_payment_intent_requires_action")));
    assert_eq!(error["payment_intent"]["status"], "requires_action");
    assert!(saved.kinds(&id).await.contains(&"invoice.payment_action_required".to_owned()));
    let invoice = saved.rig.get(&format!("/v1/invoices/{id}")).await;
    let url = invoice["hosted_invoice_url"].as_str().expect("a URL");
    let (_, _, html) = page(browser().get(url).send().await.expect("an answer")).await;
    assert!(html.contains("Your bank asks you to confirm") && html.contains("$9.00"));
    let send = async |form: &str| {
        let request = browser().post(url).header("content-type", "application/x-www-form-urlencoded");
        page(request.body(form.to_owned()).send().await.expect("an answer")).await
    };
    let (status, _, html) = send("confirm=no").await;
    assert!(status == 402 && html.contains("Pay $9.00"));
    assert_eq!(send("card_number=4000002760003184&expiry=12/34&cvc=123").await.0, 303);
    assert_eq!(send("confirm=yes").await.0, 303);
    assert_eq!(saved.rig.get(&format!("/v1/invoices/{id}")).await["status"], "paid");
    assert_eq!(saved.rig.sandbox.charges_by_card().await.expect("a store")[0].paid, 1);
}

#[tokio::test]
async fn a_card_may_die_later() {
    let saved = saved("4242424242424242").await;
    saved.rig.sandbox.faults().set_card("4242", Some("stolen_card"));
    let id = saved.invoice().await;
    assert_eq!(saved.pay(&id, "try-1").await.1["error"]["decline_code"], "stolen_card");
    saved.rig.sandbox.faults().set_card("4242", None);
    assert_eq!(saved.pay(&id, "try-2").await.0, 200);
    // 2035: its expiry has passed.
    saved.rig.clock.store(NOW + 9 * 366 * 86_400, Ordering::SeqCst);
    let next = saved.invoice().await;
    assert_eq!(saved.pay(&next, "try-3").await.1["error"]["code"], "expired_card");
}

#[tokio::test]
async fn tax_needs_an_address() {
    let saved = saved("4242424242424242").await;
    let form = format!("customer={}&automatic_tax[enabled]=true&currency=usd", saved.customer);
    let (_, invoice) = saved.rig.post("/v1/invoices", &form).await;
    assert_eq!(invoice["automatic_tax"]["status"], "requires_location_inputs");
    let path = format!("/v1/invoices/{}", invoice["id"].as_str().expect("an id"));
    let lines = "lines[0][price_data][currency]=usd&lines[0][price_data][unit_amount]=900\
        &lines[0][price_data][product_data][name]=credits&lines[0][quantity]=2";
    assert_eq!(saved.rig.post(&format!("{path}/add_lines"), lines).await.1["total"], 1800);
    let (status, refused) = saved.rig.post(&format!("{path}/finalize"), "").await;
    assert_eq!((status, refused["error"]["code"].as_str()), (400, Some("customer_tax_location_invalid")));
    let customer = format!("/v1/customers/{}", saved.customer);
    assert_eq!(saved.rig.post(&customer, "address[country]=US&address[postal_code]=94103").await.0, 200);
    assert_eq!(saved.rig.post(&path, "description=x").await.0, 200);
    let (status, open) = saved.rig.post(&format!("{path}/finalize"), "").await;
    assert_eq!((status, open["total"].as_i64(), open["subtotal"].as_i64()), (200, Some(2160), Some(1800)));
    assert_eq!(open["total_taxes"][0]["amount"], 360);
}

#[tokio::test]
async fn a_draft_is_deleted_and_a_detached_card_pays_nothing() {
    let saved = saved("4242424242424242").await;
    let (_, draft) = saved.rig.post("/v1/invoices", &format!("customer={}", saved.customer)).await;
    let path = format!("{}/v1/invoices/{}", saved.rig.base, draft["id"].as_str().expect("an id"));
    let deleted = browser().delete(&path).bearer_auth(KEY).send().await.expect("an answer");
    assert_eq!(read(deleted).await.1["deleted"], true);
    let id = saved.invoice().await;
    saved.rig.post(&format!("/v1/payment_methods/{}/detach", saved.method), "").await;
    let (status, refused) = saved.pay(&id, "try-1").await;
    assert_eq!((status, refused["error"]["code"].as_str()), (400, Some("payment_method_unexpected_state")));
    // A person may pay it on its page, even while the shop voids it.
    saved.rig.post(&format!("/v1/invoices/{id}/void"), "").await;
    assert_eq!(saved.rig.sandbox.pay_invoice(&id, "4242424242424242").await, Ok(()));
    assert_eq!(saved.rig.get(&format!("/v1/invoices/{id}")).await["status"], "paid");
}
