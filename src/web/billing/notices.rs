//! The one notice under the balance card: the first that applies, in the order of `Situation::notice`.

use crate::domain::forecast::{TopUpForecast, about};
use crate::domain::{Credits, Grant, Instant};
use crate::web::billing::balance::CustomerBalance;
use crate::web::billing::may_buy::MayBuy;
use crate::web::billing::way_out::WayOut;
use crate::web::ui::badge::Tone;
use crate::web::ui::dates::Moment;
use crate::web::ui::notice::{Notice, NoticeAction};
use crate::web::ui::text::Text;

/// The facts that the notice depends on.
#[derive(Clone, Debug)]
pub struct Situation {
    pub balance: CustomerBalance,
    /// Top-ups with something left ([`Situation::usable`]).
    pub top_ups: Vec<Grant>,
    pub may_buy: MayBuy,
    pub way_out: WayOut,
    /// The start of this cycle, if an earlier one came before it.
    pub reset_at: Option<Instant>,
    /// A paid purchase waits for its credits.
    pub settling: bool,
    /// The plan ends then, since its payment has failed.
    pub grace_until: Option<Instant>,
    /// Frozen credits, and the date of their payment.
    pub frozen: Option<(Credits, Instant)>,
    /// The page where plans are changed.
    pub upgrade: String,
    /// The end of the top-ups that expire first, at the customer's usage rate (R16).
    pub forecast: Option<TopUpForecast>,
}

impl Situation {
    /// Top-ups with something left, soonest to expire first.
    #[must_use]
    pub fn usable(live: &[Grant], now: Instant) -> Vec<Grant> {
        let left = |grant: &&Grant| grant.lives(now) && grant.remaining().is_positive();
        let mut usable: Vec<Grant> = live.iter().filter(left).cloned().collect();
        usable.sort_by_key(Grant::burn_key);
        usable
    }

    fn is_paused(&self) -> bool {
        self.balance.top_ups.paused.is_positive()
    }

    /// The first notice that applies.
    #[must_use]
    pub fn notice(&self) -> Option<Notice> {
        self.empty()
            .or_else(|| self.settling())
            .or_else(|| self.unpaid())
            .or_else(|| self.frozen())
            .or_else(|| self.runs_out())
            .or_else(|| self.low())
            .or_else(|| self.expiring(7))
            .or_else(|| self.paused())
            .or_else(|| self.plan_used_up())
            .or_else(|| self.expiring(30))
            .or_else(|| self.carried_over())
    }

    fn empty(&self) -> Option<Notice> {
        if self.balance.available.is_positive() {
            return None;
        }
        let strong = "You're out of credits. New requests will fail.";
        if self.settling {
            // The notice must not advise a second purchase.
            let text = "Payment received. We're adding your credits. This usually takes less than a minute.";
            let notice = Notice::new(Tone::Bad, strong, text);
            return Some(notice.with(NoticeAction::link("Check again", "/billing")));
        }
        let way = match (&self.may_buy, &self.way_out) {
            (MayBuy::Yes, WayOut::Plan { .. }) => "Upgrade, buy a top-up, or wait",
            (MayBuy::Yes, _) => "Buy a top-up, or wait",
            (MayBuy::PlanCannot { .. }, _) => "Upgrade, or wait",
            (MayBuy::Viewer, _) => "Ask an owner or admin to buy, or wait",
            (MayBuy::Off, _) => "Wait",
        };
        let text = Text::from(format!("{way} for the reset on ")).time(self.resets()).text(".");
        Some(self.way_out.add_to(Notice::new(Tone::Bad, strong, text)))
    }

    fn settling(&self) -> Option<Notice> {
        let strong = "Payment received. We're adding your credits.";
        let notice = Notice::new(Tone::Info, strong, "This usually takes less than a minute.");
        self.settling.then(|| notice.with(NoticeAction::link("Check again", "/billing")))
    }

    /// Credits run out before the reset; red within 24 hours.
    fn runs_out(&self) -> Option<Notice> {
        let balance = &self.balance;
        let at = balance.runs_out.and_then(|out| out.all).filter(|at| *at < balance.resets_at)?;
        let is_near = at - balance.now <= chrono::TimeDelta::hours(24);
        let when = match balance.zone.days_until(balance.now, at) {
            i64::MIN..=0 => Text::from("today"),
            1 => Text::from("tomorrow"),
            _ => Text::from("around ").time(balance.zone.short_day(at)),
        };
        let before = balance.zone.before_reset(at, balance.resets_at);
        let left = about(balance.available);
        let strong = Text::from("About ").counted(left, "").text(" left. At this pace ");
        let strong = strong.text(left.plural("it runs out ", "they run out "));
        let strong = strong.then(when).text(format!(", {before}."));
        Some(self.way_out.add_to(Notice::new(if is_near { Tone::Bad } else { Tone::Warn }, strong, self.asks())))
    }

    /// At most the low mark is left: a low-balance email has warned, or will.
    fn low(&self) -> Option<Notice> {
        let left = Some(self.balance.available).filter(|left| *left <= self.balance.low_mark)?;
        let strong = Text::from("Only ").counted(left, "").text(" left.");
        let text = Text::from("Your plan resets on ").time(self.resets()).text(". ").then(self.asks());
        Some(self.way_out.add_to(Notice::new(Tone::Warn, strong, text)))
    }

