//! The balance card's figures and words: available credits, the plan, top-ups beside it and never inside.
//!
//! *Not here:* the card's HTML (`balance_card`).

use crate::domain::forecast::RunsOut;
use crate::domain::{Credits, Instant, Kind, Money};
use crate::usecases::App;
use crate::usecases::insight::billing::Billing;
use crate::web::ui::dates::{Moment, Zone};
use crate::web::ui::text::Text;

/// The section's data.
#[derive(Clone, Debug)]
pub struct CustomerBalance {
    pub now: Instant,
    pub zone: Zone,
    /// The most that a charge could take now.
    pub available: Credits,
    /// The plan's name.
    pub plan: String,
    /// The page where plans are changed, for viewers who may change them.
    pub change_plan: Option<String>,
    /// Low-balance emails are due from this many credits on.
    pub low_mark: Credits,
    /// The plan's price a month.
    pub price: Money,
    /// Plan credits of this cycle.
    pub allowance: Credits,
    pub used: Credits,
    /// Plan credits that running jobs hold.
    pub held: Credits,
    pub left: Credits,
    /// The cycle's end.
    pub resets_at: Instant,
    /// The booked plan's name, and its start.
    pub next: Option<(String, Instant)>,
    /// Bonus credits left, each with its end, soonest first.
    pub bonus: Vec<(Credits, Instant)>,
    pub bonus_held: Credits,
    pub top_ups: TopUpSums,
    /// The end of the credits at the customer's usage rate, where it is known.
    pub runs_out: Option<RunsOut>,
}

/// All top-ups of a customer, in sums.
#[derive(Clone, Copy, Debug, Default)]
pub struct TopUpSums {
    /// Can be used.
    pub left: Credits,
    /// Held by running jobs.
    pub held: Credits,
    /// Withheld while a bank reviews the payment.
    pub frozen: Credits,
    /// Waiting for a paid plan.
    pub paused: Credits,
    pub in_use_since: Option<Instant>,
    /// A top-up was bought before.
    pub had_any: bool,
}

/// How much of the plan is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Fine,
    /// At most the low mark.
    Low,
    Out,
}

/// The bar's two lengths, in thousandths of its width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BalanceBar {
    pub used: i64,
    /// Right of the used part.
    pub held: i64,
}

impl CustomerBalance {
    #[must_use]
    pub fn new(app: &App, billing: &Billing, zone: Zone, change_plan: Option<String>) -> Self {
        let (overview, balance) = (&billing.overview, &billing.overview.balance);
        let price = app.catalog.plan(&balance.plan_id).map_or(0, |plan| plan.amount);
        let next = balance.next_plan.as_ref().map(|plan| (plan_name(app, plan), balance.cycle.end));
        let bonus = balance.grants.iter().map(|line| &line.grant).filter(|grant| grant.kind == Kind::Courtesy);
        let bonus = bonus.map(|grant| (grant.remaining(), grant.expires_at));
        Self {
            now: balance.as_of,
            zone,
            available: balance.available,
            plan: plan_name(app, &balance.plan_id),
            change_plan,
            low_mark: billing.low_mark,
            price: Money::new(price, &app.catalog.shop.currency),
            allowance: balance.plan.allowance,
            used: balance.plan.used,
            held: balance.plan.held,
            left: balance.plan.remaining,
            resets_at: balance.cycle.end,
            next,
            bonus: bonus.filter(|(credits, _)| credits.is_positive()).collect(),
            bonus_held: balance.courtesy.held,
            top_ups: TopUpSums {
                left: balance.top_up.remaining - balance.top_up.paused,
                held: balance.top_up.held,
                frozen: balance.top_up.frozen,
                paused: balance.top_up.paused,
                in_use_since: overview.in_use_since,
                had_any: !overview.live.is_empty() || overview.ended > 0,
            },
            runs_out: billing.forecast.as_ref().map(|forecast| forecast.runs_out),
        }
    }

    /// True if the next charge draws from top-ups.
    #[must_use]
    pub fn top_ups_in_use(&self) -> bool {
        self.left.is_zero() && self.bonus.is_empty() && self.top_ups.left.is_positive()
    }

    pub(super) fn plan_change(&self) -> Option<Text> {
        let (plan, at) = self.next.as_ref()?;
        Some(Text::from(format!("Changes to {plan} on ")).time(self.zone.day(*at)).text(". Top-ups stay."))
    }

