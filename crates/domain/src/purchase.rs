//! The life of a purchase (R19).

/// `created → open → processing? → credited`, or `expired`, `failed`, `review`.
///
/// Refunds, disputes and shortfalls are fields beside the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PurchaseState {
    /// Stored; Stripe not yet asked, or its answer not known.
    Created,
    /// A Checkout waits for the buyer.
    Open,
    /// Paid by a method that clears later.
    Processing,
    /// The credits are there.
    Credited,
    /// Its Checkout closed unpaid.
    Expired,
    /// The payment did not go through.
    Failed,
    /// A payment that does not match: a person must look.
    Review,
}

/// What Stripe says about a purchase's Checkout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CheckoutNews {
    /// Paid in full, and it agrees with what was stored.
    Paid,
    /// Paid, and it disagrees.
    Mismatch,
    /// Completed; the money comes later.
    Pending,
    /// The delayed payment failed.
    Failed,
    /// Closed unpaid.
    Expired,
    /// Still open.
    Open,
}

/// What to do with a purchase after some news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PurchaseStep {
    /// Nothing changes.
    Stay,
    /// Only the state changes.
    Move(PurchaseState),
    /// Credit it, now and once.
    Credit,
    /// Set aside for a person, with an alarm.
    Review,
}

impl CheckoutNews {
    /// Every news.
    pub const ALL: [Self; 6] = [Self::Paid, Self::Mismatch, Self::Pending, Self::Failed, Self::Expired, Self::Open];
}

impl PurchaseState {
    /// Its name in the API and the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Open => "open",
            Self::Processing => "processing",
            Self::Credited => "credited",
            Self::Expired => "expired",
            Self::Failed => "failed",
            Self::Review => "review",
        }
    }

    /// From its name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Every state.
    pub const ALL: [Self; 7] =
        [Self::Created, Self::Open, Self::Processing, Self::Credited, Self::Expired, Self::Failed, Self::Review];

    /// What `news` makes of it. Credited is final; money that was paid is always credited (R7, R8),
    /// also after an expiry or a failure, and late news never takes a state back. `Expired` may have been
    /// our own guess (a Checkout that could not be opened in time), so that a payment that turns up is news.
    #[must_use]
    pub const fn on(self, news: CheckoutNews) -> PurchaseStep {
        match (self, news) {
            (Self::Credited | Self::Review, _) => PurchaseStep::Stay,
            (_, CheckoutNews::Paid) => PurchaseStep::Credit,
            (_, CheckoutNews::Mismatch) => PurchaseStep::Review,
            (Self::Created | Self::Open | Self::Expired, CheckoutNews::Pending) => PurchaseStep::Move(Self::Processing),
            (Self::Created | Self::Open, CheckoutNews::Expired) => PurchaseStep::Move(Self::Expired),
            (Self::Created | Self::Open | Self::Processing | Self::Expired, CheckoutNews::Failed) => {
                PurchaseStep::Move(Self::Failed)
            }
            (Self::Created, CheckoutNews::Open) => PurchaseStep::Move(Self::Open),
            _ => PurchaseStep::Stay,
        }
    }
}
