//! The upgrade hint (R17): which was cheaper, the top-ups bought or the next plan, with the sum.
//!
//! *Not here:* the comparison itself (`domain::advice`); this module only words its result.

use crate::domain::Money;
use crate::web::ui::dates::Moment;
use crate::web::ui::text::Text;

/// The hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HintView {
    /// Its first sentence.
    pub strong: Text,
    /// The sum.
    pub text: Text,
    /// What can be done about it; nothing where top-ups were the cheaper way: one quiet line.
    pub act: Option<HintActs>,
}

/// What can be done about a hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HintActs {
    /// The link to the plan: its words, and where.
    pub see: (String, String),
    /// Until when it can be hidden, by those who may.
    pub hide_until: Option<Moment>,
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
    /// What top-ups would still have cost on it.
    pub still: Money,
    /// Where plans are changed.
    pub upgrade: String,
    /// The next reset, for those who may hide the hint.
    pub hide_until: Option<Moment>,
}

impl HintFacts {
    /// The hint, or a quiet line where top-ups were the cheaper way.
    #[must_use]
    pub fn view(&self) -> Option<HintView> {
        let money = |minor| Money::new(minor, &self.difference.currency);
        let fees = self.difference.minor.checked_mul(self.cycles)?;
        let more = fees.checked_add(self.still.minor)?;
        let saved = self.top_ups.minor.checked_sub(more)?;
        let bought = Text::from("Top-ups bought: ").money(self.top_ups.clone());
        let instead = format!(". {} instead of {}: {}\u{a0}× ", self.better, self.plan, self.cycles);
        let sum = bought.text(instead).money(self.difference.clone()).text(" = ").money(money(fees));
        let sum = match self.still.minor {
            0 => sum.text("."),
            _ => sum.text(", and ").money(self.still.clone()).text(" of top-ups."),
        };
        if saved <= 0 {
            let strong = format!("Top-ups were the cheaper way over your last {} cycles.", self.cycles);
            return Some(HintView { strong: strong.into(), text: sum, act: None });
        }
        let strong = Text::from(format!("{} would have been ", self.better)).money(money(saved));
        let see = (format!("See {}", self.better), self.upgrade.clone());
        Some(HintView {
            strong: strong.text(format!(" cheaper over your last {} cycles.", self.cycles)),
            text: sum,
            act: Some(HintActs { see, hide_until: self.hide_until.clone() }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::ui::dates::Zone;

    #[test]
    fn the_hint_shows_its_sum() {
        let facts = HintFacts {
            plan: "Builder".into(),
            better: "Pro".into(),
            cycles: 3,
            top_ups: Money::new(67_500, "usd"),
            difference: Money::new(17_000, "usd"),
            still: Money::new(0, "usd"),
            upgrade: "/plans".into(),
            hide_until: Some(Zone::UTC.short_day("2026-12-04T00:00:00Z".parse().expect("an instant"))),
        };
        let view = facts.view().expect("a hint");
        assert_eq!(view.strong.to_string(), "Pro would have been $165 cheaper over your last 3 cycles.");
        assert_eq!(view.text.to_string(), "Top-ups bought: $675. Pro instead of Builder: 3\u{a0}× $170 = $510.");
        assert!(view.act.is_some());
        let cheaper = HintFacts { top_ups: Money::new(51_000, "usd"), still: Money::new(900, "usd"), ..facts };
        let view = cheaper.view().expect("a line");
        assert_eq!(view.strong.to_string(), "Top-ups were the cheaper way over your last 3 cycles.");
        let sum = "Top-ups bought: $510. Pro instead of Builder: 3\u{a0}× $170 = $510, and $9 of top-ups.";
        assert_eq!((view.text.to_string().as_str(), view.act), (sum, None));
    }
}
