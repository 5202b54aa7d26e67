//! How fast a customer uses credits: what forecasts start from (R16). Read from the daily totals, so that it costs
//! the same however much was used.

use crate::domain::forecast::UsageRate;
use crate::domain::{Credits, Instant};
use crate::store::daily_usage;
use crate::store::daily_usage::{DAY_MS, day_number};
use crate::store::db::{Connection, DbError};

/// The pace of a customer who came at `created_at`; none with less than a week of data.
pub async fn customer_usage_rate(
    db: &mut Connection,
    customer_no: i64,
    created_at: Instant,
    now: Instant,
) -> Result<Option<UsageRate>, DbError> {
    if UsageRate::new(Credits::ZERO, created_at, now).is_none() {
        return Ok(None);
    }
    let since = UsageRate::since(created_at, now);
    let (first, mut used) = (day_number(since), Credits::ZERO);
    for (day, _, credits) in daily_usage::used_by_day(db, customer_no, first, day_number(now)).await? {
        used += if day == first && since > created_at { rest_of_day(credits, since) } else { credits };
    }
    Ok(UsageRate::new(used, created_at, now))
}

/// Of what was used on a day, the part from an instant of it on: as if it had been used evenly.
fn rest_of_day(used: Credits, since: Instant) -> Credits {
    let left = DAY_MS - since.timestamp_millis().rem_euclid(DAY_MS);
    let rest = i128::from(used.0) * i128::from(left) / i128::from(DAY_MS);
    Credits(i64::try_from(rest).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_on_which_thirty_days_begin_counts_in_part() {
        let check = |since: &str, used, want| {
            let since: Instant = since.parse().expect("an instant");
            assert_eq!(rest_of_day(Credits(used), since), Credits(want));
        };
        check("2026-11-22T00:00:00Z", 1_000, 1_000);
        check("2026-11-22T18:00:00Z", 1_000, 250);
        check("2026-11-22T23:59:59.999Z", 1_000, 0);
        check("2026-11-22T12:00:00Z", i64::MAX - 1, (i64::MAX - 1) / 2);
    }
}
