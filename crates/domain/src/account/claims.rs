//! What refunds and disputes claim of a top-up (R13, R14).
//!
//! Invariant: what is removed and what is frozen follow from the claim and from what of the grant is neither
//! used, held nor expired; in which order things were claimed, and how often, makes no difference (R15). So
//! whatever returns to the grant goes to the claim first.

use super::{Account, Changes, Line, Refusal, When};
use crate::amount::Credits;
use crate::entry::{Cause, EntryKind};
use crate::grant::Grant;
use crate::id::{GrantId, PurchaseId};
use crate::payment::Claimed;
use crate::time::{Instant, from_millis};

/// How much of a grant is to be removed and frozen.
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
    /// Whether as much is removed and frozen as is claimed and there: so it is after every command.
    #[must_use]
    pub fn claim_is_taken(&self) -> bool {
        let shares = shares(self);
        (shares.refunded, shares.disputed, shares.frozen) == (self.refunded, self.disputed, self.frozen)
    }
}

impl Account {
    /// Lets the refunds and disputes of a top-up's payment claim what they claim now. `thaws` says that a dispute
    /// ended in our favour: the time that its part was frozen is added to the grant's life.
    ///
    /// # Errors
    /// [`Refusal::Unknown`] where the grant is not in the working set ([`Account::adopt`]), or was not bought.
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

    /// Lets the claims of grants that something returned to take their part of it.
    pub(super) fn take_claimed(&mut self, ids: impl Iterator<Item = GrantId>, when: When, changes: &mut Changes) {
        for id in ids {
            let claimed = self.grant(id).filter(|grant| grant.claim != Claimed::default());
            if let Some(purchase) = claimed.and_then(|grant| grant.purchase) {
                self.take(id, purchase, when, changes);
            }
        }
    }

    /// Gives free what is frozen and no longer claimed, or claimed for good.
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
        self.book(EntryKind::Thawed, id, cause, Line { frozen: -less, ..Line::default() }, when, changes);
        let frozen_for = since.map_or(0, |since| when.event.timestamp_millis() - since.timestamp_millis());
        if longer && frozen_for > 0 {
            let grant = self.grant_mut(id, changes);
            grant.expires_at = from_millis(grant.expires_at.timestamp_millis().saturating_add(frozen_for));
            let line = Line { expires_at: Some(grant.expires_at), ..Line::default() };
            self.book(EntryKind::Extended, id, cause, line, when, changes);
        }
    }

    /// Gives back what was removed and is no longer claimed.
    fn restore(&mut self, id: GrantId, purchase: PurchaseId, when: When, changes: &mut Changes) {
        let Some(grant) = self.grant(id) else { return };
        let shares = shares(grant);
        let refunded = grant.refunded - shares.refunded.min(grant.refunded);
        let disputed = grant.disputed - shares.disputed.min(grant.disputed);
        for (back, is_refund) in [(refunded, true), (disputed, false)] {
            if back.is_positive() {
                let grant = self.grant_mut(id, changes);
                *(if is_refund { &mut grant.refunded } else { &mut grant.disputed }) -= back;
                self.book(EntryKind::Restored, id, Cause::Purchase(purchase), Line::amount(back), when, changes);
            }
        }
    }

    /// Removes and freezes what is claimed, as far as it is there.
    fn take(&mut self, id: GrantId, purchase: PurchaseId, when: When, changes: &mut Changes) {
        let Some(grant) = self.grant(id) else { return };
        let cause = Cause::Purchase(purchase);
        let shares = shares(grant);
        let (refunded, disputed) = (shares.refunded - grant.refunded, shares.disputed - grant.disputed);
        let frozen = shares.frozen - grant.frozen;
        if refunded.is_positive() {
            self.grant_mut(id, changes).refunded += refunded;
            self.book(EntryKind::Refunded, id, cause, Line::amount(-refunded), when, changes);
        }
        if disputed.is_positive() {
            self.grant_mut(id, changes).disputed += disputed;
            self.book(EntryKind::Disputed, id, cause, Line::amount(-disputed), when, changes);
        }
        if frozen.is_positive() {
            self.grant_mut(id, changes).frozen += frozen;
            self.book(EntryKind::Frozen, id, cause, Line { frozen, ..Line::default() }, when, changes);
        }
    }
}
