//! Steps of tests.

use super::{Answer, OPERATOR_KEY, TestApp};
use serde_json::{Value, json};
use topup::domain::{Instant, PurchaseId};
use topup::store::db::Value as Bind;
use topup::usecases::purchases::Fulfillment;
use topup::usecases::upkeep::check;
use topup::usecases::{alarms, purchases};

impl TestApp {
    /// A request with the operator's key.
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        self.http.request(method, format!("http://{}{path}", self.address)).header("x-api-key", OPERATOR_KEY)
    }

    /// A write with a JSON body; `key` is the idempotency key.
    pub fn write(
        &self,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: impl Into<String>,
    ) -> reqwest::RequestBuilder {
        let request = self.request(method, path).header("content-type", "application/json").body(body.into());
        match key {
            Some(key) => request.header("idempotency-key", key),
            None => request,
        }
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        Answer::of(request.send().await.unwrap()).await.unwrap()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path)).await
    }

    pub async fn post(&self, path: &str, key: &str, body: impl Into<String>) -> Answer {
        self.send(self.write("POST", path, Some(key), body)).await
    }

    pub async fn put(&self, customer: &str, body: Value) -> Answer {
        self.send(self.write("PUT", &format!("/v1/customers/{customer}"), None, body.to_string())).await
    }

    /// A new customer on a plan.
    pub async fn put_customer(&self, customer: &str, plan: &str) {
        self.put(customer, json!({"email": "ada@acme.example", "plan": plan})).await.expect(201);
    }

    /// A new customer that has this much left of its plan.
    pub async fn put_customer_with_left(&self, customer: &str, left: i64) {
        self.put_customer(customer, "starter").await;
        let used = 5_000 - left;
        self.charge(customer, &used.to_string(), "used-before").await.expect(201);
    }

    /// Charges; `credits` is the JSON token.
    pub async fn charge(&self, customer: &str, credits: &str, key: &str) -> Answer {
        self.post(&format!("/v1/customers/{customer}/usage"), key, format!(r#"{{"credits":{credits}}}"#)).await
    }

    pub async fn balance(&self, customer: &str) -> Value {
        self.get(&format!("/v1/customers/{customer}/balance")).await.expect(200).json()
    }

    pub async fn available(&self, customer: &str) -> Value {
        self.balance(customer).await["available"].clone()
    }

    /// All rows of a list, page by page.
    pub async fn all(&self, path: &str, limit: usize) -> Vec<Value> {
        let (mut rows, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("{path}?limit={limit}{cursor}")).await.expect(200).json();
            let data = page["data"].as_array().unwrap();
            assert!(data.len() <= limit);
            rows.extend(data.iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return rows,
            }
        }
    }

    pub async fn entries(&self, customer: &str) -> Vec<Value> {
        self.all(&format!("/v1/customers/{customer}/entries"), 200).await
    }

    /// How many entries are of this kind.
    pub async fn entries_of(&self, customer: &str, kind: &str) -> Vec<Value> {
        let entries = self.entries(customer).await;
        entries.into_iter().filter(|entry| entry["kind"] == kind).collect()
    }

    /// All that a refusal must leave as it was.
    pub async fn ledger(&self, customer: &str) -> (Value, Vec<Value>) {
        (self.balance(customer).await, self.entries(customer).await)
    }

    pub async fn start_purchase(&self, customer: &str, package: &str, key: &str) -> Answer {
        let body = json!({"package": package}).to_string();
        self.post(&format!("/v1/customers/{customer}/purchases"), key, body).await
    }

    /// An open purchase.
    pub async fn opened(&self, customer: &str, package: &str, key: &str) -> Opened {
        Opened::of(&self.start_purchase(customer, package, key).await.expect(201))
    }

    pub async fn purchase(&self, id: &str) -> Value {
        self.get(&format!("/v1/purchases/{id}")).await.expect(200).json()
    }

    /// Pays a Checkout with a good card.
    pub async fn pay(&self, opened: &Opened) {
        self.sandbox.pay(&opened.session).await.unwrap();
    }

    /// Buys, pays and credits, without any webhook.
    pub async fn buy(&self, customer: &str, package: &str, key: &str) -> Value {
        self.sandbox.faults().set_webhooks(false);
        let opened = self.opened(customer, package, key).await;
        self.pay(&opened).await;
        assert_eq!(self.fulfill(&opened).await, Fulfillment::Done);
        let purchase = self.purchase(&opened.id).await;
        assert_eq!(purchase["state"], "credited");
        purchase
    }

    /// Posts one signed event to the webhook.
    pub async fn deliver(&self, event: &(String, String)) -> Answer {
        self.send(self.delivery(event)).await
    }

    pub fn delivery(&self, (body, signature): &(String, String)) -> reqwest::RequestBuilder {
        let url = format!("http://{}/webhooks/stripe", self.address);
        self.http.post(url).header("stripe-signature", signature).body(body.clone())
    }

    /// All events about a Checkout, ready to be delivered.
    pub async fn events(&self, opened: &Opened) -> Vec<(String, String)> {
        self.sandbox.deliveries_of(&opened.session).await.unwrap()
    }

    /// The event that says that a Checkout was completed.
    pub async fn completed(&self, opened: &Opened) -> (String, String) {
        let events = self.events(opened).await;
        events.into_iter().find(|(body, _)| body.contains(r#""checkout.session.completed""#)).unwrap()
    }

    /// Fulfills as the success page does.
    pub async fn fulfill(&self, opened: &Opened) -> Fulfillment {
        let id = PurchaseId::parse(&opened.id).unwrap();
        purchases::fulfill(&self.inner(), id, Some(&opened.session)).await.unwrap()
    }

    pub fn now(&self) -> Instant {
        self.inner().clock.now()
    }

    pub async fn advance(&self, body: Value) -> Answer {
        self.send(self.write("POST", "/test/clock", None, body.to_string())).await
    }

    pub async fn advance_to(&self, to: Instant) {
        let to = to.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        self.advance(json!({"advance_to": to})).await.expect(200);
    }

    pub async fn advance_minutes(&self, minutes: i64) {
        self.advance_to(self.now() + chrono::TimeDelta::minutes(minutes)).await;
    }

    /// Verifies the whole database against the rules.
    pub async fn check(&self) -> check::CheckReport {
        check::check_all(&self.inner().store).await.unwrap().unwrap_or_else(|broken| panic!("check: {broken}"))
    }

    /// Verifies what is new since the last good check.
    pub async fn check_since(&self) -> check::CheckReport {
        self.check_and_keep(check::Extent::SinceLast).await.unwrap_or_else(|broken| panic!("check --since: {broken}"))
    }

    /// The result of `topup check` now, stored if it is good.
    pub async fn check_and_keep(&self, extent: check::Extent) -> Result<check::CheckReport, String> {
        let inner = self.inner();
        let found = check::check_and_keep(&inner.store, &inner.store, &inner.clock, extent).await.unwrap();
        found.map(|(report, fault)| fault.map_or(report, |fault| panic!("not stored: {fault}")))
    }

    /// A number that a query counts, as `n`.
    pub async fn count(&self, sql: &str) -> i64 {
        let inner = self.inner();
        let row = inner.store.read().await.unwrap().fetch_optional(sql, Vec::new()).await.unwrap();
        row.unwrap().int("n").unwrap()
    }

    /// Changes the database behind the product's back, as the engine's own turn would.
    pub async fn tamper(&self, sql: &str, args: Vec<Bind>) -> Result<u64, sqlx::Error> {
        let inner = self.inner();
        let mut db = inner.store.begin_write().await?;
        let rows = db.execute(sql, args).await?;
        db.commit().await?;
        Ok(rows)
    }

    /// The kinds of the open alarms.
    pub async fn alarms(&self) -> Vec<String> {
        let open = alarms::open_alarms(&self.inner().store).await.unwrap();
        open.into_iter().map(|alarm| alarm.kind).collect()
    }
}

/// A purchase whose Checkout is open.
#[derive(Clone, Debug)]
pub struct Opened {
    pub id: String,
    /// The Checkout's id at Stripe.
    pub session: String,
}

impl Opened {
    pub fn of(answer: &Answer) -> Self {
        let json = answer.json();
        let url = json["url"].as_str().unwrap();
        let session = url.rsplit('/').next().unwrap().to_owned();
        Self { id: json["id"].as_str().unwrap().to_owned(), session }
    }
}
