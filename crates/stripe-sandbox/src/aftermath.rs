//! Refunds and disputes: what happens to a payment after it was made.
//!
//! Invariant: a charge's `amount_refunded` is the sum of its refunds that have not failed, and changes in the
//! transaction that makes or fails one. A refund succeeds at once; that it fails later, and all that a bank does,
//! is told to the sandbox by its caller, for no API of Stripe's does it.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use sqlx::SqliteConnection;

use super::api::Call;
use super::error::ApiError;
use super::payments::id_of;
use super::{Sandbox, currencies, events, lists, objects, params, schema, store};

/// `POST /v1/refunds`
pub(super) async fn create_refund(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let given = schema::check(params::REFUND, &call.params)?;
    let charge = charge_meant(call.conn, &given).await?;
    let request = call.request();
    refund(call.conn, charge, &given, &request, call.now, call.lost).await
}

/// The charge that a refund names, itself or by its payment.
async fn charge_meant(conn: &mut SqliteConnection, given: &Map<String, Value>) -> Result<Value, ApiError> {
    let bad = |param: &'static str, id: &str| {
        ApiError::invalid(format!("No such {param}: '{id}'")).code("resource_missing").param(param)
    };
    if let Some(id) = given.get("charge").and_then(Value::as_str) {
        return store::find(conn, "charge", id).await?.ok_or_else(|| bad("charge", id));
    }
    let Some(id) = given.get("payment_intent").and_then(Value::as_str) else {
        return Err(ApiError::invalid("One of the following params should be provided: payment_intent or charge."));
    };
    let intent = store::find(conn, "payment_intent", id).await?.ok_or_else(|| bad("payment_intent", id))?;
    let charge = intent["latest_charge"].as_str().unwrap_or_default();
    store::find(conn, "charge", charge).await?.ok_or_else(|| {
        ApiError::invalid("This PaymentIntent does not have a successful charge to refund.").param("payment_intent")
    })
}

async fn refund(
    conn: &mut SqliteConnection,
    mut charge: Value,
    given: &Map<String, Value>,
    request: &Value,
    now: i64,
    lost: bool,
) -> Result<Value, ApiError> {
    let id = id_of(&charge).to_owned();
    if charge["paid"] != true {
        return Err(ApiError::invalid(format!("Charge {id} has not succeeded, and cannot be refunded.")));
    }
    let back = charge["amount_refunded"].as_i64().unwrap_or_default();
    let left = charge["amount"].as_i64().unwrap_or_default() - back;
    if left == 0 {
        let message = format!("Charge {id} has already been refunded.");
        return Err(ApiError::invalid(message).code("charge_already_refunded"));
    }
    let amount = given.get("amount").and_then(Value::as_i64).unwrap_or(left);
    currencies::check_step(amount, charge["currency"].as_str().unwrap_or_default(), "amount")?;
    if amount > left {
        let message = format!("Refund amount ({amount}) is greater than unrefunded amount on charge ({left})");
        return Err(ApiError::invalid(message).param("amount"));
    }
    let refund = refund_object(&charge, given, amount, now)?;
    let session = store::session_of(conn, &id).await?;
    store::insert(conn, "refund", Some(&session), &refund).await?;
    total(&mut charge, back + amount);
    store::save(conn, &charge).await?;
    for (kind, object) in
        [("refund.created", &refund), ("charge.refunded", &charge), ("charge.refund.updated", &refund)]
    {
        events::emit(conn, kind, object, &session, request, now, lost).await?;
    }
    Ok(refund)
}

fn total(charge: &mut Value, refunded: i64) {
    charge["amount_refunded"] = refunded.into();
    charge["refunded"] = (charge["amount"] == refunded).into();
}

