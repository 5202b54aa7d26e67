//! Operations: consecutive lines of one kind, cause and instant, checked as one.

use super::holds::Settling;
use super::order::BurnKey;
use super::{Broken, Replay};
use crate::entry::{Cause, Entry, EntryKind};
use crate::id::GrantId;
use crate::time::Instant;

/// A usage, a hold, or its return.
pub(super) struct OperationRun {
    kind: EntryKind,
    cause: Cause,
    event_at: Instant,
    created_at: Instant,
    seq: i64,
    expires_at: Option<Instant>,
    /// Grants with their change of `held`.
    pub held: Vec<(GrantId, i64)>,
    /// The last new draw in burn order, and its `seq`.
    pub last: Option<(BurnKey, i64)>,
}

impl OperationRun {
    pub fn new(entry: &Entry) -> Self {
        Self {
            kind: entry.kind,
            cause: entry.cause,
            event_at: entry.event_at,
            created_at: entry.created_at,
            seq: entry.seq,
            expires_at: entry.expires_at,
            held: Vec::new(),
            last: None,
        }
    }

    /// True if a line continues the run.
    pub fn takes(&self, entry: &Entry) -> bool {
        let same = (self.kind, self.cause, self.event_at, self.created_at, self.expires_at);
        same == (entry.kind, entry.cause, entry.event_at, entry.created_at, entry.expires_at)
    }
}

impl Replay {
    /// Begins an operation: everything due before it is booked.
    pub(super) fn begin_run(&mut self, entry: &Entry) -> Result<(), Broken> {
        let broken = |reason: String| Broken { seq: Some(entry.seq), grant: None, reason };
        let at = entry.event_at;
        let rest = entry.kind == EntryKind::Released;
        if let Some(settled) = self.settling.take_if(|s| !rest || (s.event_at, s.created_at) != (at, entry.created_at))
        {
            self.holds.settle_whole(&settled).map_err(|reason| settled.broken(reason))?;
        }
        while let Some(plan) = self.plans.get(self.plans_passed).filter(|plan| plan.after_seq < entry.seq) {
            self.paused = plan.pauses_top_ups;
            self.plans_passed += 1;
        }
        if self.due.is_new_operation(entry) {
            let command = matches!(entry.kind, EntryKind::Used | EntryKind::Held);
            self.open
                .none_overdue(at, command)
                .map_err(|(grant, reason)| Broken { grant: Some(grant), ..broken(reason) })?;
            self.holds.none_overdue(at, command).map_err(broken)?;
        }
        let due = match entry.kind {
            EntryKind::Extended => self.grants.get(&entry.grant).map(|figures| figures.expires_at),
            _ => self.holds.lapse_of(entry.cause),
        } == Some(at);
        self.due.follows(entry, self.kind_of(entry.grant), due).map_err(broken)?;
        self.run = Some(OperationRun::new(entry));
        Ok(())
    }

    /// Ends the operation: burn order and holds can be checked.
    pub(super) fn end_run(&mut self) -> Result<(), Broken> {
        let Some(run) = self.run.take() else { return Ok(()) };
        let broken = |reason: String| Broken { seq: Some(run.seq), grant: None, reason };
        if let Some((last, seq)) = run.last
            && let Some((.., first)) = self.open.first_before(&last)
        {
            let reason = format!("drawn before {first}, which comes first in burn order and has something left");
            return Err(Broken { seq: Some(seq), grant: Some(last.3), reason });
        }
        match (run.kind, run.cause) {
            (EntryKind::Used, _) => {
                self.settling = Settling::from_changes(run.held, run.seq, run.event_at, run.created_at)
            }
            (EntryKind::Held, Cause::Hold(id)) => {
                self.holds.open(id, run.held, run.expires_at.unwrap_or(run.event_at)).map_err(broken)?;
            }
            (EntryKind::Released, Cause::Hold(id)) => {
                let settled = self.settling.take();
                let key = |grant: GrantId| self.grants.get(&grant).and_then(|figures| figures.burn_key(grant));
                let late = run.event_at < run.created_at;
                self.holds.give_back(id, run.held, run.event_at, late, settled, key).map_err(broken)?;
            }
            _ => {}
        }
        Ok(())
    }
}
