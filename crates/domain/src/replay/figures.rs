//! One grant's figures, added up from its lines.

use super::lines::drawn_afresh;
use super::order::{BurnKey, GrantOrder};
use crate::entry::{Cause, Entry, EntryKind};
use crate::grant::{Grant, Kind};
use crate::id::{GrantId, PurchaseId};
use crate::reminder::notice_until;
use crate::time::{Instant, from_millis};
use serde::{Deserialize, Serialize};

/// The figures of a grant, in thousandths.
#[derive(Clone, Serialize, Deserialize)]
#[serde(into = "FiguresRow", from = "FiguresRow")]
pub(super) struct GrantFigures {
    pub kind: Option<Kind>,
    pub effective_at: Instant,
    pub expires_at: Instant,
    amount: i64,
    pub used: i64,
    pub held: i64,
    frozen: i64,
    expired: i64,
    /// Refunded and disputed credits, less restored ones.
    removed: i64,
    refunded: i64,
    disputed: i64,
    voided: i64,
    is_voided: bool,
    /// Its last line.
    pub last_seq: i64,
}

/// The same in a stored state: the kind's number, the figures in their order, and whether it is voided.
type FiguresRow = (u8, [i64; 12], bool);

impl From<GrantFigures> for FiguresRow {
    fn from(f: GrantFigures) -> Self {
        let (effective_at, expires_at) = (f.effective_at.timestamp_millis(), f.expires_at.timestamp_millis());
        let figures = [
            effective_at,
            expires_at,
            f.amount,
            f.used,
            f.held,
            f.frozen,
            f.expired,
            f.removed,
            f.refunded,
            f.disputed,
            f.voided,
            f.last_seq,
        ];
        (f.kind.map_or(0, Kind::code), figures, f.is_voided)
    }
}

impl From<FiguresRow> for GrantFigures {
    fn from((kind, figures, is_voided): FiguresRow) -> Self {
        let [
            effective_at,
            expires_at,
            amount,
            used,
            held,
            frozen,
            expired,
            removed,
            refunded,
            disputed,
            voided,
            last_seq,
        ] = figures;
        let (kind, effective_at, expires_at) =
            (Kind::from_code(kind.into()), from_millis(effective_at), from_millis(expires_at));
        Self {
            kind,
            effective_at,
            expires_at,
            amount,
            used,
            held,
            frozen,
            expired,
            removed,
            refunded,
            disputed,
            voided,
            is_voided,
            last_seq,
        }
    }
}

impl GrantFigures {
    /// From the grant's first line.
    pub fn new(entry: &Entry) -> Result<Self, String> {
        let expires_at = entry.expires_at.filter(|at| *at > entry.event_at).ok_or("granted without a life")?;
        Ok(Self {
            kind: None,
            effective_at: entry.event_at,
            expires_at,
            amount: 0,
            used: 0,
            held: 0,
            frozen: 0,
            expired: 0,
            removed: 0,
            refunded: 0,
            disputed: 0,
            voided: 0,
            is_voided: false,
            last_seq: 0,
        })
    }

    /// True if the first line agrees with the grant's row.
    pub fn agree(
        &mut self,
        entry: &Entry,
        kind: Kind,
        effective_at: Instant,
        purchase: Option<PurchaseId>,
    ) -> Result<(), String> {
        let cause = match kind {
            Kind::TopUp => purchase.map(Cause::Purchase),
            Kind::Plan | Kind::Courtesy => Some(Cause::Grant(entry.grant)),
        };
        if cause != Some(entry.cause) {
            return Err(format!("a `{}` grant that {} caused", kind.name(), entry.cause));
        }
        if effective_at != entry.event_at {
            return Err("effective_at is another instant than `granted`".to_owned());
        }
        if kind != Kind::Plan && entry.event_at < entry.created_at {
            return Err("`granted` booked later than it came about".to_owned());
        }
        self.kind = Some(kind);
        Ok(())
    }

