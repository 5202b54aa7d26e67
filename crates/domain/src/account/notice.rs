//! No top-up ends before its owners could be told (`require_notice`).
//!
//! A grant that awaits a notice does not expire: its date moves on by seven days each time it comes, which
//! announces it anew. Once a mail server took a reminder it lives seven more days, at least to its date.

use super::{Account, Changes, Line, Refusal, When};
use crate::entry::{Cause, EntryKind};
use crate::grant::Grant;
use crate::id::GrantId;
use crate::reminder::notice_until;
use crate::time::Instant;

impl Account {
    /// A mail server took a reminder of a grant: it awaits no further one.
    ///
    /// # Errors
    /// [`Refusal::Unknown`] where the grant is not in the working set.
    pub fn notice(&mut self, id: GrantId, at: Instant, changes: &mut Changes) -> Result<(), Refusal> {
        let awaits = self.grant(id).ok_or(Refusal::Unknown)?.awaits_notice;
        if awaits {
            self.grant_mut(id, changes).awaits_notice = false;
            self.live_on(id, Cause::Grant(id), When::now(at), changes);
        }
        Ok(())
    }

    /// Nobody is left who could be told: the customer is closed.
    pub fn notice_nobody(&mut self, changes: &mut Changes) {
        let waiting = self.grants.iter().filter(|grant| grant.awaits_notice).map(|grant| grant.id);
        for id in waiting.collect::<Vec<_>>() {
            self.grant_mut(id, changes).awaits_notice = false;
        }
    }

    /// A grant's life is over: what is left of it is booked away, or it lives on because nobody could be told.
    pub(super) fn end(&mut self, id: GrantId, cause: Cause, when: When, changes: &mut Changes) {
        if self.grant(id).is_some_and(|grant| grant.awaits_notice) {
            self.live_on(id, cause, when, changes);
        } else {
            self.expire_rest(id, cause, when, changes);
        }
    }

    /// Moves a grant's date so far that seven days are left.
    fn live_on(&mut self, id: GrantId, cause: Cause, when: When, changes: &mut Changes) {
        let until = notice_until(when.event);
        if self.grant(id).is_some_and(|grant| grant.has_something() && grant.expires_at < until) {
            let grant = self.grant_mut(id, changes);
            grant.expires_at = until;
            let line = Line { expires_at: Some(until), ..Line::default() };
            self.book(EntryKind::Extended, id, cause, line, when, changes);
        }
    }
}

/// Whether something is due at a grant's date.
pub(super) fn is_due(grant: &Grant) -> bool {
    grant.frozen.is_zero() && (grant.remaining().is_positive() || grant.awaits_notice && grant.held.is_positive())
}
