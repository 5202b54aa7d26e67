//! The forecast of a customer at the usage rate of the last 30 days (R16, R18): when credits run out, what top-ups will
//! lose. Nothing is written, and nothing is said with less than a week of data.

use crate::domain::forecast::{RunsOut, TopUpForecast, UsageRate};
use crate::domain::{Credits, GrantId, Instant, forecast};
use crate::usecases::App;
use crate::usecases::credits::overview::Overview;

/// The forecast.
#[derive(Clone, Debug)]
pub struct CustomerForecast {
    rate: UsageRate,
    /// When credits run out, looking as far as the last top-up lives.
    pub runs_out: RunsOut,
    /// How each living top-up will end.
    pub top_ups: Vec<(GrantId, TopUpForecast)>,
}

/// The forecast of a customer at a usage rate.
#[must_use]
pub fn customer_forecast(app: &App, overview: &Overview, rate: UsageRate) -> CustomerForecast {
    let (account, catalog, now) = (&overview.account, &app.catalog, overview.balance.as_of);
    let until = overview.live.iter().map(|grant| grant.expires_at).fold(account.cycle.end, Instant::max);
    let living: Vec<GrantId> = overview.live.iter().map(|grant| grant.id).collect();
    CustomerForecast {
        rate,
        runs_out: forecast::runs_out(account, catalog, rate, now, until),
        top_ups: forecast::each_top_up(account, catalog, rate, &living, now),
    }
}

impl CustomerForecast {
    /// The credits used on an average day.
    #[must_use]
    pub fn per_day(&self) -> Credits {
        self.rate.per_day()
    }

    /// How some top-ups will end, all together.
    #[must_use]
    pub fn top_ups_together(&self, app: &App, overview: &Overview, grants: &[GrantId]) -> Option<TopUpForecast> {
        forecast::top_ups_together(&overview.account, &app.catalog, self.rate, grants, overview.balance.as_of)
    }
}
