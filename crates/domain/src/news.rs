//! What a customer's people should hear of their balance: credits expired, plan credits used up and top-ups
//! in use, running low, out of credits.
//!
//! Invariants: each of the last three once per crossing; a crossing is armed again by what adds credits (a
//! reset, a purchase, a bonus), not by what merely returns them. What open holds keep counts as there:
//! a job that runs does not announce the end. Of several that are new the gravest is told, and the others
//! count as told with it.
//!
//! *Not here:* whom to tell and in which words.

use crate::account::{Account, Changes};
use crate::amount::Credits;
use crate::entry::{Entry, EntryKind};
use crate::grant::Kind;
use crate::time::Instant;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Top-up credits have expired.
    Expired,
    /// Nothing can be drawn.
    Out,
    /// Plan and bonus credits are used up, top-ups are drawn.
    PlanUsedUp,
    /// Little is left.
    Low,
}

/// Something to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct News {
    /// What happened.
    pub what: What,
    /// When.
    pub at: Instant,
    /// The line of the ledger at which it is told: with customer and kind its key.
    pub seq: i64,
    /// What expired, or what was left.
    pub credits: Credits,
}

/// Of what a customer has been told since it was last armed: one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told(pub i64);

impl What {
    /// Its name in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Out => "out",
            Self::PlanUsedUp => "plan_used_up",
            Self::Low => "low",
        }
    }

    /// From the store's name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Expired, Self::Out, Self::PlanUsedUp, Self::Low].into_iter().find(|what| what.name() == name)
    }

    const fn bit(self) -> i64 {
        match self {
            Self::Expired => 0,
            Self::Out => 1,
            Self::PlanUsedUp => 2,
            Self::Low => 4,
        }
    }
}

/// From how much on a customer is told that little is left: what its people set, or a tenth of the cycle's
/// allowance.
#[must_use]
pub fn low_mark(account: &Account, set: Option<Credits>) -> Credits {
    set.unwrap_or_else(|| account.plan_grant().map_or(Credits::ZERO, |grant| Credits(grant.amount.0 / 10)))
}

/// What is to be told after a batch of commands, and what has been told then. `account` is as the batch left
/// it, its closed grants still in it.
#[must_use]
pub fn after(account: &Account, changes: &Changes, told: Told, low: Option<Credits>) -> (Told, Vec<News>) {
    let mut news = expired(account, changes);
    let Some(last) = changes.entries.last() else { return (told, news) };
    let state = State::of(account, low_mark(account, low));
    let mut told = told;
    if changes.entries.iter().any(|entry| entry.kind == EntryKind::Granted) {
        for what in CROSSINGS.into_iter().filter(|what| !state.is(*what)) {
            told.0 &= !what.bit();
        }
    }
    let spent = changes.entries.iter().any(|entry| entry.amount < Credits::ZERO);
    let now: Vec<What> = CROSSINGS.into_iter().filter(|what| state.is(*what)).collect();
    let gravest = now.iter().copied().find(|what| spent && told.0 & what.bit() == 0);
    if let Some(what) = gravest {
        news.push(News { what, at: last.event_at, seq: last.seq, credits: state.left });
    }
    if spent {
        told.0 |= now.iter().map(|what| what.bit()).sum::<i64>();
        // Who is out has passed all the other marks too, and need not hear of them when something returns.
        if state.is(What::Out) {
            told.0 |= CROSSINGS.iter().map(|what| what.bit()).sum::<i64>();
        }
    }
    (told, news)
}

/// Since when requests draw from top-ups alone, after this line of a grant of that kind: the first such draw after the
/// last one from anything else.
#[must_use]
pub fn top_ups_since(before: Option<Instant>, entry: &Entry, kind: Kind) -> Option<Instant> {
    match (entry.kind, kind) {
        (EntryKind::Used | EntryKind::Held, Kind::TopUp) => before.or(Some(entry.event_at)),
        (EntryKind::Used | EntryKind::Held, Kind::Plan | Kind::Courtesy) => None,
        _ => before,
    }
}

/// The gravest first.
const CROSSINGS: [What; 3] = [What::Out, What::PlanUsedUp, What::Low];

/// What the crossings look at.
struct State {
    /// Drawable, with what open holds keep of it.
    left: Credits,
    /// The same of plan and bonus credits.
    first: Credits,
    low: Credits,
}

impl State {
    fn of(account: &Account, low: Credits) -> Self {
        let (mut left, mut first) = (Credits::ZERO, Credits::ZERO);
        for grant in account.grants.iter().filter(|grant| grant.lives(account.last_at)) {
            let there = grant.remaining() + grant.held;
            match grant.kind {
                Kind::TopUp if account.top_ups_paused => {}
                Kind::TopUp => left += there,
                Kind::Plan | Kind::Courtesy => {
                    left += there;
                    first += there;
                }
            }
        }
        Self { left, first, low }
    }

    fn is(&self, what: What) -> bool {
        match what {
            What::Expired => false,
            What::Out => self.left.is_zero(),
            What::PlanUsedUp => self.first.is_zero() && self.left.is_positive(),
            What::Low => self.left.is_positive() && self.left <= self.low,
        }
    }
}

/// Top-ups that expired, by instant.
fn expired(account: &Account, changes: &Changes) -> Vec<News> {
    let mut news: Vec<News> = Vec::new();
    let is_top_up = |id| account.grant(id).is_some_and(|grant| grant.kind == Kind::TopUp);
    for entry in changes.entries.iter().filter(|entry| entry.kind == EntryKind::Expired && is_top_up(entry.grant)) {
        match news.iter_mut().find(|news| news.at == entry.event_at) {
            Some(news) => news.credits += -entry.amount,
            None => {
                let (at, seq, credits) = (entry.event_at, entry.seq, -entry.amount);
                news.push(News { what: What::Expired, at, seq, credits });
            }
        }
    }
    news
}