    /// True if a further `granted` is valid: a plan grant grows while it lives (R6).
    pub fn may_grow(&self, entry: &Entry) -> Result<(), String> {
        if self.kind.is_some_and(|kind| kind != Kind::Plan) || entry.cause != Cause::Grant(entry.grant) {
            return Err("granted twice".to_owned());
        }
        if entry.expires_at != Some(self.expires_at) || entry.event_at >= self.expires_at {
            return Err("grew with another date or after its end".to_owned());
        }
        Ok(())
    }

    /// The credits left. Wide, since forged lines may hold any number.
    pub fn remaining(&self) -> i128 {
        let gone = [self.used, self.held, self.frozen, self.expired, self.removed, self.voided];
        i128::from(self.amount) - gone.into_iter().map(i128::from).sum::<i128>()
    }

    /// The grant's share of the balance.
    pub fn balance(&self) -> i128 {
        self.remaining() + i128::from(self.held) + i128::from(self.frozen)
    }

    /// The place in burn order, if the kind is known.
    pub fn burn_key(&self, id: GrantId) -> Option<BurnKey> {
        self.kind.map(|kind| (kind, self.expires_at, self.effective_at, id))
    }

    /// The place among the open grants. A voided one must keep nothing.
    pub fn place(&self, id: GrantId) -> Option<GrantOrder> {
        let end = if self.is_voided { self.effective_at } else { self.expires_at };
        let deadline = if self.frozen > 0 { None } else { Some((end, id)) };
        (self.remaining() > 0).then(|| GrantOrder { deadline, burn: self.burn_key(id) })
    }

