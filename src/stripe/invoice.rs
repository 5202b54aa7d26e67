//! Invoices: the links of one, and those of automatic purchases, made and paid with a saved card.
//!
//! Requests of our own that read few fields: the library's invoice has some sixty, and a changed one would break them.

use crate::stripe::attempts::retry;
use crate::stripe::client::{Stripe, is_id, no_such};
use crate::stripe::error::StripeError;
use crate::stripe::json::{id_in, inner, json_number, json_text};
use crate::stripe::order::{CheckoutState, CheckoutStatus, InvoiceLinks};
use crate::stripe::saved_card::Send;
use miniserde::json::{Array, Object, Value};
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};

/// `GET /v1/invoices/{id}`
pub(super) struct RetrieveInvoice {
    path: String,
}

impl RetrieveInvoice {
    /// `id` has been checked: it becomes a path.
    pub(super) fn new(id: &str) -> RetrieveInvoice {
        RetrieveInvoice { path: format!("/invoices/{id}") }
    }
}

impl StripeRequest for RetrieveInvoice {
    type Output = Invoice;

    fn build(&self) -> RequestBuilder {
        RequestBuilder::new(StripeMethod::Get, self.path.clone())
    }
}

/// The fields that are read of an invoice.
#[derive(miniserde::Deserialize)]
pub(super) struct Invoice {
    hosted_invoice_url: Option<String>,
    invoice_pdf: Option<String>,
    number: Option<String>,
}

impl Invoice {
    pub(super) fn links(self) -> InvoiceLinks {
        InvoiceLinks { hosted_url: self.hosted_invoice_url, pdf: self.invoice_pdf, number: self.number }
    }
}

/// The invoice of an automatic purchase. Its parameters depend on the stored purchase alone, so that a repeat is the
/// same request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceOrder {
    /// `pur_…`, in the metadata.
    pub purchase: String,
    /// The SaaS's id of the customer.
    pub customer: String,
    /// `cus_…`
    pub stripe_customer: String,
    /// `pm_…`
    pub payment_method: String,
    pub package: String,
    /// All credits that are sold.
    pub credits: String,
    pub months: i32,
    /// The line's words.
    pub product_name: String,
    /// The price of one package, before tax, in minor units.
    pub unit_amount: i64,
    pub quantity: i64,
    /// ISO 4217, lower case.
    pub currency: String,
    /// Stripe computes the tax.
    pub automatic_tax: bool,
    /// The origin of our pages, in the metadata: a Stripe account may serve several.
    pub site: String,
}

/// An invoice of an automatic purchase at Stripe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceState {
    /// `draft`, `open`, `paid`, `void`, `uncollectible`
    pub status: String,
    /// Stripe's page, where a person can pay it.
    pub hosted_url: Option<String>,
    /// True if its tax is computed, where it is to be.
    pub has_tax: bool,
    /// Payment and sums as a purchase is settled by them; its id is the invoice's.
    pub sale: CheckoutState,
}

