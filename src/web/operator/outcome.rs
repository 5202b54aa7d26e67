//! The notice after an operator's form.

use crate::usecases::operators::actions::Outcome;
use crate::web::ui::badge::Tone;
use crate::web::ui::notice::{Notice, Voice};

/// The notice of an outcome; `act` is the form's name.
#[must_use]
pub fn notice(outcome: Outcome, act: &str) -> Notice {
    let (tone, strong, text) = match (outcome, act) {
        (Outcome::Done, "refund") => (
            Tone::Good,
            "Stripe has taken the refund.",
            "Money and credits are shown here as Stripe reports them; a bank payment takes some days. Nothing more to do.",
        ),
        (Outcome::BadInput, "refund") => (
            Tone::Bad,
            "The amount or the reason is not what it must be.",
            "The amount is a number such as 9.00, the reason one line of up to 500 characters. Nothing was done.",
        ),
        (Outcome::BadInput, "give") => (
            Tone::Bad,
            "The credits, the last day or the reason is not what it must be.",
            "Credits are a number above 0 and up to 1,000,000,000, the day is a date such as 2026-12-31, the reason one line \
             of up to 500 characters. Nothing was done.",
        ),
        (Outcome::BadInput, _) => (
            Tone::Bad,
            "The reason is not what it must be.",
            "It is one line of up to 500 characters. Nothing was done.",
        ),
        (outcome, _) => words(outcome),
    };
    let voice = if matches!(tone, Tone::Good | Tone::Info) { Voice::Status } else { Voice::Alert };
    Notice::new(tone, strong, text).aloud(voice)
}

fn words(outcome: Outcome) -> (Tone, &'static str, &'static str) {
    match outcome {
        Outcome::Done => (Tone::Good, "Done.", "It is in the audit."),
        Outcome::Again => (Tone::Info, "This form was sent before.", "Nothing was done a second time."),
        Outcome::BadInput => (Tone::Bad, "A field is not what it must be.", "Nothing was done."),
        Outcome::NoReason => (Tone::Bad, "A reason is missing.", "Nothing was done."),
        Outcome::Unknown => (Tone::Bad, "There is no such thing.", "Nothing was done."),
        Outcome::Closed => (Tone::Warn, "The customer is closed.", "Nothing was done."),
        Outcome::AlreadyVoided => (Tone::Info, "It was voided before.", "Nothing was done."),
        Outcome::GrantEnded => (Tone::Warn, "These credits have ended.", "Nothing was done."),
        Outcome::NotCourtesy => (Tone::Warn, "Only courtesy credits can be taken back.", "Nothing was done."),
        Outcome::LimitReached => (Tone::Warn, "The ledger's limit is reached.", "Nothing was done."),
        Outcome::Past => (Tone::Bad, "The last day is over already.", "Nothing was done."),
        Outcome::NothingToRefund => {
            (Tone::Warn, "So much cannot be refunded.", "Ask for more than nothing and at most what was paid.")
        }
        Outcome::BetweenSteps => (
            Tone::Bad,
            "Stripe refunds this currency in larger steps only.",
            "Three decimals end in 0; ISK and UGX are whole. Nothing was done.",
        ),
        Outcome::RefundOpen => (Tone::Warn, "An earlier refund has no answer yet.", "Ask again for that one first."),
        Outcome::RefundTooOld => (
            Tone::Warn,
            "That refund is too old to be asked for again.",
            "Look at the payment at Stripe, and refund there.",
        ),
        Outcome::StripeRefused => (Tone::Bad, "Stripe has refused.", "Nothing was done. The audit has its code."),
        Outcome::StripeUnavailable => (Tone::Bad, "Stripe cannot be reached.", "Try again in a minute."),
        Outcome::NoReceipt => (Tone::Warn, "There is no receipt, or nobody to send it to.", "Nothing was sent."),
        Outcome::NotWaiting => (Tone::Info, "The event was done in the meantime.", "Nothing was done."),
        Outcome::NotConfirmed => (Tone::Bad, "That is not the customer's id.", "Nothing was erased."),
        Outcome::FormStale => (
            Tone::Bad,
            "This page was out of date.",
            "Nothing was changed. Look at the page as it is now, and try again.",
        ),
        Outcome::InternalError => (Tone::Bad, "Something went wrong on our side.", "The cause is in the log."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_a_code_of_its_own_and_words() {
        for (outcome, code) in Outcome::ALL {
            assert_eq!(Outcome::from_code(code), Some(outcome));
            assert!(!notice(outcome, "").strong.to_string().is_empty(), "{code}");
        }
        assert_eq!(Outcome::from_code("<script>"), None);
    }
}
