//! All that Billing shows of a customer, seen in one state of the database and in few round trips.

use crate::domain::Grant;
use crate::domain::advice::Advice;
use crate::usecases::credits::overview::Overview;
use crate::usecases::credits::{accounts, overview};
use crate::usecases::customers::Customer;
use crate::usecases::insight::forecast::Prospect;
use crate::usecases::insight::{advice, forecast};
use crate::usecases::purchases::CustomerPurchases;
use crate::usecases::{App, InternalError, customers, purchases};
use std::ops::Range;

/// What is seen.
pub struct Billing {
    pub customer: Customer,
    pub overview: Overview,
    /// The ended top-ups that were asked for.
    pub ended: Vec<Grant>,
    pub purchases: CustomerPurchases,
    /// The forecast.
    pub prospect: Option<Prospect>,
    /// Whether another plan would have been cheaper.
    pub advice: Option<Advice>,
}

/// A customer's Billing now; what is due is booked first. `ended` is asked which of the ended top-ups are wanted,
/// `listed` how many of all purchases to skip, and how many to take.
pub async fn of_customer(
    app: &App,
    (no, id): (i64, &str),
    ended: impl FnOnce(&Overview) -> Range<usize>,
    listed: impl FnOnce(i64) -> (i64, i64),
) -> Result<Option<Billing>, InternalError> {
    accounts::book(app, no).await?;
    let db = &mut app.store.snapshot().await?;
    let Some(customer) = customers::found(db, app, id).await? else { return Ok(None) };
    let Some(overview) = overview::of_customer(db, app, no, id).await? else { return Ok(None) };
    let part = ended(&overview);
    Ok(Some(Billing {
        ended: overview::ended(db, no, part.start, part.len()).await?,
        purchases: purchases::listed(db, app, no, listed).await?,
        prospect: forecast::of_customer(db, app, no, &overview, customer.created_at).await?,
        advice: advice::of_customer(db, app, no, &overview.account, overview.balance.as_of).await?,
        customer,
        overview,
    }))
}
