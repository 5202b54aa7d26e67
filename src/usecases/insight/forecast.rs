//! What lies ahead of a customer at the pace of the last 30 days (R16, R18): when credits run out, what top-ups will
//! lose, whether buying or upgrading is cheaper. Nothing is written, and nothing is said with less than a week of data.

use crate::domain::advice::{Ahead, ahead};
use crate::domain::forecast::{Outlook, Pace, RunsOut};
use crate::domain::{GrantId, Instant, forecast};
use crate::store::db::{Connection, DbError};
use crate::usecases::App;
use crate::usecases::credits::overview::Overview;
use crate::usecases::credits::usage_rate;

/// The forecast.
#[derive(Clone, Debug)]
pub struct Prospect {
    pace: Pace,
    /// When credits run out, looking as far as the last top-up lives.
    pub runs_out: RunsOut,
    /// How each living top-up will end.
    pub fates: Vec<(GrantId, Outlook)>,
    /// Buy or upgrade.
    pub ahead: Option<Ahead>,
}

/// What lies ahead of a customer who came at `created_at`.
pub async fn of_customer(
    db: &mut Connection,
    app: &App,
    no: i64,
    overview: &Overview,
    created_at: Instant,
) -> Result<Option<Prospect>, DbError> {
    let (account, catalog, now) = (&overview.account, &app.catalog, overview.balance.as_of);
    let Some(pace) = usage_rate::of_customer(db, no, created_at, now).await? else {
        return Ok(None);
    };
    let until = overview.live.iter().map(|grant| grant.expires_at).fold(account.cycle.end, Instant::max);
    let living: Vec<GrantId> = overview.live.iter().map(|grant| grant.id).collect();
    Ok(Some(Prospect {
        pace,
        runs_out: forecast::runs_out(account, catalog, pace, now, until),
        fates: forecast::fates(account, catalog, pace, &living, now),
        ahead: ahead(account, catalog, pace, now),
    }))
}

impl Prospect {
    /// How some top-ups will end, all together.
    #[must_use]
    pub fn outlook(&self, app: &App, overview: &Overview, grants: &[GrantId]) -> Option<Outlook> {
        forecast::outlook(&overview.account, &app.catalog, self.pace, grants, overview.balance.as_of)
    }
}
