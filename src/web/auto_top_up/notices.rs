//! The one notice: why nothing is bought, what a person has to do, or what is under way. The most pressing first.

use crate::domain::auto_top_up::{AsleepReason, SuspendedReason};
use crate::domain::{Credits, Money};
use crate::usecases::auto_top_up::AutoState;
use crate::web::auto_top_up::PAGE;
use crate::web::ui::badge::Tone;
use crate::web::ui::dates::Moment;
use crate::web::ui::notice::{Notice, NoticeAction};
use crate::web::ui::text::Text;

/// The facts that a notice may say.
#[derive(Clone, Debug)]
pub struct Situation {
    pub state: AutoState,
    /// A rule is in force, or was suspended.
    pub is_agreed: bool,
    /// The limit leaves no room for one package.
    pub blocked: bool,
    pub cap: Money,
    /// The purchase under way: its credits and price.
    pub buying: Option<(Credits, Money)>,
    /// Stripe's page, where a person has to confirm.
    pub confirm_url: Option<String>,
    /// The card is charged again then.
    pub retry_at: Option<Moment>,
    /// The page where plans are changed.
    pub upgrade: String,
    pub may_manage: bool,
}

impl Situation {
    #[must_use]
    pub fn notice(&self) -> Option<Notice> {
        let confirm = self.confirm_url.as_ref().and_then(|url| self.confirm(url));
        confirm.or_else(|| match self.state {
            AutoState::Off => None,
            AutoState::Suspended(reason) => Some(self.suspended(reason)),
            AutoState::Asleep(reason) => Some(self.asleep(reason)),
            AutoState::On => self.retrying().or_else(|| self.buying()).or_else(|| self.blocked()),
        })
    }

    fn confirm(&self, url: &str) -> Option<Notice> {
        let (credits, price) = self.buying.clone()?;
        let strong =
            Text::from("Your bank asks you to confirm ").money(price).text(" for ").counted(credits, "").text(".");
        let text = "If nobody confirms within 24 hours, nothing is charged and automatic top-up stops.";
        let notice = Notice::new(Tone::Warn, strong, text);
        Some(self.act(notice, NoticeAction::main_link("Confirm payment", url)))
    }

    /// A viewer reads who can act.
    fn act(&self, mut notice: Notice, action: NoticeAction) -> Notice {
        if self.may_manage {
            return notice.with(action);
        }
        notice.text = notice.text.text(" Ask an owner or admin.");
        notice
    }

    fn suspended(&self, reason: SuspendedReason) -> Notice {
        let (strong, text) = match reason {
            SuspendedReason::Declined => (
                "Your card was declined, so automatic top-up has stopped.",
                "Nothing is charged to it again. To go on, agree again with another card below, or buy a top-up yourself with this one first.",
            ),
            SuspendedReason::Authentication => (
                "Nobody confirmed the payment, so automatic top-up has stopped.",
                "You weren't charged. To go on, agree again with another card below, or buy a top-up yourself with this one first.",
            ),
            SuspendedReason::Dispute => (
                "An automatic payment was disputed, so automatic top-up has stopped.",
                "To go on, agree again with another card below, or buy a top-up yourself with this one first.",
            ),
            SuspendedReason::Refund => (
                "An automatic payment was refunded, so automatic top-up has stopped.",
                "To go on, agree again with another card below, or buy a top-up yourself with this one first.",
            ),
            SuspendedReason::Review => (
                "A payment didn't match, so automatic top-up has stopped.",
                "Your money is safe, and support looks into it. To go on, agree again with another card below.",
            ),
        };
        Notice::new(Tone::Bad, strong, text)
    }

