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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldState {
    Open,
    /// Turned into a usage.
    Settled,
    /// Returned by the shop.
    Released,
    /// Returned at its end.
    Lapsed,
}

impl HoldState {
    /// The name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Settled => "settled",
            Self::Released => "released",
            Self::Lapsed => "lapsed",
        }
    }

    /// The number in the store.
    #[must_use]
    pub const fn code(self) -> i64 {
        match self {
            Self::Open => 0,
            Self::Settled => 1,
            Self::Released => 2,
            Self::Lapsed => 3,
        }
    }

    #[must_use]
    pub const fn from_code(code: i64) -> Option<Self> {
        match code {
            0 => Some(Self::Open),
            1 => Some(Self::Settled),
            2 => Some(Self::Released),
            3 => Some(Self::Lapsed),
            _ => None,
        }
    }
}

impl Hold {
    /// The credits of all draws.
    #[must_use]
    pub fn credits(&self) -> Credits {
        self.draws.iter().map(|draw| draw.credits).sum()
    }
}
