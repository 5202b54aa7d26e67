//! Refunds and disputes by the API.

use serde_json::Value;

use super::call::Call;
use crate::actions::refunds_and_disputes::{charge_of, move_dispute, refund};
use crate::error::{ApiError, Result};
use crate::objects::{self, text};
use crate::params::fields;

/// `POST /v1/refunds`
pub(super) async fn create_refund(call: &mut Call) -> Result<Value> {
    let given = call.check(fields::REFUND)?;
    let charge = charge_of(&mut call.tx, &given).await?;
    call.name_request();
    refund(&mut call.tx, charge, &given).await
}

/// `POST /v1/disputes/{id}`: evidence. As in Stripe's test mode, two texts decide the dispute once they are submitted.
pub(super) async fn update_dispute(call: &mut Call, id: &str) -> Result<Value> {
    let given = call.check(fields::EVIDENCE)?;
    let mut dispute = open_dispute(call, id).await?;
    let evidence = &given["evidence"]["uncategorized_text"];
    if !evidence.is_null() {
        dispute["evidence"]["uncategorized_text"] = evidence.clone();
        dispute["evidence_details"]["has_evidence"] = true.into();
        call.tx.save(&[&dispute]).await?;
    }
    let is_inquiry = text(&dispute["status"]).starts_with("warning_");
    let outcome = match text(evidence) {
        _ if given["submit"] == false => None,
        "winning_evidence" if is_inquiry => Some("warning_closed"),
        "winning_evidence" => Some("won"),
        "losing_evidence" => Some("lost"),
        _ => None,
    };
    if let Some(outcome) = outcome {
        move_dispute(&mut call.tx, id, outcome).await?;
    }
    call.tx.get("dispute", id).await
}

/// `POST /v1/disputes/{id}/close`
pub(super) async fn close_dispute(call: &mut Call, id: &str) -> Result<Value> {
    call.check(&[])?;
    open_dispute(call, id).await?;
    move_dispute(&mut call.tx, id, "lost").await?;
    call.tx.get("dispute", id).await
}

async fn open_dispute(call: &mut Call, id: &str) -> Result<Value> {
    let dispute = call.tx.get("dispute", id).await?;
    if objects::is_closed(text(&dispute["status"])) {
        return Err(ApiError::invalid("This dispute is already closed."));
    }
    Ok(dispute)
}