    fn asleep(&self, reason: AsleepReason) -> Notice {
        let change = || NoticeAction::main_link("Change", format!("{PAGE}?change=1"));
        let (strong, cure, action) = match reason {
            AsleepReason::PlanCannotBuy => (
                "Your plan can't buy top-ups.",
                "Upgrade first.",
                Some(NoticeAction::main_link("Upgrade", self.upgrade.clone())),
            ),
            AsleepReason::BuyingOff => ("Top-ups can't be bought at the moment.", "Try again later.", None),
            AsleepReason::CustomerClosed => ("This account is closed.", "Ask support.", None),
            AsleepReason::Nobody => ("There's no owner or admin.", "Support can add one.", None),
            AsleepReason::PackageGone => {
                ("The package is no longer for sale.", "Choose another one and agree again.", Some(change()))
            }
            AsleepReason::PriceChanged => {
                ("The price has changed since you agreed.", "Agree to the new price to go on.", Some(change()))
            }
            AsleepReason::TaxUnknown => (
                "We can't compute the tax.",
                "Add your billing address on Billing, under “Card, billing address and VAT ID”.",
                Some(NoticeAction::main_link("Go to Billing", "/billing#purchases")),
            ),
        };
        let text = if self.is_agreed { format!("Nothing is bought meanwhile. {cure}") } else { cure.to_owned() };
        let notice = Notice::new(Tone::Warn, strong, text);
        match action {
            Some(action) => self.act(notice, action),
            None => notice,
        }
    }

    fn retrying(&self) -> Option<Notice> {
        let again =
            Text::from("We'll try once more at ").time(self.retry_at.clone()?).text(", if you still need credits.");
        let notice =
            Notice::new(Tone::Warn, "Your card was declined.", again.text(" To use another card, agree again."));
        Some(self.act(notice, NoticeAction::link("Change", format!("{PAGE}?change=1"))))
    }

    fn buying(&self) -> Option<Notice> {
        let (credits, price) = self.buying.clone()?;
        let strong = Text::from("We're buying ").counted(credits, "").text(" for ").money(price).text(".");
        Some(Notice::new(Tone::Info, strong, "This usually takes less than a minute."))
    }

    fn blocked(&self) -> Option<Notice> {
        if !self.blocked {
            return None;
        }
        let strong = Text::from("Your limit of ").money(self.cap.clone()).text(" has no room for another purchase.");
        let notice = Notice::new(
            Tone::Warn,
            strong,
            "Nothing more is bought until earlier purchases are 30 days old. Raise the limit, or buy a top-up yourself.",
        );
        Some(self.act(notice, NoticeAction::main_link("Raise the limit", format!("{PAGE}?change=1"))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn situation(state: AutoState) -> Situation {
        Situation {
            state,
            is_agreed: true,
            blocked: false,
            cap: Money::new(5_000, "usd"),
            buying: None,
            confirm_url: None,
            retry_at: None,
            upgrade: "/plans".to_owned(),
            may_manage: true,
        }
    }

    fn words(situation: &Situation) -> String {
        situation.notice().map_or_else(String::new, |notice| format!("{} {}", notice.strong, notice.text))
    }

    #[test]
    fn what_a_person_must_do_comes_first() {
        let buying = Some((Credits::whole(1_200), Money::new(900, "usd")));
        let mut on = Situation { blocked: true, ..situation(AutoState::On) };
        assert!(words(&on).starts_with("Your limit of $50 has no room for another purchase."));
        on.buying = buying;
        assert!(words(&on).starts_with("We're buying 1,200 credits for $9."));
        on.confirm_url = Some("https://invoice.example/1".to_owned());
        assert!(words(&on).starts_with("Your bank asks you to confirm $9 for 1,200 credits."));
        assert_eq!(on.notice().map(|notice| notice.actions.len()), Some(1));
        on.may_manage = false;
        assert!(words(&on).ends_with("Ask an owner or admin."));
        assert_eq!(on.notice().map(|notice| notice.actions.len()), Some(0));
        assert_eq!(words(&situation(AutoState::Off)), "");
        assert_eq!(words(&situation(AutoState::On)), "");
    }

    #[test]
    fn every_reason_says_why_and_what_to_do() {
        use AsleepReason as A;
        use SuspendedReason as S;
        let asleep = [A::CustomerClosed, A::BuyingOff, A::PlanCannotBuy, A::Nobody, A::PackageGone, A::PriceChanged];
        let suspended = [S::Declined, S::Authentication, S::Dispute, S::Refund, S::Review].map(AutoState::Suspended);
        let asleep = asleep.into_iter().chain([A::TaxUnknown]).map(AutoState::Asleep);
        for state in asleep.chain(suspended) {
            let notice = situation(state).notice().expect("a notice");
            assert!(notice.strong.to_string().ends_with('.') && notice.text.to_string().ends_with('.'), "{notice:?}");
        }
    }
}
