//! The notices of a purchase's page: the way back from Checkout, and unfinished purchases.

use crate::domain::{Credits, Instant};
use crate::web::ui::badge::Tone;
use crate::web::ui::buy_form::BuyForm;
use crate::web::ui::dates::{Moment, Zone};
use crate::web::ui::notice::{Notice, NoticeAction, Voice};
use crate::web::ui::text::Text;

/// "1,200 credits added.", on the way back from Checkout.
#[must_use]
pub fn added(credits: Credits, available: Credits, expires_at: Instant, zone: Zone, invoice: Option<&str>) -> Notice {
    let strong = Text::new().counted(credits, "").text(" added.");
    let text = Text::from("Available now: ").credits(available).text(". Valid until ");
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
    let text = format!("Credits are added when it clears, up to 5 days. We will mail {mailed}. Nothing to do.");
    let notice = Notice::new(Tone::Info, "Your bank payment is on its way.", text).aloud(Voice::Status);
    notice.with(NoticeAction::link("Check again", here))
}

/// The purchase is paid, and the credits are not there yet.
#[must_use]
pub fn adding(here: &str) -> Notice {
    let strong = "Payment received. Your credits are being added.";
    let notice = Notice::new(Tone::Info, strong, "Usually under a minute.").aloud(Voice::Status);
    notice.with(NoticeAction::link("Check again", here))
}

/// Checkout came back, and Stripe has not confirmed the payment yet: the redirect alone proves nothing (R8).
#[must_use]
pub fn checking(here: &str) -> Notice {
    let text = "Credits are added as soon as the payment is confirmed, usually under a minute.";
    let notice = Notice::new(Tone::Info, "We are checking your payment.", text).aloud(Voice::Status);
    notice.with(NoticeAction::link("Check again", here))
}

/// The payment did not go through; `again` is a fresh form for the same package.
#[must_use]
pub fn failed(again: Option<BuyForm>) -> Notice {
    let strong = "The payment did not go through. You were not charged.";
    match again {
        Some(form) => {
            let notice = Notice::new(Tone::Bad, strong, "Try again, or use another card.").aloud(Voice::Alert);
            notice.with(NoticeAction::Buy { label: "Try again".into(), form })
        }
        None => Notice::new(Tone::Bad, strong, "").aloud(Voice::Alert),
    }
}

/// Checkout is still open.
#[must_use]
pub fn unfinished(until: Moment, resume: Option<BuyForm>) -> Notice {
    let text = Text::from("You were not charged. Checkout is open until ").time(until).text(".");
    let notice = Notice::new(Tone::Info, "This is not paid yet.", text).aloud(Voice::Status);
    match resume {
        Some(form) => notice.with(NoticeAction::Buy { label: "Continue".into(), form }),
        None => notice,
    }
}

/// Its Checkout closed unpaid.
#[must_use]
pub fn expired(again: Option<BuyForm>) -> Notice {
    let notice = Notice::new(Tone::Quiet, "That Checkout has expired.", "You were not charged.").aloud(Voice::Status);
    match again {
        Some(form) => notice.with(NoticeAction::Buy { label: "Buy again".into(), form }),
        None => notice,
    }
}

/// The payment does not match: a person looks at it.
#[must_use]
pub fn review(reference: &str) -> Notice {
    let text = format!("Support has been told. Reference {reference}");
    Notice::new(Tone::Warn, "We received a payment that does not match.", text).aloud(Voice::Alert)
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
        assert_eq!(notice.text.to_string(), "Available now: 1,380. Valid until 22 Nov 2027, 14:03 CET.");
    }
}
