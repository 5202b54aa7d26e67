//! Methods for tests and demos: the acts of buyers, of their banks, and of the shop in its dashboard.
//!
//! An error is the reason in words: an unknown id, an act that Stripe would refuse, or a store that fails.

use serde_json::{Value, json};

use crate::actions::checkout::{self, Attempt, Payment};
use crate::actions::{due, invoice_payments, payments, refunds_and_disputes, subscriptions};
use crate::error;
use crate::objects::{self, Card, id_of, number, text};
use crate::sandbox::Sandbox;
use crate::signature::sign;
use crate::store::Transaction;

type Result<T> = std::result::Result<T, String>;

/// The charges of one card.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CardCharges {
    pub last4: String,
    pub paid: u32,
    pub declined: u32,
    /// The instant of the newest charge, in Unix seconds.
    pub newest: i64,
}

impl Sandbox {
    async fn act<T>(&self, work: impl AsyncFnOnce(&mut Transaction) -> error::Result<T>) -> Result<T> {
        Ok(self.change(work).await?)
    }

    /// Pays a Checkout with a good card, and returns the URL that the pay page would lead to. A paid Checkout is not
    /// paid again.
    pub async fn pay(&self, session_id: &str) -> Result<String> {
        self.pay_by(session_id, Payment::Card(Card::GOOD)).await
    }

    /// Pays a Checkout with the test card of this number, confirmed by the cardholder where its bank asks. In setup mode
    /// the card is saved.
    pub async fn pay_with(&self, session_id: &str, card_number: &str) -> Result<String> {
        self.pay_with_expiry(session_id, card_number, (Card::GOOD.month, Card::GOOD.year)).await
    }

    /// The same with a card that is good until the end of this month of this year.
    pub async fn pay_with_expiry(
        &self,
        session_id: &str,
        card_number: &str,
        (month, year): (i64, i64),
    ) -> Result<String> {
        let test = Card::find(card_number).ok_or_else(|| format!("{card_number} is no test card"))?;
        let card = Card { test, month, year };
        let asked = self.act(async |tx| checkout::pay(tx, session_id, Payment::Card(card), "").await).await?;
        let confirmed = matches!(asked, Attempt::Asks);
        self.pay_by(session_id, if confirmed { Payment::Confirmed(true) } else { Payment::Card(card) }).await
    }

    /// Pays an invoice on its page with the test card of this number. An invoice that was voided meanwhile is paid too,
    /// as where the buyer's bank was slower than the shop.
    pub async fn pay_invoice(&self, id: &str, card_number: &str) -> Result<()> {
        let card = Card::of_number(card_number).ok_or_else(|| format!("{card_number} is no test card"))?;
        self.answer_invoice(async |tx| {
            let invoice = invoice_payments::payable(tx.get("invoice", id).await?)?;
            invoice_payments::pay(tx, invoice, card, None, true).await
        })
        .await
    }

    /// Lets the cardholder confirm the payment of an invoice, or refuse.
    pub async fn confirm_invoice(&self, id: &str, accepted: bool) -> Result<()> {
        self.answer_invoice(async |tx| {
            let invoice = tx.get("invoice", id).await?;
            invoice_payments::confirm(tx, invoice, accepted).await
        })
        .await
    }

    async fn answer_invoice(
        &self,
        work: impl AsyncFnOnce(&mut Transaction) -> error::Result<invoice_payments::Attempt>,
    ) -> Result<()> {
        match self.act(work).await? {
            invoice_payments::Attempt::Paid(_) => Ok(()),
            invoice_payments::Attempt::Asks(error) | invoice_payments::Attempt::Declined(error) => Err(error.into()),
        }
    }

    /// How often each card was charged, by its last four digits.
    pub async fn charges_by_card(&self) -> Result<Vec<CardCharges>> {
        let charges = self.act(async |tx| tx.all("charge").await).await?;
        let mut cards: Vec<CardCharges> = Vec::new();
        for charge in charges.iter().rev() {
            let last4 = text(&charge["payment_method_details"]["card"]["last4"]);
            if last4.is_empty() {
                continue;
            }
            let found = cards.iter().position(|card| card.last4 == last4);
            let at = found.unwrap_or_else(|| {
                cards.push(CardCharges { last4: last4.to_owned(), ..CardCharges::default() });
                cards.len() - 1
            });
            if let Some(card) = cards.get_mut(at) {
                if charge["paid"] == true {
                    card.paid += 1
                } else {
                    card.declined += 1
                }
                card.newest = number(&charge["created"]);
            }
        }
        Ok(cards)
    }

    /// Pays a Checkout by bank. The money comes three days later or at [`Sandbox::clear`]; [`Sandbox::bounce`] has the
    /// bank refuse.
    pub async fn pay_by_bank(&self, session_id: &str) -> Result<String> {
        self.pay_by(session_id, Payment::Bank { refuses: false }).await
    }

    async fn pay_by(&self, session_id: &str, payment: Payment) -> Result<String> {
        match self.act(async |tx| checkout::pay(tx, session_id, payment, "").await).await? {
            Attempt::Paid(url) => Ok(url),
            Attempt::Asks => Err("the card's bank asks the cardholder".to_owned()),
            Attempt::Declined => Err("the card was declined".to_owned()),
            Attempt::Expired => Err("the Checkout has expired".to_owned()),
        }
    }

