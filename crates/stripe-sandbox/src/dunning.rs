//! What the clock, the bank and the shop's dashboard do to subscriptions. Tests say what the bank does.
//!
//! Invariants: each period has one invoice; a payment that fails leaves it open and the subscription past due; one
//! that comes pays all that are open.

use serde_json::{Value, json};
use sqlx::SqliteConnection;

use super::error::ApiError;
use super::payments::id_of;
use super::subscriptions::{self, Tell, boundary, changed, find};
use super::{Sandbox, events, invoices, objects, store};

/// A period of a subscription is over: it ends, or the next one is invoiced.
pub(super) async fn renew(conn: &mut SqliteConnection, mut one: Value, at: i64, lost: bool) -> Result<(), ApiError> {
    let tell = Tell { now: at, lost };
    if one["cancel_at_period_end"] == true {
        subscriptions::end(conn, one, tell).await?;
        return Ok(());
    }
    let anchor = one["billing_cycle_anchor"].as_i64().unwrap_or_default();
    let periods = one["_sandbox"]["periods"].as_i64().unwrap_or(1);
    one["_sandbox"]["periods"] = (periods + 1).into();
    one["items"]["data"][0]["current_period_start"] = boundary(anchor, periods).into();
    one["items"]["data"][0]["current_period_end"] = boundary(anchor, periods + 1).into();
    let declined = one["_sandbox"]["declined"] == true;
    bill(conn, one, "subscription_cycle", !declined, tell).await
}

/// Makes an invoice, paid or not, and tells of it.
async fn bill(
    conn: &mut SqliteConnection,
    mut one: Value,
    reason: &str,
    paid: bool,
    tell: Tell,
) -> Result<(), ApiError> {
    let invoice = invoices::of_subscription(conn, &one, reason, paid, tell.now).await?;
    one["latest_invoice"] = invoice["id"].clone();
    one["status"] = if paid { "active" } else { "past_due" }.into();
    let (kind, subject) = (if paid { "invoice.paid" } else { "invoice.payment_failed" }, id_of(&one).to_owned());
    events::emit(conn, kind, &invoice, &subject, &events::nobody(), tell.now, tell.lost).await?;
    changed(conn, &one, tell).await
}

/// The money comes after all: what is open is paid.
async fn recover(conn: &mut SqliteConnection, id: &str, tell: Tell) -> Result<(), ApiError> {
    let mut one = find(conn, id).await?;
    for mut invoice in store::all(conn, "invoice").await? {
        if invoice["status"] == "open" && invoices::is_of(&invoice, id) {
            invoice["status"] = "paid".into();
            store::save(conn, &invoice).await?;
            events::emit(conn, "invoice.paid", &invoice, id, &events::nobody(), tell.now, tell.lost).await?;
        }
    }
    one["status"] = "active".into();
    one["_sandbox"]["declined"] = false.into();
    changed(conn, &one, tell).await
}

impl Sandbox {
    /// Makes a price of the shop known, as its dashboard would: so much a month, in minor units. Once is enough.
    ///
    /// # Errors
    /// The reason in words, if the store fails.
    pub async fn add_price(&self, id: &str, name: &str, amount: i64, currency: &str) -> Result<(), String> {
        let made = async {
            let mut transaction = self.pool().begin().await?;
            if store::find(&mut transaction, "price", id).await?.is_none() {
                let price = json!({
                    "id": id, "object": "price", "active": true, "billing_scheme": "per_unit",
                    "created": (self.settings().now)(), "currency": currency, "custom_unit_amount": null,
                    "livemode": false, "lookup_key": null, "metadata": {}, "nickname": name,
                    "product": objects::id("prod_", 14)?, "tax_behavior": "unspecified", "tiers_mode": null,
                    "recurring": { "interval": "month", "interval_count": 1, "meter": null, "usage_type": "licensed" },
                    "transform_quantity": null, "type": "recurring", "unit_amount": amount,
                    "unit_amount_decimal": amount.to_string(),
                });
                store::insert(&mut transaction, "price", None, &price).await?;
            }
            transaction.commit().await?;
            Ok::<_, ApiError>(())
        };
        made.await.map_err(|error| error.message)
    }

