//! The states of a purchase (R19).

/// `created → open → processing? → credited`, or `expired`, `failed`, `review`. Refunds, disputes and shortfalls are
/// fields beside the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum PurchaseState {
    /// Stored; Stripe was not asked yet, or its answer is unknown.
    Created,
    /// A Checkout waits for the buyer.
    Open,
    /// Paid by a method that clears later.
    Processing,
    Credited,
    /// The Checkout closed unpaid.
    Expired,
    /// The payment failed.
    Failed,
    /// The payment does not match; a person must decide.
    Review,
}

/// Who bought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Origin {
    /// Somebody clicked.
    #[default]
    Person,
    Api,
    /// The rule of an automatic top-up (R20).
    Automatic,
}

impl Origin {
    /// The name in the API and the store.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        name.parse().ok()
    }
}

/// The state of a purchase's Checkout at Stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CheckoutUpdate {
    /// Paid, and equal to the stored terms.
    Paid,
    /// Paid, and different from the stored terms.
    Mismatch,
    /// Completed; the payment comes later.
    Pending,
    /// The delayed payment failed.
    Failed,
    /// Closed unpaid.
    Expired,
    Open,
}

/// The next step of a purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PurchaseStep {
    Stay,
    /// Only the state changes.
    Move(PurchaseState),
    /// Credit the purchase, once.
    Credit,
    /// Set the purchase aside for a person, with an alarm.
    Review,
}

impl CheckoutUpdate {
    pub const ALL: [Self; 6] = [Self::Paid, Self::Mismatch, Self::Pending, Self::Failed, Self::Expired, Self::Open];
}

impl PurchaseState {
    /// The name in the API and the store.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        name.parse().ok()
    }

    pub const ALL: [Self; 7] =
        [Self::Created, Self::Open, Self::Processing, Self::Credited, Self::Expired, Self::Failed, Self::Review];

    /// The step after an update of the Checkout. `Credited` is final. Paid money is always credited (R7, R8), also
    /// after an expiry or a failure. A late update never takes a state back. `Expired` may be our own guess (a Checkout
    /// that could not be opened in time), so a later payment counts.
    #[must_use]
    pub const fn apply(self, update: CheckoutUpdate) -> PurchaseStep {
        match (self, update) {
            (Self::Credited | Self::Review, _) => PurchaseStep::Stay,
            (_, CheckoutUpdate::Paid) => PurchaseStep::Credit,
            (_, CheckoutUpdate::Mismatch) => PurchaseStep::Review,
            (Self::Created | Self::Open | Self::Expired, CheckoutUpdate::Pending) => {
                PurchaseStep::Move(Self::Processing)
            }
            (Self::Created | Self::Open, CheckoutUpdate::Expired) => PurchaseStep::Move(Self::Expired),
            (Self::Created | Self::Open | Self::Processing | Self::Expired, CheckoutUpdate::Failed) => {
                PurchaseStep::Move(Self::Failed)
            }
            (Self::Created, CheckoutUpdate::Open) => PurchaseStep::Move(Self::Open),
            _ => PurchaseStep::Stay,
        }
    }
}