    /// Applies a line of valid shape.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), String> {
        let (amount, held, frozen) = (entry.amount.0, entry.held_change.0, entry.frozen_change.0);
        let ended = entry.event_at >= self.expires_at && self.frozen == 0;
        if drawn_afresh(entry) && (ended || self.is_voided) {
            return Err(format!("`{}` of a grant that has ended", entry.kind.name()));
        }
        match entry.kind {
            EntryKind::Granted => add_to_figure(&mut self.amount, amount, "amount")?,
            EntryKind::Used => add_to_figure(&mut self.used, -amount, "used")?,
            EntryKind::Expired => {
                self.check_expiry(entry)?;
                add_to_figure(&mut self.expired, -amount, "expired")?;
            }
            EntryKind::Refunded => add_to_figure(&mut self.refunded, -amount, "refunded")?,
            EntryKind::Disputed => add_to_figure(&mut self.disputed, -amount, "disputed")?,
            EntryKind::Voided if amount > 0 => add_to_figure(&mut self.used, -amount, "used")?,
            EntryKind::Voided => {
                self.check_void(entry)?;
                add_to_figure(&mut self.voided, -amount, "voided")?;
                self.is_voided = true;
            }
            EntryKind::Extended => {
                self.check_extension(entry)?;
                self.expires_at = entry.expires_at.filter(|at| *at > self.expires_at).ok_or("extended backwards")?;
            }
            EntryKind::Restored | EntryKind::Held | EntryKind::Released | EntryKind::Frozen | EntryKind::Thawed => {}
        }
        if matches!(entry.kind, EntryKind::Refunded | EntryKind::Disputed | EntryKind::Restored) {
            add_to_figure(&mut self.removed, -amount, "refunded and disputed")?;
        }
        add_to_figure(&mut self.held, held, "held")?;
        add_to_figure(&mut self.frozen, frozen, "frozen")?;
        self.last_seq = entry.seq;
        if self.remaining() < 0 {
            return Err("more has left it than it had".to_owned());
        }
        let whole = entry.kind == EntryKind::Expired || (entry.kind == EntryKind::Voided && amount < 0);
        if whole && self.remaining() > 0 {
            return Err(format!("`{}` leaves something behind", entry.kind.name()));
        }
        Ok(())
    }

    /// `expired` by itself has exactly the grant's date; of returned credits, that date or a later one.
    fn check_expiry(&self, entry: &Entry) -> Result<(), String> {
        let own = matches!(entry.cause, Cause::Grant(_));
        let dated = if own { entry.event_at == self.expires_at } else { entry.event_at >= self.expires_at };
        if !dated || self.frozen > 0 || self.is_voided {
            return Err("expired at another instant than its expires_at, while frozen, or voided before".to_owned());
        }
        Ok(())
    }

    /// A grant is extended by its frozen time. Without a notice it is extended to seven days: at its date or before, or
    /// with credits that came back after it.
    fn check_extension(&self, entry: &Entry) -> Result<(), String> {
        if self.kind.is_some_and(|kind| kind != Kind::TopUp) {
            return Err("extended, and was not bought".to_owned());
        }
        let timely = match entry.cause {
            Cause::Purchase(_) => return Ok(()),
            Cause::Grant(_) => entry.event_at <= self.expires_at || self.frozen > 0,
            Cause::Usage(_) | Cause::Hold(_) => entry.event_at >= self.expires_at,
        };
        if !timely || entry.expires_at != Some(notice_until(entry.event_at)) || self.balance() <= 0 {
            return Err("extended by another time than that of a notice".to_owned());
        }
        Ok(())
    }

    /// Courtesy grants and grants of unpaid plans are voided once, while they live; so are credits that return later.
    fn check_void(&self, entry: &Entry) -> Result<(), String> {
        let own = matches!(entry.cause, Cause::Grant(_));
        if self.kind == Some(Kind::TopUp) {
            return Err("voided, and was bought".to_owned());
        }
        // A grace may end with the cycle.
        let late = if self.kind == Some(Kind::Courtesy) {
            entry.event_at >= self.expires_at
        } else {
            entry.event_at > self.expires_at
        };
        if own && (self.is_voided || late) {
            return Err("voided twice or after its end".to_owned());
        }
        if own && self.kind == Some(Kind::Courtesy) && entry.event_at < entry.created_at {
            return Err("`voided` booked later than it came about".to_owned());
        }
        Ok(())
    }

    /// The first column in which the stored row differs from the lines.
    pub fn differs(&self, row: &Grant) -> Option<String> {
        let removed = row.refunded.0.checked_add(row.disputed.0);
        let columns = [
            ("amount", row.amount.0, self.amount),
            ("used", row.used.0, self.used),
            ("held", row.held.0, self.held),
            ("frozen", row.frozen.0, self.frozen),
            ("expired", row.expired.0, self.expired),
            ("voided", row.voided.0, self.voided),
            ("refunded + disputed", removed.unwrap_or(-1), self.removed),
            ("effective_at", row.effective_at.timestamp_millis(), self.effective_at.timestamp_millis()),
            ("expires_at", row.expires_at.timestamp_millis(), self.expires_at.timestamp_millis()),
        ];
        if let Some((name, stored, lines)) = columns.into_iter().find(|(_, stored, lines)| stored != lines) {
            return Some(format!("its row has {name} {stored}, its lines have {lines}"));
        }
        let more = row.refunded.0 > self.refunded || row.disputed.0 > self.disputed;
        if more || row.refunded.0 < 0 || row.disputed.0 < 0 {
            return Some("its row has more refunded or disputed than its lines".to_owned());
        }
        if row.awaits_notice && (row.expired.0 > 0 || row.kind != Kind::TopUp) {
            return Some("it awaits a notice, and has expired or was not bought".to_owned());
        }
        if self.is_voided && !row.is_voided {
            return Some("its lines void it, its row does not".to_owned());
        }
        if row.is_voided && (row.kind == Kind::TopUp || self.remaining() > 0) {
            return Some("its row voids it, its lines do not".to_owned());
        }
        None
    }
}

/// Adds to a figure, which stays 0 or more.
fn add_to_figure(figure: &mut i64, change: i64, name: &str) -> Result<(), String> {
    *figure = figure
        .checked_add(change)
        .filter(|sum| *sum >= 0)
        .ok_or_else(|| format!("`{name}` falls below zero or overflows"))?;
    Ok(())
}
