//! Invoices: made when the money is there, shown on a page of the sandbox's own.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::SqliteConnection;

use super::api::Call;
use super::error::ApiError;
use super::lines::TAX_PERCENT;
use super::objects::{self, id};
use super::page::{self, escape};
use super::{Sandbox, lists, params, pay, payments, schema, store};
use crate::money::Money;

/// Makes the invoice of a session that is being paid, if it asks for one.
pub(super) async fn make(
    conn: &mut SqliteConnection,
    session: &mut Value,
    now: i64,
) -> Result<Option<Value>, ApiError> {
    if session["invoice_creation"]["enabled"] != true || !session["invoice"].is_null() {
        return Ok(None);
    }
    let number = number(conn, session["customer"].as_str().unwrap_or_default()).await?;
    let invoice = invoice(session, &number, now)?;
    session["invoice"] = invoice["id"].clone();
    store::insert(conn, "invoice", session["id"].as_str(), &invoice).await?;
    Ok(Some(invoice))
}

/// Makes an invoice of a subscription, for the period that it is in.
pub(super) async fn of_subscription(
    conn: &mut SqliteConnection,
    subscription: &Value,
    reason: &str,
    paid: bool,
    now: i64,
) -> Result<Value, ApiError> {
    let (item, payer) = (&subscription["items"]["data"][0], &subscription["customer"]);
    let details = store::find(conn, "customer", payer.as_str().unwrap_or_default()).await?.unwrap_or_default();
    let (amount, name) = (&item["price"]["unit_amount"], &item["price"]["nickname"]);
    let sold = json!({
        "_sandbox": { "base": subscription["_sandbox"]["base"], "line_items": [{
            "amount_subtotal": amount, "currency": subscription["currency"], "description": name, "quantity": 1,
        }] },
        "amount_subtotal": amount, "amount_total": amount, "automatic_tax": subscription["automatic_tax"],
        "currency": subscription["currency"], "customer": payer,
        "customer_details": { "email": details["email"], "name": details["name"] },
        "invoice_creation": { "invoice_data": { "metadata": {} } }, "total_details": { "amount_tax": 0 },
    });
    let number = number(conn, payer.as_str().unwrap_or_default()).await?;
    let mut invoice = invoice(&sold, &number, now)?;
    invoice["billing_reason"] = reason.into();
    invoice["parent"] = json!({
        "type": "subscription_details", "quote_details": null,
        "subscription_details": { "metadata": subscription["metadata"], "subscription": subscription["id"] },
    });
    (invoice["period_start"], invoice["period_end"]) =
        (item["current_period_start"].clone(), item["current_period_end"].clone());
    if !paid {
        invoice["status"] = "open".into();
        (invoice["amount_paid"], invoice["amount_remaining"]) = (0.into(), amount.clone());
        invoice["status_transitions"]["paid_at"] = Value::Null;
    }
    let subject = subscription["id"].as_str();
    store::insert(conn, "invoice", subject, &invoice).await?;
    Ok(invoice)
}

/// Whether an invoice is of a subscription.
pub(super) fn is_of(invoice: &Value, subscription: &str) -> bool {
    invoice["parent"]["subscription_details"]["subscription"] == subscription
}

/// `GET /v1/invoices`
pub(super) async fn list(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let given = schema::check(params::INVOICES, &call.params)?;
    let all = store::all(call.conn, "invoice").await?;
    lists::page("/v1/invoices", all, &given, |invoice| {
        let same = |name: &str| given.get(name).is_none_or(|wanted| invoice[name] == *wanted);
        let of = given.get("subscription").and_then(Value::as_str).is_none_or(|wanted| is_of(invoice, wanted));
        same("customer") && same("status") && of
    })
}

/// `3F2A9B01-0001`: the customer's own row of numbers.
async fn number(conn: &mut SqliteConnection, customer: &str) -> Result<String, ApiError> {
    let Some(mut customer) = store::find(conn, "customer", customer).await? else {
        return Ok(format!("{}-0001", id("", 8)?.to_uppercase()));
    };
    let next = customer["next_invoice_sequence"].as_i64().unwrap_or(1);
    customer["next_invoice_sequence"] = (next + 1).into();
    store::save(conn, &customer).await?;
    Ok(format!("{}-{next:04}", customer["invoice_prefix"].as_str().unwrap_or_default()))
}