impl Stripe {
    /// Makes the draft of an invoice and returns its id, `in_…`. Nothing is charged by itself.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn create_invoice(&self, key: &str, order: &InvoiceOrder) -> Result<String, StripeError> {
        let request = Send::post(
            "/invoices".to_owned(),
            [
                ("customer", order.stripe_customer.clone()),
                ("auto_advance", "false".to_owned()),
                ("collection_method", "charge_automatically".to_owned()),
                ("currency", order.currency.clone()),
                ("default_payment_method", order.payment_method.clone()),
                ("pending_invoice_items_behavior", "exclude".to_owned()),
                ("metadata[purchase]", order.purchase.clone()),
                ("metadata[customer]", order.customer.clone()),
                ("metadata[package]", order.package.clone()),
                ("metadata[credits]", order.credits.clone()),
                ("metadata[quantity]", order.quantity.to_string()),
                ("metadata[months]", order.months.to_string()),
                ("metadata[site]", order.site.clone()),
            ],
        );
        let made =
            self.send_form(key, &request.with(order.automatic_tax, [("automatic_tax[enabled]", "true")])).await?;
        let id = json_text(&made, "id").filter(|id| is_id(id, "in_"));
        id.map(str::to_owned).ok_or_else(|| StripeError::Malformed("an invoice without an id".to_owned()))
    }

    /// Adds the one line.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn add_invoice_line(&self, key: &str, id: &str, order: &InvoiceOrder) -> Result<(), StripeError> {
        let request = Send::post(
            invoice_path(id, "/add_lines")?,
            [
                ("lines[0][description]", order.product_name.clone()),
                ("lines[0][quantity]", order.quantity.to_string()),
                ("lines[0][price_data][currency]", order.currency.clone()),
                ("lines[0][price_data][unit_amount]", order.unit_amount.to_string()),
                ("lines[0][price_data][product_data][name]", order.product_name.clone()),
            ],
        );
        // The price that was agreed to is before tax, whatever the account's default is.
        let tax = [("lines[0][price_data][tax_behavior]", "exclusive")];
        self.send_form(key, &request.with(order.automatic_tax, tax)).await.map(drop)
    }

    /// Makes an invoice final: its total is known, and it can be paid.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn finalize_invoice(&self, key: &str, id: &str) -> Result<(), StripeError> {
        let request = Send::post(invoice_path(id, "/finalize")?, [("auto_advance", "false".to_owned())]);
        self.send_form(key, &request).await.map(drop)
    }

    /// Charges the saved card.
    ///
    /// # Errors
    /// See [`StripeError`]; the card's own answer is [`StripeError::Card`].
    pub async fn pay_invoice(&self, key: &str, id: &str, payment_method: &str) -> Result<(), StripeError> {
        let fields = [("off_session", "true".to_owned()), ("payment_method", payment_method.to_owned())];
        self.send_form(key, &Send::post(invoice_path(id, "/pay")?, fields)).await.map(drop)
    }

    /// Voids an invoice, so that nobody can pay it.
    ///
    /// # Errors
    /// See [`StripeError`]; one that was paid is refused.
    pub async fn void_invoice(&self, key: &str, id: &str) -> Result<(), StripeError> {
        self.send_form(key, &Send::post(invoice_path(id, "/void")?, [])).await.map(drop)
    }

    /// Deletes a draft.
    ///
    /// # Errors
    /// See [`StripeError`]; one that is final is refused.
    pub async fn delete_draft(&self, key: &str, id: &str) -> Result<(), StripeError> {
        self.send_form(key, &Send::delete(invoice_path(id, "")?)).await.map(drop)
    }

    /// An invoice of an automatic purchase as it stands.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn invoice_state(&self, id: &str) -> Result<InvoiceState, StripeError> {
        let invoice = self.get_object(invoice_path(id, "")?, "expand[]=payments").await?;
        state_of_invoice(&invoice).ok_or_else(|| StripeError::Malformed("an invoice that lacks a field".to_owned()))
    }

    /// The state of what was opened for a purchase: a Checkout `cs_…`, or an automatic one's invoice `in_…`.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn sale(&self, id: &str) -> Result<CheckoutState, StripeError> {
        if is_id(id, "in_") { Ok(self.invoice_state(id).await?.sale) } else { self.checkout(id).await }
    }

    pub(super) async fn get_links(&self, id: &str) -> Result<InvoiceLinks, StripeError> {
        let request = RetrieveInvoice::new(id);
        Ok(retry(self.limits(), || request.customize().send(self.client())).await?.links())
    }
}

fn invoice_path(id: &str, action: &str) -> Result<String, StripeError> {
    if is_id(id, "in_") { Ok(format!("/invoices/{id}{action}")) } else { Err(no_such("invoice")) }
}

fn state_of_invoice(invoice: &Object) -> Option<InvoiceState> {
    let text = |name| json_text(invoice, name).map(str::to_owned);
    let (id, status) = (text("id")?, text("status")?);
    let tax = inner(invoice, "automatic_tax");
    let (subtotal, total) = (json_number(invoice, "subtotal")?, json_number(invoice, "total")?);
    let named = inner(invoice, "metadata").and_then(|data| json_text(data, "purchase")).map(str::to_owned);
    let sale = CheckoutState {
        status: match status.as_str() {
            "paid" => CheckoutStatus::Complete,
            "void" | "uncollectible" => CheckoutStatus::Expired,
            _ => CheckoutStatus::Open,
        },
        paid: status == "paid",
        failed: false,
        client_reference_id: named.clone(),
        named,
        customer: id_in(invoice, "customer"),
        amount_subtotal: Some(subtotal),
        amount_total: Some(total),
        amount_tax: Some(taxes(invoice).unwrap_or_else(|| total.saturating_sub(subtotal))),
        currency: text("currency"),
        payment_intent: payment_intent(invoice),
        charge: None,
        invoice: Some(id.clone()),
        invoice_number: text("number"),
        livemode: matches!(invoice.get("livemode"), Some(Value::Bool(true))),
        // Its page is shown only where a person has to confirm.
        url: None,
        id,
    };
    let has_tax = tax.is_some_and(|tax| json_text(tax, "status") == Some("complete"));
    Some(InvoiceState { status, hosted_url: text("hosted_invoice_url"), has_tax, sale })
}

fn list<'a>(object: &'a Object, name: &str) -> Option<&'a Array> {
    match object.get(name) {
        Some(Value::Array(all)) => Some(all),
        _ => None,
    }
}

fn taxes(invoice: &Object) -> Option<i64> {
    let amounts = list(invoice, "total_taxes")?.iter().map(|tax| match tax {
        Value::Object(tax) => json_number(tax, "amount"),
        _ => None,
    });
    amounts.sum()
}

/// The PaymentIntent of an invoice: the paid one, or the newest.
fn payment_intent(invoice: &Object) -> Option<String> {
    let payments = list(inner(invoice, "payments")?, "data")?;
    let of = |payment: &Value| match payment {
        Value::Object(one) => {
            let intent = id_in(inner(one, "payment")?, "payment_intent")?;
            Some((json_text(one, "status") == Some("paid"), intent))
        }
        _ => None,
    };
    let all: Vec<_> = payments.iter().filter_map(of).collect();
    let paid = all.iter().find(|(paid, _)| *paid).or_else(|| all.first());
    paid.map(|(_, intent)| intent.clone())
}
