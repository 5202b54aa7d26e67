//! The notice after an operator's form.

use crate::usecases::operators::actions::ActionOutcome;
use crate::web::ui::badge::Tone;
use crate::web::ui::notice::Notice;

/// The notice of an outcome; `act` is the form's name.
#[must_use]
pub fn notice(outcome: ActionOutcome, act: &str) -> Notice {
    let (tone, strong, text) = match (outcome, act) {
        (ActionOutcome::Done, "refund") => (
            Tone::Good,
            "Stripe accepted the refund.",
            "Money and credits update here when Stripe reports them. A bank payment can take a few days.",
        ),
        (ActionOutcome::BadInput, "refund") => (
            Tone::Bad,
            "The amount or the reason isn't valid.",
            "Enter an amount such as 9.00, and a reason of up to 500 characters on one line. Nothing changed.",
        ),
        (ActionOutcome::BadInput, "give") => (
            Tone::Bad,
            "The credits, the last day or the reason isn't valid.",
            "Enter credits above 0 and up to 1,000,000,000, a date such as 2026-12-31, and a reason of up to 500 \
             characters on one line. Nothing changed.",
        ),
        (ActionOutcome::BadInput, "make_key") => (
            Tone::Bad,
            "The name, the scope or the reason isn't valid.",
            "Enter a name of up to 100 characters, and a reason of up to 500, each on one line. No key was created.",
        ),
        (ActionOutcome::LimitReached, "make_key") => {
            (Tone::Warn, "There are 200 keys already.", "Revoke some first. No key was created.")
        }
        (ActionOutcome::BadInput, _) => {
            (Tone::Bad, "The reason isn't valid.", "Enter up to 500 characters on one line. Nothing changed.")
        }
        (outcome, _) => words(outcome),
    };
    Notice::outcome(tone, strong, text)
}

fn words(outcome: ActionOutcome) -> (Tone, &'static str, &'static str) {
    match outcome {
        ActionOutcome::Done => (Tone::Good, "Done.", "The audit log has a record."),
        ActionOutcome::Again => (Tone::Info, "This form was already sent.", "Nothing changed."),
        ActionOutcome::BadInput => (Tone::Bad, "A field isn't valid.", "Nothing changed."),
        ActionOutcome::NoReason => (Tone::Bad, "Enter a reason.", "Nothing changed."),
        ActionOutcome::Unknown => (Tone::Bad, "Not found.", "Nothing changed."),
        ActionOutcome::Closed => (Tone::Warn, "This customer was erased.", "Nothing changed."),
        ActionOutcome::AlreadyVoided => (Tone::Info, "Already voided.", "Nothing changed."),
        ActionOutcome::GrantEnded => (Tone::Warn, "These credits have already ended.", "Nothing changed."),
        ActionOutcome::NotCourtesy => (Tone::Warn, "Only courtesy credits can be voided.", "Nothing changed."),
        ActionOutcome::LimitReached => (Tone::Warn, "The ledger's limit has been reached.", "Nothing changed."),
        ActionOutcome::Past => (Tone::Bad, "The last day is in the past.", "Nothing changed."),
        ActionOutcome::NothingToRefund => (
            Tone::Warn,
            "The refund exceeds what was paid.",
            "Enter an amount above 0, up to what's left of the payment.",
        ),
        ActionOutcome::BetweenSteps => (
            Tone::Bad,
            "Stripe refunds this currency in larger steps.",
            "Amounts with three decimals end in 0. ISK and UGX have no decimals. Nothing changed.",
        ),
        ActionOutcome::RefundOpen => {
            (Tone::Warn, "An earlier refund isn't confirmed yet.", "Request that one again first.")
        }
        ActionOutcome::RefundTooOld => (
            Tone::Warn,
            "That refund is too old to request again.",
            "Check the payment in Stripe, and refund it there.",
        ),
        ActionOutcome::StripeRefused => {
            (Tone::Bad, "Stripe declined the request.", "Nothing changed. The audit log has Stripe's code.")
        }
        ActionOutcome::StripeUnavailable => (Tone::Bad, "We can't reach Stripe right now.", "Try again in a minute."),
        ActionOutcome::NoReceipt => (Tone::Warn, "There's no receipt, or no one to send it to.", "Nothing was sent."),
        ActionOutcome::NotWaiting => (Tone::Info, "The event was already handled.", "Nothing changed."),
        ActionOutcome::NotConfirmed => (Tone::Bad, "That isn't the customer's ID.", "Nothing was erased."),
        ActionOutcome::FormStale => {
            (Tone::Bad, "This page was out of date.", "Nothing changed. Check the page and try again.")
        }
        ActionOutcome::InternalError => {
            (Tone::Bad, "Something went wrong on our side.", "Try again. The log has the cause.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use strum::IntoEnumIterator as _;

    #[test]
    fn every_outcome_has_a_code_of_its_own_and_words() {
        for outcome in ActionOutcome::iter() {
            let code = outcome.code();
            assert_eq!(ActionOutcome::from_code(code), Some(outcome));
            assert!(!notice(outcome, "").strong.to_string().is_empty(), "{code}");
        }
        assert_eq!(ActionOutcome::from_code("<script>"), None);
    }
}