    /// Clears a bank payment, also after the bank has refused it.
    pub async fn clear(&self, session_id: &str) -> Result<()> {
        self.act(async |tx| {
            let session = payments::find_unpaid(tx, session_id).await?;
            payments::clear(tx, session).await
        })
        .await
    }

    /// Lets the bank refuse a pending bank payment.
    pub async fn bounce(&self, session_id: &str) -> Result<()> {
        self.act(async |tx| {
            let session = payments::find_unpaid(tx, session_id).await?;
            payments::refuse(tx, session).await
        })
        .await
    }

    /// Makes the changes that the shop's clock has made due: Checkouts expire, bank payments clear, subscriptions are
    /// billed. Reads of the API do so too.
    pub async fn catch_up(&self) -> Result<()> {
        self.act(async |tx| due::catch_up(tx).await).await
    }

    /// The events about a Checkout, an invoice or a subscription, oldest first, as webhooks: the body and a fresh
    /// `Stripe-Signature`. Lost events are among them.
    pub async fn deliveries_of(&self, id: &str) -> Result<Vec<(String, String)>> {
        let mut objects = self.begin().await?.all_of(id).await?;
        objects.retain(|object| object["object"] == "event");
        let bodies = objects.iter().map(Value::to_string);
        let sign = |body: &String| sign(&self.settings().webhook_secret, self.real_now(), body);
        Ok(bodies.map(|body| (body.clone(), sign(&body))).collect())
    }

    /// Refunds a part of the payment of a Checkout or an invoice, or the rest of it, and returns the refund's id.
    pub async fn refund(&self, id: &str, amount: Option<i64>) -> Result<String> {
        self.act(async |tx| {
            let charge = refunds_and_disputes::paid_charge(tx, id).await?;
            refunds_and_disputes::refund(tx, charge, &json!({ "amount": amount })).await.map(into_id)
        })
        .await
    }

    /// Lets the bank return a refund.
    pub async fn fail_refund(&self, id: &str) -> Result<()> {
        self.act(async |tx| refunds_and_disputes::fail_refund(tx, id).await).await
    }

    /// Lets the buyer's bank dispute the payment of a Checkout or an invoice, and returns the dispute's id. `status` is one
    /// of Stripe's.
    pub async fn dispute(&self, session_id: &str, amount: Option<i64>, status: &str) -> Result<String> {
        self.act(async |tx| refunds_and_disputes::dispute(tx, session_id, amount, status).await.map(into_id)).await
    }

    /// Sets the status of a dispute.
    pub async fn move_dispute(&self, id: &str, status: &str) -> Result<()> {
        self.act(async |tx| refunds_and_disputes::move_dispute(tx, id, status).await).await
    }

    /// Adds a price of `amount` minor units a month, unless it is there.
    pub async fn add_price(&self, id: &str, name: &str, amount: i64, currency: &str) -> Result<()> {
        self.act(async |tx| {
            if tx.find("price", id).await?.is_none() {
                let price = objects::price(id, name, amount, currency, tx.now)?;
                tx.insert(&price, None).await?;
            }
            Ok(())
        })
        .await
    }

    /// Starts a subscription of a new Stripe customer, and returns its id. `customer` goes to its metadata.
    pub async fn subscribe(&self, customer: &str, price: &str) -> Result<String> {
        self.act(async |tx| {
            let payer = objects::customer(&json!({}), tx.now)?;
            tx.insert(&payer, None).await?;
            let price = subscriptions::price(tx, price).await?;
            subscriptions::start(tx, &payer["id"], &price, &json!({ "customer": customer })).await.map(into_id)
        })
        .await
    }

    /// Moves a subscription to another price.
    pub async fn change_price(&self, id: &str, price: &str) -> Result<()> {
        self.act(async |tx| subscriptions::change_price(tx, id, price).await).await
    }

    /// Schedules a subscription's end for the end of its period, or cancels that.
    pub async fn set_cancel_at_period_end(&self, id: &str, cancels: bool) -> Result<()> {
        self.act(async |tx| subscriptions::set_cancel_at_period_end(tx, id, cancels).await).await
    }

    /// Sets the status of a subscription. `canceled` ends it.
    pub async fn set_status(&self, id: &str, status: &str) -> Result<()> {
        self.act(async |tx| {
            let mut subscription = tx.get("subscription", id).await?;
            if status == "canceled" {
                subscriptions::cancel(tx, subscription).await?;
                return Ok(());
            }
            subscription["status"] = status.into();
            subscriptions::save(tx, &subscription).await
        })
        .await
    }

    /// Sets whether the bank declines the payments of a subscription's later periods.
    pub async fn set_declined(&self, id: &str, declined: bool) -> Result<()> {
        self.act(async |tx| {
            let mut subscription = tx.get("subscription", id).await?;
            subscription["_sandbox"]["declined"] = declined.into();
            tx.save(&[&subscription]).await
        })
        .await
    }

    /// Creates an invoice of a subscription now, and lets its payment fail.
    pub async fn fail_invoice(&self, id: &str) -> Result<()> {
        self.act(async |tx| {
            let subscription = tx.get("subscription", id).await?;
            subscriptions::bill(tx, subscription, "subscription_update", false).await
        })
        .await
    }

    /// Pays the open invoices of a subscription.
    pub async fn recover(&self, id: &str) -> Result<()> {
        self.act(async |tx| subscriptions::recover(tx, id).await).await
    }
}

fn into_id(object: Value) -> String {
    id_of(&object).to_owned()
}
