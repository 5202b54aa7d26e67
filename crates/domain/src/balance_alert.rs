//! Balance alerts for a customer's people: expired top-ups, plan credits used up, a low balance, no credits left.
//!
//! Invariants: `Out`, `PlanUsedUp` and `Low` come once for each crossing. Added credits (a reset, a purchase, a bonus)
//! arm an alert again; returned credits do not. Credits of open holds count as available, so a running job causes no
//! alert. Of several new alerts only the gravest is sent, and the others count as sent.
//!
//! *Not here:* recipients and words.

use crate::account::{Account, Changes};
use crate::amount::Credits;
use crate::entry::{Entry, EntryKind};
use crate::grant::Kind;
use crate::time::Instant;

/// The kind of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum AlertKind {
    Expired,
    /// No credits can be drawn.
    Out,
    /// Plan and bonus credits are used up; top-ups are drawn.
    PlanUsedUp,
    /// Few credits are left.
    Low,
}

/// An alert that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BalanceAlert {
    pub kind: AlertKind,
    pub at: Instant,
    /// The entry that caused the alert: its key, with customer and kind.
    pub seq: i64,
    /// The credits that expired, or that are left.
    pub credits: Credits,
}

/// The alerts sent since they were last armed: one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlertState(pub i64);

impl AlertKind {
    /// The name in the store.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        name.parse().ok()
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

/// The balance from which `Low` is due: the customer's own setting, or a tenth of the cycle's allowance.
#[must_use]
pub fn low_mark(account: &Account, set: Option<Credits>) -> Credits {
    set.unwrap_or_else(|| account.plan_grant().map_or(Credits::ZERO, |grant| Credits(grant.amount.0 / 10)))
}

/// The alerts that are due after a batch of commands, and the alerts sent then. `account` is the account after the
/// batch, with its closed grants.
#[must_use]
pub fn due_alerts(
    account: &Account,
    changes: &Changes,
    mut state: AlertState,
    low: Option<Credits>,
) -> (AlertState, Vec<BalanceAlert>) {
    let mut alerts = expiry_alerts(account, changes);
    let Some(last) = changes.entries.last() else { return (state, alerts) };
    let balance = State::new(account, low_mark(account, low));
    if changes.entries.iter().any(|entry| entry.kind == EntryKind::Granted) {
        for what in CROSSINGS.into_iter().filter(|what| !balance.is(*what)) {
            state.0 &= !what.bit();
        }
    }
    let spent = changes.entries.iter().any(|entry| entry.amount < Credits::ZERO);
    let now: Vec<AlertKind> = CROSSINGS.into_iter().filter(|what| balance.is(*what)).collect();
    let gravest = now.iter().copied().find(|what| spent && state.0 & what.bit() == 0);
    if let Some(what) = gravest {
        alerts.push(BalanceAlert { kind: what, at: last.event_at, seq: last.seq, credits: balance.left });
    }
    if spent {
        state.0 |= now.iter().map(|what| what.bit()).sum::<i64>();
        // A customer without credits has passed all other marks; credits that return cause no further alert.
        if balance.is(AlertKind::Out) {
            state.0 |= CROSSINGS.iter().map(|what| what.bit()).sum::<i64>();
        }
    }
    (state, alerts)
}

/// The instant since which only top-ups are drawn, after this line of a grant of this kind: the first such draw after
/// the last draw from another kind.
#[must_use]
pub fn top_ups_since(before: Option<Instant>, entry: &Entry, kind: Kind) -> Option<Instant> {
    match (entry.kind, kind) {
        (EntryKind::Used | EntryKind::Held, Kind::TopUp) => before.or(Some(entry.event_at)),
        (EntryKind::Used | EntryKind::Held, Kind::Plan | Kind::Courtesy) => None,
        _ => before,
    }
}

/// Alerts of a crossing, gravest first.
const CROSSINGS: [AlertKind; 3] = [AlertKind::Out, AlertKind::PlanUsedUp, AlertKind::Low];

/// The credits that decide about crossings.
struct State {
    /// Drawable credits and held ones.
    left: Credits,
    /// The same of plan and bonus credits.
    first: Credits,
    low: Credits,
}

impl State {
    fn new(account: &Account, low: Credits) -> Self {
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

    fn is(&self, what: AlertKind) -> bool {
        match what {
            AlertKind::Expired => false,
            AlertKind::Out => self.left.is_zero(),
            AlertKind::PlanUsedUp => self.first.is_zero() && self.left.is_positive(),
            AlertKind::Low => self.left.is_positive() && self.left <= self.low,
        }
    }
}

/// Expired top-ups, one alert for each instant.
fn expiry_alerts(account: &Account, changes: &Changes) -> Vec<BalanceAlert> {
    let mut alerts: Vec<BalanceAlert> = Vec::new();
    let is_top_up = |id| account.grant(id).is_some_and(|grant| grant.kind == Kind::TopUp);
    for entry in changes.entries.iter().filter(|entry| entry.kind == EntryKind::Expired && is_top_up(entry.grant)) {
        match alerts.iter_mut().find(|alert| alert.at == entry.event_at) {
            Some(alert) => alert.credits += -entry.amount,
            None => {
                let (at, seq, credits) = (entry.event_at, entry.seq, -entry.amount);
                alerts.push(BalanceAlert { kind: AlertKind::Expired, at, seq, credits });
            }
        }
    }
    alerts
}
