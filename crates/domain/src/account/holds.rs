//! Holds: credits set aside, settled, released, lapsed (R10).

use super::{Account, Changes, EntryFigures, Refusal, When};
use crate::amount::Credits;
use crate::entry::{Cause, EntryKind, Hash};
use crate::grant::{Draw, Grant};
use crate::hold::{Hold, HoldState, OPEN_HOLDS_MAX};
use crate::id::{GrantId, HoldId, UsageId};
use crate::time::{Instant, to_millis};

/// The outcome of a settle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The usage's draws, one for each grant, the hold's first.
    pub draws: Vec<Draw>,
    /// The credits that returned.
    pub released: Credits,
}

impl Account {
    #[must_use]
    pub fn open_hold(&self, id: HoldId) -> Option<&Hold> {
        self.holds.iter().find(|hold| hold.id == id)
    }

    /// Sets `credits` aside until `expires_at`, whole or not at all.
    ///
    /// # Errors
    /// [`Refusal::Insufficient`], [`Refusal::LimitReached`]; [`Refusal::HoldClosed`] if `expires_at` is not after `at`.
    pub fn hold(
        &mut self,
        id: HoldId,
        credits: Credits,
        expires_at: Instant,
        at: Instant,
        changes: &mut Changes,
    ) -> Result<Vec<Draw>, Refusal> {
        if self.holds.len() >= OPEN_HOLDS_MAX {
            return Err(Refusal::LimitReached("holds"));
        }
        let expires_at = to_millis(expires_at);
        if expires_at <= at {
            return Err(Refusal::HoldClosed(HoldState::Lapsed));
        }
        let draws = self.plan_draws(credits, at).ok_or(Refusal::Insufficient { needed: credits })?;
        for draw in &draws {
            self.grant_mut(draw.grant, changes).held += draw.credits;
            let line = EntryFigures { expires_at: Some(expires_at), ..EntryFigures::held(draw.credits) };
            self.append_entry(EntryKind::Held, draw.grant, Cause::Hold(id), line, When::now(at), changes);
        }
        let hold = Hold { id, draws: draws.clone(), expires_at };
        changes.new_holds.push(hold.clone());
        self.holds.push(hold);
        Ok(draws)
    }

    /// Turns a hold into a usage of `credits`: first the hold's draws in burn order, then other grants; the rest of the
    /// hold returns. A settle up to the held amount always succeeds.
    ///
    /// # Errors
    /// [`Refusal::Unknown`] if the hold is not open, [`Refusal::Insufficient`].
    pub fn settle(
        &mut self,
        id: HoldId,
        usage: UsageId,
        credits: Credits,
        note: Option<Hash>,
        at: Instant,
        changes: &mut Changes,
    ) -> Result<Settled, Refusal> {
        let hold = self.open_hold(id).ok_or(Refusal::Unknown)?;
        if credits < Credits::ZERO {
            return Err(Refusal::Insufficient { needed: credits });
        }
        let (held, mut draws) = (hold.credits(), hold.draws.clone());
        draws.sort_by_key(|draw| self.grant(draw.grant).map(Grant::burn_key));
        let more = credits - credits.min(held);
        let extra = self.plan_draws(more, at).ok_or(Refusal::Insufficient { needed: credits })?;
        let consumed = self.consume(id, &draws, credits.min(held), changes);
        for draw in &extra {
            self.grant_mut(draw.grant, changes).used += draw.credits;
        }
        let draws = merged(&consumed, &extra);
        for draw in &draws {
            let line =
                EntryFigures { held: -drawn_from(&consumed, draw.grant), note, ..EntryFigures::amount(-draw.credits) };
            self.append_entry(EntryKind::Used, draw.grant, Cause::Usage(usage), line, When::now(at), changes);
        }
        self.close_hold(id, HoldState::Settled, at, changes);
        Ok(Settled { draws, released: held - credits.min(held) })
    }

