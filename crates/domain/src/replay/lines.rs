//! The valid shape of a single line of each kind (R12).

use crate::entry::{Cause, Entry, EntryKind};

/// Checks signs, fields and cause of a line.
pub(super) fn shape(entry: &Entry) -> Result<(), String> {
    let (amount, held, frozen) = (entry.amount.0, entry.held_change.0, entry.frozen_change.0);
    let signs = match entry.kind {
        EntryKind::Granted | EntryKind::Restored => amount > 0 && held == 0 && frozen == 0,
        EntryKind::Used => amount < 0 && held <= 0 && held >= amount && frozen == 0,
        EntryKind::Expired | EntryKind::Refunded | EntryKind::Disputed => amount < 0 && held == 0 && frozen == 0,
        EntryKind::Voided => amount != 0 && held == 0 && frozen == 0,
        EntryKind::Held => amount == 0 && held > 0 && frozen == 0,
        EntryKind::Released => amount == 0 && held < 0 && frozen == 0,
        EntryKind::Frozen => amount == 0 && held == 0 && frozen > 0,
        EntryKind::Thawed => amount == 0 && held == 0 && frozen < 0,
        EntryKind::Extended => amount == 0 && held == 0 && frozen == 0,
    };
    if !signs {
        return Err(format!("`{}` with amount {amount}, held {held}, frozen {frozen}", entry.kind.name()));
    }
    let dated = matches!(entry.kind, EntryKind::Granted | EntryKind::Held | EntryKind::Extended);
    if dated != entry.expires_at.is_some() {
        return Err(format!("`{}` with or without an expires_at", entry.kind.name()));
    }
    if !caused(entry) {
        return Err(format!("`{}` caused by {}", entry.kind.name(), entry.cause));
    }
    if entry.event_at < entry.created_at && is_command(entry) {
        return Err(format!("`{}` booked later than it came about", entry.kind.name()));
    }
    Ok(())
}

/// True if a line of this kind can have this cause.
fn caused(entry: &Entry) -> bool {
    let own = Cause::Grant(entry.grant);
    match (entry.kind, entry.cause) {
        (EntryKind::Granted, cause) => cause == own || matches!(cause, Cause::Purchase(_)),
        (EntryKind::Used, cause) => matches!(cause, Cause::Usage(_)),
        (EntryKind::Voided, Cause::Usage(_)) => true,
        (EntryKind::Voided, cause) => entry.amount.0 < 0 && (cause == own || matches!(cause, Cause::Hold(_))),
        (EntryKind::Expired, Cause::Grant(_)) => entry.cause == own,
        (EntryKind::Expired, _) => true,
        (EntryKind::Held | EntryKind::Released, cause) => matches!(cause, Cause::Hold(_)),
        (
            EntryKind::Refunded | EntryKind::Disputed | EntryKind::Restored | EntryKind::Frozen | EntryKind::Thawed,
            cause,
        ) => matches!(cause, Cause::Purchase(_)),
        // By itself, or with credits that came back, for lack of a notice.
        (EntryKind::Extended, Cause::Grant(_)) => entry.cause == own,
        (EntryKind::Extended, _) => true,
    }
}

/// True if a command caused the line: it is booked at the instant at which it falls due.
fn is_command(entry: &Entry) -> bool {
    match entry.kind {
        EntryKind::Used | EntryKind::Held => true,
        EntryKind::Granted => matches!(entry.cause, Cause::Purchase(_)),
        // An unpaid plan is voided by itself; `figures` checks other grants.
        EntryKind::Voided => matches!(entry.cause, Cause::Usage(_)),
        EntryKind::Expired => matches!(entry.cause, Cause::Usage(_)),
        _ => false,
    }
}

/// True if a line draws credits that no hold had set aside: all of `held`, a part of `used`.
pub(super) fn drawn_afresh(entry: &Entry) -> bool {
    match entry.kind {
        EntryKind::Held => true,
        EntryKind::Used => entry.amount < entry.held_change,
        _ => false,
    }
}
