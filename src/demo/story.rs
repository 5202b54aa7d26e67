//! The demo's story: what happened to four customers before today.
//!
//! Plain data. Amounts are chosen so that burn order, resets and expiry end in the balances that the demo promises. The
//! replay goes through the real engine, so that a wrong figure here cannot hide.

use crate::demo::customers::{DemoCustomer, by_id};
use crate::demo::rhythm::{Rhythm, RhythmCharge};
use crate::domain::{Cycle, Instant};
use chrono::TimeDelta;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoryStep {
    /// The customer comes, on a plan.
    Join(&'static str),
    /// The plan changes.
    Plan(&'static str),
    Use(RhythmCharge),
    /// A package is bought.
    Buy(&'static str),
    /// A package is bought by a bank payment, whose money comes later.
    BuyByBank(&'static str),
    /// The customer's bank refuses the payment that is on its way.
    Bounce,
    /// Automatic top-up is switched on: package, threshold in thousandths, cap in minor units. It buys at once if due.
    AutoTopUp(&'static str, i64, i64),
    /// The worker does what is due: reminders are written at their own time.
    Work,
    /// Credits are set aside, in thousandths.
    Hold(i64),
    /// Courtesy credits in thousandths, and their life in days.
    Bonus(i64, i64),
}

impl StoryStep {
    /// True if it needs more than the ledger: Stripe, or the worker.
    pub const fn is_of_app(self) -> bool {
        matches!(self, Self::Buy(_) | Self::BuyByBank(_) | Self::Bounce | Self::AutoTopUp(..) | Self::Work)
    }
}

/// A step of a customer.
#[derive(Clone, Copy, Debug)]
pub struct StoryEvent {
    pub customer: &'static DemoCustomer,
    pub at: Instant,
    pub step: StoryStep,
}

/// Thousandths in a credit.
const K: i64 = 1_000;

struct Story {
    customer: &'static DemoCustomer,
    now: Instant,
    rhythm: Rhythm,
    events: Vec<StoryEvent>,
}

impl Story {
    /// The story of a customer, who comes on a plan.
    fn of(id: &str, plan: &'static str, now: Instant) -> Option<Self> {
        let customer = by_id(id)?;
        let mut story = Self { customer, now, rhythm: customer.rhythm, events: Vec::new() };
        story.at(customer.age_days, 0, StoryStep::Join(plan));
        Some(story)
    }

    /// A step at this number of days before now, plus minutes.
    fn at(&mut self, days_ago: i64, minutes: i64, step: StoryStep) -> &mut Self {
        let at = self.now - TimeDelta::days(days_ago) + TimeDelta::minutes(minutes);
        self.events.push(StoryEvent { customer: self.customer, at, step });
        self
    }

    /// Uses thousandths of credits between two instants, the second excluded.
    fn spend(&mut self, thousandths: i64, from: Instant, until: Instant) -> &mut Self {
        let customer = self.customer;
        let event = |charge: RhythmCharge| StoryEvent { customer, at: charge.at, step: StoryStep::Use(charge) };
        self.events.extend(self.rhythm.charges(thousandths, from, until).into_iter().map(event));
        self
    }

    /// Uses thousandths of credits in the whole cycle that ended `cycles` resets ago; 0 is the current one, until now. Only
    /// the newest have every charge, so that the replay is quick.
    fn cycle(&mut self, cycles: i64, thousandths: i64) -> &mut Self {
        let anchor = self.now + TimeDelta::days(self.customer.resets_in_days);
        let mut cycle = Cycle::containing(anchor, self.now);
        for _ in 0..cycles {
            cycle = cycle.and_then(|cycle| Cycle::containing(anchor, cycle.start - TimeDelta::milliseconds(1)));
        }
        match cycle {
            Some(cycle) => {
                self.rhythm.is_sparse = cycles > 3;
                self.spend(thousandths, cycle.start, cycle.end.min(self.now))
            }
            None => self,
        }
    }
}

/// Everything, oldest first.
pub fn events(now: Instant) -> Vec<StoryEvent> {
    let stories = [fjord(now), acme(now), larch(now), meridian(now)];
    let mut all: Vec<StoryEvent> = stories.into_iter().flatten().flat_map(|story| story.events).collect();
    all.sort_by_key(|event| event.at);
    all
}

/// Free: 262 of 300 used.
fn fjord(now: Instant) -> Option<Story> {
    let mut story = Story::of("fjord", "free", now)?;
    for cycle in 1..=5 {
        story.cycle(cycle, (180 + 20 * cycle) * K);
    }
    story.cycle(0, 262 * K);
    Some(story)
}

/// Starter: 4,820 of 5,000 used, never bought.
fn acme(now: Instant) -> Option<Story> {
    let mut story = Story::of("acme", "starter", now)?;
    for cycle in 1..=5 {
        story.cycle(cycle, (4_300 - 350 * cycle) * K);
    }
    story.cycle(0, 4_820 * K);
    Some(story)
}

/// Builder: the plan is used up, one top-up is in use, one is next; $675 of top-ups in three cycles.
fn larch(now: Instant) -> Option<Story> {
    let mut story = Story::of("larch", "builder", now)?;
    for cycle in 4..=5 {
        story.cycle(cycle, (25_600 - 400 * cycle) * K);
    }
    // 8,587.5 of this 50,000 are used at once; 41,412.5 go into the three cycles below.
    story.at(105, 60, StoryStep::Buy("p50000")).cycle(3, 33_587_500);
    story.cycle(2, 70_000 * K).at(60, 60, StoryStep::Buy("p50000"));
    story.cycle(1, 75_000 * K);
    for day in [39, 37, 35, 33] {
        story.at(day, 60, StoryStep::Buy("p5000"));
    }
    // By bank first, which fails; then by card.
    story.at(31, 60, StoryStep::Buy("p20000")).at(14, 60, StoryStep::BuyByBank("p50000")).at(11, 30, StoryStep::Bounce);
    // The last one is bought automatically: fewer than 40,000 are left then.
    story.at(11, 60, StoryStep::AutoTopUp("p50000", 40_000 * K, 50_000));
    story.cycle(0, 58_000 * K).at(0, -30, StoryStep::Hold(240 * K));
    Some(story)
}

/// Pro: fractions, a hold, a bonus, a top-up that expires in six days, one for next March, one that expired.
fn meridian(now: Instant) -> Option<Story> {
    let mut story = Story::of("meridian", "starter", now)?;
    let ago = |days| now - TimeDelta::days(days);
    // 1,080 of 1,200 are used, and 120 expire a year later.
    story.at(555, 60, StoryStep::Buy("p1200")).spend(6_080 * K, ago(554), ago(551));
    story.at(500, 60, StoryStep::Plan("pro"));
    // Bought 359 days ago: it expires in six.
    story.at(359, 0, StoryStep::Buy("p1200"));
    for cycle in 4..=10 {
        story.cycle(cycle, (58_000 + 1_700 * (cycle * 5 % 7)) * K);
    }
    story.at(253, 60, StoryStep::Buy("p20000"));
    // After the old one expired, one cycle goes 200 over the plan.
    story.cycle(3, 100_200 * K).cycle(2, 71_000 * K).cycle(1, 64_500 * K);
    story.at(15, 60, StoryStep::Bonus(1_250 * K, 54)).cycle(0, 40_999_375).at(0, -30, StoryStep::Hold(1_250 * K));
    // Thirty days and seven days before the top-up expires.
    story.at(24, 1, StoryStep::Work).at(1, 1, StoryStep::Work);
    story.at(1, 60, StoryStep::BuyByBank("p5000"));
    Some(story)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days() -> impl Iterator<Item = Instant> {
        let first: Instant = "2026-01-01T00:03:00Z".parse().expect("an instant");
        (0..730).step_by(3).map(move |day| first + TimeDelta::days(day) + TimeDelta::minutes(day * 37 % 1_440))
    }

    fn used(events: &[StoryEvent], id: &str, cycle: Cycle) -> i64 {
        let charge = |event: &StoryEvent| match event.step {
            StoryStep::Use(charge) if event.customer.id == id && cycle.start <= event.at => charge.credits,
            _ => 0,
        };
        events.iter().map(charge).sum()
    }

    #[test]
    fn on_any_day_the_current_cycle_has_its_exact_sum_and_nothing_lies_ahead() {
        for now in days() {
            let events = events(now);
            assert!(events.iter().all(|event| event.at < now), "{now}");
            for (id, want) in [("fjord", 262 * K), ("acme", 4_820 * K), ("larch", 58_000 * K), ("meridian", 40_999_375)]
            {
                let anchor = now + TimeDelta::days(by_id(id).expect("a customer").resets_in_days);
                let cycle = Cycle::containing(anchor, now).expect("a cycle");
                assert_eq!(used(&events, id, cycle), want, "{id} on {now}");
            }
        }
    }

    #[test]
    fn every_plan_covers_its_whole_cycles_or_top_ups_were_bought_before() {
        // Larch's two purchases within cycles come before the plan and the older top-ups are used up.
        for now in days() {
            let events = events(now);
            let until = now - TimeDelta::days(60);
            let anchor = now + TimeDelta::days(8);
            let mut cycle = Cycle::containing(anchor, now).expect("a cycle");
            for _ in 0..2 {
                cycle = Cycle::containing(anchor, cycle.start - TimeDelta::milliseconds(1)).expect("a cycle");
            }
            let before: Vec<StoryEvent> = events.iter().copied().filter(|event| event.at < until).collect();
            assert!(used(&before, "larch", cycle) <= 66_412_500, "{now}");
        }
    }
}