    /// Moves up to `credits` of a hold's draws from held to used, and takes them out of the hold.
    fn consume(&mut self, id: HoldId, draws: &[Draw], credits: Credits, changes: &mut Changes) -> Vec<Draw> {
        let (mut left, mut consumed, mut rest) = (credits, Vec::new(), Vec::new());
        for draw in draws {
            let take = left.min(draw.credits);
            left -= take;
            if take.is_positive() {
                let grant = self.grant_mut(draw.grant, changes);
                grant.held -= take;
                grant.used += take;
                consumed.push(Draw { credits: take, ..*draw });
            }
            if take < draw.credits {
                rest.push(Draw { credits: draw.credits - take, ..*draw });
            }
        }
        // The rest stays in the hold until it closes.
        if let Some(hold) = self.holds.iter_mut().find(|hold| hold.id == id) {
            hold.draws = rest;
        }
        consumed
    }

    /// Returns a hold whole.
    ///
    /// # Errors
    /// [`Refusal::Unknown`] if the hold is not open.
    pub fn release(&mut self, id: HoldId, at: Instant, changes: &mut Changes) -> Result<(), Refusal> {
        self.open_hold(id).ok_or(Refusal::Unknown)?;
        self.close_hold(id, HoldState::Released, at, changes);
        Ok(())
    }

    /// Closes a hold by a command. Its credits return, and end if their grant has ended.
    fn close_hold(&mut self, id: HoldId, state: HoldState, at: Instant, changes: &mut Changes) {
        let when = When::now(at);
        let back = self.give_back(id, state, when, changes);
        self.take_claimed(back.iter().map(|draw| draw.grant), when, changes);
        for draw in back {
            if self.grant(draw.grant).is_some_and(|grant| !grant.lives(at)) {
                self.end(draw.grant, Cause::Hold(id), when, changes);
            }
        }
    }

    /// Returns a hold at its end. A grant that ends at the same instant is due next (R3); its own line books the
    /// returned credits too.
    pub(super) fn lapse(&mut self, id: HoldId, when: When, changes: &mut Changes) {
        let back = self.give_back(id, HoldState::Lapsed, when, changes);
        self.take_claimed(back.iter().map(|draw| draw.grant), when, changes);
        for draw in back {
            let ended = |grant: &Grant| !grant.lives(when.event) && (grant.is_voided || grant.expires_at < when.event);
            if self.grant(draw.grant).is_some_and(ended) {
                self.end(draw.grant, Cause::Hold(id), when, changes);
            }
        }
    }

    /// Takes a hold out and books its credits as `released`, in burn order.
    fn give_back(&mut self, id: HoldId, state: HoldState, when: When, changes: &mut Changes) -> Vec<Draw> {
        let Some(place) = self.holds.iter().position(|hold| hold.id == id) else { return Vec::new() };
        let mut hold = self.holds.swap_remove(place);
        changes.closed_holds.push((id, state, when.event));
        hold.draws.sort_by_key(|draw| self.grant(draw.grant).map(Grant::burn_key));
        for draw in &hold.draws {
            self.grant_mut(draw.grant, changes).held -= draw.credits;
            self.append_entry(
                EntryKind::Released,
                draw.grant,
                Cause::Hold(id),
                EntryFigures::held(-draw.credits),
                when,
                changes,
            );
        }
        hold.draws
    }
}

fn drawn_from(draws: &[Draw], grant: GrantId) -> Credits {
    draws.iter().filter(|draw| draw.grant == grant).map(|draw| draw.credits).sum()
}

/// One draw for each grant, the hold's first.
fn merged(held: &[Draw], extra: &[Draw]) -> Vec<Draw> {
    let mut out = held.to_vec();
    for draw in extra {
        match out.iter_mut().find(|other| other.grant == draw.grant) {
            Some(other) => other.credits += draw.credits,
            None => out.push(*draw),
        }
    }
    out
}
