//! Credit grants: credits with a life, and what became of them.
//!
//! Invariant (R12): `amount = used + held + frozen + remaining + expired + refunded + disputed + voided`.
//! `remaining` is what the others leave, so the identity holds by construction and the
//! property to prove is that it is never negative.

use crate::amount::Credits;
use crate::id::{GrantId, PurchaseId};
use crate::payment::Claimed;
use crate::reminder::notice_until;
use crate::time::Instant;

/// What a grant was given for. The order is the burn order of kinds (R2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The plan's monthly allowance.
    Plan,
    /// Given by the shop ("bonus" to customers).
    Courtesy,
    /// Bought.
    TopUp,
}

impl Kind {
    /// Its name in the API and the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Courtesy => "courtesy",
            Self::TopUp => "top_up",
        }
    }

    /// Its number in the store and in the chain.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Plan => 1,
            Self::Courtesy => 2,
            Self::TopUp => 3,
        }
    }

    /// From the store's number.
    #[must_use]
    pub const fn from_code(code: i64) -> Option<Self> {
        match code {
            1 => Some(Self::Plan),
            2 => Some(Self::Courtesy),
            3 => Some(Self::TopUp),
            _ => None,
        }
    }
}

/// What one usage or hold took from one grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// From which grant.
    pub grant: GrantId,
    /// Its kind.
    pub kind: Kind,
    /// How much.
    pub credits: Credits,
}

/// A credit grant. All amounts are zero or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// What it was given for.
    pub kind: Kind,
    /// What was given, growth by upgrades included.
    pub amount: Credits,
    /// Spent, net of voided usages.
    pub used: Credits,
    /// Set aside by open holds.
    pub held: Credits,
    /// Withheld while a bank reviews its payment.
    pub frozen: Credits,
    /// Removed because its time was over.
    pub expired: Credits,
    /// Removed because its payment was refunded.
    pub refunded: Credits,
    /// Removed because its payment was disputed and lost.
    pub disputed: Credits,
    /// Removed because the grant was voided.
    pub voided: Credits,
    /// Its first instant.
    pub effective_at: Instant,
    /// The first instant after it.
    pub expires_at: Instant,
    /// The purchase that paid for it.
    pub purchase: Option<PurchaseId>,
    /// Whether it was voided.
    pub is_voided: bool,
    /// What refunds and disputes of its payment claim of it: as much as is there is removed and frozen.
    pub claim: Claimed,
    /// Since when something is frozen, or to be.
    pub frozen_since: Option<Instant>,
    /// Whether it lives on until its owners were told in time that it will end (`require_notice`).
    pub awaits_notice: bool,
}

/// A grant as people see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantState {
    /// Can be drawn, or something of it is held.
    Active,
    /// Not effective yet.
    Pending,
    /// A part is frozen.
    Frozen,
    /// A top-up on a plan that may not use it.
    Paused,
    /// Used up.
    Exhausted,
    /// Its time is over.
    Expired,
    /// Taken back.
    Voided,
}

impl GrantState {
    /// Its name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Frozen => "frozen",
            Self::Paused => "paused",
            Self::Exhausted => "exhausted",
            Self::Expired => "expired",
            Self::Voided => "voided",
        }
    }
}

impl Grant {
    /// A new grant of `amount`, nothing of it used.
    #[must_use]
    pub fn new(id: GrantId, kind: Kind, amount: Credits, effective_at: Instant, expires_at: Instant) -> Self {
        let zero = Credits::ZERO;
        Self {
            id,
            kind,
            amount,
            used: zero,
            held: zero,
            frozen: zero,
            expired: zero,
            refunded: zero,
            disputed: zero,
            voided: zero,
            effective_at,
            expires_at,
            purchase: None,
            is_voided: false,
            claim: Claimed::default(),
            frozen_since: None,
            awaits_notice: false,
        }
    }

    /// What refunds and lost disputes claim and was spent (R13).
    #[must_use]
    pub fn shortfall(&self) -> Credits {
        let (claimed, unspent) = (self.claim.refund + self.claim.dispute, self.amount - self.used);
        claimed - claimed.min(unspent)
    }

    /// What is left of it, held and frozen credits excluded.
    #[must_use]
    pub fn remaining(&self) -> Credits {
        self.amount - self.used - self.held - self.frozen - self.expired - self.refunded - self.disputed - self.voided
    }

    /// Its share of the running balance: everything that has not left for good.
    #[must_use]
    pub fn balance(&self) -> Credits {
        self.remaining() + self.held + self.frozen
    }

    /// Whether something of it is left, held or frozen.
    #[must_use]
    pub fn has_something(&self) -> bool {
        self.balance().is_positive()
    }

    /// Whether it lives at `now`. While a part is frozen it does not expire (R14).
    #[must_use]
    pub fn lives(&self, now: Instant) -> bool {
        !self.is_voided && self.effective_at <= now && (now < self.expires_at || self.frozen.is_positive())
    }

    /// Whether its date moves unless its owners are told: none of them was, and seven days or less are left.
    #[must_use]
    pub fn is_kept(&self, now: Instant) -> bool {
        self.awaits_notice && self.lives(now) && self.expires_at <= notice_until(now)
    }

    /// Its place in the burn order (R2): a total order.
    #[must_use]
    pub fn burn_key(&self) -> (Kind, Instant, Instant, GrantId) {
        (self.kind, self.expires_at, self.effective_at, self.id)
    }

    /// How it looks at `now`, top-ups being paused or not.
    #[must_use]
    pub fn state(&self, now: Instant, top_ups_paused: bool) -> GrantState {
        if self.is_voided {
            GrantState::Voided
        } else if self.frozen.is_positive() {
            GrantState::Frozen
        } else if self.effective_at > now {
            GrantState::Pending
        } else if !self.lives(now) && (self.expired.is_positive() || self.remaining().is_positive()) {
            GrantState::Expired
        } else if self.remaining().is_zero() && self.held.is_zero() {
            GrantState::Exhausted
        } else if !self.lives(now) {
            GrantState::Expired
        } else if top_ups_paused && self.kind == Kind::TopUp && self.remaining().is_positive() {
            GrantState::Paused
        } else {
            GrantState::Active
        }
    }
}
