//! Credit grants: credits with a life, and the figures of their use.
//!
//! Invariant (R12): `amount = used + held + frozen + remaining + expired + refunded + disputed + voided`. `remaining`
//! is the difference, so the equation always holds; tests prove that `remaining` is never negative.

use crate::amount::Credits;
use crate::id::{GrantId, PurchaseId};
use crate::payment::Claimed;
use crate::reminder::notice_until;
use crate::time::Instant;

/// The kind of a grant, in burn order (R2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::FromRepr, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
#[repr(u8)]
pub enum Kind {
    /// The plan's monthly allowance.
    Plan = 1,
    /// A gift of the shop; customers read "bonus".
    Courtesy = 2,
    /// A purchase.
    TopUp = 3,
}

impl Kind {
    /// The name in the API and the store.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The number in the store and the chain.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    #[must_use]
    pub fn from_code(code: i64) -> Option<Self> {
        Self::from_repr(u8::try_from(code).ok()?)
    }
}

/// The credits that one usage or hold took from one grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    pub grant: GrantId,
    pub kind: Kind,
    pub credits: Credits,
}

/// A credit grant. All amounts are 0 or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub id: GrantId,
    pub kind: Kind,
    /// The granted credits, with growth by upgrades.
    pub amount: Credits,
    /// Used credits, without voided usages.
    pub used: Credits,
    /// Credits of open holds.
    pub held: Credits,
    /// Credits withheld while a bank reviews the payment.
    pub frozen: Credits,
    /// Credits removed at the end of the grant's life.
    pub expired: Credits,
    /// Credits removed for refunds.
    pub refunded: Credits,
    /// Credits removed for lost disputes.
    pub disputed: Credits,
    /// Credits removed because the grant was voided.
    pub voided: Credits,
    pub effective_at: Instant,
    /// The first instant after the grant's life.
    pub expires_at: Instant,
    /// The purchase of a top-up.
    pub purchase: Option<PurchaseId>,
    pub is_voided: bool,
    /// The credits that refunds and disputes of the payment claim. They are removed and frozen as far as the grant has
    /// them.
    pub claim: Claimed,
    /// The instant of the first unresolved freeze.
    pub frozen_since: Option<Instant>,
    /// True if the grant lives until a reminder reached its owners (`require_notice`, R9).
    pub awaits_notice: bool,
}

/// The state of a grant, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum GrantState {
    /// The grant can be drawn, or has held credits.
    Active,
    /// Not effective yet.
    Pending,
    /// A part is frozen.
    Frozen,
    /// A top-up on a plan that may not use it.
    Paused,
    Exhausted,
    Expired,
    Voided,
}

impl GrantState {
    /// The name in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

impl Grant {
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

    /// The credits that refunds and lost disputes claim and that were already used (R13).
    #[must_use]
    pub fn shortfall(&self) -> Credits {
        let (claimed, unspent) = (self.claim.refund + self.claim.dispute, self.amount - self.used);
        claimed - claimed.min(unspent)
    }

    /// The credits that are left, without held and frozen ones.
    #[must_use]
    pub fn remaining(&self) -> Credits {
        self.amount - self.used - self.held - self.frozen - self.expired - self.refunded - self.disputed - self.voided
    }

    /// The grant's share of the customer's balance.
    #[must_use]
    pub fn balance(&self) -> Credits {
        self.remaining() + self.held + self.frozen
    }

    /// True if credits are left, held or frozen.
    #[must_use]
    pub fn has_something(&self) -> bool {
        self.balance().is_positive()
    }

    /// True if the grant is alive at `now`. A frozen part keeps it alive (R14).
    #[must_use]
    pub fn lives(&self, now: Instant) -> bool {
        !self.is_voided && self.effective_at <= now && (now < self.expires_at || self.frozen.is_positive())
    }

    /// True if the expiry moves for lack of a reminder: none was delivered, and seven days or less are left (R9).
    #[must_use]
    pub fn is_kept(&self, now: Instant) -> bool {
        self.awaits_notice && self.lives(now) && self.expires_at <= notice_until(now)
    }

    /// The place in burn order (R2), a total order.
    #[must_use]
    pub fn burn_key(&self) -> (Kind, Instant, Instant, GrantId) {
        (self.kind, self.expires_at, self.effective_at, self.id)
    }

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
