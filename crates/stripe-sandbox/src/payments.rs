//! What happens when a Checkout is paid, and the plain reads.
//!
//! Invariant: a session is paid once. The payment, its charge, the invoice, the session and their events
//! change in one transaction, so that no webhook tells of what is not there.

use axum::http::StatusCode;
use serde_json::{Value, json};
use sqlx::SqliteConnection;

use super::api::Call;
use super::error::ApiError;
use super::objects::{self, Card};
use super::{aftermath, delayed, events, invoices, params, schema, sessions, store, subscriptions};

/// `GET /v1/customers/{id}`, `/v1/payment_intents/{id}`, `/v1/charges/{id}`, `/v1/invoices/{id}`
pub(super) async fn retrieve(call: &mut Call<'_>, kind: &str, id: &str) -> Result<Value, ApiError> {
    schema::check(params::ONE, &call.params)?;
    sessions::catch_up(call.conn, call.now, call.lost).await?;
    store::find(call.conn, kind, id).await?.ok_or_else(|| ApiError::no_such(kind, id))
}

/// How a Checkout is paid.
pub(super) enum Means<'a> {
    Card(&'a Card<'a>),
    /// By a bank, which takes its time.
    Bank {
        /// Whether the money comes in the end.
        clears: bool,
    },
}

/// What trying a card on a Checkout came to.
#[derive(Debug, PartialEq)]
pub(super) enum Tried {
    /// Paid, now or before: where the customer goes.
    Paid(String),
    Declined,
    Expired,
}

/// Pays a session, or tries to.
pub(super) async fn pay(
    conn: &mut SqliteConnection,
    session_id: &str,
    means: &Means<'_>,
    tax_id: &str,
    now: i64,
    lost: bool,
) -> Result<Tried, ApiError> {
    sessions::catch_up(conn, now, lost).await?;
    let mut session = sessions::find(conn, session_id).await?;
    match session["status"].as_str() {
        Some("open") => {}
        Some("complete") => return Ok(Tried::Paid(success_url(&session)?)),
        _ => return Ok(Tried::Expired),
    }
    if session["tax_id_collection"]["enabled"] == true && !tax_id.is_empty() {
        session["customer_details"]["tax_ids"] = json!([{ "type": "unknown", "value": tax_id }]);
    }
    if session["mode"] == "subscription" {
        return match means {
            Means::Card(card) if card.declined => Ok(Tried::Declined),
            _ => {
                let session = subscriptions::begin(conn, session, subscriptions::Tell { now, lost }).await?;
                Ok(Tried::Paid(success_url(&session)?))
            }
        };
    }
    let mut intent = intent_of(conn, &session, now).await?;
    let charge = match means {
        Means::Card(card) => objects::charge(&intent, &session["customer_details"], card, now)?,
        Means::Bank { .. } => {
            let method = delayed::offered(&session);
            let method = method.ok_or_else(|| ApiError::invalid("This Checkout takes no bank payment."))?;
            objects::bank_charge(&intent, &session["customer_details"], method, now)?
        }
    };
    store::insert(conn, "charge", Some(session_id), &charge).await?;
    intent["latest_charge"] = charge["id"].clone();
    session["payment_intent"] = intent["id"].clone();
    let session = match means {
        Means::Card(card) if card.declined => {
            intent["last_payment_error"] = objects::payment_error(&charge);
            store::save(conn, &intent).await?;
            store::save(conn, &session).await?;
            let nobody = events::nobody();
            events::emit(conn, "payment_intent.payment_failed", &intent, session_id, &nobody, now, lost).await?;
            return Ok(Tried::Declined);
        }
        Means::Card(card) => {
            session["status"] = "complete".into();
            session["url"] = Value::Null;
            let session = succeed(conn, session, intent, &charge, "checkout.session.completed", now, lost).await?;
            aftermath::dispute_at_once(conn, session_id, card.last4, now, lost).await?;
            session
        }
        Means::Bank { clears } => {
            session["_sandbox"]["refused"] = (!clears).into();
            delayed::begin(conn, session, intent, &charge, now, lost).await?
        }
    };
    Ok(Tried::Paid(success_url(&session)?))
}

/// The money is there: payment, invoice and session say so, and `told` is the session's event.
pub(super) async fn succeed(
    conn: &mut SqliteConnection,
    mut session: Value,
    mut intent: Value,
    charge: &Value,
    told: &str,
    now: i64,
    lost: bool,
) -> Result<Value, ApiError> {
    intent["status"] = "succeeded".into();
    intent["amount_received"] = intent["amount"].clone();
    intent["last_payment_error"] = Value::Null;
    intent["payment_method"] = charge["payment_method"].clone();
    session["payment_status"] = "paid".into();
    let invoice = invoices::make(conn, &mut session, now).await?;
    store::save(conn, &intent).await?;
    store::save(conn, &session).await?;
    let paid = invoice.as_ref().map(|invoice| ("invoice.paid", invoice));
    let events = [("payment_intent.succeeded", &intent), ("charge.succeeded", charge)];
    for (kind, object) in events.into_iter().chain(paid).chain([(told, &session)]) {
        events::emit(conn, kind, object, id_of(&session), &events::nobody(), now, lost).await?;
    }
    Ok(session)
}

/// The id that an object carries.
pub(super) fn id_of(object: &Value) -> &str {
    object["id"].as_str().unwrap_or_default()
}

/// The session's payment: the one that an earlier card began, or a new one.
async fn intent_of(conn: &mut SqliteConnection, session: &Value, now: i64) -> Result<Value, ApiError> {
    if let Some(id) = session["payment_intent"].as_str() {
        let begun = store::find(conn, "payment_intent", id).await?;
        return begun.ok_or_else(|| ApiError::no_such("payment_intent", id));
    }
    let intent = objects::payment_intent(session, now)?;
    store::insert(conn, "payment_intent", session["id"].as_str(), &intent).await?;
    Ok(intent)
}

/// The shop's page, told which session it was. Plain ASCII, as a header has to be.
pub(super) fn success_url(session: &Value) -> Result<String, ApiError> {
    let (template, id) = (session["success_url"].as_str(), session["id"].as_str());
    let filled = template.unwrap_or_default().replace("{CHECKOUT_SESSION_ID}", id.unwrap_or_default());
    let url = url::Url::parse(&filled).map_err(|error| ApiError::broken(format!("success_url: {error}")))?;
    Ok(url.into())
}

/// The card that the sandbox's own [`super::Sandbox::pay`] uses.
pub(super) const GOOD_CARD: Card<'static> = Card { last4: "4242", month: 12, year: 2034, declined: false };

/// An error as a page shows it.
pub(super) fn in_words(error: &ApiError) -> (StatusCode, String) {
    match error.status {
        StatusCode::NOT_FOUND => (error.status, "There is no such Checkout.".to_owned()),
        status => (status, "The sandbox failed. Look at its log.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::success_url;

    #[test]
    fn the_success_url_is_told_the_session() {
        let check = |template: &str, expected: &str| {
            let session = json!({ "id": "cs_test_1", "success_url": template });
            assert_eq!(success_url(&session).expect("a URL"), expected);
        };
        check("http://a.example/p?session_id={CHECKOUT_SESSION_ID}", "http://a.example/p?session_id=cs_test_1");
        check("http://a.example/p/{CHECKOUT_SESSION_ID}", "http://a.example/p/cs_test_1");
        check("http://a.example/süß", "http://a.example/s%C3%BC%C3%9F");
    }
}
