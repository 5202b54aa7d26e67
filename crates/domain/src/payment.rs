//! Refunds (R13) and disputes (R14) of a credited payment.
//!
//! A payment keeps the latest stage of each refund and dispute, and a stage never goes back. So its state does not
//! depend on the order or number of events (R15).
//!
//! *Not here:* the effect on a grant ([`crate::Account::claim`]).

use crate::amount::Credits;
use std::collections::BTreeMap;

/// The stage of a refund, earliest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum RefundStatus {
    /// On its way, or waiting.
    Pending,
    /// The money is back at the buyer.
    Succeeded,
    /// The money did not arrive and is back at the shop. This can come weeks after `Succeeded`.
    Failed,
}

impl RefundStatus {
    /// Every status, in order.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Succeeded, Self::Failed];

    /// Our own name; Stripe's `canceled` is `failed`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// From Stripe's name. An unknown name counts as money on its way back.
    #[must_use]
    pub fn from_stripe(name: &str) -> Self {
        match name {
            "succeeded" => Self::Succeeded,
            "failed" | "canceled" => Self::Failed,
            _ => Self::Pending,
        }
    }
}

/// The stage of a dispute, earliest first: an inquiry may become a dispute, and a lost dispute may be won late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum DisputeStatus {
    WarningNeedsResponse,
    /// An inquiry with an answer.
    WarningUnderReview,
    /// An inquiry without consequence.
    WarningClosed,
    /// The bank has the money; the shop may answer.
    NeedsResponse,
    /// The bank decides.
    UnderReview,
    /// Resolved before it became a dispute.
    Prevented,
    /// The shop lost the money.
    Lost,
    /// The shop has the money again.
    Won,
}

/// The effect of a dispute on its part of the credits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisputeEffect {
    Nothing,
    Freezes,
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

    /// Stripe's name, and ours.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// From Stripe's name; `None` for an unknown one, which must change nothing.
    #[must_use]
    pub fn from_stripe(name: &str) -> Option<Self> {
        name.parse().ok()
    }

    #[must_use]
    pub const fn effect(self) -> DisputeEffect {
        match self {
            Self::NeedsResponse | Self::UnderReview => DisputeEffect::Freezes,
            Self::Lost => DisputeEffect::Removes,
            _ => DisputeEffect::Nothing,
        }
    }

    /// The importance for a person who looks at the purchase: the largest one names it.
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

/// Stage and minor units of each part of a payment, by Stripe's id.
type PaymentParts<S> = BTreeMap<String, (S, i64)>;

/// The known refunds and disputes of a payment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payment {
    pub refunds: PaymentParts<RefundStatus>,
    pub disputes: PaymentParts<DisputeStatus>,
}

/// The credits that a payment's refunds and disputes claim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Claimed {
    /// Credits to remove for refunds.
    pub refund: Credits,
    /// Credits to remove for lost disputes, beyond those of refunds.
    pub dispute: Credits,
    /// Credits to freeze.
    pub freeze: Credits,
}

impl Payment {
    /// Records the stage of a refund; true if it is new.
    pub fn refund(&mut self, id: &str, status: RefundStatus, amount: i64) -> bool {
        further(&mut self.refunds, id, status, amount)
    }

    /// Records the stage of a dispute; true if it is new.
    pub fn dispute(&mut self, id: &str, status: DisputeStatus, amount: i64) -> bool {
        further(&mut self.disputes, id, status, amount)
    }

    /// Minor units paid back or on their way back.
    #[must_use]
    pub fn refunded(&self) -> i64 {
        sum_of_amounts(
            self.refunds.values().filter(|(status, _)| *status != RefundStatus::Failed).map(|(_, amount)| *amount),
        )
    }

    fn disputed(&self, effect: DisputeEffect) -> i64 {
        sum_of_amounts(
            self.disputes.values().filter(|(status, _)| status.effect() == effect).map(|(_, amount)| *amount),
        )
    }

    /// The dispute that matters most.
    #[must_use]
    pub fn standing(&self) -> Option<DisputeStatus> {
        self.disputes.values().map(|(status, _)| *status).max_by_key(|status| status.weight())
    }

    /// The claim on `credits` that were bought for `charged` minor units. Refunds and lost disputes share one target,
    /// rounded down to a thousandth, at most the credits (R13).
    #[must_use]
    pub fn claims(&self, credits: Credits, charged: i64) -> Claimed {
        let (refunded, lost) = (self.refunded(), self.disputed(DisputeEffect::Removes));
        let refund = credits_for_money(credits, refunded, charged);
        let all = credits_for_money(credits, refunded.saturating_add(lost), charged);
        let freeze = credits_for_money(credits, self.disputed(DisputeEffect::Freezes), charged);
        Claimed { refund, dispute: all - refund, freeze }
    }

    /// True if a dispute that froze credits in `before` no longer affects any.
    #[must_use]
    pub fn thaws(&self, before: &Self) -> bool {
        before.disputes.iter().any(|(id, (was, _))| {
            let is = self.disputes.get(id).map_or(*was, |(status, _)| *status);
            was.effect() == DisputeEffect::Freezes && is.effect() == DisputeEffect::Nothing
        })
    }
}

/// Keeps the later stage; of the same stage, the larger amount.
fn further<S: Ord + Copy>(parts: &mut PaymentParts<S>, id: &str, status: S, amount: i64) -> bool {
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

fn sum_of_amounts(amounts: impl Iterator<Item = i64>) -> i64 {
    amounts.fold(0, i64::saturating_add)
}

/// `credits × minor ÷ charged`, rounded down to a thousandth (R13); 0 without a charge.
fn credits_for_money(credits: Credits, minor: i64, charged: i64) -> Credits {
    if charged <= 0 {
        return Credits::ZERO;
    }
    let share = i128::from(credits.0) * i128::from(minor.clamp(0, charged)) / i128::from(charged);
    Credits(i64::try_from(share).unwrap_or(credits.0))
}
