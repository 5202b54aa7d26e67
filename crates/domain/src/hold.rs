//! Holds (R10): credits set aside for a running job.

use crate::amount::Credits;
use crate::grant::Draw;
use crate::id::HoldId;
use crate::time::Instant;

/// The longest life of a hold, in seconds.
pub const TTL_SECONDS_MAX: i64 = 86_400;
/// Open holds a customer may have (R1).
pub const OPEN_HOLDS_MAX: usize = 1_000;

/// An open hold. A closed one is only a row of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Its id.
    pub id: HoldId,
    /// What it holds of which grant.
    pub draws: Vec<Draw>,
    /// The instant at which it lapses.
    pub expires_at: Instant,
}

/// The life of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldState {
    /// Its credits are set aside.
    Open,
    /// Turned into a usage.
    Settled,
    /// Returned by the shop.
    Released,
    /// Returned because its time was over.
    Lapsed,
}

impl HoldState {
    /// Its name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Settled => "settled",
            Self::Released => "released",
            Self::Lapsed => "lapsed",
        }
    }

    /// Its number in the store.
    #[must_use]
    pub const fn code(self) -> i64 {
        match self {
            Self::Open => 0,
            Self::Settled => 1,
            Self::Released => 2,
            Self::Lapsed => 3,
        }
    }

    /// From the store's number.
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
    /// What it holds in all.
    #[must_use]
    pub fn credits(&self) -> Credits {
        self.draws.iter().map(|draw| draw.credits).sum()
    }
}
