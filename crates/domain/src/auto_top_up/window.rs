//! What automatic purchases have cost in the last 30 × 24 hours.

use crate::time::Instant;
use chrono::TimeDelta;

/// The time over which a cap counts.
pub const CAP_WINDOW: TimeDelta = TimeDelta::hours(30 * 24);

/// An automatic purchase that was paid or can still be paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpentPurchase {
    pub created_at: Instant,
    /// Minor units, tax included; price × packages until the total is known. A refund takes nothing off.
    pub total: i64,
}

/// The sum of the purchases made in the window that ends at `now`. One made exactly a window ago is out of it.
#[must_use]
pub fn spent(purchases: &[SpentPurchase], now: Instant) -> i64 {
    let counts = |made: &&SpentPurchase| now.signed_duration_since(made.created_at) < CAP_WINDOW;
    purchases.iter().filter(counts).fold(0, |sum: i64, made| sum.saturating_add(made.total))
}
