//! The one notice under the balance card: the first that applies (PAGES.md), and its words.

use crate::domain::{Credits, Instant};
use crate::web::ui::badge::Tone;
use crate::web::ui::dates::Zone;
use crate::web::ui::text::{Text, verb};

pub use crate::web::ui::notice::{Notice, NoticeAction, Voice};

/// How a top-up will end at the last 30 days' pace (R16). Nothing is said with less than a week of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// So much will be left.
    Left(Credits),
    /// Plan credits cover the days left: all of it will expire.
    PlanCoversIt,
    /// All of it will be used.
    AllUsed,
}

/// A living top-up, as far as the notices need it.
#[derive(Clone, Copy, Debug)]
pub struct Expiring {
    /// What is left of it.
    pub left: Credits,
    /// Since when it is there.
    pub since: Instant,
    /// When it ends.
    pub expires_at: Instant,
    /// Whether that date moves on, because nobody could be told of it.
    pub kept: bool,
}

/// What the notice is chosen from.
#[derive(Clone, Debug)]
pub struct Situation {
    /// The instant of the page.
    pub now: Instant,
    /// The customer's zone.
    pub zone: Zone,
    /// What a charge could take now.
    pub available: Credits,
    /// What is left of the plan.
    pub plan_left: Credits,
    /// What is left of bonus credits.
    pub bonus_left: Credits,
    /// The plan's name.
    pub plan: String,
    /// When this cycle began, if an earlier one came before it.
    pub reset_at: Option<Instant>,
    /// When the next begins.
    pub resets_at: Instant,
    /// What this person can do about it.
    pub remedy: Remedy,
    /// A paid purchase whose credits are not there yet.
    pub settling: bool,
    /// Until when the plan is kept though its payment has failed.
    pub grace_until: Option<Instant>,
    /// Frozen credits, and when they were paid.
    pub frozen: Option<(Credits, Instant)>,
    /// Top-ups that can be used or are paused, soonest to expire first.
    pub top_ups: Vec<Expiring>,
    /// Whether top-ups wait for a paid plan.
    pub paused: bool,
    /// Where plans are changed.
    pub upgrade: String,
    /// How the soonest will end at this pace.
    pub pace: Option<Pace>,
}

/// What somebody without credits can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Buy a top-up.
    Buy,
    /// Get a better plan.
    Upgrade,
    /// Ask somebody who may buy.
    Ask,
    /// Only wait.
    Wait,
}

impl Situation {
    /// The first notice that applies.
    #[must_use]
    pub fn notice(&self) -> Option<Notice> {
        self.empty()
            .or_else(|| self.settling())
            .or_else(|| self.unpaid())
            .or_else(|| self.frozen())
            .or_else(|| self.expiring(7))
            .or_else(|| self.paused())
            .or_else(|| self.plan_used_up())
            .or_else(|| self.expiring(30))
            .or_else(|| self.carried_over())
    }

    fn empty(&self) -> Option<Notice> {
        if self.available.is_positive() {
            return None;
        }
        let strong = "You are out of credits. New requests are refused.";
        if self.settling {
            // Buying once more is the last thing to advise here.
            let text = "Payment received. Your credits are being added, usually under a minute.";
            let notice = Notice::new(Tone::Bad, strong, text);
            return Some(notice.with(NoticeAction::link("Check again", "/billing")));
        }
        let way = match self.remedy {
            Remedy::Buy => "Buy a top-up, or wait",
            Remedy::Upgrade => "Upgrade, or wait",
            Remedy::Ask => "Ask an owner or admin to buy, or wait",
            Remedy::Wait => "Wait",
        };
        let text = Text::from(format!("{way} for the reset on ")).time(self.zone.day(self.resets_at)).text(".");
        Some(Notice::new(Tone::Bad, strong, text))
    }

    fn settling(&self) -> Option<Notice> {
        let strong = "Payment received. Your credits are being added.";
        let notice = Notice::new(Tone::Info, strong, "Usually under a minute.");
        self.settling.then(|| notice.with(NoticeAction::link("Check again", "/billing")))
    }

    fn unpaid(&self) -> Option<Notice> {
        let until = self.grace_until?;
        let strong = format!("The payment for {} failed.", self.plan);
        let text = Text::from("Pay by ").time(self.zone.sentence(until)).text(" to keep the plan and its credits.");
        Some(Notice::new(Tone::Bad, strong, text).with(NoticeAction::link("Pay now", &self.upgrade)))
    }

