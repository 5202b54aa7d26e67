//! Instants: UTC, to the millisecond.

use chrono::{DateTime, SubsecRound, TimeZone, Utc};

/// A point in time. Rules compare milliseconds.
pub type Instant = DateTime<Utc>;

/// Cuts everything finer than a millisecond.
#[must_use]
pub fn to_millis(at: Instant) -> Instant {
    at.trunc_subsecs(3)
}

/// From milliseconds since 1970; outside chrono's range the nearest end.
#[must_use]
pub fn from_millis(ms: i64) -> Instant {
    Utc.timestamp_millis_opt(ms).single().unwrap_or(if ms < 0 {
        DateTime::<Utc>::MIN_UTC
    } else {
        DateTime::<Utc>::MAX_UTC
    })
}

/// The last instant that the rules compute with: the end of the year 9999.
#[must_use]
pub fn far_future() -> Instant {
    from_millis(253_402_300_799_999)
}

/// The last millisecond that a caller may name. The rules add months to it and stay inside the year 9999.
const LAST_NAMED_MS: i64 = 253_370_764_799_999;

/// True if a caller may name this instant: from 1970 to the end of 9998.
#[must_use]
pub fn may_be_named(at: Instant) -> bool {
    (0..=LAST_NAMED_MS).contains(&at.timestamp_millis())
}
