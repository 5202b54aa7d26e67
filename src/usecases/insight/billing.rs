//! All that Billing shows of a customer, seen in one state of the database and in few round trips.

use crate::domain::Grant;
use crate::domain::advice::Advice;
use crate::usecases::credits::overview::Overview;
use crate::usecases::credits::{accounts, overview};
use crate::usecases::customers::Customer;
use crate::usecases::insight::forecast::CustomerForecast;
use crate::usecases::insight::{advice, forecast};
use crate::usecases::purchases::CustomerPurchases;
use crate::usecases::{App, InternalError, customers, purchases};
use std::ops::Range;

pub struct Billing {
    pub customer: Customer,
    pub overview: Overview,
    /// The ended top-ups that were asked for.
    pub ended: Vec<Grant>,
    pub purchases: CustomerPurchases,
    /// The forecast.
    pub forecast: Option<CustomerForecast>,
    /// True if another plan would have been cheaper.
    pub advice: Option<Advice>,
}

/// A customer's Billing now; what is due is booked first. `ended` is asked which of the ended top-ups are wanted,
/// `listed` how many of all purchases to skip, and how many to take.
pub async fn load_billing(
    app: &App,
    (no, id): (i64, &str),
    ended: impl FnOnce(&Overview) -> Range<usize>,
    listed: impl FnOnce(i64) -> (i64, i64),
) -> Result<Option<Billing>, InternalError> {
    accounts::catch_up_account(app, no).await?;
    let db = &mut app.store.snapshot().await?;
    let Some(customer) = customers::load_customer(db, app, id).await? else { return Ok(None) };
    let Some(overview) = overview::load_overview(db, app, no, id).await? else { return Ok(None) };
    let part = ended(&overview);
    Ok(Some(Billing {
        ended: overview::ended_top_ups(db, no, part.start, part.len()).await?,
        purchases: purchases::customer_purchases(db, app, no, listed).await?,
        forecast: forecast::customer_forecast(db, app, no, &overview, customer.created_at).await?,
        advice: advice::customer_advice(db, app, no, &overview.account, overview.balance.as_of).await?,
        customer,
        overview,
    }))
}
