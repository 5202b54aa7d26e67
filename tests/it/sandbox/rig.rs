//! A sandbox on a port of its own, a client of it, and a shop that its webhooks reach.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU16, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use chrono::{DateTime, Utc};
use stripe_sandbox::{Sandbox, SandboxSettings};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use topup::stripe::{CheckoutOrder, NewCustomer, OpenedCheckout, Stripe, webhook};

pub const KEY: &str = "sk_test_sandbox";
pub const SECRET: &str = "whsec_sandbox";
pub const NOW: i64 = 1_795_000_000;

/// A webhook as it arrived: its signature, its body.
pub type Hook = (String, Bytes);

/// A sandbox on a port of its own, a client of it, and a shop that its webhooks reach.
pub struct Rig {
    pub sandbox: Sandbox,
    pub stripe: Stripe,
    pub base: String,
    /// The product's clock.
    pub clock: Arc<AtomicI64>,
    /// The status that answers webhooks.
    pub answer: Arc<AtomicU16>,
    pub hooks: UnboundedReceiver<Hook>,
    tasks: [JoinHandle<()>; 2],
}

fn instant(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).expect("an instant")
}

async fn listen(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    serve(listener, router);
    base
}

fn serve(listener: TcpListener, router: Router) -> JoinHandle<()> {
    tokio::spawn(async move { axum::serve(listener, router).await.expect("a running server") })
}

async fn take(
    State((hooks, answer)): State<(UnboundedSender<Hook>, Arc<AtomicU16>)>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let signature = headers["stripe-signature"].to_str().expect("ascii").to_owned();
    // Read before the test hears of it, and may change it.
    let status = StatusCode::from_u16(answer.load(Ordering::SeqCst)).expect("a status");
    // A test that has seen enough is gone.
    let _ = hooks.send((signature, body));
    status
}

pub async fn rig() -> Rig {
    rig_with(None).await
}

pub async fn rig_with(file: Option<std::path::PathBuf>) -> Rig {
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
        now: Arc::new(move || instant(read.load(Ordering::SeqCst))),
        real_now: Arc::new(|| instant(NOW)),
        shop_name: "Gleaner".to_owned(),
        deliver_twice: false,
    };
    let sandbox = Sandbox::open(settings).await.expect("a sandbox");
    let tasks = [serve(listener, sandbox.router()), sandbox.spawn_deliveries()];
    let stripe = Stripe::new(KEY, Some(&base)).expect("a client");
    Rig { sandbox, stripe, base, clock, answer, hooks, tasks }
}

impl Rig {
    /// Ends the sandbox as a killed process would.
    pub async fn stop(self) {
        for task in self.tasks {
            task.abort();
            let _ = task.await;
        }
    }

    pub async fn order(&self) -> CheckoutOrder {
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
            invoice: false,
            tax_ids: false,
            automatic_tax: false,
            sold: None,
        }
    }

    pub async fn opened(&self) -> OpenedCheckout {
        self.stripe.open_checkout("pur_1", &self.order().await).await.expect("a Checkout")
    }

    /// The next webhook, verified.
    pub async fn hook(&mut self) -> webhook::Envelope {
        let (signature, body) = self.hooks.recv().await.expect("a webhook");
        webhook::verify_signature(&[SECRET.to_owned()], &signature, &body, NOW).expect("a signed event")
    }

    pub async fn hooks(&mut self, count: usize) -> Vec<String> {
        let mut kinds = Vec::new();
        for _ in 0..count {
            kinds.push(self.hook().await.kind);
        }
        kinds.sort();
        kinds
    }

    /// Posts a raw form to the API.
    pub async fn post(&self, path: &str, form: &str) -> (u16, serde_json::Value) {
        let request = browser().post(format!("{}{path}", self.base)).bearer_auth(KEY);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        read(request.body(form.to_owned()).send().await.expect("an answer")).await
    }

    /// Fills in the pay page.
    pub async fn type_card(&self, checkout: &OpenedCheckout, card: &str, cvc: &str) -> (u16, String, String) {
        let form = format!("card_number={card}&expiry=12+%2F+34&cvc={cvc}");
        let request = browser().post(&checkout.url).header("content-type", "application/x-www-form-urlencoded");
        page(request.body(form).send().await.expect("an answer")).await
    }
}

pub fn browser() -> reqwest::Client {
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    client.build().expect("a client")
}

pub async fn read(answer: reqwest::Response) -> (u16, serde_json::Value) {
    let status = answer.status().as_u16();
    assert!(answer.headers().contains_key("request-id"));
    let text = answer.text().await.expect("a body");
    (status, serde_json::from_str(&text).expect("json"))
}

/// Status, `Location` and body of a page.
pub async fn page(answer: reqwest::Response) -> (u16, String, String) {
    let location = answer.headers().get("location").map(|url| url.to_str().expect("ascii").to_owned());
    (answer.status().as_u16(), location.unwrap_or_default(), answer.text().await.expect("a body"))
}
