//! A Checkout Session and its line items.

use serde_json::{Value, json};

use super::json::{id_of, items, list, merge, new_id, number, or};
use crate::error::Result;

/// The fields of a session that are null until something sets them.
const ABSENT: &str = "after_expiration client_secret collected_information consent consent_collection \
    currency_conversion customer_account integration_identifier invoice origin_context payment_intent payment_link \
    payment_method_configuration_details permissions recovered_from saved_payment_method_options setup_intent \
    shipping_address_collection shipping_cost subscription wallet_options";

/// An open session. `given` are the parameters of the request; `computed` are the fields that depend on more.
pub(crate) fn checkout_session(given: &Value, computed: Value) -> Value {
    let enabled = |name: &str| or(&given[name]["enabled"], false.into());
    let taxed = enabled("automatic_tax") == true;
    let fields = json!({
        "object": "checkout.session", "livemode": false, "ui_mode": "hosted_page",
        "status": "open", "payment_status": "unpaid", "adaptive_pricing": { "enabled": false },
        "allow_promotion_codes": given["allow_promotion_codes"],
        "allowed_payment_method_types": given["allowed_payment_method_types"],
        "automatic_tax": {
            "enabled": taxed, "liability": null, "provider": null, "status": taxed.then_some("complete"),
        },
        "billing_address_collection": given["billing_address_collection"], "cancel_url": given["cancel_url"],
        "client_reference_id": given["client_reference_id"], "custom_fields": [],
        "custom_text": {
            "after_submit": given["custom_text"]["after_submit"], "shipping_address": null,
            "submit": given["custom_text"]["submit"],
            "terms_of_service_acceptance": given["custom_text"]["terms_of_service_acceptance"],
        },
        "customer": given["customer"], "customer_email": given["customer_email"],
        "customer_creation": given["customer"].is_null().then_some("if_required"), "discounts": [],
        "invoice_creation": { "enabled": enabled("invoice_creation"), "invoice_data": {
            "account_tax_ids": null, "custom_fields": null, "description": null, "footer": null, "issuer": null,
            "metadata": or(&given["invoice_creation"]["invoice_data"]["metadata"], json!({})),
            "rendering_options": null,
        } },
        "locale": given["locale"], "managed_payments": { "enabled": false },
        "metadata": or(&given["metadata"], json!({})),
        "payment_method_options": {},
        "payment_method_types": or(&given["allowed_payment_method_types"], json!(["card"])),
        "phone_number_collection": { "enabled": enabled("phone_number_collection") }, "shipping_options": [],
        "submit_type": given["submit_type"], "success_url": given["success_url"],
        "tax_id_collection": { "enabled": enabled("tax_id_collection"), "required": "never" },
    });
    let mut session: Value = ABSENT.split(' ').map(|name| (name, Value::Null)).collect();
    merge(&mut session, fields);
    merge(&mut session, computed);
    session
}

/// A line item of the request as Stripe answers it.
pub(crate) fn line_item(given: &Value, amount: i64, tax: i64, now: i64) -> Result<Value> {
    let (price, quantity) = (&given["price_data"], or(&given["quantity"], 1.into()));
    let unit = number(&price["unit_amount"]);
    Ok(json!({
        "id": new_id("li_1", 23)?, "object": "item", "amount_discount": 0, "amount_subtotal": amount,
        "amount_tax": tax, "amount_total": amount + tax, "currency": price["currency"],
        "description": price["product_data"]["name"], "metadata": or(&given["metadata"], json!({})),
        "adjustable_quantity": null, "quantity": quantity,
        "price": {
            "id": new_id("price_1", 23)?, "object": "price", "active": false, "billing_scheme": "per_unit",
            "created": now, "currency": price["currency"], "custom_unit_amount": null, "livemode": false,
            "lookup_key": null, "metadata": {}, "nickname": null, "product": new_id("prod_", 14)?, "recurring": null,
            "tax_behavior": or(&price["tax_behavior"], "unspecified".into()), "tiers_mode": null,
            "transform_quantity": null, "type": "one_time", "unit_amount": unit,
            "unit_amount_decimal": unit.to_string(),
        },
    }))
}

/// The line items of a session, which are answered on request only.
pub(crate) fn line_item_list(session: &Value) -> Value {
    let url = format!("/v1/checkout/sessions/{}/line_items", id_of(session));
    list(&url, items(&session["_sandbox"]["line_items"]).to_vec(), false)
}
