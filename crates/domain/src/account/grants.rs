//! Courtesy credits, top-ups and changes of plan (R6, R8, R9, R11).

use super::{Account, Changes, EntryFigures, Refusal, When};
use crate::amount::Credits;
use crate::catalog::Catalog;
use crate::cycle::add_months;
use crate::entry::{Cause, EntryKind, Hash};
use crate::grant::{Grant, Kind};
use crate::id::{GrantId, PurchaseId};
use crate::time::{Instant, far_future, to_millis};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The most open grants of a customer (R1). A paid purchase is never refused for it.
pub const GRANTS_MAX: usize = 200;

/// The id of a plan grant, computed from customer and cycle. So a balance in memory names the same grant as a later
/// booking. The first bytes are the time, as in a UUIDv7.
#[must_use]
pub fn plan_grant_id(customer: &str, cycle_start: Instant) -> GrantId {
    nth_plan_grant_id(customer, cycle_start, 0)
}

/// The id of a further plan grant of the cycle, after the entry `after`.
pub(super) fn nth_plan_grant_id(customer: &str, cycle_start: Instant, after: i64) -> GrantId {
    let millis = cycle_start.timestamp_millis();
    let mut sha = Sha256::new();
    sha.update(b"plan-grant");
    sha.update(millis.to_be_bytes());
    sha.update(customer.as_bytes());
    if after != 0 {
        // No customer id has this byte.
        sha.update([0]);
        sha.update(after.to_be_bytes());
    }
    let digest: [u8; 32] = sha.finalize().into();
    let mut bytes = [0_u8; 16];
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    bytes[6..].copy_from_slice(&digest[..10]);
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    GrantId(Uuid::from_bytes(bytes))
}

/// The start of a plan grant's cycle, in milliseconds.
#[must_use]
pub fn cycle_start_of(plan_grant: GrantId) -> i64 {
    plan_grant.bytes().iter().take(6).fold(0, |millis, byte| (millis << 8) | i64::from(*byte))
}

/// The expiry of a top-up that is credited at `at` and was sold for `months` (R9).
#[must_use]
pub fn top_up_expiry(at: Instant, months: i32) -> Instant {
    add_months(at, months).unwrap_or_else(far_future)
}

/// A top-up on the terms of its sale, whatever the catalogue says now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoldTopUp {
    pub purchase: PurchaseId,
    pub credits: Credits,
    /// Months of validity, from the crediting on.
    pub months: i32,
}

impl SoldTopUp {
    /// A top-up with the catalogue's validity of now.
    #[must_use]
    pub const fn now(purchase: PurchaseId, credits: Credits, catalog: &Catalog) -> Self {
        Self { purchase, credits, months: catalog.rules.top_up_months }
    }
}

impl Account {
    /// Grants courtesy credits.
    ///
    /// # Errors
    /// [`Refusal::LimitReached`]; [`Refusal::GrantEnded`] if `expires_at` is not after `at`.
    pub fn grant_courtesy(
        &mut self,
        id: GrantId,
        credits: Credits,
        expires_at: Instant,
        note: Option<Hash>,
        at: Instant,
        changes: &mut Changes,
    ) -> Result<(), Refusal> {
        if self.grants.iter().filter(|grant| grant.has_something()).count() >= GRANTS_MAX {
            return Err(Refusal::LimitReached("grants"));
        }
        let fits = self.balance.checked_add(credits).is_some_and(|sum| sum <= Credits::MAX_CUSTOMER);
        if !fits || !credits.is_positive() {
            return Err(Refusal::LimitReached("credits"));
        }
        let expires_at = to_millis(expires_at);
        if expires_at <= at {
            return Err(Refusal::GrantEnded);
        }
        let grant = Grant::new(id, Kind::Courtesy, credits, at, expires_at);
        self.give(grant, Cause::Grant(id), note, at, changes);
        Ok(())
    }

    /// Credits a paid top-up and returns its expiry. Never refused (R8).
    pub fn grant_top_up(
        &mut self,
        id: GrantId,
        sold: SoldTopUp,
        at: Instant,
        catalog: &Catalog,
        changes: &mut Changes,
    ) -> Instant {
        let expires_at = top_up_expiry(at, sold.months);
        let new = Grant::new(id, Kind::TopUp, sold.credits, at, expires_at);
        let grant = Grant { purchase: Some(sold.purchase), awaits_notice: catalog.rules.require_notice, ..new };
        self.give(grant, Cause::Purchase(sold.purchase), None, at, changes);
        expires_at
    }

    fn give(&mut self, grant: Grant, cause: Cause, note: Option<Hash>, at: Instant, changes: &mut Changes) {
        let id = grant.id;
        let line = EntryFigures { note, expires_at: Some(grant.expires_at), ..EntryFigures::amount(grant.amount) };
        changes.new_grants.push(id);
        changes.touched.push(id);
        self.grants.push(grant);
        self.append_entry(EntryKind::Granted, id, cause, line, When::now(at), changes);
    }

    /// Voids a courtesy grant: its rest, and all credits that return to it later (R11).
    ///
    /// # Errors
    /// [`Refusal::Unknown`], [`Refusal::GrantNotCourtesy`], [`Refusal::AlreadyVoided`], [`Refusal::GrantEnded`].
    pub fn void_grant(
        &mut self,
        id: GrantId,
        note: Option<Hash>,
        at: Instant,
        changes: &mut Changes,
    ) -> Result<(), Refusal> {
        let grant = self.grant(id).ok_or(Refusal::Unknown)?;
        if grant.kind != Kind::Courtesy {
            return Err(Refusal::GrantNotCourtesy);
        }
        if grant.is_voided {
            return Err(Refusal::AlreadyVoided);
        }
        if !grant.lives(at) {
            return Err(Refusal::GrantEnded);
        }
        let rest = grant.remaining();
        let grant = self.grant_mut(id, changes);
        grant.is_voided = true;
        grant.voided += rest;
        if rest.is_positive() {
            let line = EntryFigures { note, ..EntryFigures::amount(-rest) };
            self.append_entry(EntryKind::Voided, id, Cause::Grant(id), line, When::now(at), changes);
        }
        Ok(())
    }

    /// Changes the plan (R6): a larger or equal one at once, a smaller one at the cycle's end. A later change replaces
    /// `next_plan`.
    ///
    /// The comparison uses the current plan grant. Plans only go up within a cycle, so its amount is the allowance of
    /// the plan in force, by the catalogue of its start.
    pub fn change_plan(&mut self, plan: &str, at: Instant, catalog: &Catalog, changes: &mut Changes) {
        self.next_plan = None;
        if plan == self.plan {
            return;
        }
        if catalog.allowance(plan) < self.in_force() {
            self.next_plan = Some(plan.to_owned());
            return;
        }
        self.plan_came(plan, at, catalog, changes);
        let (allowance, spent) = (catalog.allowance(plan), self.spent_unpaid());
        self.grant_allowance(allowance - spent.min(allowance), When::now(at), changes);
    }

    /// The allowance of the plan in force.
    pub(super) fn in_force(&self) -> Credits {
        self.plan_grant().map_or(Credits::ZERO, |grant| grant.amount)
    }
}
