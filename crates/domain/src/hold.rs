//! Holds (R10): credits set aside for a running job.

use crate::amount::Credits;
use crate::grant::Draw;
use crate::id::HoldId;
use crate::time::Instant;

pub const TTL_SECONDS_MAX: i64 = 86_400;
/// The most open holds of a customer (R1).
pub const OPEN_HOLDS_MAX: usize = 1_000;

/// An open hold. A closed one is only a row of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    pub id: HoldId,
    pub draws: Vec<Draw>,
    /// The instant at which the hold lapses.
    pub expires_at: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::FromRepr, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
#[repr(i64)]
pub enum HoldState {
    Open = 0,
    /// Turned into a usage.
    Settled = 1,
    /// Returned by the shop.
    Released = 2,
    /// Returned at its end.
    Lapsed = 3,
}

impl HoldState {
    /// The name in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The number in the store.
    #[must_use]
    pub const fn code(self) -> i64 {
        self as i64
    }

    #[must_use]
    pub const fn from_code(code: i64) -> Option<Self> {
        Self::from_repr(code)
    }
}

impl Hold {
    /// The credits of all draws.
    #[must_use]
    pub fn credits(&self) -> Credits {
        self.draws.iter().map(|draw| draw.credits).sum()
    }
}
