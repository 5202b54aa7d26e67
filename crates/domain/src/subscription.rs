//! Subscriptions at Stripe, and what they say of a customer's plan (R6).
//!
//! Everything here looks at how subscriptions stand now, never at which event told of it: so what is told twice,
//! late or in another order leads to the same.
//!
//! *Not here:* what becomes of the credits ([`crate::Account::follow`]).

use crate::catalog::Catalog;
use crate::time::Instant;

/// How a subscription stands, in Stripe's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SubscriptionStatus {
    /// Its first payment is awaited.
    Incomplete,
    /// Its first payment never came.
    IncompleteExpired,
    /// Not to be paid yet.
    Trialing,
    /// Paid.
    Active,
    /// A payment has failed and is tried again.
    PastDue,
    /// A payment has failed and is not tried again.
    Unpaid,
    /// Over.
    Canceled,
    /// A trial ended with nothing to pay with.
    Paused,
}

/// What a status means for the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It gives no plan yet.
    Awaited,
    /// It gives its plan.
    Live,
    /// It keeps its plan for a while.
    PastDue,
    /// It gives no plan any more.
    Over,
}

impl SubscriptionStatus {
    /// Every status.
    pub const ALL: [Self; 8] = [
        Self::Incomplete,
        Self::IncompleteExpired,
        Self::Trialing,
        Self::Active,
        Self::PastDue,
        Self::Unpaid,
        Self::Canceled,
        Self::Paused,
    ];

    /// Stripe's name, which is ours too.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::IncompleteExpired => "incomplete_expired",
            Self::Trialing => "trialing",
            Self::Active => "active",
            Self::PastDue => "past_due",
            Self::Unpaid => "unpaid",
            Self::Canceled => "canceled",
            Self::Paused => "paused",
        }
    }

    /// From Stripe's name. Of one that Stripe has not invented yet nothing may be concluded.
    #[must_use]
    pub fn from_stripe(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// What it means for the plan.
    #[must_use]
    pub const fn standing(self) -> Standing {
        match self {
            Self::Incomplete => Standing::Awaited,
            Self::Trialing | Self::Active => Standing::Live,
            Self::PastDue => Standing::PastDue,
            Self::IncompleteExpired | Self::Unpaid | Self::Canceled | Self::Paused => Standing::Over,
        }
    }
}

/// A subscription, as it was last seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// `sub_…`
    pub id: String,
    /// How it stands.
    pub status: SubscriptionStatus,
    /// The plan of its price; none where the catalogue does not know the price.
    pub plan: Option<String>,
    /// When it was made.
    pub created_at: Instant,
    /// What its cycles are counted from.
    pub anchor: Instant,
    /// When it ends, or has ended.
    pub ends_at: Option<Instant>,
    /// Whether its newest invoice is to be paid, where Stripe has said so.
    pub owes: Option<bool>,
    /// Since when the oldest of its invoices that are to be paid is known to have failed.
    pub past_due_since: Option<Instant>,
}

impl Subscription {
    /// Whether it takes the plan along at once. One that was paid for lets it run to the cycle's end.
    fn ends_at_once(&self, cycle_start: Instant) -> bool {
        match self.status {
            SubscriptionStatus::IncompleteExpired | SubscriptionStatus::Unpaid | SubscriptionStatus::Paused => true,
            SubscriptionStatus::Canceled => {
                // A cycle that began when it was over already is one that nobody has paid for.
                self.owes.unwrap_or(self.past_due_since.is_some()) || self.ends_at.is_some_and(|at| at <= cycle_start)
            }
            _ => false,
        }
    }

    fn rules(&self) -> bool {
        self.plan.is_some() && matches!(self.status.standing(), Standing::Live | Standing::PastDue)
    }
}

/// The subscription that is a customer's plan: of those that give one, a paid one before one that is past due, then
/// the largest plan, then the newest.
#[must_use]
pub fn master<'a>(all: &'a [Subscription], catalog: &Catalog) -> Option<&'a Subscription> {
    let rank = |one: &&Subscription| {
        let paid = one.status.standing() == Standing::Live;
        (paid, one.plan.as_deref().map(|plan| catalog.allowance(plan)), one.created_at, one.id.clone())
    };
    all.iter().filter(|one| one.rules()).max_by_key(rank)
}

/// Whether the subscription that was the plan takes it along at once. One that nobody knows any more does not.
#[must_use]
pub fn takes_at_once(all: &[Subscription], id: &str, cycle_start: Instant) -> bool {
    all.iter().find(|one| one.id == id).is_some_and(|one| one.ends_at_once(cycle_start))
}
