//! Usage: charges and their void (R2, R11).

use super::{Account, Changes, EntryFigures, Refusal, When};
use crate::amount::Credits;
use crate::entry::{Cause, EntryKind, Hash};
use crate::grant::Draw;
use crate::id::UsageId;
use crate::time::Instant;

impl Account {
    /// Charges `credits`, whole or not at all.
    pub fn charge(
        &mut self,
        usage: UsageId,
        credits: Credits,
        note: Option<Hash>,
        at: Instant,
        changes: &mut Changes,
    ) -> Result<Vec<Draw>, Refusal> {
        let draws = self.plan_draws(credits, at).ok_or(Refusal::Insufficient { needed: credits })?;
        for draw in &draws {
            self.grant_mut(draw.grant, changes).used += draw.credits;
            let line = EntryFigures { note, ..EntryFigures::amount(-draw.credits) };
            self.append_entry(EntryKind::Used, draw.grant, Cause::Usage(usage), line, When::now(at), changes);
        }
        Ok(draws)
    }

    /// Returns a usage whole to its grants; credits of an ended grant end again. The working set must have every grant
    /// of `draws` ([`Account::restore_closed_grant`]).
    ///
    /// # Errors
    /// [`Refusal::Unknown`] if it lacks one, or if a grant has used less than that; nothing is changed.
    pub fn void_usage(
        &mut self,
        usage: UsageId,
        draws: &[Draw],
        note: Option<Hash>,
        at: Instant,
        changes: &mut Changes,
    ) -> Result<(), Refusal> {
        for draw in draws {
            self.grant(draw.grant).filter(|grant| grant.used >= draw.credits).ok_or(Refusal::Unknown)?;
        }
        let (cause, when) = (Cause::Usage(usage), When::now(at));
        for draw in draws {
            self.grant_mut(draw.grant, changes).used -= draw.credits;
            let line = EntryFigures { note, ..EntryFigures::amount(draw.credits) };
            self.append_entry(EntryKind::Voided, draw.grant, cause, line, when, changes);
        }
        self.take_claimed(draws.iter().map(|draw| draw.grant), when, changes);
        for draw in draws {
            if self.grant(draw.grant).is_some_and(|grant| !grant.lives(at)) {
                self.end(draw.grant, cause, when, changes);
            }
        }
        Ok(())
    }
}
