//! Payments that clear later: begun at the pay page, ended by the bank days after.
//!
//! Invariant: a Checkout paid so is complete and unpaid until the money comes. That it never comes shows
//! in the payment alone, as at Stripe: the session stays as it is.

use serde_json::{Value, json};
use sqlx::SqliteConnection;

use super::error::ApiError;
use super::{events, payments, sessions, store};

/// How long the sandbox's bank takes.
const CLEARS_AFTER: i64 = 3 * 24 * 60 * 60;
/// The delayed methods that are acted out.
const METHODS: [&str; 5] = ["us_bank_account", "sepa_debit", "acss_debit", "bacs_debit", "au_becs_debit"];

/// The delayed method that a session allows, if it allows one.
pub(super) fn offered(session: &Value) -> Option<&'static str> {
    let allowed = session["allowed_payment_method_types"].as_array()?;
    METHODS.into_iter().find(|method| allowed.iter().any(|one| one == method))
}

/// The customer is through; the money is on its way.
pub(super) async fn begin(
    conn: &mut SqliteConnection,
    mut session: Value,
    mut intent: Value,
    charge: &Value,
    now: i64,
    lost: bool,
) -> Result<Value, ApiError> {
    intent["status"] = "processing".into();
    intent["last_payment_error"] = Value::Null;
    intent["payment_method"] = charge["payment_method"].clone();
    session["status"] = "complete".into();
    session["url"] = Value::Null;
    session["_sandbox"]["clears_at"] = (now + CLEARS_AFTER).into();
    store::save(conn, &intent).await?;
    store::save(conn, &session).await?;
    for (kind, object) in
        [("payment_intent.processing", &intent), ("charge.pending", charge), ("checkout.session.completed", &session)]
    {
        events::emit(conn, kind, object, payments::id_of(&session), &events::nobody(), now, lost).await?;
    }
    Ok(session)
}

/// The money comes.
pub(super) async fn clear(
    conn: &mut SqliteConnection,
    mut session: Value,
    at: i64,
    lost: bool,
) -> Result<(), ApiError> {
    let (intent, mut charge) = begun(conn, &session).await?;
    session["_sandbox"]["clears_at"] = Value::Null;
    charge["status"] = "succeeded".into();
    charge["paid"] = true.into();
    charge["amount_captured"] = charge["amount"].clone();
    charge["captured"] = true.into();
    (charge["failure_code"], charge["failure_message"]) = (Value::Null, Value::Null);
    store::save(conn, &charge).await?;
    payments::succeed(conn, session, intent, &charge, "checkout.session.async_payment_succeeded", at, lost).await?;
    Ok(())
}

/// The bank says no.
pub(super) async fn bounce(
    conn: &mut SqliteConnection,
    mut session: Value,
    at: i64,
    lost: bool,
) -> Result<(), ApiError> {
    const WORDS: &str = "The customer's account has insufficient funds to cover this payment.";
    let (mut intent, mut charge) = begun(conn, &session).await?;
    session["_sandbox"]["clears_at"] = Value::Null;
    charge["status"] = "failed".into();
    charge["failure_code"] = "insufficient_funds".into();
    charge["failure_message"] = WORDS.into();
    intent["status"] = "requires_payment_method".into();
    intent["payment_method"] = Value::Null;
    intent["last_payment_error"] = json!({
        "type": "invalid_request_error", "code": "payment_intent_payment_attempt_failed", "charge": charge["id"],
        "message": WORDS,
    });
    for object in [&charge, &intent, &session] {
        store::save(conn, object).await?;
    }
    for (kind, object) in [
        ("charge.failed", &charge),
        ("payment_intent.payment_failed", &intent),
        ("checkout.session.async_payment_failed", &session),
    ] {
        events::emit(conn, kind, object, payments::id_of(&session), &events::nobody(), at, lost).await?;
    }
    Ok(())
}

/// The session, if its money is still on its way or was refused by the bank.
pub(super) async fn find(conn: &mut SqliteConnection, id: &str) -> Result<Value, ApiError> {
    let session = sessions::find(conn, id).await?;
    if session["status"] == "complete" && session["payment_status"] == "unpaid" {
        return Ok(session);
    }
    Err(ApiError::invalid("No payment of this Checkout is on its way."))
}

async fn begun(conn: &mut SqliteConnection, session: &Value) -> Result<(Value, Value), ApiError> {
    let (kind, id) = ("payment_intent", session["payment_intent"].as_str().unwrap_or_default());
    let intent = store::find(conn, kind, id).await?.ok_or_else(|| ApiError::no_such(kind, id))?;
    let (kind, id) = ("charge", intent["latest_charge"].as_str().unwrap_or_default());
    let charge = store::find(conn, kind, id).await?.ok_or_else(|| ApiError::no_such(kind, id))?;
    Ok((intent, charge))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::offered;

    #[test]
    fn a_bank_is_offered_where_the_shop_allows_one() {
        let check = |allowed: serde_json::Value, method: Option<&str>| {
            assert_eq!(offered(&json!({ "allowed_payment_method_types": allowed })), method);
        };
        check(json!(["card", "us_bank_account"]), Some("us_bank_account"));
        check(json!(["sepa_debit"]), Some("sepa_debit"));
        check(json!(["card", "link"]), None);
        check(json!(null), None);
    }
}
