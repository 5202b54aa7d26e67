//! The balance card: what is available, the plan's bar, top-ups beside it and never inside.

use crate::domain::forecast::RunsOut;
use crate::domain::{Credits, Instant, Money};
use crate::web::ui::dates::{Moment, Zone};
use crate::web::ui::text::Text;

/// The balance card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalanceView {
    /// What a charge could take now.
    pub available: Credits,
    /// When that was so.
    pub as_of: Moment,
    /// The plan's part.
    pub plan: PlanView,
    /// Top-ups that can be used.
    pub top_ups: Credits,
    /// When they are used, or since when.
    pub top_up_notes: Vec<Text>,
}

/// The plan's part of the card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanView {
    /// `Starter`
    pub name: String,
    /// What it costs a month.
    pub price: Money,
    /// This cycle's allowance.
    pub allowance: Credits,
    /// Used in this cycle.
    pub used: Credits,
    /// Set aside by running jobs.
    pub held: Credits,
    /// Still to be used.
    pub left: Credits,
    /// When the next cycle begins.
    pub resets: Moment,
    /// A booked change.
    pub change: Option<Text>,
    /// How long it will last.
    pub lasts: Option<Text>,
}

/// The bar's two lengths, in thousandths of its width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// What is used.
    pub used: i64,
    /// What is held, right of it.
    pub held: i64,
}

/// What the card is made of.
#[derive(Clone, Debug)]
pub struct BalanceFacts {
    /// When this was so.
    pub now: Instant,
    /// The customer's zone.
    pub zone: Zone,
    /// What a charge could take now.
    pub available: Credits,
    /// The plan's name.
    pub plan: String,
    /// Its price a month.
    pub price: Money,
    /// This cycle's allowance.
    pub allowance: Credits,
    /// Used of it.
    pub used: Credits,
    /// Held of it.
    pub held: Credits,
    /// Left of it.
    pub left: Credits,
    /// The cycle's end.
    pub resets_at: Instant,
    /// The booked plan's name, and when it begins.
    pub next: Option<(String, Instant)>,
    /// Bonus credits left, each with its end, soonest first.
    pub bonus: Vec<(Credits, Instant)>,
    /// Bonus credits held.
    pub bonus_held: Credits,
    /// Top-ups as they stand.
    pub top_ups: TopUpFacts,
    /// When credits run out at the customer's pace, where that is known.
    pub runs_out: Option<RunsOut>,
}

/// Top-ups as they stand, in sums.
#[derive(Clone, Copy, Debug, Default)]
pub struct TopUpFacts {
    /// Can be used.
    pub left: Credits,
    /// Set aside by running jobs.
    pub held: Credits,
    /// Withheld while a bank reviews.
    pub frozen: Credits,
    /// Waiting for a paid plan.
    pub paused: Credits,
    /// Since when they are drawn from, where known.
    pub in_use_since: Option<Instant>,
}

impl BalanceFacts {
    /// Whether a charge of now would be drawn from top-ups.
    #[must_use]
    pub fn top_ups_in_use(&self) -> bool {
        self.left.is_zero() && self.bonus.is_empty() && self.top_ups.left.is_positive()
    }

    /// The card.
    #[must_use]
    pub fn view(&self) -> BalanceView {
        BalanceView {
            available: self.available,
            as_of: self.zone.clock(self.now),
            plan: PlanView {
                name: self.plan.clone(),
                price: self.price.clone(),
                allowance: self.allowance,
                used: self.used,
                held: self.held,
                left: self.left,
                resets: self.zone.day(self.resets_at),
                change: self.next.as_ref().map(|(name, at)| self.change(name, *at)),
                lasts: self.lasts(),
            },
            top_ups: self.top_ups.left,
            top_up_notes: self.notes(),
        }
    }

    fn change(&self, plan: &str, at: Instant) -> Text {
        Text::from(format!("Changes to {plan} on ")).time(self.zone.day(at)).text(". Top-ups stay.")
    }