    fn frozen(&self) -> Option<Notice> {
        let (credits, paid_at) = self.frozen?;
        let is = verb(credits, "is", "are");
        let strong = Text::new().counted(credits, "").text(format!(" {is} frozen"));
        let text = Text::from("while your bank reviews the payment of ").time(self.zone.short_day(paid_at));
        Some(Notice::new(Tone::Warn, strong, text.text(".")))
    }

    /// The top-ups that end on the soonest day, if that is at most `days` off.
    fn expiring(&self, days: i64) -> Option<Notice> {
        let first = self.top_ups.first()?;
        let left_days = self.zone.days_until(self.now, first.expires_at);
        if left_days > days || self.paused {
            return None;
        }
        let same_day = |other: &&Expiring| self.zone.same_day(first.expires_at, other.expires_at);
        let credits: Credits = self.top_ups.iter().filter(same_day).map(|top_up| top_up.left).sum();
        let expire = verb(credits, "expires", "expire");
        let strong = Text::new().counted(credits, "top-up").text(format!(" {expire} "));
        let urgent = days <= 7;
        let when = if urgent { self.zone.sentence(first.expires_at) } else { self.zone.day(first.expires_at) };
        let strong = match left_days {
            i64::MIN..=0 => strong.text("today, on "),
            1 => strong.text("tomorrow, on "),
            days => strong.text(format!("in {days} days, on ")),
        };
        let strong = strong.time(when).text(".");
        if first.kept {
            let text = "No reminder could be delivered to you: this date moves on until 7 days after one is. ";
            let notice = Notice::new(Tone::Warn, strong, text);
            return Some(notice.with(NoticeAction::link("Check your addresses", "/settings")));
        }
        let text = pace(self.pace, credits).text("Buying more does not extend them.");
        Some(Notice::new(if urgent { Tone::Bad } else { Tone::Warn }, strong, text))
    }

    fn paused(&self) -> Option<Notice> {
        let first = self.top_ups.first().filter(|_| self.paused)?;
        let credits: Credits = self.top_ups.iter().map(|top_up| top_up.left).sum();
        let is = verb(credits, "is", "are");
        let strong = Text::new().counted(credits, "top-up").text(format!(" {is} paused on {}.", self.plan));
        let text = Text::from("Upgrade to use them before ").time(self.zone.day(first.expires_at)).text(".");
        Some(Notice::new(Tone::Warn, strong, text).with(NoticeAction::link("Upgrade", &self.upgrade)))
    }

    fn plan_used_up(&self) -> Option<Notice> {
        let drawn = self.plan_left.is_zero() && self.bonus_left.is_zero() && !self.top_ups.is_empty();
        let text = Text::from("Plan resets ").time(self.zone.day(self.resets_at)).text(".");
        drawn.then(|| Notice::new(Tone::Info, "Plan credits are used up. Top-ups are now in use.", text))
    }

    fn carried_over(&self) -> Option<Notice> {
        let reset = self.reset_at.filter(|at| self.now - *at < chrono::TimeDelta::days(3))?;
        let older = self.top_ups.iter().filter(|top_up| top_up.since < reset);
        let credits: Credits = older.map(|top_up| top_up.left).sum();
        if credits.is_zero() {
            return None;
        }
        let strong = Text::from("Plan reset on ").time(self.zone.short_day(reset)).text(".");
        Some(Notice::new(Tone::Good, strong, Text::new().counted(credits, "top-up").text(" carried over.")))
    }
}

/// The pace sentence, ending in a space; empty with less than a week of data.
fn pace(pace: Option<Pace>, credits: Credits) -> Text {
    match pace {
        None => Text::new(),
        Some(Pace::AllUsed) => "At your pace you will use them all. ".into(),
        Some(Pace::Left(left)) => Text::from("At your pace about ").credits(left).text(" will be left. "),
        Some(Pace::PlanCoversIt) => {
            let first = Text::from("Plan credits are used first. At your pace all ");
            first.credits(credits).text(" will expire unused. ")
        }
    }
}

#[cfg(test)]
#[path = "notices_tests.rs"]
mod tests;
