//! How fast a customer uses credits: what forecasts start from (R16).

use crate::domain::Instant;
use crate::domain::forecast::Pace;
use crate::store::db::{DbError, Link};
use crate::store::entries::{self, UsedSince};

/// How many lines are walked back over. Who has more in 30 days is judged by the latest of them.
const LINES_MAX: i64 = 20_000;

/// The pace of a customer who came at `created_at`; none with less than a week of data.
///
/// # Errors
/// Whatever the database says.
pub async fn of(link: &mut Link, customer_no: i64, created_at: Instant, now: Instant) -> Result<Option<Pace>, DbError> {
    let since = Pace::since(created_at, now);
    if Pace::of(crate::domain::Credits::ZERO, created_at, now).is_none() {
        return Ok(None);
    }
    let found = entries::used_since(link, customer_no, since, LINES_MAX).await?;
    Ok(Pace::of(scaled(found, since, now), created_at, now))
}

/// What the whole span would have, at the pace of the part that was seen.
fn scaled(found: UsedSince, since: Instant, now: Instant) -> crate::domain::Credits {
    let (whole, part) = ((now - since).num_milliseconds(), (now - found.from).num_milliseconds().max(1));
    let used = i128::from(found.used.0.max(0)) * i128::from(whole) / i128::from(part);
    crate::domain::Credits(i64::try_from(used).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Credits;
    use chrono::TimeDelta;

    #[test]
    fn a_part_stands_for_the_whole() {
        let now: Instant = "2026-11-22T14:03:00Z".parse().expect("an instant");
        let since = now - TimeDelta::days(30);
        let check = |from: Instant, want| {
            let found = UsedSince { used: Credits(1_000), from };
            assert_eq!(scaled(found, since, now), Credits(want));
        };
        check(since, 1_000);
        check(now - TimeDelta::days(3), 10_000);
        check(now, 2_592_000_000_000);
    }
}