    fn lasts(&self) -> Option<Text> {
        let runs_out = self.runs_out.filter(|_| self.left.is_positive())?;
        Some(match runs_out.plan {
            Some(at) => Text::from("At your pace used up about ").time(self.zone.about(self.now, at)),
            None => "At your pace enough until the reset".into(),
        })
    }

    fn notes(&self) -> Vec<Text> {
        let mut notes = vec![self.use_note()];
        let top_ups = &self.top_ups;
        if let Some(at) = self.runs_out.and_then(|out| out.all).filter(|_| top_ups.left.is_positive()) {
            notes.push(Text::from("At your pace used up about ").time(self.zone.about(self.now, at)));
        }
        if top_ups.frozen.is_positive() {
            notes.push(Text::new().credits(top_ups.frozen).text(" frozen"));
        }
        if top_ups.paused.is_positive() {
            notes.push(Text::new().credits(top_ups.paused).text(format!(" paused on {}", self.plan)));
        }
        notes.extend(self.bonus_note());
        notes
    }

    fn use_note(&self) -> Text {
        let held = self.top_ups.held;
        let note = match (self.top_ups_in_use(), self.top_ups.in_use_since) {
            (true, Some(since)) => Text::from("In use since ").time(self.zone.short_day(since)),
            (true, None) => Text::from("In use"),
            (false, _) if self.bonus.iter().any(|(credits, _)| credits.is_positive()) => {
                Text::from("Used when plan and bonus credits reach 0")
            }
            (false, _) => Text::from("Used when plan credits reach 0"),
        };
        if held.is_positive() { note.text(" · ").credits(held).text(" held") } else { note }
    }

    fn bonus_note(&self) -> Option<Text> {
        let total: Credits = self.bonus.iter().map(|(credits, _)| *credits).sum();
        let (first, until) = *self.bonus.first()?;
        let note = Text::from("Bonus credits ").credits(total).text(", ");
        let note = if first == total { note } else { note.credits(first).text(" of them ") };
        let note = note.text("until ").time(self.zone.day(until));
        let held = self.bonus_held;
        Some(if held.is_positive() { note.text(" · ").credits(held).text(" held") } else { note })
    }
}

impl PlanView {
    /// The bar's lengths. What is not nothing is at least a hair; what is not all is not all.
    #[must_use]
    pub fn bar(&self) -> Bar {
        let used = per_mille(self.used, self.allowance);
        let held = per_mille(self.held, self.allowance);
        let most = if self.left.is_positive() { 996 } else { 1_000 };
        let used = used.min(most);
        Bar { used, held: held.min(most - used) }
    }

    /// `40,999.375 used · 1,250 held by running jobs`
    #[must_use]
    pub fn usage(&self) -> Text {
        let used = Text::new().credits(self.used).text(" used");
        if self.held.is_positive() { used.text(" · ").credits(self.held).text(" held by running jobs") } else { used }
    }

    /// The bar, spoken.
    #[must_use]
    pub fn spoken(&self) -> String {
        format!(
            "{}, {} left of {}",
            self.usage().to_string().replace(" · ", ", "),
            self.left.grouped(),
            self.allowance.grouped()
        )
    }
}