    /// Begins a subscription as the dashboard would, of a new Stripe customer; `customer` is the SaaS's own id of it.
    ///
    /// # Errors
    /// The reason in words, if the price is unknown.
    pub async fn subscribe(&self, customer: &str, price: &str) -> Result<String, String> {
        let made = async {
            let (mut transaction, tell) = (self.pool().begin().await?, self.tell());
            let payer = objects::customer(&serde_json::Map::new(), tell.now)?;
            store::insert(&mut transaction, "customer", None, &payer).await?;
            let price = subscriptions::price(&mut transaction, price).await?;
            let kept = json!({ "base": self.settings().public_base, "metadata": { "customer": customer } });
            let new = subscriptions::subscription(&payer["id"], &price, &kept, tell.now)?;
            let made = subscriptions::make(&mut transaction, new, tell).await?;
            transaction.commit().await?;
            Ok::<_, ApiError>(id_of(&made).to_owned())
        };
        self.told_of(made.await)
    }

    /// Moves a subscription to another price.
    ///
    /// # Errors
    /// The reason in words, if one of them is unknown.
    pub async fn reprice(&self, id: &str, price: &str) -> Result<(), String> {
        let done = async {
            let mut transaction = self.pool().begin().await?;
            subscriptions::reprice(&mut transaction, id, price, self.tell()).await?;
            Ok::<_, ApiError>(transaction.commit().await?)
        };
        self.told_of(done.await)
    }

    /// Books a subscription's end for the end of its period, or calls that off.
    ///
    /// # Errors
    /// The reason in words, if there is none.
    pub async fn end_with_period(&self, id: &str, ends: bool) -> Result<(), String> {
        let done = async {
            let mut transaction = self.pool().begin().await?;
            subscriptions::end_with_period(&mut transaction, id, ends, self.tell()).await?;
            Ok::<_, ApiError>(transaction.commit().await?)
        };
        self.told_of(done.await)
    }

    /// Lets a subscription have another status, as the dashboard and Stripe's retries would. `canceled` ends it.
    ///
    /// # Errors
    /// The reason in words, if there is none.
    pub async fn put_status(&self, id: &str, status: &str) -> Result<(), String> {
        let done = async {
            let mut transaction = self.pool().begin().await?;
            let mut one = find(&mut transaction, id).await?;
            if status == "canceled" {
                subscriptions::end(&mut transaction, one, self.tell()).await?;
            } else {
                one["status"] = status.into();
                changed(&mut transaction, &one, self.tell()).await?;
            }
            Ok::<_, ApiError>(transaction.commit().await?)
        };
        self.told_of(done.await)
    }

    /// Whether the card of a subscription is declined when its next period begins.
    ///
    /// # Errors
    /// The reason in words, if there is none.
    pub async fn decline(&self, id: &str, declined: bool) -> Result<(), String> {
        let done = async {
            let mut transaction = self.pool().begin().await?;
            let mut one = find(&mut transaction, id).await?;
            one["_sandbox"]["declined"] = declined.into();
            store::save(&mut transaction, &one).await?;
            Ok::<_, ApiError>(transaction.commit().await?)
        };
        self.told_of(done.await)
    }

    /// Invoices a subscription now, and has the payment fail.
    ///
    /// # Errors
    /// The reason in words, if there is none.
    pub async fn fail_invoice(&self, id: &str) -> Result<(), String> {
        let done = async {
            let mut transaction = self.pool().begin().await?;
            let one = find(&mut transaction, id).await?;
            bill(&mut transaction, one, "subscription_update", false, self.tell()).await?;
            Ok::<_, ApiError>(transaction.commit().await?)
        };
        self.told_of(done.await)
    }

    /// Lets the money of a subscription's open invoices come after all.
    ///
    /// # Errors
    /// The reason in words, if there is none.
    pub async fn recover(&self, id: &str) -> Result<(), String> {
        let done = async {
            let mut transaction = self.pool().begin().await?;
            recover(&mut transaction, id, self.tell()).await?;
            Ok::<_, ApiError>(transaction.commit().await?)
        };
        self.told_of(done.await)
    }

    pub(super) fn tell(&self) -> Tell {
        Tell { now: (self.settings().now)(), lost: self.faults().webhooks_lost() }
    }

    fn told_of<T>(&self, done: Result<T, ApiError>) -> Result<T, String> {
        self.wake();
        done.map_err(|error| error.message)
    }
}
