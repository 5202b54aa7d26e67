//! The plan of a Stripe subscription (R6): it starts, changes, is past due, ends.
//!
//! Invariants: a repeated state changes nothing. An unpaid plan never grows. A cycle with an unpaid end and a later
//! payment gives at most the plan's allowance and the free plan's.

use super::{Account, Changes, EntryFigures, When};
use crate::amount::Credits;
use crate::catalog::Catalog;
use crate::cycle::next_boundary;
use crate::entry::{Cause, EntryKind};
use crate::grant::Kind;
use crate::subscription::{self, Standing, Subscription};
use crate::time::{Instant, to_millis};
use chrono::TimeDelta;

/// The subscription that controls a customer's plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControllingSubscription {
    /// `sub_…`
    pub subscription: String,
    /// The end of the grace of an unpaid plan.
    pub grace_until: Option<Instant>,
    pub ends_at: Option<Instant>,
}

impl Account {
    /// True if a `PUT` may set this plan and anchor: a live subscription accepts only its own.
    #[must_use]
    pub fn may_set(&self, plan: Option<&str>, anchor: Option<Instant>) -> bool {
        self.controlled_by.is_none()
            || (plan.is_none_or(|plan| plan == self.plan) && anchor.is_none_or(|anchor| anchor == self.anchor))
    }

    /// Sets the plan by the current state of all subscriptions of the customer.
    pub fn follow(&mut self, all: &[Subscription], at: Instant, catalog: &Catalog, changes: &mut Changes) {
        let before = self.controlled_by.clone();
        let start = self.cycle.start;
        let gone = before.as_ref().is_some_and(|it| subscription::ends_plan_at_once(all, &it.subscription, start));
        let free = self.free_plan(catalog);
        match subscription::controlling_subscription(all, catalog) {
            Some(one) => {
                let plan = one.plan.clone().unwrap_or_else(|| free.clone());
                let is_same = before.as_ref().is_some_and(|it| it.subscription == one.id);
                if gone && !is_same {
                    self.end_unpaid(
                        if one.status.standing() == Standing::Live { &plan } else { &free },
                        When::now(at),
                        catalog,
                        changes,
                    );
                }
                self.follow_one(one, &plan, is_same, at, catalog, changes);
            }
            None if before.is_none() => {}
            None => {
                self.controlled_by = None;
                if gone {
                    self.end_unpaid(&free, When::now(at), catalog, changes);
                } else if self.plan != free {
                    self.next_plan = Some(free);
                }
            }
        }
        changes.controlled_by |= self.controlled_by != before;
    }

    fn follow_one(
        &mut self,
        one: &Subscription,
        plan: &str,
        is_same: bool,
        at: Instant,
        catalog: &Catalog,
        changes: &mut Changes,
    ) {
        let anchor = to_millis(one.anchor);
        if next_boundary(anchor, self.cycle.end).is_some() {
            self.anchor = anchor;
        }
        let grace_until = (one.status.standing() == Standing::PastDue)
            .then(|| one.past_due_since.unwrap_or(at) + TimeDelta::days(catalog.rules.grace_days));
        match grace_until {
            None => self.change_plan(plan, at, catalog, changes),
            Some(until) if until <= at => self.end_unpaid(&self.free_plan(catalog), When::now(at), catalog, changes),
            // An unpaid plan keeps its grant and does not grow.
            Some(_) if !is_same || catalog.allowance(plan) <= self.in_force() => {
                self.change_plan(plan, at, catalog, changes);
            }
            Some(_) => self.next_plan = None,
        }
        let (grace_until, ends_at) =
            (grace_until.filter(|until| *until > at).map(to_millis), one.ends_at.map(to_millis));
        self.controlled_by = Some(ControllingSubscription { subscription: one.id.clone(), grace_until, ends_at });
        self.schedule_plan_end(catalog);
    }

    /// Books the free plan as the next one, if the subscription ends in this cycle.
    pub(super) fn schedule_plan_end(&mut self, catalog: &Catalog) {
        let ends = self.controlled_by.as_ref().and_then(|it| it.ends_at);
        let free = self.free_plan(catalog);
        if ends.is_some_and(|at| at <= self.cycle.end) && self.plan != free {
            self.next_plan = Some(free);
        }
    }

    /// Drops the controlling subscription at the cycle's end, if it has ended.
    pub(super) fn detach_subscription(&mut self, at: Instant, changes: &mut Changes) {
        if self.controlled_by.as_ref().and_then(|it| it.ends_at).is_some_and(|ends| ends <= at) {
            self.controlled_by = None;
            changes.controlled_by = true;
        }
    }

    /// Ends the plan at [`ControllingSubscription::grace_until`].
    pub(super) fn end_grace(&mut self, when: When, catalog: &Catalog, changes: &mut Changes) {
        if let Some(it) = &mut self.controlled_by {
            it.grace_until = None;
            changes.controlled_by = true;
        }
        self.end_unpaid(&self.free_plan(catalog), when, catalog, changes);
    }

    /// Ends an unpaid plan: the rest of its grant is voided, and `plan` runs to the cycle's end.
    fn end_unpaid(&mut self, plan: &str, when: When, catalog: &Catalog, changes: &mut Changes) {
        self.next_plan = None;
        if self.plan == plan {
            return;
        }
        if let Some(id) = self.plan_grant().map(|grant| grant.id) {
            let grant = self.grant_mut(id, changes);
            let rest = grant.remaining();
            grant.is_voided = true;
            grant.voided += rest;
            if rest.is_positive() {
                self.append_entry(EntryKind::Voided, id, Cause::Grant(id), EntryFigures::amount(-rest), when, changes);
            }
        }
        self.plan_came(plan, when.event, catalog, changes);
        if when.event < self.cycle.end {
            self.grant_allowance(catalog.allowance(plan), when, changes);
        }
    }

    /// The credits that this cycle used of plans that ended unpaid. They count if the plan is paid later.
    pub(super) fn spent_unpaid(&self) -> Credits {
        let ended =
            |grant: &&crate::Grant| grant.kind == Kind::Plan && grant.is_voided && grant.expires_at == self.cycle.end;
        self.grants.iter().filter(ended).map(|grant| grant.used + grant.held).sum()
    }

    /// The free plan, or the cheapest one.
    fn free_plan(&self, catalog: &Catalog) -> String {
        catalog.free_plan().map_or_else(|| self.plan.clone(), |plan| plan.id.clone())
    }
}
