//! Courtesy credits, and what can be undone.

use crate::domain::{Credits, GrantId, Instant, UsageId};
use crate::usecases::credits::courtesy::NewCourtesy;
use crate::usecases::credits::idempotency::Refused;
use crate::usecases::credits::{courtesy, voids};
use crate::usecases::operators::actions::request::{ActionOutcome, ActionRequest, AuditDetail, run_action_once};
use crate::usecases::operators::audit::Action;
use crate::usecases::{App, InternalError, customers};

/// Gives courtesy credits.
pub async fn give_credits(
    app: &App,
    order: ActionRequest,
    customer: &str,
    credits: Credits,
    expires_at: Instant,
) -> Result<ActionOutcome, InternalError> {
    let Some(customer_no) = customers::customer_number(app, customer).await? else { return Ok(ActionOutcome::Unknown) };
    let reason = order.reason.clone();
    run_action_once(app, order, move |tx| {
        Box::pin(async move {
            if tx.is_closed(customer_no).await? {
                return Ok(Err(ActionOutcome::Closed));
            }
            Ok(match courtesy::give_courtesy(tx, NewCourtesy { customer_no, credits, expires_at, reason }).await? {
                Ok(given) => {
                    let until = given.grant.expires_at.format("%Y-%m-%d %H:%M UTC");
                    let detail = format!("{} until {until}", credits.counted());
                    Ok(AuditDetail::new(Action::CreditsGiven, customer_no, given.grant.id, detail))
                }
                Err(refused) => Err(ActionOutcome::from_refusal(&refused)),
            })
        })
    })
    .await
}

/// Takes the rest of a courtesy grant back.
pub async fn void_grant(app: &App, order: ActionRequest, id: GrantId) -> Result<ActionOutcome, InternalError> {
    let Some((customer_no, _)) = courtesy::grant_owner(app, id).await? else { return Ok(ActionOutcome::Unknown) };
    let reason = order.reason.clone();
    run_action_once(app, order, move |tx| {
        Box::pin(async move {
            if tx.is_closed(customer_no).await? {
                return Ok(Err(ActionOutcome::Closed));
            }
            Ok(match courtesy::void_courtesy(tx, customer_no, id, &reason).await? {
                Ok(done) => {
                    let detail = format!("{} taken back", done.grant.voided.counted());
                    Ok(AuditDetail::new(Action::GrantVoided, customer_no, id, detail))
                }
                Err(refused) => Err(ActionOutcome::from_refusal(&refused)),
            })
        })
    })
    .await
}

/// Returns a usage whole to where it came from.
pub async fn void_usage(app: &App, order: ActionRequest, id: UsageId) -> Result<ActionOutcome, InternalError> {
    let reason = order.reason.clone();
    run_action_once(app, order, move |tx| {
        Box::pin(async move {
            let Some(usage) = crate::usecases::credits::usages::load_usage(&mut tx.db, id).await? else {
                return Ok(Err(ActionOutcome::Unknown));
            };
            if tx.is_closed(usage.customer_no).await? {
                return Ok(Err(ActionOutcome::Closed));
            }
            Ok(match voids::void_customer_usage(tx, id, &reason).await? {
                Ok(done) => {
                    let detail = format!("{} given back", done.usage.credits.counted());
                    Ok(AuditDetail::new(Action::UsageVoided, done.usage.customer_no, id, detail))
                }
                Err(Refused::Unknown) => Err(ActionOutcome::Unknown),
                Err(refused) => Err(ActionOutcome::from_refusal(&refused)),
            })
        })
    })
    .await
}
