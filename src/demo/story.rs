//! The demo's story: what happened to four customers before today, in days relative to now.
//!
//! Plain data. Amounts are chosen so that burn order, resets and expiry end in the balances that the demo
//! promises; the replay goes through the real engine, so that a wrong figure here cannot hide.

use crate::demo::customers::by_id;

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The customer comes, on a plan.
    Join(&'static str),
    /// The plan changes.
    Plan(&'static str),
    /// Credits are used, in thousandths.
    Use(i64),
    /// A package is bought.
    Buy(&'static str),
    /// A package is bought by a bank payment, whose money comes later.
    BuyByBank(&'static str),
    /// The customer's bank refuses the payment that is on its way.
    Bounce,
    /// The worker does what is due: reminders are written at their own time.
    Work,
    /// Credits are set aside, in thousandths.
    Hold(i64),
    /// Courtesy credits come, in thousandths, for so many days.
    Bonus(i64, i64),
}

/// A step of a customer: days before now, hours within that day, what.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// Whose.
    pub customer: &'static str,
    /// Minutes before now.
    pub minutes_ago: i64,
    /// What.
    pub step: Step,
}

const DAY: i64 = 24 * 60;
/// Thousandths in a credit.
const K: i64 = 1_000;

struct Story {
    customer: &'static str,
    /// Days from now to the reset.
    reset: i64,
    events: Vec<Event>,
}

impl Story {
    fn new(customer: &'static str) -> Self {
        let reset = by_id(customer).map_or(0, |customer| customer.resets_in_days);
        Self { customer, reset, events: Vec::new() }
    }

    /// The customer's first day.
    fn join(&mut self, plan: &'static str) -> &mut Self {
        self.at(by_id(self.customer).map_or(0, |customer| customer.age_days), 0, Step::Join(plan))
    }

    fn at(&mut self, days_ago: i64, minutes: i64, step: Step) -> &mut Self {
        self.events.push(Event { customer: self.customer, minutes_ago: days_ago * DAY - minutes, step });
        self
    }

    /// Spends `thousandths` evenly in whole credits, once a day, from `from` to `to` days ago; the last day has the rest.
    fn spread(&mut self, thousandths: i64, from: i64, to: i64) -> &mut Self {
        let days = from - to;
        let each = thousandths / days / K * K;
        for day in 0..days {
            let amount = if day == days - 1 { thousandths - each * (days - 1) } else { each };
            self.at(from - day, 9 * 60, Step::Use(amount));
        }
        self
    }

    /// Spends `thousandths` in the whole cycle that ended `cycles` resets ago. Months have 28 to 31 days, so it keeps
    /// two days away from both ends.
    fn cycle(&mut self, cycles: i64, thousandths: i64) -> &mut Self {
        // The start of the cycle that holds now is about 30 days before its end.
        let end = (cycles * 61) / 2 - self.reset;
        self.spread(thousandths, end + 26, end + 3)
    }
}

/// Everything, oldest first.
pub fn events() -> Vec<Event> {
    let mut all = fjord();
    all.extend(acme());
    all.extend(larch());
    all.extend(meridian());
    all.sort_by_key(|event| std::cmp::Reverse(event.minutes_ago));
    all
}

/// Free: 262 of 300 used.
fn fjord() -> Vec<Event> {
    let mut story = Story::new("fjord");
    story.join("free");
    for cycle in 1..=5 {
        story.cycle(cycle, (180 + 20 * cycle) * K);
    }
    story.spread(262 * K, 20, 1);
    story.events
}

/// Starter: 4,820 of 5,000 used, never bought.
fn acme() -> Vec<Event> {
    let mut story = Story::new("acme");
    story.join("starter");
    for cycle in 1..=5 {
        story.cycle(cycle, (4_300 - 350 * cycle) * K);
    }
    story.spread(4_820 * K, 17, 1);
    story.events
}

/// Builder: the plan is used up, one top-up is in use, one is next; $675 of top-ups in three cycles.
fn larch() -> Vec<Event> {
    let mut story = Story::new("larch");
    story.join("builder");
    for cycle in 4..=5 {
        story.cycle(cycle, 24_000 * K);
    }
    // 8,587.5 of this 50,000 are used at once; 41,412.5 go into the three cycles below.
    story.at(105, 60, Step::Buy("p50000")).cycle(3, 33_587_500);
    story.cycle(2, 70_000 * K).at(60, 60, Step::Buy("p50000"));
    story.cycle(1, 75_000 * K);
    for day in [39, 37, 35, 33] {
        story.at(day, 60, Step::Buy("p5000"));
    }
    // By bank first, which fails; then by card.
    story.at(31, 60, Step::Buy("p20000")).at(14, 60, Step::BuyByBank("p50000")).at(11, 30, Step::Bounce);
    story.at(11, 60, Step::Buy("p50000"));
    story.spread(58_000 * K, 21, 1).at(0, -30, Step::Hold(240 * K));
    story.events
}

/// Pro: fractions, a hold, a bonus, a top-up that expires in six days, one for next March, one that expired.
fn meridian() -> Vec<Event> {
    let mut story = Story::new("meridian");
    story.join("starter");
    // 1,080 of 1,200 are used, and 120 expire a year later.
    story.at(555, 60, Step::Buy("p1200")).spread(6_080 * K, 554, 551);
    story.at(500, 60, Step::Plan("pro"));
    // Bought 359 days ago: it expires in six.
    story.at(359, 0, Step::Buy("p1200"));
    for cycle in 4..=10 {
        story.cycle(cycle, 62_000 * K);
    }
    story.at(253, 60, Step::Buy("p20000"));
    // After the old one expired, one cycle goes 200 over the plan.
    story.cycle(3, 100_200 * K).cycle(2, 71_000 * K).cycle(1, 64_500 * K);
    story.at(15, 60, Step::Bonus(1_250 * K, 54)).spread(40_999_375, 19, 1).at(0, -30, Step::Hold(1_250 * K));
    // Thirty days and seven days before the top-up expires.
    story.at(24, 1, Step::Work).at(1, 1, Step::Work);
    story.at(1, 60, Step::BuyByBank("p5000"));
    story.events
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_story_happens_after_now() {
        assert!(events().iter().all(|event| event.minutes_ago > 0));
    }

    #[test]
    fn what_is_spread_adds_up() {
        let mut story = Story::new("acme");
        story.spread(4_820 * K, 17, 1);
        let sum: i64 = story.events.iter().map(|e| if let Step::Use(n) = e.step { n } else { 0 }).sum();
        assert_eq!(sum, 4_820 * K);
    }
}
