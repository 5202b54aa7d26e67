//! All that Billing shows of a customer, seen in one state of the database and in few round trips.

use crate::args;
use crate::domain::advice::Verdict;
use crate::domain::balance_alert::low_mark;
use crate::domain::{Credits, Grant, Instant};
use crate::store::db::{Connection, DbError};
use crate::usecases::credits::overview::Overview;
use crate::usecases::credits::{accounts, advice, overview, usage_rate};
use crate::usecases::customers::Customer;
use crate::usecases::insight::forecast;
use crate::usecases::insight::forecast::CustomerForecast;
use crate::usecases::purchases::CustomerPurchases;
use crate::usecases::{App, InternalError, customers, purchases};
use std::ops::Range;

/// The data of Billing.
pub struct Billing {
    pub customer: Customer,
    pub overview: Overview,
    /// The ended top-ups that were asked for.
    pub ended: Vec<Grant>,
    pub purchases: CustomerPurchases,
    /// The forecast.
    pub forecast: Option<CustomerForecast>,
    /// Buy or upgrade: one verdict.
    pub verdict: Option<Verdict>,
    pub choices: Choices,
    /// Low-balance emails are due from this many credits on, set or a tenth of the plan.
    pub low_mark: Credits,
}

/// The choices of a customer that Billing shows, and whether Stripe knows the customer.
pub struct Choices {
    /// The customer's own low mark.
    pub low_mark: Option<Credits>,
    /// Advice for a larger plan is hidden until the reset.
    pub is_advice_hidden: bool,
    pub has_stripe_customer: bool,
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
    let choices = choices(db, no, overview.balance.as_of).await?;
    let now = overview.balance.as_of;
    let rate = usage_rate::customer_usage_rate(db, no, customer.created_at, now).await?;
    Ok(Some(Billing {
        ended: overview::ended_top_ups(db, no, part.start, part.len()).await?,
        purchases: purchases::customer_purchases(db, app, no, listed).await?,
        verdict: advice::customer_verdict(db, &app.catalog, no, &overview.account, rate, now).await?,
        low_mark: low_mark(&overview.account, choices.low_mark),
        choices,
        forecast: rate.map(|rate| forecast::customer_forecast(app, &overview, rate)),
        customer,
        overview,
    }))
}

async fn choices(db: &mut Connection, no: i64, now: Instant) -> Result<Choices, DbError> {
    let sql = "select low_balance, hint_hidden_until, stripe_customer from customers where no = $1";
    let row = db.fetch_optional(sql, args![no]).await?;
    let Some(row) = row else {
        return Ok(Choices { low_mark: None, is_advice_hidden: false, has_stripe_customer: false });
    };
    Ok(Choices {
        low_mark: row.opt_int("low_balance")?.map(Credits),
        is_advice_hidden: row.opt_at("hint_hidden_until")?.is_some_and(|until| until > now),
        has_stripe_customer: row.opt_text("stripe_customer")?.is_some(),
    })
}
