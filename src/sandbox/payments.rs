//! What happens when a card is tried, and the plain reads.
//!
//! Invariant: a session is paid once. The payment, its charge, the session and the three events change in
//! one transaction, so that no webhook tells of what is not there.

use axum::http::StatusCode;
use serde_json::Value;
use sqlx::SqliteConnection;

use super::api::Call;
use super::error::ApiError;
use super::objects::{self, Card};
use super::{events, params, schema, sessions, store};

/// `POST /v1/customers`
pub(super) async fn create_customer(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let given = schema::check(params::CUSTOMER, &call.params)?;
    let customer = objects::customer(&given, call.now)?;
    store::insert(call.conn, "customer", None, &customer).await?;
    Ok(customer)
}

/// `GET /v1/customers/{id}`, `/v1/payment_intents/{id}`, `/v1/charges/{id}`
pub(super) async fn retrieve(call: &mut Call<'_>, kind: &str, id: &str) -> Result<Value, ApiError> {
    schema::check(params::ONE, &call.params)?;
    store::find(call.conn, kind, id).await?.ok_or_else(|| ApiError::no_such(kind, id))
}

/// What trying a card on a Checkout came to.
#[derive(Debug, PartialEq)]
pub(super) enum Tried {
    /// Paid, now or before: where the customer goes.
    Paid(String),
    Declined,
    Expired,
}

/// Tries `card` on a session.
pub(super) async fn pay(
    conn: &mut SqliteConnection,
    session_id: &str,
    card: &Card<'_>,
    now: i64,
    lost: bool,
) -> Result<Tried, ApiError> {
    sessions::expire_overdue(conn, now, lost).await?;
    let mut session = sessions::find(conn, session_id).await?;
    match session["status"].as_str() {
        Some("open") => {}
        Some("complete") => return Ok(Tried::Paid(success_url(&session)?)),
        _ => return Ok(Tried::Expired),
    }
    let mut intent = intent_of(conn, &session, now).await?;
    let charge = objects::charge(&intent, &session["customer_details"], card, now)?;
    store::insert(conn, "charge", Some(session_id), &charge).await?;
    intent["latest_charge"] = charge["id"].clone();
    session["payment_intent"] = intent["id"].clone();
    if card.declined {
        intent["last_payment_error"] = objects::payment_error(&charge);
        store::save(conn, &intent).await?;
        store::save(conn, &session).await?;
        let nobody = events::nobody();
        events::emit(conn, "payment_intent.payment_failed", &intent, session_id, &nobody, now, lost).await?;
        return Ok(Tried::Declined);
    }
    intent["status"] = "succeeded".into();
    intent["amount_received"] = intent["amount"].clone();
    intent["last_payment_error"] = Value::Null;
    intent["payment_method"] = charge["payment_method"].clone();
    session["status"] = "complete".into();
    session["payment_status"] = "paid".into();
    session["url"] = Value::Null;
    store::save(conn, &intent).await?;
    store::save(conn, &session).await?;
    for (kind, object) in
        [("payment_intent.succeeded", &intent), ("charge.succeeded", &charge), ("checkout.session.completed", &session)]
    {
        events::emit(conn, kind, object, session_id, &events::nobody(), now, lost).await?;
    }
    Ok(Tried::Paid(success_url(&session)?))
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
