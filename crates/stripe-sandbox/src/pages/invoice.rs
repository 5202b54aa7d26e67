//! `/invoice/{id}`: an invoice.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::html::{self, escape, escaped};
use crate::currencies::{self, TAX_PERCENT};
use crate::error::ApiError;
use crate::objects::{items, number, text};
use crate::sandbox::Sandbox;

/// `GET /invoice/{id}`
pub(crate) async fn show(State(sandbox): State<Sandbox>, Path(id): Path<String>) -> Response {
    let response = async {
        let invoice = sandbox.begin().await?.get("invoice", &id).await?;
        Ok(html::respond(StatusCode::OK, "", page(&invoice, &sandbox.settings().shop_name)))
    };
    response.await.unwrap_or_else(|error: ApiError| html::failed(&sandbox, &error, "There is no such invoice."))
}

fn page(invoice: &Value, shop: &str) -> String {
    let money = |minor: &Value| escape(&currencies::format(number(minor), text(&invoice["currency"])));
    let row =
        |label: &str, amount: &Value| format!("<tr><th scope=\"row\">{label}</th><td>{}</td></tr>", money(amount));
    let mut rows: String = items(&invoice["lines"]["data"])
        .iter()
        .map(|line| row(&escaped(&line["description"]), &line["amount"]))
        .collect();
    let tax = &invoice["_sandbox"]["tax"];
    if number(tax) > 0 {
        rows.push_str(&row(&format!("Tax, {TAX_PERCENT}%"), tax));
    }
    let tax_ids = items(&invoice["customer_tax_ids"]).iter();
    let tax_ids: String = tax_ids.map(|one| format!("<p>Tax ID {}</p>", escaped(&one["value"]))).collect();
    let paid_at = DateTime::<Utc>::from_timestamp(number(&invoice["created"]), 0).unwrap_or_default();
    let title = format!("Invoice {}", escaped(&invoice["number"]));
    let main = format!(
        "<h1>{title}</h1><p>{}<br>{}</p>{tax_ids}<p>Paid on {}</p>\
         <table><tbody>{rows}<tr class=\"total\"><th scope=\"row\">Paid</th><td>{}</td></tr></tbody></table>\
         <p class=\"hint\">Made by the sandbox: no money moved.</p>",
        escaped(&invoice["customer_name"]),
        escaped(&invoice["customer_email"]),
        paid_at.format("%-d %b %Y"),
        money(&invoice["total"]),
    );
    html::document(&title, shop, &main)
}
