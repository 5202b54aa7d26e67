//! Which lines of History are looked for.

use crate::domain::{Cause, EntryKind, GrantId, Instant};

/// Sorts of lines that people look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Usage, and its undoing.
    Used,
    /// Credits that came.
    Added,
    /// Credits that were left at the end of their life.
    Expired,
    /// Refunds and disputes.
    Refunds,
    /// Holds.
    Held,
}

impl Sort {
    /// All, in the order of the list.
    pub const ALL: [Self; 5] = [Self::Used, Self::Added, Self::Expired, Self::Refunds, Self::Held];

    /// Its name in an address.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::Added => "added",
            Self::Expired => "expired",
            Self::Refunds => "refunds",
            Self::Held => "held",
        }
    }

    /// The kinds of its lines, where none of them is usage.
    #[must_use]
    pub const fn entry_kinds(self) -> Option<&'static [EntryKind]> {
        match self {
            Self::Used => None,
            Self::Added => Some(&[EntryKind::Granted]),
            Self::Expired => Some(&[EntryKind::Expired, EntryKind::Voided]),
            Self::Held => Some(&[EntryKind::Held, EntryKind::Released]),
            Self::Refunds => Some(&[
                EntryKind::Refunded,
                EntryKind::Disputed,
                EntryKind::Restored,
                EntryKind::Frozen,
                EntryKind::Thawed,
                EntryKind::Extended,
            ]),
        }
    }

    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.name() == name)
    }

    /// The sort of a line.
    #[must_use]
    pub fn of_entry(kind: EntryKind, cause: Cause) -> Self {
        match kind {
            EntryKind::Granted => Self::Added,
            EntryKind::Used => Self::Used,
            EntryKind::Voided if matches!(cause, Cause::Usage(_)) => Self::Used,
            EntryKind::Expired | EntryKind::Voided => Self::Expired,
            EntryKind::Held | EntryKind::Released => Self::Held,
            EntryKind::Refunded
            | EntryKind::Disputed
            | EntryKind::Restored
            | EntryKind::Frozen
            | EntryKind::Thawed
            | EntryKind::Extended => Self::Refunds,
        }
    }
}

/// The lines that are looked for. Nothing said is everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// One sort of lines.
    pub sort: Option<Sort>,
    /// Usage of one operation.
    pub operation: Option<String>,
    /// Usage by one source.
    pub source: Option<String>,
    /// From this instant on.
    pub from: Option<Instant>,
    /// Before this instant.
    pub until: Option<Instant>,
    /// The entries of one top-up.
    pub grant: Option<GrantId>,
}
