//! The notice after an operator's form.

use crate::usecases::operators::actions::ActionOutcome;
use crate::web::ui::badge::Tone;
use crate::web::ui::notice::{Notice, Voice};

/// The notice of an outcome; `act` is the form's name.
#[must_use]
pub fn notice(outcome: ActionOutcome, act: &str) -> Notice {
    let (tone, strong, text) = match (outcome, act) {
        (ActionOutcome::Done, "refund") => (
            Tone::Good,
            "Stripe has taken the refund.",
            "Money and credits are shown here as Stripe reports them; a bank payment takes some days. Nothing more to do.",
        ),
        (ActionOutcome::BadInput, "refund") => (
            Tone::Bad,
            "The amount or the reason is not what it must be.",
            "The amount is a number such as 9.00, the reason one line of up to 500 characters. Nothing was done.",
        ),
        (ActionOutcome::BadInput, "give") => (
            Tone::Bad,
            "The credits, the last day or the reason is not what it must be.",
            "Credits are a number above 0 and up to 1,000,000,000, the day is a date such as 2026-12-31, the reason one line \
             of up to 500 characters. Nothing was done.",
        ),
        (ActionOutcome::BadInput, _) => (
            Tone::Bad,
            "The reason is not what it must be.",
            "It is one line of up to 500 characters. Nothing was done.",
        ),
        (outcome, _) => words(outcome),
    };
    let voice = if matches!(tone, Tone::Good | Tone::Info) { Voice::Status } else { Voice::Alert };
    Notice::new(tone, strong, text).aloud(voice)
}

fn words(outcome: ActionOutcome) -> (Tone, &'static str, &'static str) {
    match outcome {
        ActionOutcome::Done => (Tone::Good, "Done.", "It is in the audit."),
        ActionOutcome::Again => (Tone::Info, "This form was sent before.", "Nothing was done a second time."),
        ActionOutcome::BadInput => (Tone::Bad, "A field is not what it must be.", "Nothing was done."),
        ActionOutcome::NoReason => (Tone::Bad, "A reason is missing.", "Nothing was done."),
        ActionOutcome::Unknown => (Tone::Bad, "There is no such thing.", "Nothing was done."),
        ActionOutcome::Closed => (Tone::Warn, "The customer is closed.", "Nothing was done."),
        ActionOutcome::AlreadyVoided => (Tone::Info, "It was voided before.", "Nothing was done."),
        ActionOutcome::GrantEnded => (Tone::Warn, "These credits have ended.", "Nothing was done."),
        ActionOutcome::NotCourtesy => (Tone::Warn, "Only courtesy credits can be taken back.", "Nothing was done."),
        ActionOutcome::LimitReached => (Tone::Warn, "The ledger's limit is reached.", "Nothing was done."),
        ActionOutcome::Past => (Tone::Bad, "The last day is over already.", "Nothing was done."),
        ActionOutcome::NothingToRefund => {
            (Tone::Warn, "So much cannot be refunded.", "Ask for more than nothing and at most what was paid.")
        }
        ActionOutcome::BetweenSteps => (
            Tone::Bad,
            "Stripe refunds this currency in larger steps only.",
            "Three decimals end in 0; ISK and UGX are whole. Nothing was done.",
        ),
        ActionOutcome::RefundOpen => {
            (Tone::Warn, "An earlier refund has no answer yet.", "Ask again for that one first.")
        }
        ActionOutcome::RefundTooOld => (
            Tone::Warn,
            "That refund is too old to be asked for again.",
            "Look at the payment at Stripe, and refund there.",
        ),
        ActionOutcome::StripeRefused => (Tone::Bad, "Stripe has refused.", "Nothing was done. The audit has its code."),
        ActionOutcome::StripeUnavailable => (Tone::Bad, "Stripe cannot be reached.", "Try again in a minute."),
        ActionOutcome::NoReceipt => (Tone::Warn, "There is no receipt, or nobody to send it to.", "Nothing was sent."),
        ActionOutcome::NotWaiting => (Tone::Info, "The event was done in the meantime.", "Nothing was done."),
        ActionOutcome::NotConfirmed => (Tone::Bad, "That is not the customer's id.", "Nothing was erased."),
        ActionOutcome::FormStale => (
            Tone::Bad,
            "This page was out of date.",
            "Nothing was changed. Look at the page as it is now, and try again.",
        ),
        ActionOutcome::InternalError => (Tone::Bad, "Something went wrong on our side.", "The cause is in the log."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_a_code_of_its_own_and_words() {
        for (outcome, code) in ActionOutcome::ALL {
            assert_eq!(ActionOutcome::from_code(code), Some(outcome));
            assert!(!notice(outcome, "").strong.to_string().is_empty(), "{code}");
        }
        assert_eq!(ActionOutcome::from_code("<script>"), None);
    }
}