fn refund_object(charge: &Value, given: &Map<String, Value>, amount: i64, now: i64) -> Result<Value, ApiError> {
    Ok(json!({
        "id": objects::id("re_3", 23)?, "object": "refund", "amount": amount, "balance_transaction": null,
        "charge": charge["id"], "created": now, "currency": charge["currency"], "customer": charge["customer"],
        "customer_account": null,
        "destination_details": { "type": "card", "card": { "reference_status": "pending", "type": "refund" } },
        "metadata": objects::map_or_empty(given.get("metadata").unwrap_or(&Value::Null)),
        "payment_intent": charge["payment_intent"], "payment_method": charge["payment_method"],
        "reason": given.get("reason").cloned().unwrap_or(Value::Null), "receipt_number": null,
        "source_transfer_reversal": null, "status": "succeeded", "transfer_reversal": null,
    }))
}

/// The bank sends a refund back: weeks later, as Stripe says.
async fn fail(conn: &mut SqliteConnection, id: &str, now: i64, lost: bool) -> Result<(), ApiError> {
    let mut refund = store::find(conn, "refund", id).await?.ok_or_else(|| ApiError::no_such("refund", id))?;
    if refund["status"] == "failed" {
        return Ok(());
    }
    refund["status"] = "failed".into();
    refund["failure_reason"] = "expired_or_canceled_card".into();
    let charge_id = refund["charge"].as_str().unwrap_or_default();
    let charge = store::find(conn, "charge", charge_id).await?;
    let mut charge = charge.ok_or_else(|| ApiError::no_such("charge", charge_id))?;
    let back = charge["amount_refunded"].as_i64().unwrap_or_default();
    total(&mut charge, back - refund["amount"].as_i64().unwrap_or_default());
    store::save(conn, &refund).await?;
    store::save(conn, &charge).await?;
    let session = store::session_of(conn, id).await?;
    for (kind, object) in [("refund.updated", &refund), ("charge.refund.updated", &refund), ("refund.failed", &refund)]
    {
        events::emit(conn, kind, object, &session, &events::nobody(), now, lost).await?;
    }
    Ok(())
}

/// What the dispute's state is called when it is over.
fn is_over(status: &str) -> bool {
    matches!(status, "won" | "lost" | "warning_closed" | "prevented")
}

/// What the buyer's bank does about a payment by one of Stripe's test cards.
pub(super) async fn dispute_at_once(
    conn: &mut SqliteConnection,
    session: &str,
    last4: &str,
    now: i64,
    lost: bool,
) -> Result<(), ApiError> {
    let status = match last4 {
        "0259" => "needs_response",
        "1976" => "warning_needs_response",
        _ => return Ok(()),
    };
    dispute(conn, session, None, status, now, lost).await.map(drop)
}

/// Begins a dispute of a Checkout's payment.
async fn dispute(
    conn: &mut SqliteConnection,
    session: &str,
    amount: Option<i64>,
    status: &str,
    now: i64,
    lost: bool,
) -> Result<String, ApiError> {
    let charges = store::all(conn, "charge").await?;
    let mut charge = None;
    for one in charges.into_iter().filter(|charge| charge["paid"] == true) {
        if store::session_of(conn, id_of(&one)).await? == session {
            charge = Some(one);
            break;
        }
    }
    let mut charge = charge.ok_or_else(|| ApiError::invalid("This Checkout has no payment to dispute."))?;
    let dispute = dispute_object(&charge, amount, status, now)?;
    charge["disputed"] = true.into();
    store::insert(conn, "dispute", Some(session), &dispute).await?;
    store::save(conn, &charge).await?;
    let inquiry = status.starts_with("warning_");
    events::emit(conn, "charge.dispute.created", &dispute, session, &events::nobody(), now, lost).await?;
    if !inquiry && status != "prevented" {
        let kind = "charge.dispute.funds_withdrawn";
        events::emit(conn, kind, &dispute, session, &events::nobody(), now, lost).await?;
    }
    if is_over(status) {
        events::emit(conn, "charge.dispute.closed", &dispute, session, &events::nobody(), now, lost).await?;
    }
    Ok(id_of(&dispute).to_owned())
}

