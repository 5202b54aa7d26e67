//! The notices of a purchase's page: the way back from Checkout, and unfinished purchases.

use crate::domain::{Credits, Instant};
use crate::usecases::purchases::Purchase;
use crate::web::ui::badge::Tone;
use crate::web::ui::buy_form::BuyForm;
use crate::web::ui::dates::{Moment, Zone};
use crate::web::ui::notice::{Notice, NoticeAction, Voice};
use crate::web::ui::text::Text;

/// "1,200 credits added.", on the way back from Checkout. The balance before is named while nothing of them is used.
#[must_use]
pub fn added(credits: Credits, available: Credits, expires_at: Instant, zone: Zone, invoice: Option<&str>) -> Notice {
    let strong = Text::new().counted(credits, "").text(" added.");
    let before =
        if available >= credits { Text::new().credits(available - credits).text(" → ") } else { Text::new() };
    let text = before.credits(available).text(" available. Valid until ");
    let notice = Notice::new(Tone::Good, strong, text.time(zone.full(expires_at)).text(".")).aloud(Voice::Status);
    let notice = match invoice {
        Some(href) => notice.with(NoticeAction::link("Invoice", href)),
        None => notice,
    };
    notice.with(NoticeAction::link("Back to Billing", "/billing"))
}

/// The same for a signed-out browser: it shows nothing of the account.
#[must_use]
pub fn added_signed_out(credits: Credits) -> Notice {
    let strong = Text::new().counted(credits, "").text(" added.");
    Notice::new(Tone::Good, strong, "Sign in to see what is available.").aloud(Voice::Status)
}

/// A delayed payment is on its way; `mailed` gets the receipt: an address, or `you` where none may be shown.
#[must_use]
pub fn processing(mailed: &str, here: &str) -> Notice {
    let text = format!("Bank payments take up to 5 days. We'll email {mailed} when your credits arrive.");
    let notice = Notice::new(Tone::Info, "Your payment is processing.", text).aloud(Voice::Status);
    notice.with(NoticeAction::link("Check again", here))
}

/// The purchase is paid, and the credits are not there yet.
#[must_use]
pub fn adding(here: &str) -> Notice {
    let strong = "Payment received. We're adding your credits.";
    let notice = Notice::new(Tone::Info, strong, "This usually takes less than a minute.").aloud(Voice::Status);
    notice.with(NoticeAction::link("Check again", here))
}

/// Checkout came back, and Stripe has not confirmed the payment yet: the redirect alone proves nothing (R8).
#[must_use]
pub fn checking(here: &str) -> Notice {
    let text = "We add your credits once it's confirmed, usually within a minute.";
    let notice = Notice::new(Tone::Info, "We're checking your payment.", text).aloud(Voice::Status);
    notice.with(NoticeAction::link("Check again", here))
}

/// The payment did not go through; `again` is a fresh form for the same package.
#[must_use]
pub fn failed(again: Option<BuyForm>) -> Notice {
    let strong = "The payment didn't go through. You weren't charged.";
    match again {
        Some(form) => {
            let notice = Notice::new(Tone::Bad, strong, "Try again or use another card.").aloud(Voice::Alert);
            notice.with(NoticeAction::Buy { label: "Try again".into(), form })
        }
        None => Notice::new(Tone::Bad, strong, "").aloud(Voice::Alert),
    }
}

/// Checkout is still open.
#[must_use]
pub fn unfinished(until: Moment, resume: Option<BuyForm>) -> Notice {
    let text = Text::from("You weren't charged. Checkout stays open until ").time(until).text(".");
    let notice = Notice::new(Tone::Info, "This isn't paid yet.", text).aloud(Voice::Status);
    match resume {
        Some(form) => notice.with(NoticeAction::Buy { label: "Continue".into(), form }),
        None => notice,
    }
}

/// An automatic purchase is under way, or waits for a person.
#[must_use]
pub fn automatic(purchase: &Purchase, may_manage: bool) -> Notice {
    match &purchase.url {
        Some(url) if may_manage => {
            let text = "If nobody confirms within 24 hours, nothing is charged and automatic top-up stops.";
            let notice = Notice::new(Tone::Warn, "Your bank asks you to confirm this payment.", text);
            notice.with(NoticeAction::main_link("Confirm payment", url))
        }
        Some(_) => Notice::new(Tone::Warn, "The bank asks to confirm this payment.", "Ask an owner or admin."),
        None => {
            let text = "Automatic top-up charges your saved card. This usually takes less than a minute.";
            Notice::new(Tone::Info, "We're buying these credits for you.", text)
        }
    }
}

/// An automatic purchase that was not paid in time.
#[must_use]
pub fn given_up() -> Notice {
    let notice = Notice::new(Tone::Quiet, "This wasn't paid, and its invoice is void.", "You weren't charged.");
    notice.with(NoticeAction::link("Automatic top-up", "/auto-top-up"))
}

/// Its Checkout closed unpaid.
#[must_use]
pub fn expired(again: Option<BuyForm>) -> Notice {
    let notice = Notice::new(Tone::Quiet, "That checkout has expired.", "You weren't charged.").aloud(Voice::Status);
    match again {
        Some(form) => notice.with(NoticeAction::Buy { label: "Buy again".into(), form }),
        None => notice,
    }
}

/// The payment does not match: a person looks at it.
#[must_use]
pub fn review(reference: &str) -> Notice {
    let text = format!("Your money is safe; we'll write to you within one working day. Reference {reference}");
    Notice::new(Tone::Warn, "We received a payment that doesn't match.", text).aloud(Voice::Alert)
}

/// The bank reviews the payment.
#[must_use]
pub fn disputed() -> Notice {
    let text = "Banks usually take 2 to 3 months. If you didn't start this, write to us.";
    Notice::new(Tone::Warn, "Your bank is reviewing this payment.", text)
}

/// The bank sided with the cardholder.
#[must_use]
pub fn dispute_lost() -> Notice {
    let text = "Any unused credits from this payment have been removed. Your other top-ups aren't affected.";
    Notice::new(Tone::Quiet, "The payment was reversed.", text)
}

/// All or part of the payment was refunded.
#[must_use]
pub fn refunded(is_whole: bool) -> Notice {
    let strong = if is_whole { "This purchase was refunded." } else { "Part of this purchase was refunded." };
    let text = "Refunds take 5 to 10 days to reach your account. Your other top-ups aren't affected.";
    Notice::new(Tone::Quiet, strong, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        text.parse().expect("an instant")
    }

    #[test]
    fn success_says_what_is_available_and_until_when() {
        let berlin = Zone::named("Europe/Berlin");
        let notice = added(Credits::whole(1_200), Credits::whole(1_380), at("2027-11-22T13:03:00Z"), berlin, None);
        assert_eq!(notice.strong.to_string(), "1,200 credits added.");
        assert_eq!(notice.text.to_string(), "180 → 1,380 available. Valid until 22 Nov 2027, 14:03 CET.");
    }
}
