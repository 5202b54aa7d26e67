//! What a Checkout sells: its items, their sum, the tax on top.
//!
//! Automatic tax is one flat rate on every item. Stripe works it out from the address that is typed in;
//! what a shop has to get right is the same: total and subtotal differ.

use serde_json::{Map, Value, json};

use super::currencies;
use super::error::ApiError;
use super::objects::{id, map_or_empty};

/// The sandbox's tax, in percent, on top of the price.
pub(super) const TAX_PERCENT: i64 = 20;

const AMOUNT_MAX: i64 = 99_999_999;

/// What is sold.
pub(super) struct Items {
    /// As Stripe answers them.
    pub lines: Vec<Value>,
    pub subtotal: i64,
    pub tax: i64,
    pub currency: String,
}

/// Refuses what Stripe cannot store with a customer that it may not change.
pub(super) fn check_tax(given: &Map<String, Value>) -> Result<(), ApiError> {
    if !given.contains_key("customer") {
        return Ok(());
    }
    let enabled = |name: &str| given.get(name).is_some_and(|it| it["enabled"] == true);
    let saved = |name: &str| given.get("customer_update").is_some_and(|update| update[name] == "auto");
    if enabled("tax_id_collection") && !saved("name") {
        return Err(ApiError::invalid(
            "Tax ID collection requires updating business name on the customer. To enable tax ID collection for an \
             existing customer, please set `customer_update[name]` to `auto`.",
        ));
    }
    if enabled("automatic_tax") && !saved("address") {
        return Err(ApiError::invalid(
            "Automatic tax calculation in Checkout requires a valid address on the Customer. Add a valid address to \
             the Customer or set `customer_update[address]` to 'auto' to save the address entered in Checkout to the \
             Customer.",
        )
        .code("customer_tax_location_invalid"));
    }
    Ok(())
}

/// Reads `line_items`.
pub(super) fn read(given: &Map<String, Value>, now: i64) -> Result<Items, ApiError> {
    let items = given["line_items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let first = items.first().ok_or_else(|| ApiError::missing("line_items"))?;
    let currency = first["price_data"]["currency"].as_str().unwrap_or_default().to_owned();
    let other = given.get("currency").is_some_and(|stated| *stated != currency);
    if other || items.iter().any(|item| item["price_data"]["currency"] != currency) {
        let message = "All line items and the Checkout Session must have the same currency.";
        return Err(ApiError::invalid(message).param("line_items"));
    }
    let taxed = given.get("automatic_tax").is_some_and(|tax| tax["enabled"] == true);
    let (mut subtotal, mut tax) = (0i64, 0i64);
    let mut lines = Vec::with_capacity(items.len());
    for item in items {
        let (unit, quantity) = (item["price_data"]["unit_amount"].as_i64(), item["quantity"].as_i64().unwrap_or(1));
        let amount = unit.unwrap_or_default().saturating_mul(quantity);
        currencies::check_step(unit.unwrap_or_default(), &currency, "line_items[0][price_data][unit_amount]")?;
        let on_top = if taxed { tax_of(amount, &currency) } else { 0 };
        subtotal = subtotal.saturating_add(amount);
        tax = tax.saturating_add(on_top);
        lines.push(line(item, amount, on_top, quantity, now)?);
    }
    let refuse = |message: &str, code| Err(ApiError::invalid(message).code(code));
    match subtotal.saturating_add(tax) {
        total if total < currencies::minimum(&currency) => {
            refuse("The Checkout Session's total amount must convert to at least 50 cents.", "amount_too_small")
        }
        ..=AMOUNT_MAX => Ok(Items { lines, subtotal, tax, currency }),
        _ => refuse("The Checkout Session's total amount must be no more than 99999999.", "amount_too_large"),
    }
}

/// Half a step of the currency is rounded up.
pub(super) fn tax_of(amount: i64, currency: &str) -> i64 {
    let step = currencies::step(currency);
    amount.saturating_mul(TAX_PERCENT).saturating_add(50 * step) / (100 * step) * step
}

fn line(item: &Value, amount: i64, tax: i64, quantity: i64, now: i64) -> Result<Value, ApiError> {
    let price = &item["price_data"];
    let unit = price["unit_amount"].as_i64().unwrap_or_default();
    Ok(json!({
        "id": id("li_1", 23)?, "object": "item", "amount_discount": 0, "amount_subtotal": amount, "amount_tax": tax,
        "amount_total": amount + tax, "currency": price["currency"], "description": price["product_data"]["name"],
        "metadata": map_or_empty(&item["metadata"]), "adjustable_quantity": null, "quantity": quantity,
        "price": {
            "id": id("price_1", 23)?, "object": "price", "active": false, "billing_scheme": "per_unit", "created": now,
            "currency": price["currency"], "custom_unit_amount": null, "livemode": false, "lookup_key": null,
            "metadata": {}, "nickname": null, "product": id("prod_", 14)?, "recurring": null,
            "tax_behavior": price["tax_behavior"].as_str().unwrap_or("unspecified"), "tiers_mode": null,
            "transform_quantity": null, "type": "one_time", "unit_amount": unit,
            "unit_amount_decimal": unit.to_string(),
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::tax_of;

    #[test]
    fn tax_is_a_flat_rate_to_the_nearest_unit() {
        for (amount, tax) in [(900, 180), (1, 0), (2, 0), (3, 1), (10_500, 2_100), (0, 0)] {
            assert_eq!(tax_of(amount, "usd"), tax, "{amount}");
        }
        assert_eq!((tax_of(5_010, "kwd"), tax_of(900, "isk"), tax_of(5_020, "kwd")), (1_000, 200, 1_000));
    }
}