fn invoice(session: &Value, number: &str, now: i64) -> Result<Value, ApiError> {
    let invoice = id("in_1", 23)?;
    let url = session["_sandbox"]["base"].as_str().unwrap_or_default();
    let details = &session["customer_details"];
    let (subtotal, total) = (&session["amount_subtotal"], &session["amount_total"]);
    let items = session["_sandbox"]["line_items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let lines = items.iter().map(|item| line(item, &invoice, now)).collect::<Result<Vec<_>, _>>()?;
    Ok(objects::joined([
        json!({
            "id": invoice, "object": "invoice", "created": now, "livemode": false, "number": number,
            "hosted_invoice_url": format!("{url}/invoice/{invoice}"), "invoice_pdf": null, "status": "paid",
            "currency": session["currency"], "customer": session["customer"], "customer_email": details["email"],
            "customer_name": details["name"], "customer_tax_exempt": "none",
            "customer_tax_ids": details["tax_ids"].as_array().cloned().unwrap_or_default(),
        }),
        json!({
            "amount_due": total, "amount_overpaid": 0, "amount_paid": total, "amount_remaining": 0,
            "amount_shipping": 0, "subtotal": subtotal, "subtotal_excluding_tax": subtotal, "total": total,
            "total_excluding_tax": subtotal, "starting_balance": 0, "post_payment_credit_notes_amount": 0,
            "pre_payment_credit_notes_amount": 0, "attempt_count": 0, "attempted": true, "auto_advance": false,
        }),
        json!({
            "automatic_tax": session["automatic_tax"], "billing_reason": "manual",
            "collection_method": "charge_automatically", "default_tax_rates": [], "discounts": [],
            "issuer": { "type": "self" },
            "lines": objects::list(&format!("/v1/invoices/{invoice}/lines"), lines, false),
            "metadata": session["invoice_creation"]["invoice_data"]["metadata"],
            "payment_settings":
                { "default_mandate": null, "payment_method_options": null, "payment_method_types": null },
        }),
        json!({
            "period_end": now, "period_start": now, "effective_at": now,
            "status_transitions":
                { "finalized_at": now, "marked_uncollectible_at": null, "paid_at": now, "voided_at": null },
            "_sandbox": { "tax": session["total_details"]["amount_tax"] },
        }),
    ]))
}

fn line(item: &Value, invoice: &str, now: i64) -> Result<Value, ApiError> {
    Ok(json!({
        "id": id("il_1", 23)?, "object": "line_item", "amount": item["amount_subtotal"], "currency": item["currency"],
        "description": item["description"], "discount_amounts": [], "discountable": true, "discounts": [],
        "invoice": invoice, "livemode": false, "metadata": {}, "parent": null,
        "period": { "end": now, "start": now }, "pretax_credit_amounts": [], "pricing": null,
        "quantity": item["quantity"], "subscription": null, "subtotal": item["amount_subtotal"], "taxes": [],
    }))
}

/// `GET /invoice/{id}`
pub(super) async fn show(State(sandbox): State<Sandbox>, Path(id): Path<String>) -> Response {
    let shop = &sandbox.settings().shop_name;
    let found = async { store::find(&mut *sandbox.pool().acquire().await?, "invoice", &id).await };
    let found: Result<_, ApiError> = found.await;
    match found {
        Ok(Some(invoice)) => pay::html(StatusCode::OK, None, page(&invoice, shop)),
        Ok(None) => pay::html(StatusCode::NOT_FOUND, None, page::message(None, shop, "There is no such invoice.")),
        Err(error) => {
            let (status, words) = payments::in_words(&error);
            pay::html(status, None, page::message(None, shop, &words))
        }
    }
}

fn page(invoice: &Value, shop: &str) -> String {
    let text = |value: &Value| escape(value.as_str().unwrap_or_default());
    let money = |value: &Value| {
        let currency = invoice["currency"].as_str().unwrap_or_default();
        escape(&Money::new(value.as_i64().unwrap_or_default(), currency).long())
    };
    let rows = invoice["lines"]["data"].as_array().map(Vec::as_slice).unwrap_or_default();
    let rows: String = rows
        .iter()
        .map(|line| {
            format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>", text(&line["description"]), money(&line["amount"]))
        })
        .collect();
    let tax = match invoice["_sandbox"]["tax"].as_i64() {
        Some(tax) if tax > 0 => {
            format!("<tr><th scope=\"row\">Tax, {TAX_PERCENT}%</th><td>{}</td></tr>", money(&tax.into()))
        }
        _ => String::new(),
    };
    let ids = invoice["customer_tax_ids"].as_array().map(Vec::as_slice).unwrap_or_default();
    let ids: String = ids.iter().map(|one| format!("<p>Tax ID {}</p>", text(&one["value"]))).collect();
    let paid = DateTime::<Utc>::from_timestamp(invoice["created"].as_i64().unwrap_or_default(), 0).unwrap_or_default();
    let number = text(&invoice["number"]);
    let main = format!(
        "<h1>Invoice {number}</h1><p>{}<br>{}</p>{ids}<p>Paid on {}</p>\
         <table><tbody>{rows}{tax}<tr class=\"total\"><th scope=\"row\">Paid</th><td>{}</td></tr></tbody></table>\
         <p class=\"hint\">Made by the sandbox: no money moved.</p>",
        text(&invoice["customer_name"]),
        text(&invoice["customer_email"]),
        paid.format("%-d %b %Y"),
        money(&invoice["total"]),
    );
    page::document(&format!("Invoice {number}"), shop, &main)
}
