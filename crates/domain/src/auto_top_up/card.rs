//! What a card's answer to an automatic charge means. Only the card's own answers count: a fault of the network repeats
//! the same step with the same key.

use super::SuspendedReason;
use crate::time::Instant;
use chrono::TimeDelta;

/// A refused invoice is tried again so long after its first try.
pub const RETRY_AFTER: [TimeDelta; 2] = [TimeDelta::hours(1), TimeDelta::hours(24)];
/// A payment that waits for its confirmation is given up so long after the first try.
pub const UNCONFIRMED_UNTIL: TimeDelta = TimeDelta::hours(24);
/// So many refusals in a row end a card.
const DECLINES_MAX: i64 = 3;
/// Stripe's codes of a card that will never pay.
const HARD_CODES: [&str; 5] = ["lost_card", "stolen_card", "pickup_card", "expired_card", "fraudulent"];
/// Stripe's codes that ask the cardholder to confirm.
const CONFIRM_CODES: [&str; 3] =
    ["authentication_required", "authentication_not_handled", "invoice_payment_intent_requires_action"];

/// The answer of a card to one charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardAnswer {
    Paid,
    /// The card may pay later.
    SoftDecline,
    /// The card will never pay.
    HardDecline,
    /// A person must confirm the payment.
    AuthenticationRequired,
}

impl CardAnswer {
    /// The answer that Stripe's error means: its `code`, `decline_code` and `advice_code`.
    #[must_use]
    pub fn from_stripe(code: &str, decline_code: Option<&str>, advice_code: Option<&str>) -> Self {
        let said = [Some(code), decline_code];
        let is_one_of = |list: &[&str]| said.iter().flatten().any(|said| list.contains(said));
        if is_one_of(&CONFIRM_CODES) {
            Self::AuthenticationRequired
        } else if is_one_of(&HARD_CODES) || matches!(advice_code, Some("do_not_try_again")) {
            Self::HardDecline
        } else {
            Self::SoftDecline
        }
    }
}

/// The refusals of one customer's card, by its fingerprint, over all purchases and whether the rule was on or off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CardHistory {
    /// Declines since the last payment.
    pub declines: i64,
    /// It has answered that it will never pay.
    pub is_dead: bool,
}

/// What follows from an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// The invoice is paid: credit it.
    Credit,
    /// Try the same invoice again then, if credits are still wanted; else void it.
    RetryAt(Instant),
    /// Void the invoice.
    GiveUp,
    /// Void the invoice and suspend the rule.
    Suspend(SuspendedReason),
    /// Ask a person to confirm until then; no further try.
    AskUntil(Instant),
}

impl CardHistory {
    /// True if nothing may be charged to the card.
    #[must_use]
    pub const fn is_spent(self) -> bool {
        self.is_dead || self.declines >= DECLINES_MAX
    }

    /// The history after an answer.
    #[must_use]
    pub const fn after(self, answer: CardAnswer) -> Self {
        match answer {
            CardAnswer::Paid => Self { declines: 0, is_dead: false },
            CardAnswer::SoftDecline => Self { declines: self.declines.saturating_add(1), ..self },
            CardAnswer::HardDecline => Self { declines: self.declines.saturating_add(1), is_dead: true },
            CardAnswer::AuthenticationRequired => self,
        }
    }

    /// The consequence of an answer to try number `tries` (from 1) of an invoice first tried at `first`; `self` is the
    /// history after it.
    #[must_use]
    pub fn consequence(self, answer: CardAnswer, tries: usize, first: Instant) -> Consequence {
        match answer {
            CardAnswer::Paid => Consequence::Credit,
            CardAnswer::AuthenticationRequired => Consequence::AskUntil(first + UNCONFIRMED_UNTIL),
            _ if self.is_spent() => Consequence::Suspend(SuspendedReason::Declined),
            _ => match tries.checked_sub(1).and_then(|done| RETRY_AFTER.get(done)) {
                Some(after) => Consequence::RetryAt(first + *after),
                None => Consequence::GiveUp,
            },
        }
    }

    /// True if a new consent may name the card: it was not refused for good, or a person has paid with it since.
    #[must_use]
    pub const fn may_be_agreed(self, paid_by_a_person_since: bool) -> bool {
        !self.is_spent() || paid_by_a_person_since
    }
}
