//! All that Billing shows of a customer, seen in one state of the database and in few round trips.

use super::customers::{self, Customer};
use super::overview::{self, Overview};
use super::prospect::{self, Prospect};
use super::purchases::{self, Listed};
use super::{Fault, Services, accounts, hint};
use crate::domain::Grant;
use crate::domain::advice::Advice;
use std::ops::Range;

/// What is seen.
pub struct Billing {
    /// Who it is.
    pub customer: Customer,
    /// The ledger.
    pub overview: Overview,
    /// The ended top-ups that were asked for.
    pub ended: Vec<Grant>,
    /// Purchases.
    pub purchases: Listed,
    /// What lies ahead.
    pub prospect: Option<Prospect>,
    /// Whether another plan would have been cheaper.
    pub advice: Option<Advice>,
}

/// A customer's Billing now; what is due is booked first. `ended` is asked which of the ended top-ups are wanted,
/// `listed` how many of all purchases to skip, and how many to take.
///
/// # Errors
/// [`Fault`].
pub async fn of(
    services: &Services,
    (no, id): (i64, &str),
    ended: impl FnOnce(&Overview) -> Range<usize>,
    listed: impl FnOnce(i64) -> (i64, i64),
) -> Result<Option<Billing>, Fault> {
    accounts::book(services, no).await?;
    let link = &mut services.store.snapshot().await?;
    let Some(customer) = customers::found(link, services, id).await? else { return Ok(None) };
    let Some(overview) = overview::of(link, services, no, id).await? else { return Ok(None) };
    let part = ended(&overview);
    Ok(Some(Billing {
        ended: overview::ended(link, no, part.start, part.len()).await?,
        purchases: purchases::listed(link, services, no, listed).await?,
        prospect: prospect::of(link, services, no, &overview, customer.created_at).await?,
        advice: hint::of(link, services, no, &overview.account, overview.balance.as_of).await?,
        customer,
        overview,
    }))
}
