//! `require_notice` (R9): no top-up ends before a reminder reached its owners.
//!
//! A grant that awaits a notice does not expire. At each expiry date the date moves by seven days, which announces it
//! again. After an email server took a reminder, the grant lives seven more days, at least to its date.

use super::{Account, Changes, EntryFigures, Refusal, When};
use crate::entry::{Cause, EntryKind};
use crate::grant::Grant;
use crate::id::GrantId;
use crate::reminder::notice_until;
use crate::time::Instant;

impl Account {
    /// An email server took a reminder of this grant.
    ///
    /// # Errors
    /// [`Refusal::Unknown`] if the grant is not in the working set.
    pub fn notice(&mut self, id: GrantId, at: Instant, changes: &mut Changes) -> Result<(), Refusal> {
        let awaits = self.grant(id).ok_or(Refusal::Unknown)?.awaits_notice;
        if awaits {
            self.grant_mut(id, changes).awaits_notice = false;
            self.extend_until_notice(id, Cause::Grant(id), When::now(at), changes);
        }
        Ok(())
    }

    /// Stops waiting for notices: the customer is closed and has no people.
    pub fn notice_nobody(&mut self, changes: &mut Changes) {
        let waiting = self.grants.iter().filter(|grant| grant.awaits_notice).map(|grant| grant.id);
        for id in waiting.collect::<Vec<_>>() {
            self.grant_mut(id, changes).awaits_notice = false;
        }
    }

    /// Ends a grant: books its rest away, or extends its life if it awaits a notice.
    pub(super) fn end(&mut self, id: GrantId, cause: Cause, when: When, changes: &mut Changes) {
        if self.grant(id).is_some_and(|grant| grant.awaits_notice) {
            self.extend_until_notice(id, cause, when, changes);
        } else {
            self.expire_rest(id, cause, when, changes);
        }
    }

    /// Moves the expiry so that seven days are left.
    fn extend_until_notice(&mut self, id: GrantId, cause: Cause, when: When, changes: &mut Changes) {
        let until = notice_until(when.event);
        if self.grant(id).is_some_and(|grant| grant.has_something() && grant.expires_at < until) {
            let grant = self.grant_mut(id, changes);
            grant.expires_at = until;
            let line = EntryFigures { expires_at: Some(until), ..EntryFigures::default() };
            self.append_entry(EntryKind::Extended, id, cause, line, when, changes);
        }
    }
}

/// True if anything is due at the grant's date.
pub(super) fn is_date_due(grant: &Grant) -> bool {
    grant.frozen.is_zero() && (grant.remaining().is_positive() || grant.awaits_notice && grant.held.is_positive())
}