    fn asks(&self) -> Text {
        if self.way_out == WayOut::Ask { "Ask an owner or admin to buy.".into() } else { Text::new() }
    }

    fn resets(&self) -> Moment {
        self.balance.zone.day(self.balance.resets_at)
    }

    fn unpaid(&self) -> Option<Notice> {
        let until = self.grace_until?;
        let strong = format!("The payment for {} failed.", self.balance.plan);
        let text =
            Text::from("Pay by ").time(self.balance.zone.sentence(until)).text(" to keep the plan and its credits.");
        Some(Notice::new(Tone::Bad, strong, text).with(NoticeAction::main_link("Pay now", &self.upgrade)))
    }

    fn frozen(&self) -> Option<Notice> {
        let (credits, paid_at) = self.frozen?;
        let is = credits.plural("is", "are");
        let strong = Text::new().counted(credits, "").text(format!(" {is} frozen"));
        let text = Text::from("while your bank reviews the payment of ").time(self.balance.zone.short_day(paid_at));
        Some(Notice::new(Tone::Warn, strong, text.text(".")))
    }

    /// The top-ups that end on the soonest day, if that is at most `days` off.
    fn expiring(&self, days: i64) -> Option<Notice> {
        let first = self.top_ups.first()?;
        let left_days = self.balance.zone.days_until(self.balance.now, first.expires_at);
        if left_days > days || self.is_paused() {
            return None;
        }
        let same_day = |other: &&Grant| self.balance.zone.same_day(first.expires_at, other.expires_at);
        let credits: Credits = self.top_ups.iter().filter(same_day).map(Grant::remaining).sum();
        let expire = credits.plural("expires", "expire");
        let strong = Text::new().counted(credits, "top-up").text(format!(" {expire} "));
        let urgent = days <= 7;
        let when =
            if urgent { self.balance.zone.sentence(first.expires_at) } else { self.balance.zone.day(first.expires_at) };
        let strong = match left_days {
            i64::MIN..=0 => strong.text("today, on "),
            1 => strong.text("tomorrow, on "),
            days => strong.text(format!("in {days} days, on ")),
        };
        let strong = strong.time(when).text(".");
        if first.is_kept(self.balance.now) {
            let text = "We couldn't reach you by email, so we're keeping these credits.";
            let notice = Notice::new(Tone::Warn, strong, text);
            return Some(notice.with(NoticeAction::link("Check your addresses", "/settings")));
        }
        let text = usage_rate(self.forecast, credits).text("New purchases don't extend this date.");
        Some(Notice::new(if urgent { Tone::Bad } else { Tone::Warn }, strong, text))
    }

    fn paused(&self) -> Option<Notice> {
        let first = self.top_ups.first().filter(|_| self.is_paused())?;
        let credits: Credits = self.top_ups.iter().map(Grant::remaining).sum();
        let is = credits.plural("is", "are");
        let strong = Text::new().counted(credits, "top-up").text(format!(" {is} paused on {}.", self.balance.plan));
        let text = Text::from("Upgrade to use them before ").time(self.balance.zone.day(first.expires_at)).text(".");
        Some(Notice::new(Tone::Warn, strong, text).with(NoticeAction::main_link("Upgrade", &self.upgrade)))
    }

    fn plan_used_up(&self) -> Option<Notice> {
        let bonus: Credits = self.balance.bonus.iter().map(|(credits, _)| *credits).sum();
        let drawn = self.balance.left.is_zero() && bonus.is_zero() && !self.top_ups.is_empty();
        let text = Text::from("Your plan resets on ").time(self.resets()).text(".");
        let strong = "Your plan credits are used up, so we're using your top-ups.";
        drawn.then(|| Notice::new(Tone::Info, strong, text))
    }

    fn carried_over(&self) -> Option<Notice> {
        let reset = self.reset_at.filter(|at| self.balance.now - *at < chrono::TimeDelta::days(3))?;
        let older = self.top_ups.iter().filter(|top_up| top_up.effective_at < reset);
        let credits: Credits = older.map(Grant::remaining).sum();
        if credits.is_zero() {
            return None;
        }
        let strong = Text::from("Your plan reset on ").time(self.balance.zone.short_day(reset)).text(".");
        Some(Notice::new(Tone::Good, strong, Text::new().counted(credits, "top-up").text(" carried over.")))
    }
}

/// The sentence about the usage rate, ending in a space; empty with less than a week of data.
fn usage_rate(forecast: Option<TopUpForecast>, credits: Credits) -> Text {
    match forecast {
        None => Text::new(),
        Some(TopUpForecast::AllUsed) => "At this pace you'll use them all. ".into(),
        Some(TopUpForecast::Left(left)) => Text::from("At this pace about ").credits(left).text(" will be left. "),
        Some(TopUpForecast::Untouched) => {
            let first = Text::from("We use plan credits first, so at this pace all ");
            first.credits(credits).text(" will expire unused. ")
        }
    }
}

/// Frozen credits of these top-ups, and the date of the first payment.
#[must_use]
pub fn frozen(grants: &[Grant]) -> Option<(Credits, Instant)> {
    let frozen = || grants.iter().filter(|grant| grant.frozen.is_positive());
    let first = frozen().map(|grant| grant.effective_at).min()?;
    Some((frozen().map(|grant| grant.frozen).sum(), first))
}

#[cfg(test)]
#[path = "notices_tests.rs"]
mod tests;
