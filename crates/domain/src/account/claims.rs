//! The claims of refunds and disputes on a top-up (R13, R14).
//!
//! Invariant: removed and frozen credits follow from the claim and from the credits that are neither used, held nor
//! expired. The order and number of claims make no difference (R15). So credits that return to the grant go to the
//! claim first.

use super::{Account, Changes, EntryFigures, Refusal, When};
use crate::amount::Credits;
use crate::entry::{Cause, EntryKind};
use crate::grant::Grant;
use crate::id::{GrantId, PurchaseId};
use crate::payment::Claimed;
use crate::time::{Instant, from_millis};

/// The credits of a grant to remove and to freeze.
struct Shares {
    refunded: Credits,
    disputed: Credits,
    frozen: Credits,
}

fn shares(grant: &Grant) -> Shares {
    let there = grant.remaining() + grant.frozen + grant.refunded + grant.disputed;
    let claim = grant.claim;
    let refunded = claim.refund.min(there);
    let disputed = claim.dispute.min(there - refunded);
    Shares { refunded, disputed, frozen: claim.freeze.min(there - refunded - disputed) }
}

impl Grant {
    /// True if the claim is removed and frozen as far as the grant has credits. This holds after every command.
    #[must_use]
    pub fn claim_is_taken(&self) -> bool {
        let shares = shares(self);
        (shares.refunded, shares.disputed, shares.frozen) == (self.refunded, self.disputed, self.frozen)
    }
}

impl Account {
    /// Sets the claim of a top-up's refunds and disputes. `thaws` means that a dispute was won: its frozen time extends
    /// the grant's life.
    ///
    /// # Errors
    /// [`Refusal::Unknown`] if the grant is not in the working set ([`Account::restore_closed_grant`]) or is no top-up.
    pub fn claim(
        &mut self,
        id: GrantId,
        claim: Claimed,
        thaws: bool,
        at: Instant,
        changes: &mut Changes,
    ) -> Result<(), Refusal> {
        let grant = self.grant(id).ok_or(Refusal::Unknown)?;
        let purchase = grant.purchase.ok_or(Refusal::Unknown)?;
        if grant.claim == claim {
            return Ok(());
        }
        if !changes.claimed.contains(&id) {
            changes.claimed.push(id);
        }
        let grant = self.grant_mut(id, changes);
        grant.claim = claim;
        if claim.freeze.is_positive() {
            grant.frozen_since = grant.frozen_since.or(Some(at));
        }
        let when = When::now(at);
        self.thaw(id, purchase, thaws, when, changes);
        self.restore(id, purchase, when, changes);
        self.take(id, purchase, when, changes);
        if self.grant(id).is_some_and(|grant| !grant.lives(at)) {
            self.end(id, Cause::Purchase(purchase), when, changes);
        }
        Ok(())
    }

    /// Removes and freezes claimed credits that returned to these grants.
    pub(super) fn take_claimed(&mut self, ids: impl Iterator<Item = GrantId>, when: When, changes: &mut Changes) {
        for id in ids {
            let claimed = self.grant(id).filter(|grant| grant.claim != Claimed::default());
            if let Some(purchase) = claimed.and_then(|grant| grant.purchase) {
                self.take(id, purchase, when, changes);
            }
        }
    }

    /// Thaws credits that are no longer claimed, or that are claimed for good.
    fn thaw(&mut self, id: GrantId, purchase: PurchaseId, longer: bool, when: When, changes: &mut Changes) {
        let Some(grant) = self.grant(id) else { return };
        let less = grant.frozen - shares(grant).frozen.min(grant.frozen);
        let cause = Cause::Purchase(purchase);
        let grant = self.grant_mut(id, changes);
        let since = grant.frozen_since;
        if less.is_positive() {
            grant.frozen -= less;
            if longer {
                grant.frozen_since = Some(when.event);
            }
        }
        if grant.claim.freeze.is_zero() {
            grant.frozen_since = None;
        }
        if !less.is_positive() {
            return;
        }
        self.append_entry(
            EntryKind::Thawed,
            id,
            cause,
            EntryFigures { frozen: -less, ..EntryFigures::default() },
            when,
            changes,
        );
        let frozen_for = since.map_or(0, |since| when.event.timestamp_millis() - since.timestamp_millis());
        if longer && frozen_for > 0 {
            let grant = self.grant_mut(id, changes);
            grant.expires_at = from_millis(grant.expires_at.timestamp_millis().saturating_add(frozen_for));
            let line = EntryFigures { expires_at: Some(grant.expires_at), ..EntryFigures::default() };
            self.append_entry(EntryKind::Extended, id, cause, line, when, changes);
        }
    }

    /// Restores removed credits that are no longer claimed.
    fn restore(&mut self, id: GrantId, purchase: PurchaseId, when: When, changes: &mut Changes) {
        let Some(grant) = self.grant(id) else { return };
        let shares = shares(grant);
        let refunded = grant.refunded - shares.refunded.min(grant.refunded);
        let disputed = grant.disputed - shares.disputed.min(grant.disputed);
        for (back, is_refund) in [(refunded, true), (disputed, false)] {
            if back.is_positive() {
                let grant = self.grant_mut(id, changes);
                *(if is_refund { &mut grant.refunded } else { &mut grant.disputed }) -= back;
                self.append_entry(
                    EntryKind::Restored,
                    id,
                    Cause::Purchase(purchase),
                    EntryFigures::amount(back),
                    when,
                    changes,
                );
            }
        }
    }

    /// Removes and freezes claimed credits, as far as the grant has them.
    fn take(&mut self, id: GrantId, purchase: PurchaseId, when: When, changes: &mut Changes) {
        let Some(grant) = self.grant(id) else { return };
        let cause = Cause::Purchase(purchase);
        let shares = shares(grant);
        let (refunded, disputed) = (shares.refunded - grant.refunded, shares.disputed - grant.disputed);
        let frozen = shares.frozen - grant.frozen;
        if refunded.is_positive() {
            self.grant_mut(id, changes).refunded += refunded;
            self.append_entry(EntryKind::Refunded, id, cause, EntryFigures::amount(-refunded), when, changes);
        }
        if disputed.is_positive() {
            self.grant_mut(id, changes).disputed += disputed;
            self.append_entry(EntryKind::Disputed, id, cause, EntryFigures::amount(-disputed), when, changes);
        }
        if frozen.is_positive() {
            self.grant_mut(id, changes).frozen += frozen;
            self.append_entry(
                EntryKind::Frozen,
                id,
                cause,
                EntryFigures { frozen, ..EntryFigures::default() },
                when,
                changes,
            );
        }
    }
}