    pub(super) fn lasts(&self) -> Option<Text> {
        let runs_out = self.runs_out.filter(|_| self.left.is_positive())?;
        Some(match runs_out.plan {
            Some(at) => run_out(self.zone.about(self.now, at)),
            None => "At this pace, they last until the reset".into(),
        })
    }

    /// Lines under the figure of top-ups.
    pub(super) fn notes(&self) -> Vec<Text> {
        let mut notes = vec![self.use_note()];
        let top_ups = &self.top_ups;
        if let Some(at) = self.runs_out.and_then(|out| out.all).filter(|_| top_ups.left.is_positive()) {
            notes.push(run_out(self.zone.about(self.now, at)));
        }
        if top_ups.frozen.is_positive() {
            notes.push(Text::new().credits(top_ups.frozen).text(" frozen"));
        }
        if top_ups.paused.is_positive() {
            notes.push(Text::new().credits(top_ups.paused).text(format!(" paused on {}", self.plan)));
        }
        notes
    }

    fn use_note(&self) -> Text {
        let held = self.top_ups.held;
        let note = match (self.top_ups_in_use(), self.top_ups.in_use_since) {
            (true, Some(since)) => Text::from("In use since ").time(self.zone.short_day(since)),
            (true, None) => Text::from("In use"),
            (false, _) if self.bonus.iter().any(|(credits, _)| credits.is_positive()) => {
                Text::from("Used when plan and bonus credits hit 0")
            }
            (false, _) => Text::from("Used when plan credits hit 0"),
        };
        if held.is_positive() { note.text(" · ").credits(held).text(" held") } else { note }
    }

    /// Bonus credits left, and until when; none where there are none.
    pub(super) fn bonus_line(&self) -> Option<(Credits, Text)> {
        let total: Credits = self.bonus.iter().map(|(credits, _)| *credits).sum();
        let (first, until) = *self.bonus.first()?;
        let note =
            if first == total { Text::from("Until ") } else { Text::new().credits(first).text(" of them until ") };
        let (note, held) = (note.time(self.zone.day(until)), self.bonus_held);
        Some((total, if held.is_positive() { note.text(" · ").credits(held).text(" held") } else { note }))
    }

    pub(super) fn level(&self) -> Level {
        if !self.allowance.is_positive() {
            Level::Fine
        } else if !self.left.is_positive() {
            Level::Out
        } else if self.left <= self.low_mark {
            Level::Low
        } else {
            Level::Fine
        }
    }

    /// The bar's lengths. A little use shows as a hair, and the bar is full only once nothing is left.
    pub(super) fn bar(&self) -> BalanceBar {
        let used = per_mille(self.used, self.allowance);
        let held = per_mille(self.held, self.allowance);
        let most = if self.left.is_positive() { 996 } else { 1_000 };
        let used = used.min(most);
        BalanceBar { used, held: held.min(most - used) }
    }

    /// `40,999.375 used · 1,250 held by running jobs`
    pub(super) fn usage(&self) -> Text {
        let used = Text::new().credits(self.used).text(" used");
        if self.held.is_positive() { used.text(" · ").credits(self.held).text(" held by running jobs") } else { used }
    }

    /// The bar for screen readers.
    pub(super) fn spoken(&self) -> String {
        format!(
            "{}, {} left of {}",
            self.usage().to_string().replace(" · ", ", "),
            self.left.grouped(),
            self.allowance.grouped()
        )
    }
}

/// `At this pace, they run out around 30 Nov`
fn run_out(about: Moment) -> Text {
    Text::from("At this pace, they run out around ").time(about)
}

fn per_mille(part: Credits, whole: Credits) -> i64 {
    if !part.is_positive() || !whole.is_positive() {
        return 0;
    }
    let share = i128::from(part.0) * 1_000 / i128::from(whole.0);
    i64::try_from(share).unwrap_or(1_000).clamp(4, 1_000)
}

/// The name of a plan; its id where the catalogue has it no more.
#[must_use]
pub fn plan_name(app: &App, id: &str) -> String {
    app.catalog.plan(id).map_or_else(|| id.to_owned(), |plan| plan.name.clone())
}

#[cfg(test)]
#[path = "balance_tests.rs"]
pub mod tests;