fn dispute_object(charge: &Value, amount: Option<i64>, status: &str, now: i64) -> Result<Value, ApiError> {
    let texts = "access_activity_log billing_address cancellation_policy cancellation_policy_disclosure \
        cancellation_rebuttal customer_communication customer_email_address customer_name customer_purchase_ip \
        customer_signature duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id \
        product_description receipt refund_policy refund_policy_disclosure refund_refusal_explanation service_date \
        service_documentation shipping_address shipping_carrier shipping_date shipping_documentation \
        shipping_tracking_number uncategorized_file uncategorized_text";
    let mut evidence: Map<String, Value> =
        texts.split_whitespace().map(|name| (name.to_owned(), Value::Null)).collect();
    evidence.insert("enhanced_evidence".to_owned(), json!({}));
    Ok(json!({
        "id": objects::id("du_1", 23)?, "object": "dispute", "amount": amount.map_or(charge["amount"].clone(), Value::from),
        "balance_transactions": [], "charge": charge["id"], "created": now, "currency": charge["currency"],
        "enhanced_eligibility_types": [], "evidence": evidence,
        "evidence_details": {
            "due_by": now + 7 * 24 * 60 * 60, "enhanced_eligibility": {}, "has_evidence": false, "past_due": false,
            "submission_count": 0,
        },
        "is_charge_refundable": status.starts_with("warning_"), "livemode": false, "metadata": {},
        "payment_intent": charge["payment_intent"], "reason": "fraudulent", "status": status,
    }))
}

async fn move_dispute(
    conn: &mut SqliteConnection,
    id: &str,
    status: &str,
    now: i64,
    lost: bool,
) -> Result<(), ApiError> {
    let mut dispute = store::find(conn, "dispute", id).await?.ok_or_else(|| ApiError::no_such("dispute", id))?;
    let was = dispute["status"].as_str().unwrap_or_default().to_owned();
    dispute["status"] = status.into();
    store::save(conn, &dispute).await?;
    let session = store::session_of(conn, id).await?;
    let mut kinds = vec!["charge.dispute.updated"];
    if was.starts_with("warning_") && matches!(status, "needs_response" | "under_review" | "lost") {
        kinds.push("charge.dispute.funds_withdrawn");
    }
    if status == "won" {
        kinds.push("charge.dispute.funds_reinstated");
    }
    if is_over(status) {
        kinds.push("charge.dispute.closed");
    }
    for kind in kinds {
        events::emit(conn, kind, &dispute, &session, &events::nobody(), now, lost).await?;
    }
    Ok(())
}

/// `GET /v1/refunds`, `GET /v1/disputes`
pub(super) async fn list(call: &mut Call<'_>, kind: &str) -> Result<Value, ApiError> {
    events::one_instant(&mut call.params);
    let given = schema::check(params::PARTS, &call.params)?;
    let all = store::all(call.conn, kind).await?;
    lists::page(&format!("/v1/{kind}s"), all, &given, |one| {
        let same = |name: &str| given.get(name).is_none_or(|wanted| one[name] == *wanted);
        same("charge") && same("payment_intent") && events::created_within(one, &given)
    })
}

impl Sandbox {
    /// Refunds a part of a Checkout's payment, or all that is left of it, as the dashboard would. Returns the refund's id.
    ///
    /// # Errors
    /// The reason in words, if it was not paid, or not so much is left.
    pub async fn refund(&self, session: &str, amount: Option<i64>) -> Result<String, String> {
        let done = async {
            let mut transaction = self.pool().begin().await?;
            let (now, lost) = ((self.settings().now)(), self.faults().webhooks_lost());
            let found = store::find(&mut transaction, "checkout.session", session).await?;
            let intent = found.map(|session| session["payment_intent"].clone()).unwrap_or_default();
            let mut given = Map::from_iter([("payment_intent".to_owned(), intent)]);
            given.extend(amount.map(|amount| ("amount".to_owned(), amount.into())));
            let charge = charge_meant(&mut transaction, &given).await?;
            let refund = refund(&mut transaction, charge, &given, &events::nobody(), now, lost).await?;
            transaction.commit().await?;
            Ok::<_, ApiError>(id_of(&refund).to_owned())
        };
        self.told(done.await)
    }

