//! What becomes of a payment after it was credited: refunds (R13) and disputes (R14).
//!
//! Of each refund and dispute we keep how far it has come, which only ever grows: so what is known of a
//! payment is the same whatever the order in which it was told, and however often (R15).
//!
//! *Not here:* what it does to a grant ([`crate::Account::claim`]).

use crate::amount::Credits;
use std::collections::BTreeMap;

/// How far a refund has come. Later ones are further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefundStatus {
    /// On its way, or waiting for something.
    Pending,
    /// The money is back.
    Succeeded,
    /// It did not arrive: the shop has the money again. That may come weeks after `Succeeded`.
    Failed,
}

impl RefundStatus {
    /// Every status, in order.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Succeeded, Self::Failed];

    /// Our name of it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }

    /// From Stripe's name. One that Stripe has not invented yet counts as money that is on its way back.
    #[must_use]
    pub fn from_stripe(name: &str) -> Self {
        match name {
            "succeeded" => Self::Succeeded,
            "failed" | "canceled" => Self::Failed,
            _ => Self::Pending,
        }
    }
}

/// How far a dispute has come. Later ones are further: an inquiry may become a dispute, a lost one may be won late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DisputeStatus {
    /// An inquiry.
    WarningNeedsResponse,
    /// An inquiry that was answered.
    WarningUnderReview,
    /// An inquiry that came to nothing.
    WarningClosed,
    /// The money is with the bank; we may answer.
    NeedsResponse,
    /// The bank decides.
    UnderReview,
    /// Settled before it became one.
    Prevented,
    /// The money is gone.
    Lost,
    /// The money is back.
    Won,
}

/// What a dispute does to the credits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisputeEffect {
    /// Nothing.
    Nothing,
    /// Its part is frozen.
    Freezes,
    /// Its part is removed.
    Removes,
}

impl DisputeStatus {
    /// Every status, in order.
    pub const ALL: [Self; 8] = [
        Self::WarningNeedsResponse,
        Self::WarningUnderReview,
        Self::WarningClosed,
        Self::NeedsResponse,
        Self::UnderReview,
        Self::Prevented,
        Self::Lost,
        Self::Won,
    ];

    /// Stripe's name, which is ours too.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WarningNeedsResponse => "warning_needs_response",
            Self::WarningUnderReview => "warning_under_review",
            Self::WarningClosed => "warning_closed",
            Self::NeedsResponse => "needs_response",
            Self::UnderReview => "under_review",
            Self::Prevented => "prevented",
            Self::Lost => "lost",
            Self::Won => "won",
        }
    }

    /// From Stripe's name. Of one that Stripe has not invented yet nothing may be concluded.
    #[must_use]
    pub fn from_stripe(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// What it does.
    #[must_use]
    pub const fn effect(self) -> DisputeEffect {
        match self {
            Self::NeedsResponse | Self::UnderReview => DisputeEffect::Freezes,
            Self::Lost => DisputeEffect::Removes,
            _ => DisputeEffect::Nothing,
        }
    }

    /// How much it matters to whoever looks at the purchase: the one to name where there are several.
    const fn weight(self) -> u8 {
        match self {
            Self::NeedsResponse => 7,
            Self::UnderReview => 6,
            Self::Lost => 5,
            Self::WarningNeedsResponse => 4,
            Self::WarningUnderReview => 3,
            Self::Won => 2,
            Self::WarningClosed => 1,
            Self::Prevented => 0,
        }
    }
}

/// A part of the payment: how far it has come, and its money in minor units.
type Parts<S> = BTreeMap<String, (S, i64)>;

/// What is known of a payment's refunds and disputes, by Stripe's ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payment {
    /// Refunds.
    pub refunds: Parts<RefundStatus>,
    /// Disputes.
    pub disputes: Parts<DisputeStatus>,
}

/// What a payment's refunds and disputes claim of the credits that it bought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Claimed {
    /// To be removed because of refunds.
    pub refund: Credits,
    /// To be removed because of lost disputes, as far as refunds have not claimed it.
    pub dispute: Credits,
    /// To be frozen.
    pub freeze: Credits,
}

impl Payment {
    /// Takes in how far a refund has come; says whether that is news.
    pub fn refund(&mut self, id: &str, status: RefundStatus, amount: i64) -> bool {
        further(&mut self.refunds, id, status, amount)
    }

    /// Takes in how far a dispute has come; says whether that is news.
    pub fn dispute(&mut self, id: &str, status: DisputeStatus, amount: i64) -> bool {
        further(&mut self.disputes, id, status, amount)
    }

    /// What was paid back, or is on its way.
    #[must_use]
    pub fn refunded(&self) -> i64 {
        sum(self.refunds.values().filter(|(status, _)| *status != RefundStatus::Failed).map(|(_, amount)| *amount))
    }

    fn disputed(&self, effect: DisputeEffect) -> i64 {
        sum(self.disputes.values().filter(|(status, _)| status.effect() == effect).map(|(_, amount)| *amount))
    }

    /// The dispute that matters most.
    #[must_use]
    pub fn standing(&self) -> Option<DisputeStatus> {
        self.disputes.values().map(|(status, _)| *status).max_by_key(|status| status.weight())
    }

    /// What it claims of `credits` that were bought for `charged` minor units: one target for refunds and lost
    /// disputes together, down to a thousandth, never more than the credits.
    #[must_use]
    pub fn claims(&self, credits: Credits, charged: i64) -> Claimed {
        let (refunded, lost) = (self.refunded(), self.disputed(DisputeEffect::Removes));
        let refund = part(credits, refunded, charged);
        let all = part(credits, refunded.saturating_add(lost), charged);
        let freeze = part(credits, self.disputed(DisputeEffect::Freezes), charged);
        Claimed { refund, dispute: all - refund, freeze }
    }

    /// Whether a dispute that froze something in `before` gives it free in `self`, and takes nothing.
    #[must_use]
    pub fn thaws(&self, before: &Self) -> bool {
        before.disputes.iter().any(|(id, (was, _))| {
            let is = self.disputes.get(id).map_or(*was, |(status, _)| *status);
            was.effect() == DisputeEffect::Freezes && is.effect() == DisputeEffect::Nothing
        })
    }
}

/// Keeps what is further; of the same, the larger amount.
fn further<S: Ord + Copy>(parts: &mut Parts<S>, id: &str, status: S, amount: i64) -> bool {
    let new = (status, amount.max(0));
    match parts.get_mut(id) {
        Some(known) if *known >= new => false,
        Some(known) => {
            *known = new;
            true
        }
        None => parts.insert(id.to_owned(), new).is_none(),
    }
}

fn sum(amounts: impl Iterator<Item = i64>) -> i64 {
    amounts.fold(0, i64::saturating_add)
}

/// `credits × minor ÷ charged`, down to a thousandth (R13). Without a charge there is nothing to give back.
fn part(credits: Credits, minor: i64, charged: i64) -> Credits {
    if charged <= 0 {
        return Credits::ZERO;
    }
    let share = i128::from(credits.0) * i128::from(minor.clamp(0, charged)) / i128::from(charged);
    Credits(i64::try_from(share).unwrap_or(credits.0))
}
