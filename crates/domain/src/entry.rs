//! Entries (R12): the append-only lines of a customer's ledger, and their chain.
//!
//! The chain: `hash = SHA-256(bytes)`, where `bytes` are, integers big-endian,
//! instants in milliseconds since 1970:
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | `topup-e1` |
//! | 2 + n | length of the customer's id, and the id |
//! | 8 | seq |
//! | 1 | kind (the numbers of [`EntryKind::code`]) |
//! | 16 | grant |
//! | 8, 8, 8 | amount, held_change, frozen_change, in thousandths |
//! | 8 | expires_at: of the grant (`granted`, `extended`), of the hold (`held`), else 0 |
//! | 8, 8 | event_at, created_at |
//! | 1 + 16 | kind of the cause ([`Cause::code`]) and its id |
//! | 32 | salted hash of the line's free text, or zeros |
//! | 32 | hash of the entry before it, or zeros for the first |
//!
//! Free text enters as a salted hash only, so that it can be erased and the chain still holds.

use crate::amount::Credits;
use crate::id::{EntryId, GrantId, HoldId, PurchaseId, UsageId};
use crate::time::Instant;
use sha2::{Digest, Sha256};
use std::fmt;
use uuid::Uuid;

/// A SHA-256.
pub type Hash = [u8; 32];

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// Credits came.
    Granted,
    /// Spent.
    Used,
    /// Removed at the end of a grant's life.
    Expired,
    /// Removed after a refund.
    Refunded,
    /// Removed after a lost dispute.
    Disputed,
    /// Given back after a removal was undone.
    Restored,
    /// A usage was undone (positive) or a grant taken back (negative).
    Voided,
    /// Set aside.
    Held,
    /// No longer set aside.
    Released,
    /// Withheld during a dispute.
    Frozen,
    /// No longer withheld.
    Thawed,
    /// The grant's expiry moved.
    Extended,
}

/// Every kind, with its number in the store and the chain and its name in the API.
const KINDS: [(EntryKind, u8, &str); 12] = [
    (EntryKind::Granted, 1, "granted"),
    (EntryKind::Used, 2, "used"),
    (EntryKind::Expired, 3, "expired"),
    (EntryKind::Refunded, 4, "refunded"),
    (EntryKind::Disputed, 5, "disputed"),
    (EntryKind::Restored, 6, "restored"),
    (EntryKind::Voided, 7, "voided"),
    (EntryKind::Held, 8, "held"),
    (EntryKind::Released, 9, "released"),
    (EntryKind::Frozen, 10, "frozen"),
    (EntryKind::Thawed, 11, "thawed"),
    (EntryKind::Extended, 12, "extended"),
];

impl EntryKind {
    /// Its number in the store and the chain.
    #[must_use]
    pub fn code(self) -> u8 {
        KINDS.iter().find(|(kind, ..)| *kind == self).map_or(0, |(_, code, _)| *code)
    }

    /// Its name in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        KINDS.iter().find(|(kind, ..)| *kind == self).map_or("", |(.., name)| *name)
    }

    /// From its name in the API.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        KINDS.iter().find(|(.., known)| *known == name).map(|(kind, ..)| *kind)
    }

    /// From the store's number.
    #[must_use]
    pub fn from_code(code: i64) -> Option<Self> {
        KINDS.iter().find(|(_, known, _)| i64::from(*known) == code).map(|(kind, ..)| *kind)
    }
}

/// What caused a line: its `ref`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// A grant itself: allowance, courtesy, expiry.
    Grant(GrantId),
    /// A usage, or its undoing.
    Usage(UsageId),
    /// A hold.
    Hold(HoldId),
    /// A purchase.
    Purchase(PurchaseId),
}

impl Cause {
    /// Its number in the store and the chain.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Grant(_) => 1,
            Self::Usage(_) => 2,
            Self::Hold(_) => 3,
            Self::Purchase(_) => 4,
        }
    }

    /// The 16 bytes of its id.
    #[must_use]
    pub fn bytes(self) -> [u8; 16] {
        match self {
            Self::Grant(id) => id.bytes(),
            Self::Usage(id) => id.bytes(),
            Self::Hold(id) => id.bytes(),
            Self::Purchase(id) => id.bytes(),
        }
    }

    /// From the store's number and bytes.
    #[must_use]
    pub fn from_parts(code: i64, bytes: &[u8]) -> Option<Self> {
        match code {
            1 => GrantId::from_bytes(bytes).map(Self::Grant),
            2 => UsageId::from_bytes(bytes).map(Self::Usage),
            3 => HoldId::from_bytes(bytes).map(Self::Hold),
            4 => PurchaseId::from_bytes(bytes).map(Self::Purchase),
            _ => None,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grant(id) => id.fmt(f),
            Self::Usage(id) => id.fmt(f),
            Self::Hold(id) => id.fmt(f),
            Self::Purchase(id) => id.fmt(f),
        }
    }
}

/// One line of a customer's ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// 1, 2, 3, … without a gap, for each customer.
    pub seq: i64,
    /// What it says.
    pub kind: EntryKind,
    /// The one grant that it touches.
    pub grant: GrantId,
    /// What it adds to the balance.
    pub amount: Credits,
    /// The running sum of `amount`.
    pub balance_after: Credits,
    /// What it adds to the grant's held credits.
    pub held_change: Credits,
    /// What it adds to the grant's frozen credits.
    pub frozen_change: Credits,
    /// When the grant expires (`granted`; `extended`: from now on) or the hold lapses (`held`).
    pub expires_at: Option<Instant>,
    /// When it came about.
    pub event_at: Instant,
    /// When it was booked.
    pub created_at: Instant,
    /// What caused it.
    pub cause: Cause,
    /// Salted hash of its free text.
    pub note: Option<Hash>,
    /// Its place in the chain.
    pub hash: Hash,
}

impl Entry {
    /// The hash that this line must have behind `previous`.
    #[must_use]
    pub fn chained(&self, customer: &str, previous: &Hash) -> Hash {
        let mut sha = Sha256::new();
        sha.update(b"topup-e1");
        sha.update(u16::try_from(customer.len()).unwrap_or(u16::MAX).to_be_bytes());
        sha.update(customer.as_bytes());
        sha.update(self.seq.to_be_bytes());
        sha.update([self.kind.code()]);
        sha.update(self.grant.bytes());
        sha.update(self.amount.0.to_be_bytes());
        sha.update(self.held_change.0.to_be_bytes());
        sha.update(self.frozen_change.0.to_be_bytes());
        sha.update(self.expires_at.map_or(0, |at| at.timestamp_millis()).to_be_bytes());
        sha.update(self.event_at.timestamp_millis().to_be_bytes());
        sha.update(self.created_at.timestamp_millis().to_be_bytes());
        sha.update([self.cause.code()]);
        sha.update(self.cause.bytes());
        sha.update(self.note.unwrap_or([0; 32]));
        sha.update(previous);
        sha.finalize().into()
    }

    /// Its id: the first half of its hash, so that it needs no place of its own in the store.
    #[must_use]
    pub fn id(&self) -> EntryId {
        let mut bytes = [0_u8; 16];
        bytes.copy_from_slice(&self.hash[..16]);
        EntryId(Uuid::from_bytes(bytes))
    }
}

/// The salted hash by which free text enters a chain.
#[must_use]
pub fn note_hash(salt: &[u8], text: &str) -> Hash {
    let mut sha = Sha256::new();
    sha.update(salt);
    sha.update(text.as_bytes());
    sha.finalize().into()
}
