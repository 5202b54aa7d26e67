//! Prices and subscriptions. Every recurring price is for one month.

use chrono::{DateTime, Months, Utc};
use serde_json::{Value, json};

use super::json::{list, new_id, or, text};
use crate::error::Result;

/// A recurring price of `amount` minor units a month.
pub(crate) fn price(id: &str, name: &str, amount: i64, currency: &str, now: i64) -> Result<Value> {
    Ok(json!({
        "id": id, "object": "price", "active": true, "billing_scheme": "per_unit", "created": now,
        "currency": currency, "custom_unit_amount": null, "livemode": false, "lookup_key": null, "metadata": {},
        "nickname": name, "product": new_id("prod_", 14)?, "tax_behavior": "unspecified", "tiers_mode": null,
        "recurring": { "interval": "month", "interval_count": 1, "meter": null, "usage_type": "licensed" },
        "transform_quantity": null, "type": "recurring", "unit_amount": amount,
        "unit_amount_decimal": amount.to_string(),
    }))
}

/// The end of a subscription's period: `periods` months after `anchor`, in Unix seconds.
pub(crate) fn period_end(anchor: i64, periods: i64) -> i64 {
    let anchor = DateTime::<Utc>::from_timestamp(anchor, 0).unwrap_or_default();
    let months = Months::new(u32::try_from(periods).unwrap_or(u32::MAX));
    anchor.checked_add_months(months).map_or(i64::MAX, |end| end.timestamp())
}

/// True if the subscription has not ended.
pub(crate) fn is_living(subscription: &Value) -> bool {
    matches!(text(&subscription["status"]), "trialing" | "active" | "past_due")
}

/// A subscription that begins now.
pub(crate) fn subscription(customer: &Value, price: &Value, metadata: &Value, now: i64) -> Result<Value> {
    let subscription = new_id("sub_1", 23)?;
    let item = json!({
        "id": new_id("si_", 14)?, "object": "subscription_item", "billing_thresholds": null, "created": now,
        "current_period_start": now, "current_period_end": period_end(now, 1), "discounts": [], "metadata": {},
        "plan": null, "price": price, "quantity": 1, "subscription": subscription, "tax_rates": [],
    });
    Ok(json!({
        "id": subscription, "object": "subscription", "created": now, "livemode": false, "status": "active",
        "application": null, "application_fee_percent": null,
        "automatic_tax": { "disabled_reason": null, "enabled": false, "liability": null },
        "billing_cycle_anchor": now, "billing_cycle_anchor_config": null,
        "billing_mode": { "type": "flexible", "flexible": null }, "billing_schedules": [],
        "billing_thresholds": null, "cancel_at": null, "cancel_at_period_end": false, "canceled_at": null,
        "cancellation_details": { "comment": null, "feedback": null, "reason": null },
        "collection_method": "charge_automatically", "currency": price["currency"], "customer": customer,
        "customer_account": null, "days_until_due": null, "default_payment_method": null, "default_source": null,
        "default_tax_rates": [], "description": null, "discounts": [], "ended_at": null,
        "invoice_settings": { "account_tax_ids": null, "issuer": { "type": "self" } },
        "items": list(&format!("/v1/subscription_items?subscription={subscription}"), vec![item], false),
        "latest_invoice": null, "metadata": or(metadata, json!({})), "next_pending_invoice_item_invoice": null,
        "on_behalf_of": null, "pause_collection": null,
        "payment_settings": {
            "payment_method_options": null, "payment_method_types": null, "save_default_payment_method": "off",
        },
        "pending_invoice_item_interval": null, "pending_setup_intent": null, "pending_update": null,
        "schedule": null, "start_date": now, "test_clock": null, "transfer_data": null, "trial_end": null,
        "trial_settings": { "end_behavior": { "missing_payment_method": "create_invoice" } }, "trial_start": null,
        "_sandbox": { "periods": 1, "declined": false },
    }))
}
