//! The outcome of a form: a closed code in the URL, and its words.
//!
//! Anyone can forge a URL, so a code carries no text and no number. The page finds the price or the time that a sentence
//! needs among the signed-in customer's own purchases.

use crate::domain::{Credits, Money};
use crate::web::ui::badge::Tone;
use crate::web::ui::buy_form::BuyForm;
use crate::web::ui::dates::Moment;
use crate::web::ui::notice::{Notice, NoticeAction, Voice};
use crate::web::ui::text::{Text, noun};

/// The outcomes of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The buyer closed Checkout.
    Cancelled,
    /// Stripe is down or slow.
    StripeUnavailable,
    /// Stripe refuses for good.
    PurchaseRefused,
    /// The catalogue sells the package on other terms now.
    PriceChanged,
    /// The purchase of this form is paid already.
    AlreadyBought,
    CheckoutExpired,
    PlanCannotBuy,
    /// The viewer's role may not buy.
    ViewerCannotBuy,
    /// The shop sells nothing at the moment.
    BuyingOff,
    /// The form was drawn for another customer, session or role, or it was changed.
    FormStale,
    /// There is no invoice, or not yet.
    NoInvoice,
    InvoiceUnavailable,
    FileFailed,
    LowMarkSet,
    /// No number of credits, or out of bounds.
    BadLowMark,
    /// Stripe refuses to open its portal.
    PortalRefused,
    /// The cause is in the log.
    InternalError,
}

/// The data that a sentence needs besides its code.
#[derive(Clone, Debug, Default)]
pub struct OutcomeDetails {
    /// The package's credits and price now.
    pub offer: Option<(Credits, Money)>,
    /// The time when the purchase was paid.
    pub bought_at: Option<Moment>,
    /// For viewers who may buy: a form for the same package, or for the same purchase where that was never opened.
    pub form: Option<BuyForm>,
}

impl Outcome {
    pub const ALL: [Self; 17] = [
        Self::Cancelled,
        Self::StripeUnavailable,
        Self::PurchaseRefused,
        Self::PriceChanged,
        Self::AlreadyBought,
        Self::CheckoutExpired,
        Self::PlanCannotBuy,
        Self::ViewerCannotBuy,
        Self::BuyingOff,
        Self::FormStale,
        Self::NoInvoice,
        Self::InvoiceUnavailable,
        Self::FileFailed,
        Self::LowMarkSet,
        Self::BadLowMark,
        Self::PortalRefused,
        Self::InternalError,
    ];

