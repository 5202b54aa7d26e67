//! Catch-up (R3): books everything due by now, in order of due instants.

use super::grants::{nth_plan_grant_id, plan_grant_id};
use super::{Account, Changes, EntryFigures, PlanChange, When, notice};
use crate::amount::Credits;
use crate::catalog::Catalog;
use crate::cycle::Cycle;
use crate::entry::{Cause, EntryKind};
use crate::grant::{Grant, Kind};
use crate::id::{GrantId, HoldId};
use crate::time::{Instant, far_future, to_millis};

/// Events that fall due, in R3's order for one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Lapse(HoldId),
    Expiry(GrantId),
    Grace,
    Reset,
}

impl Account {
    /// Catches the account up to `now` (R3) and returns the instant for the command: `max(now, last_at)`.
    pub fn catch_up(&mut self, now: Instant, catalog: &Catalog, changes: &mut Changes) -> Instant {
        let at = to_millis(now).max(self.last_at);
        loop {
            let (event, due) = self.next();
            if event > at {
                break;
            }
            let when = When { event, booked: at };
            match due {
                Due::Lapse(id) => self.lapse(id, when, changes),
                Due::Expiry(id) => self.end(id, Cause::Grant(id), when, changes),
                Due::Grace => self.end_grace(when, catalog, changes),
                Due::Reset => self.reset(when, catalog, changes),
            }
        }
        self.last_at = at;
        at
    }

    /// The next due instant. Until then catch-up changes only `last_at`.
    #[must_use]
    pub fn next_due(&self) -> Instant {
        self.next().0
    }

    fn next(&self) -> (Instant, Due) {
        let lapses = self.holds.iter().map(|hold| (hold.expires_at, Due::Lapse(hold.id)));
        let expires = |grant: &&Grant| grant.kind != Kind::Plan && notice::is_date_due(grant);
        let expiries = self.grants.iter().filter(expires).map(|grant| (grant.expires_at, Due::Expiry(grant.id)));
        let grace = self.controlled_by.as_ref().and_then(|it| it.grace_until).map(|until| (until, Due::Grace));
        lapses.chain(expiries).chain(grace).fold((self.cycle.end, Due::Reset), Ord::min)
    }

    /// The cycle ends and the next one starts (R5, R6).
    fn reset(&mut self, when: When, catalog: &Catalog, changes: &mut Changes) {
        if let Some(id) = self.plan_grant().map(|grant| grant.id) {
            self.expire_rest(id, Cause::Grant(id), when, changes);
        }
        // If the calendar ends, the cycle stays open and nothing is due any more.
        self.cycle = self.cycle.next(self.anchor).unwrap_or(Cycle { start: when.event, end: far_future() });
        self.detach_subscription(when.event, changes);
        let plan = self.next_plan.take().unwrap_or_else(|| self.plan.clone());
        // A changed catalogue acts from here on, also on pausing.
        if plan != self.plan || catalog.pauses_top_ups(&plan) != self.top_ups_paused {
            self.plan_came(&plan, when.event, catalog, changes);
        }
        self.grant_allowance(catalog.allowance(&self.plan), when, changes);
        self.schedule_plan_end(catalog);
    }

    pub(super) fn plan_came(&mut self, plan: &str, at: Instant, catalog: &Catalog, changes: &mut Changes) {
        plan.clone_into(&mut self.plan);
        self.top_ups_paused = catalog.pauses_top_ups(plan);
        changes.plan_changes.push(PlanChange {
            at,
            after_seq: self.seq,
            plan: plan.to_owned(),
            pauses_top_ups: self.top_ups_paused,
        });
    }

    /// A cycle has a second plan grant if a plan has ended in it unpaid.
    fn next_plan_grant_id(&self) -> GrantId {
        let id = plan_grant_id(&self.customer, self.cycle.start);
        // The working set keeps a closed plan grant until its cycle ends.
        if self.grant(id).is_none() { id } else { nth_plan_grant_id(&self.customer, self.cycle.start, self.seq) }
    }

    /// Grows the current cycle's plan grant to `allowance`, or creates it.
    pub(super) fn grant_allowance(&mut self, allowance: Credits, when: When, changes: &mut Changes) {
        let current = self.plan_grant().map(|grant| (grant.id, grant.amount));
        let has = current.map_or(Credits::ZERO, |(_, amount)| amount);
        let more = allowance - has.min(allowance);
        if !more.is_positive() {
            return;
        }
        let id = current.map_or_else(|| self.next_plan_grant_id(), |(id, _)| id);
        if current.is_none() {
            self.grants.push(Grant::new(id, Kind::Plan, Credits::ZERO, when.event, self.cycle.end));
            changes.new_grants.push(id);
        }
        let grant = self.grant_mut(id, changes);
        grant.amount += more;
        let line = EntryFigures { expires_at: Some(grant.expires_at), ..EntryFigures::amount(more) };
        self.append_entry(EntryKind::Granted, id, Cause::Grant(id), line, when, changes);
    }
}
