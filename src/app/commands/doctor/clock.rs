//! The clock: against PostgreSQL's, the newest commit, the accounts and the entries.

use crate::app::commands::doctor::report::DoctorReport;
use crate::args;
use crate::clock::Clock;
use crate::domain::Instant;
use crate::store::db::{Connection, DbError};
use crate::store::{Store, newest_commit};
use chrono::{SecondsFormat, TimeDelta};

/// The largest difference of two clocks that is not an error, in seconds.
pub const DIFFERENCE_MAX: i64 = 30;

/// Checks the clock.
pub async fn check(report: &mut DoctorReport, store: &Store, is_test: bool) -> Result<(), DbError> {
    if is_test {
        report.note("clock", "is the test clock, which stands still");
        return Ok(());
    }
    let now = Clock::system().real();
    if let Some(offset) = newest_commit::server_clock_offset(store, now).await?
        && offset.num_seconds().abs() > DIFFERENCE_MAX
    {
        let seconds = offset.num_seconds();
        report.wrong("clock", format!("PostgreSQL's is {seconds} seconds from ours: set both by NTP"));
    }
    let mut db = store.read().await?;
    if let Some(refusal) = newest_commit::clock_refusal(store, now).await? {
        report.wrong("clock", refusal);
        return Ok(());
    }
    compare_with_accounts(report, &mut db, now).await?;
    let last = newest_commit::newest_entry(&mut db).await?;
    match last.map(|last: Instant| (last - now).num_seconds()) {
        Some(ahead) if ahead > DIFFERENCE_MAX => report.wrong(
            "clock",
            format!(
                "is {ahead} seconds behind the ledger's last entry: nothing is reopened, but what is due comes late. \
                 Set it by NTP"
            ),
        ),
        _ => report.good("clock", now.to_rfc3339_opts(SecondsFormat::Secs, true)),
    }
    Ok(())
}

/// Accounts ahead of the clock: an earlier clock was ahead.
async fn compare_with_accounts(report: &mut DoctorReport, db: &mut Connection, now: Instant) -> Result<(), DbError> {
    let sql = "select count(*) as n, max(last_at) as last_at from accounts where last_at > $1";
    let row = db.fetch_optional(sql, args![now + TimeDelta::seconds(DIFFERENCE_MAX)]).await?;
    let accounts = row.as_ref().map_or(Ok(0), |row| row.int("n"))?;
    if accounts > 0 {
        let until = row.map(|row| row.opt_at("last_at")).transpose()?.flatten();
        let until = until.map_or_else(String::new, |at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
        let them = if accounts == 1 { "1 account is".to_owned() } else { format!("{accounts} accounts are") };
        report.wrong(
            "clock",
            format!(
                "{them} ahead of it, the furthest at {until}: a clock was ahead once. Nothing is reopened; what they \
                 book until then bears that instant"
            ),
        );
    }
    Ok(())
}
