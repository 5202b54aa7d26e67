//! Courtesy credits, and what can be undone.

use super::super::audit::Action;
use super::super::bound::Refused;
use super::super::courtesy::{self, NewCourtesy};
use super::super::{Fault, Services, customers, voids};
use super::{Note, Order, Outcome, once};
use crate::domain::{Credits, GrantId, Instant, UsageId};

/// Gives courtesy credits.
///
/// # Errors
/// [`Fault`].
pub async fn give(
    services: &Services,
    order: Order,
    customer: &str,
    credits: Credits,
    expires_at: Instant,
) -> Result<Outcome, Fault> {
    let Some(customer_no) = customers::number(services, customer).await? else { return Ok(Outcome::Unknown) };
    let reason = order.reason.clone();
    once(services, order, move |turn| {
        Box::pin(async move {
            if turn.is_closed(customer_no).await? {
                return Ok(Err(Outcome::Closed));
            }
            Ok(match courtesy::give(turn, NewCourtesy { customer_no, credits, expires_at, reason }).await? {
                Ok(given) => {
                    let until = given.grant.expires_at.format("%Y-%m-%d %H:%M UTC");
                    let detail = format!("{} credits until {until}", credits.grouped());
                    Ok(Note::new(Action::CreditsGiven, customer_no, given.grant.id, detail))
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
pub async fn void_grant(services: &Services, order: Order, id: GrantId) -> Result<Outcome, Fault> {
    let Some((customer_no, _)) = courtesy::owner(services, id).await? else { return Ok(Outcome::Unknown) };
    let reason = order.reason.clone();
    once(services, order, move |turn| {
        Box::pin(async move {
            if turn.is_closed(customer_no).await? {
                return Ok(Err(Outcome::Closed));
            }
            Ok(match courtesy::void(turn, customer_no, id, &reason).await? {
                Ok(done) => {
                    let detail = format!("{} credits taken back", done.grant.voided.grouped());
                    Ok(Note::new(Action::GrantVoided, customer_no, id, detail))
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
pub async fn void_usage(services: &Services, order: Order, id: UsageId) -> Result<Outcome, Fault> {
    let reason = order.reason.clone();
    once(services, order, move |turn| {
        Box::pin(async move {
            let Some(usage) = super::super::usages::load(&mut turn.link, id).await? else {
                return Ok(Err(Outcome::Unknown));
            };
            if turn.is_closed(usage.customer_no).await? {
                return Ok(Err(Outcome::Closed));
            }
            Ok(match voids::usage(turn, id, &reason).await? {
                Ok(done) => {
                    let detail = format!("{} credits given back", done.usage.credits.grouped());
                    Ok(Note::new(Action::UsageVoided, done.usage.customer_no, id, detail))
                }
                Err(Refused::Unknown) => Err(Outcome::Unknown),
                Err(refused) => Err(Outcome::of(&refused)),
            })
        })
    })
    .await
}
