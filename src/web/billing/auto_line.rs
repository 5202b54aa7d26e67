//! "Automatic top-up: Off · Set up": one line under the packages.

use crate::domain::Money;
use crate::usecases::auto_top_up::{AutoState, AutoTopUp};
use crate::web::ui::auto_top_up_badge::auto_top_up_badge;
use crate::web::ui::badge::BadgeText;
use crate::web::ui::text::Text;
use leptos::prelude::*;

/// The line's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutoLine {
    pub state: AutoState,
    /// Spent in 30 days, and the limit.
    pub spent: Option<(Money, Money)>,
    /// A person has to confirm a payment.
    pub confirms: bool,
    pub may_manage: bool,
    /// Credits run low, so that it would help.
    pub would_help: bool,
}

impl AutoLine {
    #[must_use]
    pub fn new(rule: &AutoTopUp, may_manage: bool, would_help: bool) -> Self {
        let spent = rule.agreed.as_ref().map(|agreed| {
            let money = |minor| Money::new(minor, &agreed.currency);
            (money(rule.spent), money(agreed.cap))
        });
        Self { state: rule.state, spent, confirms: rule.confirm_url.is_some(), may_manage, would_help }
    }

    fn words(&self) -> Text {
        match (self.state, &self.spent) {
            _ if self.confirms => "Your bank asks you to confirm a payment.".into(),
            (AutoState::Off, _) if self.would_help && self.may_manage => {
                "Never run out: it buys when you run low, up to a limit that you set.".into()
            }
            (AutoState::On, Some((spent, cap))) => {
                Text::new().money(spent.clone()).text(" of ").money(cap.clone()).text(" spent in 30 days.")
            }
            _ => Text::new(),
        }
    }

    fn link(&self) -> &'static str {
        match self.state {
            _ if self.confirms => "Confirm",
            AutoState::Off if self.may_manage => "Set up",
            AutoState::Asleep(_) | AutoState::Suspended(_) => "See why",
            AutoState::On if self.may_manage => "Change",
            AutoState::Off | AutoState::On => "Details",
        }
    }
}

#[component]
pub fn AutoTopUpLine(line: AutoLine) -> impl IntoView {
    let (words, link) = (line.words(), line.link());
    let words = (!words.is_empty()).then(|| view! { <span>{words} " "</span> });
    view! {
        <p class="after auto-line">
            "Automatic top-up: " <BadgeText badge=auto_top_up_badge(line.state) /> " " {words}
            <a href="/auto-top-up">{link} <span class="sr-only">" automatic top-up"</span></a>
        </p>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::auto_top_up::SuspendedReason;

    #[test]
    fn the_line_says_what_there_is_to_do() {
        let line =
            AutoLine { state: AutoState::Off, spent: None, confirms: false, may_manage: true, would_help: false };
        let check =
            |line: &AutoLine, want: (&str, &str)| assert_eq!((line.words().to_string().as_str(), line.link()), want);
        check(&line, ("", "Set up"));
        check(&AutoLine { may_manage: false, ..line.clone() }, ("", "Details"));
        let helps = "Never run out: it buys when you run low, up to a limit that you set.";
        check(&AutoLine { would_help: true, ..line.clone() }, (helps, "Set up"));
        let spent = Some((Money::new(900, "usd"), Money::new(5_000, "usd")));
        let on = AutoLine { state: AutoState::On, spent, ..line };
        check(&on, ("$9 of $50 spent in 30 days.", "Change"));
        check(&AutoLine { confirms: true, ..on.clone() }, ("Your bank asks you to confirm a payment.", "Confirm"));
        check(&AutoLine { state: AutoState::Suspended(SuspendedReason::Declined), ..on }, ("", "See why"));
    }
}
