//! The line items of a Checkout, their sum, and the tax on top.
//!
//! Automatic tax is one flat rate on every item. Stripe computes it from the customer's address; either way, total and
//! subtotal differ.

use serde_json::{Value, json};

use crate::actions::subscriptions;
use crate::currencies;
use crate::error::{ApiError, Result};
use crate::objects::{self, id_of, items, number, text};
use crate::store::Transaction;

const AMOUNT_MAX: i64 = 99_999_999;

pub(super) struct LineItems {
    /// As Stripe answers them.
    pub items: Vec<Value>,
    pub subtotal: i64,
    pub tax: i64,
    pub currency: String,
    /// The recurring price of a subscription.
    pub price: Option<String>,
}

/// Reads `line_items`.
pub(super) fn read(given: &Value, now: i64) -> Result<LineItems> {
    let given_items = items(&given["line_items"]);
    let first = given_items.first().ok_or_else(|| ApiError::missing("line_items"))?;
    let currency = &first["price_data"]["currency"];
    let differs = |other: &Value| !other.is_null() && other != currency;
    if differs(&given["currency"]) || given_items.iter().any(|item| differs(&item["price_data"]["currency"])) {
        let message = "All line items and the Checkout Session must have the same currency.";
        return Err(ApiError::invalid(message).param("line_items"));
    }
    let currency = text(currency).to_owned();
    let (mut items, mut subtotal, mut total_tax) = (Vec::with_capacity(given_items.len()), 0i64, 0i64);
    for item in given_items {
        let unit = number(&item["price_data"]["unit_amount"]);
        let amount = unit.saturating_mul(item["quantity"].as_i64().unwrap_or(1));
        currencies::check_step(unit, &currency, "line_items[0][price_data][unit_amount]")?;
        let tax = tax(given, amount, &currency);
        subtotal = subtotal.saturating_add(amount);
        total_tax = total_tax.saturating_add(tax);
        items.push(objects::line_item(item, amount, tax, now)?);
    }
    let (message, code) = match subtotal.saturating_add(total_tax) {
        total if total < currencies::minimum(&currency) => {
            ("The Checkout Session's total amount must convert to at least 50 cents.", "amount_too_small")
        }
        ..=AMOUNT_MAX => return Ok(LineItems { items, subtotal, tax: total_tax, currency, price: None }),
        _ => ("The Checkout Session's total amount must be no more than 99999999.", "amount_too_large"),
    };
    Err(ApiError::invalid(message).code(code))
}

/// The line item of a subscription: one recurring price.
pub(super) async fn of_price(tx: &mut Transaction, given: &Value) -> Result<LineItems> {
    let item = given["line_items"].get(0).ok_or_else(|| ApiError::missing("line_items"))?;
    let price = subscriptions::price(tx, text(&item["price"])).await?;
    let (subtotal, currency) = (number(&price["unit_amount"]), text(&price["currency"]).to_owned());
    let name = price["nickname"].as_str().unwrap_or("Plan");
    let items = vec![json!({ "description": format!("{name}, monthly") })];
    let price = Some(id_of(&price).to_owned());
    Ok(LineItems { items, subtotal, tax: tax(given, subtotal, &currency), currency, price })
}

/// The tax on an amount, if the Checkout has automatic tax.
fn tax(given: &Value, amount: i64, currency: &str) -> i64 {
    if given["automatic_tax"]["enabled"] == true { currencies::tax_of(amount, currency) } else { 0 }
}

/// Refuses settings that make Stripe store data with a customer that it may not change.
pub(super) fn check_tax(given: &Value) -> Result<()> {
    let needs = |feature: &str, field: &str| {
        !given["customer"].is_null() && given[feature]["enabled"] == true && given["customer_update"][field] != "auto"
    };
    if needs("tax_id_collection", "name") {
        return Err(ApiError::invalid(
            "Tax ID collection requires updating business name on the customer. To enable tax ID collection for an \
             existing customer, please set `customer_update[name]` to `auto`.",
        ));
    }
    if needs("automatic_tax", "address") {
        return Err(ApiError::invalid(
            "Automatic tax calculation in Checkout requires a valid address on the Customer. Add a valid address to \
             the Customer or set `customer_update[address]` to 'auto' to save the address entered in Checkout to the \
             Customer.",
        )
        .code("customer_tax_location_invalid"));
    }
    Ok(())
}
