//! Differences between Stripe and the ledger, as `topup reconcile` reports them.

use crate::domain::PurchaseId;
use crate::stripe::{Sale, StripeError};
use crate::usecases::InternalError;
use crate::usecases::delivery::failed_items;
use std::fmt;

/// The repair of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Settle the purchase by its Checkout.
    Settle,
    /// Look at its payment.
    Look,
    /// Look at the subscription, and let the plan follow.
    Follow,
    /// Write the sale again as its Checkout has it.
    Restore,
    /// Nobody but a person.
    Person,
}

/// The subject of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    Purchase(PurchaseId),
    /// `sub_…`
    Subscription(String),
    /// A Checkout at Stripe of a purchase that is not here.
    Sale(Box<Sale>),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Purchase(id) => id.fmt(f),
            Self::Subscription(id) => id.fmt(f),
            Self::Sale(sale) => f.write_str(sale.client_reference_id.as_deref().unwrap_or(&sale.id)),
        }
    }
}

/// One difference between Stripe and the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub kind: &'static str,
    pub subject: Subject,
    /// The finding.
    pub detail: String,
    /// The repair.
    pub repair: Repair,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, subject, detail, repair } = self;
        let repair = match repair {
            Repair::Settle => "--repair fulfills it from its Checkout",
            Repair::Look => "--repair applies its refunds and disputes",
            Repair::Follow => "--repair updates the plan",
            Repair::Restore => "--repair rebuilds it from its Checkout",
            Repair::Person => "no repair: compare it at Stripe",
        };
        write!(f, "{kind} {subject}: {detail} ({repair})")
    }
}

/// Why it could not be done to the end.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// Stripe could not be asked.
    #[error("Stripe can't be reached: {0}")]
    Stripe(#[from] StripeError),
    /// An error that no rule foresees.
    #[error(transparent)]
    InternalError(#[from] InternalError),
}

impl Stopped {
    /// True if every other purchase would meet the same.
    pub(super) fn is_everybodys(&self) -> bool {
        match self {
            Self::Stripe(e) => matches!(e, StripeError::Unauthorized(_)),
            Self::InternalError(fault) => failed_items::may_pass(fault),
        }
    }
}
