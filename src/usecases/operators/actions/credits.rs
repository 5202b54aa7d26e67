//! Courtesy credits, and what can be undone.

use crate::domain::{Credits, GrantId, Instant, UsageId};
use crate::usecases::credits::courtesy::NewCourtesy;
use crate::usecases::credits::idempotency::Refused;
use crate::usecases::credits::{courtesy, voids};
use crate::usecases::operators::actions::{ActionRequest, AuditDetail, Outcome, once};
use crate::usecases::operators::audit::Action;
use crate::usecases::{App, InternalError, customers};

/// Gives courtesy credits.
///
/// # Errors
/// [`Fault`].
pub async fn give(
    app: &App,
    order: ActionRequest,
    customer: &str,
    credits: Credits,
    expires_at: Instant,
) -> Result<Outcome, InternalError> {
    let Some(customer_no) = customers::number(app, customer).await? else { return Ok(Outcome::Unknown) };
    let reason = order.reason.clone();
    once(app, order, move |tx| {
        Box::pin(async move {
            if tx.is_closed(customer_no).await? {
                return Ok(Err(Outcome::Closed));
            }
            Ok(match courtesy::give(tx, NewCourtesy { customer_no, credits, expires_at, reason }).await? {
                Ok(given) => {
                    let until = given.grant.expires_at.format("%Y-%m-%d %H:%M UTC");
                    let detail = format!("{} credits until {until}", credits.grouped());
                    Ok(AuditDetail::new(Action::CreditsGiven, customer_no, given.grant.id, detail))
                }
                Err(refused) => Err(Outcome::of(&refused)),
            })
        })
    })
    .await
}

/// Takes the rest of a courtesy grant back.
///
/// # Errors
/// [`Fault`].
pub async fn void_grant(app: &App, order: ActionRequest, id: GrantId) -> Result<Outcome, InternalError> {
    let Some((customer_no, _)) = courtesy::owner(app, id).await? else { return Ok(Outcome::Unknown) };
    let reason = order.reason.clone();
    once(app, order, move |tx| {
        Box::pin(async move {
            if tx.is_closed(customer_no).await? {
                return Ok(Err(Outcome::Closed));
            }
            Ok(match courtesy::void(tx, customer_no, id, &reason).await? {
                Ok(done) => {
                    let detail = format!("{} credits taken back", done.grant.voided.grouped());
                    Ok(AuditDetail::new(Action::GrantVoided, customer_no, id, detail))
                }
                Err(refused) => Err(Outcome::of(&refused)),
            })
        })
    })
    .await
}

/// Returns a usage whole to where it came from.
///
/// # Errors
/// [`Fault`].
pub async fn void_usage(app: &App, order: ActionRequest, id: UsageId) -> Result<Outcome, InternalError> {
    let reason = order.reason.clone();
    once(app, order, move |tx| {
        Box::pin(async move {
            let Some(usage) = crate::usecases::credits::usages::load(&mut tx.db, id).await? else {
                return Ok(Err(Outcome::Unknown));
            };
            if tx.is_closed(usage.customer_no).await? {
                return Ok(Err(Outcome::Closed));
            }
            Ok(match voids::usage(tx, id, &reason).await? {
                Ok(done) => {
                    let detail = format!("{} credits given back", done.usage.credits.grouped());
                    Ok(AuditDetail::new(Action::UsageVoided, done.usage.customer_no, id, detail))
                }
                Err(Refused::Unknown) => Err(Outcome::Unknown),
                Err(refused) => Err(Outcome::of(&refused)),
            })
        })
    })
    .await
}