fn per_mille(part: Credits, whole: Credits) -> i64 {
    if !part.is_positive() || !whole.is_positive() {
        return 0;
    }
    let share = i128::from(part.0) * 1_000 / i128::from(whole.0);
    i64::try_from(share).unwrap_or(1_000).clamp(4, 1_000)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn acme() -> BalanceFacts {
        BalanceFacts {
            now: "2026-11-22T19:05:00Z".parse().expect("an instant"),
            zone: Zone::named("America/New_York"),
            available: Credits::whole(180),
            plan: "Starter".into(),
            price: Money::new(1_900, "usd"),
            allowance: Credits::whole(5_000),
            used: Credits::whole(4_820),
            held: Credits::ZERO,
            left: Credits::whole(180),
            resets_at: "2026-12-04T14:00:00Z".parse().expect("an instant"),
            next: None,
            bonus: vec![],
            bonus_held: Credits::ZERO,
            top_ups: TopUpFacts::default(),
            runs_out: None,
        }
    }

    #[test]
    fn the_card_says_what_is_left_and_until_when() {
        let view = acme().view();
        assert_eq!(view.as_of.text, "14:05");
        assert_eq!(view.plan.resets.text, "4 Dec 2026");
        assert_eq!(view.plan.usage().to_string(), "4,820 used");
        assert_eq!(view.plan.spoken(), "4,820 used, 180 left of 5,000");
        assert_eq!(view.plan.bar(), Bar { used: 964, held: 0 });
        assert_eq!(view.top_up_notes, vec![Text::from("Used when plan credits reach 0")]);
    }

    #[test]
    fn held_credits_and_bonus_credits_are_named() {
        let mut facts = acme();
        facts.used = Credits(40_999_375);
        facts.held = Credits::whole(1_250);
        facts.allowance = Credits::whole(100_000);
        facts.left = Credits(57_750_625);
        let until = "2026-12-31T12:00:00Z".parse().expect("an instant");
        facts.bonus = vec![(Credits::whole(1_250), until)];
        let view = facts.view();
        assert_eq!(view.plan.usage().to_string(), "40,999.375 used · 1,250 held by running jobs");
        assert_eq!(view.top_up_notes[1].to_string(), "Bonus credits 1,250, until 31 Dec 2026");
        facts.bonus.push((Credits::whole(50), until));
        assert_eq!(facts.view().top_up_notes[1].to_string(), "Bonus credits 1,300, 1,250 of them until 31 Dec 2026");
    }

    #[test]
    fn top_ups_in_use_say_since_when() {
        let mut facts = acme();
        facts.left = Credits::ZERO;
        facts.top_ups.left = Credits(53_172_500);
        facts.top_ups.held = Credits::whole(240);
        facts.top_ups.in_use_since = Some("2026-11-12T12:00:00Z".parse().expect("an instant"));
        assert_eq!(facts.view().top_up_notes[0].to_string(), "In use since 12 Nov · 240 held");
    }

    #[test]
    fn how_long_credits_last_is_said_no_more_precisely_than_it_is_known() {
        let mut facts = acme();
        let at = |text: &str| Some(text.parse().expect("an instant"));
        facts.runs_out = Some(RunsOut::default());
        let lasts = |facts: &BalanceFacts| facts.view().plan.lasts.map(|words| words.to_string());
        assert_eq!(lasts(&facts).as_deref(), Some("At your pace enough until the reset"));
        facts.runs_out = Some(RunsOut { plan: at("2026-11-29T03:00:00Z"), all: at("2027-03-04T12:00:00Z") });
        assert_eq!(lasts(&facts).as_deref(), Some("At your pace used up about 28 Nov"));
        assert_eq!(facts.view().top_up_notes.len(), 1, "there are none");
        facts.top_ups.left = Credits::whole(9_000);
        assert_eq!(facts.view().top_up_notes[1].to_string(), "At your pace used up about Mar 2027");
        facts.left = Credits::ZERO;
        assert_eq!(lasts(&facts), None);
    }

    #[test]
    fn a_bar_is_full_only_when_nothing_is_left() {
        let bar = |used: i64, held: i64, left: i64| {
            let mut plan = acme().view().plan;
            (plan.used, plan.held, plan.left) = (Credits(used), Credits(held), Credits(left));
            plan.allowance = Credits(used + held + left);
            plan.bar()
        };
        assert_eq!(bar(1, 0, 999_999), Bar { used: 4, held: 0 });
        assert_eq!(bar(999_999, 0, 1), Bar { used: 996, held: 0 });
        assert_eq!(bar(5, 0, 0), Bar { used: 1_000, held: 0 });
        assert_eq!(bar(900, 100, 0), Bar { used: 900, held: 100 });
        assert_eq!(bar(0, 0, 0), Bar { used: 0, held: 0 });
    }
}