    /// Lets the bank send a refund back.
    ///
    /// # Errors
    /// The reason in words, if there is none.
    pub async fn fail_refund(&self, id: &str) -> Result<(), String> {
        let done = async {
            let mut transaction = self.pool().begin().await?;
            let (now, lost) = ((self.settings().now)(), self.faults().webhooks_lost());
            fail(&mut transaction, id, now, lost).await?;
            transaction.commit().await?;
            Ok::<_, ApiError>(())
        };
        self.told(done.await)
    }

    /// Lets the buyer's bank dispute a Checkout's payment: `status` as Stripe names it. Returns the dispute's id.
    ///
    /// # Errors
    /// The reason in words, if nothing was paid.
    pub async fn dispute(&self, session: &str, amount: Option<i64>, status: &str) -> Result<String, String> {
        let done = async {
            let mut transaction = self.pool().begin().await?;
            let (now, lost) = ((self.settings().now)(), self.faults().webhooks_lost());
            let id = dispute(&mut transaction, session, amount, status, now, lost).await?;
            transaction.commit().await?;
            Ok::<_, ApiError>(id)
        };
        self.told(done.await)
    }

    /// Moves a dispute to another status.
    ///
    /// # Errors
    /// The reason in words, if there is none.
    pub async fn move_dispute(&self, id: &str, status: &str) -> Result<(), String> {
        let done = async {
            let mut transaction = self.pool().begin().await?;
            let (now, lost) = ((self.settings().now)(), self.faults().webhooks_lost());
            move_dispute(&mut transaction, id, status, now, lost).await?;
            transaction.commit().await?;
            Ok::<_, ApiError>(())
        };
        self.told(done.await)
    }

    fn told<T>(&self, done: Result<T, ApiError>) -> Result<T, String> {
        self.wake();
        done.map_err(|error| error.message)
    }
}

/// `POST /v1/disputes/{id}`: evidence. As in Stripe's test mode two texts decide at once, once they are submitted.
pub(super) async fn update_dispute(call: &mut Call<'_>, id: &str) -> Result<Value, ApiError> {
    let given = schema::check(params::EVIDENCE, &call.params)?;
    let mut dispute = store::find(call.conn, "dispute", id).await?.ok_or_else(|| ApiError::no_such("dispute", id))?;
    let status = dispute["status"].as_str().unwrap_or_default().to_owned();
    if is_over(&status) {
        return Err(ApiError::invalid("This dispute is already closed.").status(StatusCode::BAD_REQUEST));
    }
    let text = given.get("evidence").map_or(Value::Null, |evidence| evidence["uncategorized_text"].clone());
    if !text.is_null() {
        dispute["evidence"]["uncategorized_text"] = text.clone();
        dispute["evidence_details"]["has_evidence"] = true.into();
        store::save(call.conn, &dispute).await?;
    }
    let inquiry = status.starts_with("warning_");
    let outcome = match text.as_str().filter(|_| given.get("submit") != Some(&Value::Bool(false))) {
        Some("winning_evidence") if inquiry => Some("warning_closed"),
        Some("winning_evidence") => Some("won"),
        Some("losing_evidence") => Some("lost"),
        _ => None,
    };
    if let Some(outcome) = outcome {
        move_dispute(call.conn, id, outcome, call.now, call.lost).await?;
    }
    store::find(call.conn, "dispute", id).await?.ok_or_else(|| ApiError::no_such("dispute", id))
}

/// A status that `POST /v1/disputes/{id}/close` leads to.
pub(super) async fn close_dispute(call: &mut Call<'_>, id: &str) -> Result<Value, ApiError> {
    schema::check(params::ONE, &call.params)?;
    let dispute = store::find(call.conn, "dispute", id).await?.ok_or_else(|| ApiError::no_such("dispute", id))?;
    if is_over(dispute["status"].as_str().unwrap_or_default()) {
        return Err(ApiError::invalid("This dispute is already closed.").status(StatusCode::BAD_REQUEST));
    }
    move_dispute(call.conn, id, "lost", call.now, call.lost).await?;
    store::find(call.conn, "dispute", id).await?.ok_or_else(|| ApiError::no_such("dispute", id))
}
