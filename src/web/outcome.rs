//! The outcome of a form: a closed code in a [`crate::web::flash::Flash`], and its words.
//!
//! A code carries no text and no number. The page finds the price or the time that a sentence needs among the signed-in
//! customer's own purchases.

use crate::domain::{Credits, Money};
use crate::web::ui::badge::Tone;
use crate::web::ui::buy_form::BuyForm;
use crate::web::ui::dates::Moment;
use crate::web::ui::notice::{Notice, NoticeAction};
use crate::web::ui::text::Text;
use strum::{EnumString, IntoStaticStr};

/// The outcomes of a form; a code is the name in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[cfg_attr(any(test, feature = "demo"), derive(strum::EnumIter))]
#[strum(serialize_all = "snake_case")]
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
    #[strum(serialize = "fault")]
    InternalError,
}

impl From<Outcome> for String {
    fn from(outcome: Outcome) -> Self {
        outcome.code().to_owned()
    }
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
    #[must_use]
    pub fn code(self) -> &'static str {
        self.into()
    }

    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        code.parse().ok()
    }

    /// An outcome of the low mark's form, which stands there.
    #[must_use]
    pub const fn is_of_low_mark(self) -> bool {
        matches!(self, Self::LowMarkSet | Self::BadLowMark)
    }

    /// The words in one piece, for an error at its field.
    #[must_use]
    pub fn sentence(self) -> String {
        let (strong, text, _) = self.words(&OutcomeDetails::default());
        format!("{strong} {text}")
    }

    #[must_use]
    pub fn notice(self, details: OutcomeDetails) -> Notice {
        let (strong, text, label) = self.words(&details);
        let notice = Notice::outcome(self.tone(), strong, text);
        match (label, details.form) {
            (Some(label), Some(form)) => notice.with(NoticeAction::Buy { label: label.into(), form }),
            _ => notice,
        }
    }

    const fn tone(self) -> Tone {
        match self {
            Self::Cancelled => Tone::Quiet,
            Self::LowMarkSet => Tone::Good,
            Self::AlreadyBought | Self::NoInvoice => Tone::Info,
            Self::PriceChanged | Self::CheckoutExpired | Self::FormStale | Self::InvoiceUnavailable => Tone::Warn,
            Self::StripeUnavailable
            | Self::PurchaseRefused
            | Self::PlanCannotBuy
            | Self::ViewerCannotBuy
            | Self::BuyingOff
            | Self::FileFailed
            | Self::BadLowMark
            | Self::PortalRefused
            | Self::InternalError => Tone::Bad,
        }
    }

    /// The two halves of the sentence, and the label of a Buy button.
    fn words(self, details: &OutcomeDetails) -> (Text, Text, Option<&'static str>) {
        match self {
            Self::Cancelled => ("You left checkout.".into(), "You weren't charged.".into(), None),
            Self::StripeUnavailable => {
                let text = "Try again in a minute.".into();
                ("We can't reach checkout right now. You weren't charged.".into(), text, Some("Try again"))
            }
            Self::PurchaseRefused => {
                let strong = "This can't be bought at the moment. You weren't charged.".into();
                (strong, "Support has been told.".into(), None)
            }
            Self::PriceChanged => (price_changed(details), "You weren't charged.".into(), None),
            Self::AlreadyBought => (already_bought(details), "Buy it again?".into(), Some("Buy again")),
            Self::CheckoutExpired => {
                ("That checkout has expired.".into(), "You weren't charged.".into(), Some("Buy again"))
            }
            Self::PlanCannotBuy => {
                ("Top-ups need a paid plan.".into(), "You weren't charged. Upgrade first.".into(), None)
            }
            Self::ViewerCannotBuy => {
                ("You have view-only access.".into(), "You weren't charged. Ask an owner or admin to buy.".into(), None)
            }
            Self::BuyingOff => {
                ("Top-ups can't be bought at the moment.".into(), "You weren't charged. Try again later.".into(), None)
            }
            Self::FormStale => ("This page was out of date.".into(), "Nothing was changed. Try again.".into(), None),
            Self::NoInvoice => {
                ("There's no invoice yet.".into(), "It arrives within minutes of the payment.".into(), None)
            }
            Self::InvoiceUnavailable => {
                ("We can't get the invoice right now.".into(), "Try again in a minute.".into(), None)
            }
            Self::FileFailed => ("We couldn't create the file.".into(), "Try again in a minute.".into(), None),
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
                ("Something went wrong on our side.".into(), "You weren't charged. Try again.".into(), None)
            }
        }
    }
}

fn price_changed(details: &OutcomeDetails) -> Text {
    match &details.offer {
        Some((credits, price)) => {
            let words =
                Text::from("The offer has changed: ").credits(*credits).text(format!(" {} now ", credits.noun()));
            words.text(credits.plural("costs ", "cost ")).money(price.clone()).text(".")
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
    use crate::web::ui::notice::Voice;
    use strum::IntoEnumIterator;

    #[test]
    fn a_code_is_one_of_a_closed_list() {
        for outcome in Outcome::iter() {
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
        check(Outcome::Cancelled, "You left checkout. You weren't charged.");
        let down = "We can't reach checkout right now. You weren't charged. Try again in a minute.";
        check(Outcome::StripeUnavailable, down);
        let refused = "This can't be bought at the moment. You weren't charged. Support has been told.";
        check(Outcome::PurchaseRefused, refused);
        check(Outcome::PriceChanged, "The offer has changed: 1,200 credits now cost $10. You weren't charged.");
        check(Outcome::AlreadyBought, "You bought this at 14:03. Buy it again?");
        check(Outcome::CheckoutExpired, "That checkout has expired. You weren't charged.");
        check(Outcome::PlanCannotBuy, "Top-ups need a paid plan. You weren't charged. Upgrade first.");
        let viewer = "You have view-only access. You weren't charged. Ask an owner or admin to buy.";
        check(Outcome::ViewerCannotBuy, viewer);
        assert_eq!(Outcome::Cancelled.notice(details()).voice, Voice::Status);
        assert_eq!(Outcome::StripeUnavailable.notice(details()).voice, Voice::Alert);
    }
}
