//! The upgrade hint (R17): which was cheaper, the top-ups bought or the next plan, with the sum.
//!
//! *Not here:* the comparison itself (`domain`, issue 4); this module only words its result.

use super::when::Moment;
use super::words::Words;
use crate::domain::Money;

/// The hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HintView {
    /// Its first sentence.
    pub strong: Words,
    /// The sum.
    pub text: Words,
    /// The link to the plan: its words, and where.
    pub see: (String, String),
    /// Until when it can be hidden.
    pub hide_until: Moment,
}

/// What the comparison found.
#[derive(Clone, Debug)]
pub struct HintFacts {
    /// The plan in force.
    pub plan: String,
    /// The next plan up.
    pub better: String,
    /// How many cycles were looked at.
    pub cycles: i64,
    /// What top-ups cost in them.
    pub top_ups: Money,
    /// What the next plan costs more, a month.
    pub difference: Money,
    /// Where plans are changed.
    pub upgrade: String,
    /// The next reset.
    pub hide_until: Moment,
}

impl HintFacts {
    /// The hint, or nothing where top-ups were the cheaper way.
    #[must_use]
    pub fn view(&self) -> Option<HintView> {
        let more = Money::new(self.difference.minor.checked_mul(self.cycles)?, &self.difference.currency);
        let saved = Money::new(self.top_ups.minor.checked_sub(more.minor)?, &more.currency);
        if saved.minor <= 0 {
            return None;
        }
        let strong = Words::from(format!("{} would have been ", self.better)).money(saved);
        let text = Words::from("Top-ups bought: ").money(self.top_ups.clone());
        let text = text.text(format!(". {} instead of {}: {} × ", self.better, self.plan, self.cycles));
        Some(HintView {
            strong: strong.text(format!(" cheaper over your last {} cycles.", self.cycles)),
            text: text.money(self.difference.clone()).text(" = ").money(more).text("."),
            see: (format!("See {}", self.better), self.upgrade.clone()),
            hide_until: self.hide_until.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::view::when::Zone;

    #[test]
    fn the_hint_shows_its_sum() {
        let facts = HintFacts {
            plan: "Builder".into(),
            better: "Pro".into(),
            cycles: 3,
            top_ups: Money::new(67_500, "usd"),
            difference: Money::new(17_000, "usd"),
            upgrade: "/plans".into(),
            hide_until: Zone::UTC.short_day("2026-12-04T00:00:00Z".parse().expect("an instant")),
        };
        let view = facts.view().expect("a hint");
        assert_eq!(view.strong.to_string(), "Pro would have been $165 cheaper over your last 3 cycles.");
        assert_eq!(view.text.to_string(), "Top-ups bought: $675. Pro instead of Builder: 3 × $170 = $510.");
        assert!(HintFacts { top_ups: Money::new(51_000, "usd"), ..facts }.view().is_none());
    }
}
