//! The table of requests that the sandbox answers.

use axum::http::{Method, StatusCode};
use serde_json::Value;

use super::call::Call;
use super::lists::list;
use super::{checkout, customers, events, invoices, refunds_and_disputes, subscriptions};
use crate::actions::invoices::subscription_of;
use crate::actions::{due, saved_cards};
use crate::error::{ApiError, Result};
use crate::params::fields;

/// Answers one request. `path` begins with `/v1/`.
pub(super) async fn dispatch(call: &mut Call, method: &Method, path: &str) -> Result<Value> {
    let all = |_: &Value, _: &Value| true;
    let parts: Vec<_> = path.trim_start_matches("/v1/").trim_end_matches('/').split('/').collect();
    match (method.as_str(), parts.as_slice()) {
        ("POST", ["customers"]) => customers::create(call).await,
        ("POST", ["customers", id]) => customers::update(call, id).await,
        ("DELETE", ["customers", id]) => customers::delete(call, id).await,
        ("GET", ["customers", id]) => call.retrieve("customer", id).await,
        ("GET", ["customers"]) => list(call, "customer", &[], &[], |one, _| one["deleted"] != true).await,
        ("POST", ["checkout", "sessions"]) => checkout::create(call).await,
        ("POST", ["checkout", "sessions", id, "expire"]) => checkout::expire(call, id).await,
        ("GET", ["checkout", "sessions", id]) => call.retrieve("checkout.session", id).await,
        ("GET", ["checkout", "sessions"]) => {
            due::catch_up(&mut call.tx).await?;
            list(call, "checkout.session", fields::SESSIONS, &["customer", "payment_intent", "status"], all).await
        }
        ("GET", ["payment_intents", id]) => call.retrieve("payment_intent", id).await,
        ("GET", ["payment_intents"]) => list(call, "payment_intent", fields::OF_CUSTOMER, &["customer"], all).await,
        ("GET", ["setup_intents", id]) => call.retrieve("setup_intent", id).await,
        ("GET", ["setup_intents"]) => {
            list(call, "setup_intent", fields::SETUP_INTENTS, &["customer", "payment_method"], all).await
        }
        ("POST", ["payment_methods", id, "detach"]) => {
            call.check(&[])?;
            call.name_request();
            saved_cards::detach(&mut call.tx, id).await
        }
        ("GET", ["payment_methods", id]) => call.retrieve("payment_method", id).await,
        ("GET", ["payment_methods"]) => {
            list(call, "payment_method", fields::PAYMENT_METHODS, &["customer", "type"], all).await
        }
        ("GET", ["charges", id]) => call.retrieve("charge", id).await,
        ("GET", ["charges"]) => list(call, "charge", &[], &[], all).await,
        ("POST", ["refunds"]) => refunds_and_disputes::create_refund(call).await,
        ("GET", ["refunds", id]) => call.retrieve("refund", id).await,
        ("GET", ["refunds"]) => list(call, "refund", fields::OF_PAYMENT, &["charge", "payment_intent"], all).await,
        ("POST", ["disputes", id]) => refunds_and_disputes::update_dispute(call, id).await,
        ("POST", ["disputes", id, "close"]) => refunds_and_disputes::close_dispute(call, id).await,
        ("GET", ["disputes", id]) => call.retrieve("dispute", id).await,
        ("GET", ["disputes"]) => list(call, "dispute", fields::OF_PAYMENT, &["charge", "payment_intent"], all).await,
        ("GET", ["prices", id]) => call.retrieve("price", id).await,
        ("POST", ["subscriptions", id]) => subscriptions::update(call, id).await,
        ("DELETE", ["subscriptions", id]) => subscriptions::cancel(call, id).await,
        ("GET", ["subscriptions", id]) => call.retrieve("subscription", id).await,
        ("GET", ["subscriptions"]) => {
            due::catch_up(&mut call.tx).await?;
            list(call, "subscription", fields::SUBSCRIPTIONS, &["customer"], subscriptions::is_wanted).await
        }
        ("GET", ["invoices", id]) => call.retrieve("invoice", id).await,
        ("GET", ["invoices"]) => {
            let is_of = |invoice: &Value, given: &Value| {
                given["subscription"].is_null() || given["subscription"] == *subscription_of(invoice)
            };
            list(call, "invoice", fields::INVOICES, &["customer", "status"], is_of).await
        }
        ("POST", ["invoices"]) => invoices::create(call).await,
        ("POST", ["invoices", id]) => invoices::update(call, id).await,
        ("DELETE", ["invoices", id]) => invoices::delete(call, id).await,
        ("POST", ["invoices", id, "add_lines"]) => invoices::add_lines(call, id).await,
        ("POST", ["invoices", id, "finalize"]) => invoices::finalize(call, id).await,
        ("POST", ["invoices", id, "pay"]) => invoices::pay(call, id).await,
        ("POST", ["invoices", id, "void"]) => invoices::void(call, id).await,
        ("GET", ["invoices", id, "lines"]) => invoices::lines(call, id).await,
        ("POST", ["invoiceitems"]) => invoices::create_item(call).await,
        ("GET", ["invoiceitems", id]) => call.retrieve("invoiceitem", id).await,
        ("GET", ["invoiceitems"]) => list(call, "invoiceitem", fields::ITEMS, &["customer", "invoice"], all).await,
        ("GET", ["invoice_payments", id]) => call.retrieve("invoice_payment", id).await,
        ("GET", ["invoice_payments"]) => {
            let fields = fields::INVOICE_PAYMENTS;
            list(call, "invoice_payment", fields, &["invoice", "status"], invoices::is_of_payment).await
        }
        ("POST", ["billing_portal", "sessions"]) => subscriptions::open_portal(call).await,
        ("GET", ["events", id]) => call.retrieve("event", id).await,
        ("GET", ["events"]) => list(call, "event", fields::EVENTS, &[], events::is_wanted).await,
        ("POST", ["webhook_endpoints"]) => events::create_endpoint(call).await,
        ("POST", ["webhook_endpoints", id]) => events::update_endpoint(call, id).await,
        ("GET", ["webhook_endpoints", id]) => call.retrieve("webhook_endpoint", id).await,
        ("GET", ["webhook_endpoints"]) => list(call, "webhook_endpoint", &[], &[], all).await,
        _ => {
            let message =
                format!("Unrecognized request URL ({method}: {path}). The sandbox speaks a part of Stripe's API only.");
            Err(ApiError::invalid(message).status(StatusCode::NOT_FOUND))
        }
    }
}
