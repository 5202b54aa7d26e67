//! Stripe subscriptions and the plan they give (R6).
//!
//! Every function takes the current state of subscriptions, never an event. So events may come twice, late and in any
//! order.
//!
//! *Not here:* the effect on credits ([`crate::Account::follow`]).

use crate::catalog::Catalog;
use crate::time::Instant;

/// The status of a subscription, in Stripe's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum SubscriptionStatus {
    /// The first payment is awaited.
    Incomplete,
    /// The first payment never came.
    IncompleteExpired,
    /// A trial: no payment is due yet.
    Trialing,
    Active,
    /// A payment failed, and Stripe tries again.
    PastDue,
    /// A payment failed, and Stripe gave up.
    Unpaid,
    Canceled,
    /// A trial ended without a payment method.
    Paused,
}

/// The effect of a status on the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// No plan yet.
    Awaited,
    /// The plan of its price.
    Live,
    /// The plan stays during the grace.
    PastDue,
    /// No plan any more.
    Over,
}

impl SubscriptionStatus {
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
    pub const fn standing(self) -> Standing {
        match self {
            Self::Incomplete => Standing::Awaited,
            Self::Trialing | Self::Active => Standing::Live,
            Self::PastDue => Standing::PastDue,
            Self::IncompleteExpired | Self::Unpaid | Self::Canceled | Self::Paused => Standing::Over,
        }
    }
}

/// A subscription as last fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// `sub_…`
    pub id: String,
    pub status: SubscriptionStatus,
    /// The plan of its price; `None` if the catalogue does not know the price.
    pub plan: Option<String>,
    pub created_at: Instant,
    /// The billing cycle anchor at Stripe.
    pub anchor: Instant,
    /// The past or planned end.
    pub ends_at: Option<Instant>,
    /// True if the newest invoice is unpaid, if Stripe has said so.
    pub owes: Option<bool>,
    /// The instant at which Topup first knew that the oldest unpaid invoice had failed.
    pub past_due_since: Option<Instant>,
}

impl Subscription {
    /// True if the plan ends at once. A paid plan runs to the cycle's end.
    fn ends_at_once(&self, cycle_start: Instant) -> bool {
        match self.status {
            SubscriptionStatus::IncompleteExpired | SubscriptionStatus::Unpaid | SubscriptionStatus::Paused => true,
            SubscriptionStatus::Canceled => {
                // Nobody has paid for a cycle that began after the end of the subscription.
                self.owes.unwrap_or(self.past_due_since.is_some()) || self.ends_at.is_some_and(|at| at <= cycle_start)
            }
            _ => false,
        }
    }

    fn rules(&self) -> bool {
        self.plan.is_some() && matches!(self.status.standing(), Standing::Live | Standing::PastDue)
    }
}

/// The subscription that a customer's plan follows: a paid one before a past-due one, then the largest plan, then the
/// newest.
#[must_use]
pub fn controlling_subscription<'a>(all: &'a [Subscription], catalog: &Catalog) -> Option<&'a Subscription> {
    let rank = |one: &&Subscription| {
        let paid = one.status.standing() == Standing::Live;
        (paid, one.plan.as_deref().map(|plan| catalog.allowance(plan)), one.created_at, one.id.clone())
    };
    all.iter().filter(|one| one.rules()).max_by_key(rank)
}

/// True if the former controlling subscription ends its plan at once. An unknown one does not.
#[must_use]
pub fn ends_plan_at_once(all: &[Subscription], id: &str, cycle_start: Instant) -> bool {
    all.iter().find(|one| one.id == id).is_some_and(|one| one.ends_at_once(cycle_start))
}