    /// The code in the URL.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::StripeUnavailable => "stripe_unavailable",
            Self::PurchaseRefused => "purchase_refused",
            Self::PriceChanged => "price_changed",
            Self::AlreadyBought => "already_bought",
            Self::CheckoutExpired => "checkout_expired",
            Self::PlanCannotBuy => "plan_cannot_buy",
            Self::ViewerCannotBuy => "viewer_cannot_buy",
            Self::BuyingOff => "buying_off",
            Self::FormStale => "form_stale",
            Self::NoInvoice => "no_invoice",
            Self::InvoiceUnavailable => "invoice_unavailable",
            Self::FileFailed => "file_failed",
            Self::LowMarkSet => "low_mark_set",
            Self::BadLowMark => "bad_low_mark",
            Self::PortalRefused => "portal_refused",
            Self::InternalError => "fault",
        }
    }

    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.code() == code)
    }

    #[must_use]
    pub fn notice(self, details: OutcomeDetails) -> Notice {
        let (tone, voice) = self.manner();
        let (strong, text, label) = self.words(&details);
        let notice = Notice::new(tone, strong, text).aloud(voice);
        match (label, details.form) {
            (Some(label), Some(form)) => notice.with(NoticeAction::Buy { label: label.into(), form }),
            _ => notice,
        }
    }

    const fn manner(self) -> (Tone, Voice) {
        match self {
            Self::Cancelled => (Tone::Quiet, Voice::Status),
            Self::LowMarkSet => (Tone::Good, Voice::Status),
            Self::AlreadyBought | Self::NoInvoice => (Tone::Info, Voice::Status),
            Self::PriceChanged | Self::CheckoutExpired | Self::FormStale | Self::InvoiceUnavailable => {
                (Tone::Warn, Voice::Alert)
            }
            Self::StripeUnavailable
            | Self::PurchaseRefused
            | Self::PlanCannotBuy
            | Self::ViewerCannotBuy
            | Self::BuyingOff
            | Self::FileFailed
            | Self::BadLowMark
            | Self::PortalRefused
            | Self::InternalError => (Tone::Bad, Voice::Alert),
        }
    }

    /// The two halves of the sentence, and the label of a Buy button.
    fn words(self, details: &OutcomeDetails) -> (Text, Text, Option<&'static str>) {
        match self {
            Self::Cancelled => ("Checkout closed.".into(), "You were not charged.".into(), None),
            Self::StripeUnavailable => {
                let text = "Try again in a minute.".into();
                ("Checkout cannot be reached. You were not charged.".into(), text, Some("Try again"))
            }
            Self::PurchaseRefused => {
                let strong = "This can't be bought at the moment. You weren't charged.".into();
                (strong, "Support has been told.".into(), None)
            }
            Self::PriceChanged => (price_changed(details), "You weren't charged.".into(), None),
            Self::AlreadyBought => (already_bought(details), "Buy it again?".into(), Some("Buy again")),
            Self::CheckoutExpired => {
                ("That Checkout has expired.".into(), "You were not charged.".into(), Some("Buy again"))
            }
            Self::PlanCannotBuy => {
                ("Top-ups need a paid plan.".into(), "Upgrade first. You were not charged.".into(), None)
            }
            Self::ViewerCannotBuy => ("Ask an owner or admin to buy.".into(), "You were not charged.".into(), None),
            Self::BuyingOff => (
                "Top-ups cannot be bought at the moment.".into(),
                "You were not charged. Try again later.".into(),
                None,
            ),
            Self::FormStale => {
                ("This page was out of date.".into(), "Nothing was changed. Please choose again.".into(), None)
            }
            Self::NoInvoice => {
                ("There is no invoice yet.".into(), "It comes within minutes of the payment.".into(), None)
            }
            Self::InvoiceUnavailable => {
                ("The invoice cannot be fetched.".into(), "Try again in a minute.".into(), None)
            }
            Self::FileFailed => ("The file could not be written.".into(), "Try again in a minute.".into(), None),
            Self::LowMarkSet => {
                ("Saved.".into(), "Owners and admins get an email when you have fewer credits.".into(), None)
            }
            Self::BadLowMark => {
                let text = "Enter a number above 0 and up to 1,000,000,000, or leave it empty. Nothing was changed.";
                ("That's not a number of credits.".into(), text.into(), None)
            }
            Self::PortalRefused => {
                let strong = "Your payment details can't be opened at the moment.".into();
                (strong, "Nothing was changed. Support has been told.".into(), None)
            }
            Self::InternalError => {
                ("Something went wrong on our side.".into(), "You were not charged. Please try again.".into(), None)
            }
        }
    }
}

fn price_changed(details: &OutcomeDetails) -> Text {
    match &details.offer {
        Some((credits, price)) => {
            let words =
                Text::from("The offer has changed: ").credits(*credits).text(format!(" {} now ", noun(*credits)));
            words.text(if *credits == Credits::whole(1) { "costs " } else { "cost " }).money(price.clone()).text(".")
        }
        None => "That package is no longer for sale.".into(),
    }
}

fn already_bought(details: &OutcomeDetails) -> Text {
    match &details.bought_at {
        Some(at) => Text::from("You bought this at ").time(at.clone()).text("."),
        None => "You bought this already.".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::ui::dates::Zone;

    #[test]
    fn a_code_is_one_of_a_closed_list() {
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::from_code(outcome.code()), Some(outcome));
        }
        assert_eq!(Outcome::from_code("You won a prize"), None);
    }

    #[test]
    fn every_outcome_has_its_words() {
        let details = || OutcomeDetails {
            offer: Some((Credits::whole(1_200), Money::new(1_000, "usd"))),
            bought_at: Some(Zone::UTC.clock("2026-11-22T14:03:00Z".parse().expect("an instant"))),
            form: None,
        };
        let check = |outcome: Outcome, want: &str| {
            let notice = outcome.notice(details());
            assert_eq!(format!("{} {}", notice.strong, notice.text), want);
        };
        check(Outcome::Cancelled, "Checkout closed. You were not charged.");
        check(Outcome::StripeUnavailable, "Checkout cannot be reached. You were not charged. Try again in a minute.");
        let refused = "This can't be bought at the moment. You weren't charged. Support has been told.";
        check(Outcome::PurchaseRefused, refused);
        check(Outcome::PriceChanged, "The offer has changed: 1,200 credits now cost $10. You weren't charged.");
        check(Outcome::AlreadyBought, "You bought this at 14:03. Buy it again?");
        check(Outcome::CheckoutExpired, "That Checkout has expired. You were not charged.");
        check(Outcome::PlanCannotBuy, "Top-ups need a paid plan. Upgrade first. You were not charged.");
        check(Outcome::ViewerCannotBuy, "Ask an owner or admin to buy. You were not charged.");
        assert_eq!(Outcome::Cancelled.notice(details()).voice, Voice::Status);
        assert_eq!(Outcome::StripeUnavailable.notice(details()).voice, Voice::Alert);
    }
}
