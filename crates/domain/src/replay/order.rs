//! Open grants in burn order and by date, and the order of events at one instant (R3).

use crate::entry::{Cause, Entry, EntryKind};
use crate::grant::Kind;
use crate::id::GrantId;
use crate::time::Instant;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A grant's place in burn order (R2).
pub(super) type BurnKey = (Kind, Instant, Instant, GrantId);

/// The place of a grant with credits left.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct GrantOrder {
    /// The date by which its rest must be booked away; none while a part is frozen.
    pub deadline: Option<(Instant, GrantId)>,
    /// The place in burn order, if the kind is known.
    pub burn: Option<BurnKey>,
}

/// The grants with credits left.
#[derive(Default)]
pub(super) struct OpenGrants {
    deadlines: BTreeSet<(Instant, GrantId)>,
    burn: BTreeSet<BurnKey>,
}

impl OpenGrants {
    pub fn moved(&mut self, before: Option<&GrantOrder>, after: Option<&GrantOrder>) {
        if let Some(place) = before {
            if let Some(key) = &place.deadline {
                self.deadlines.remove(key);
            }
            if let Some(key) = &place.burn {
                self.burn.remove(key);
            }
        }
        if let Some(place) = after {
            self.deadlines.extend(place.deadline);
            self.burn.extend(place.burn);
        }
    }

    /// Checks that every rest due before `at` is booked away; before a command also at `at`.
    pub fn none_overdue(&self, at: Instant, command: bool) -> Result<(), (GrantId, String)> {
        match self.deadlines.first() {
            Some((due, grant)) if *due < at || (command && *due == at) => {
                Err((*grant, format!("its rest was due to be booked away at {due}, and was not")))
            }
            _ => Ok(()),
        }
    }

    /// The first grant in burn order, if it comes before `key`.
    pub fn first_before(&self, key: &BurnKey) -> Option<&BurnKey> {
        self.burn.first().filter(|first| *first < key)
    }
}

const LAPSE: u8 = 0;
const EXPIRY: u8 = 1;
const GRACE: u8 = 2;
const CYCLE_END: u8 = 3;
const CYCLE_START: u8 = 4;
const COMMAND: u8 = 5;

/// The progress of one instant's lines in R3's order.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct DueOrder {
    at: Option<Instant>,
    cause: Option<Cause>,
    rank: (u8, [u8; 16]),
}

impl DueOrder {
    /// True if a line begins an operation and does not belong to the one before.
    pub fn is_new_operation(&self, entry: &Entry) -> bool {
        !self.goes_along(entry) && (self.at, self.cause) != (Some(entry.event_at), Some(entry.cause))
    }

    /// True if a claim takes credits that the line before returned: it belongs to that operation.
    fn goes_along(&self, entry: &Entry) -> bool {
        let takes = matches!(entry.kind, EntryKind::Refunded | EntryKind::Disputed | EntryKind::Frozen);
        takes && self.at == Some(entry.event_at)
    }

    /// Checks the first line of a run against the lines before it at the same instant. `due` says that a hold lapses or
    /// a grant's date has come.
    pub fn follows(&mut self, entry: &Entry, kind: Option<Kind>, due: bool) -> Result<(), String> {
        if self.goes_along(entry) {
            return Ok(());
        }
        if self.at != Some(entry.event_at) {
            self.rank = (LAPSE, [0; 16]);
        }
        (self.at, self.cause) = (Some(entry.event_at), Some(entry.cause));
        let rank = match (entry.kind, entry.cause, kind) {
            (EntryKind::Released, cause, _) if due => (LAPSE, cause.bytes()),
            (EntryKind::Extended, Cause::Grant(_), _) if due => (EXPIRY, entry.cause.bytes()),
            (EntryKind::Expired, Cause::Grant(_), Some(Kind::Plan)) => (CYCLE_END, [0; 16]),
            (EntryKind::Expired, Cause::Grant(_), Some(_)) => (EXPIRY, entry.cause.bytes()),
            // A plan ends unpaid at the end of its grace, or by a command.
            (EntryKind::Voided, Cause::Grant(_), Some(Kind::Plan)) => self.rank.max((GRACE, [0; 16])),
            // A plan grant begins with a cycle, or by a command.
            (EntryKind::Granted, _, Some(Kind::Plan)) => self.rank.max((CYCLE_START, [0; 16])),
            // Credits that return to an ended grant end with the operation that returned them.
            (EntryKind::Expired, ..) | (EntryKind::Extended, Cause::Hold(_) | Cause::Usage(_), _) => self.rank,
            (EntryKind::Voided, Cause::Hold(_) | Cause::Usage(_), _) if entry.amount.0 < 0 => self.rank,
            _ => (COMMAND, [0; 16]),
        };
        if rank < self.rank {
            return Err("out of the order in which things fall due at one instant".to_owned());
        }
        self.rank = rank;
        Ok(())
    }
}
