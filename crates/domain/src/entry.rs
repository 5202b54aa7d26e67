//! Entries (R12): the append-only lines of a customer's ledger, and their chain.
//!
//! A line's hash is SHA-256 over the bytes of R12's table, in `docs/rules.md`. Free text enters only as a salted hash,
//! so that it can be erased and the chain still holds.

use crate::amount::Credits;
use crate::id::{EntryId, GrantId, HoldId, PurchaseId, UsageId};
use crate::time::Instant;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use uuid::Uuid;

/// A SHA-256.
pub type Hash = [u8; 32];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::FromRepr, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
#[repr(u8)]
pub enum EntryKind {
    Granted = 1,
    Used = 2,
    /// Removed at the end of the grant's life.
    Expired = 3,
    /// Removed for a refund.
    Refunded = 4,
    /// Removed for a lost dispute.
    Disputed = 5,
    /// Returned after a removal was undone.
    Restored = 6,
    /// A usage was undone (positive), or a grant taken back (negative).
    Voided = 7,
    /// Set aside by a hold.
    Held = 8,
    /// Returned from a hold.
    Released = 9,
    /// Withheld during a dispute.
    Frozen = 10,
    /// No longer withheld.
    Thawed = 11,
    /// The grant's expiry moved.
    Extended = 12,
}

impl EntryKind {
    /// The number in the store and the chain.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The name in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        name.parse().ok()
    }

    #[must_use]
    pub fn from_code(code: i64) -> Option<Self> {
        Self::from_repr(u8::try_from(code).ok()?)
    }
}

/// The cause of a line: its `ref` in the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Cause {
    /// The grant itself: allowance, courtesy, expiry.
    Grant(GrantId),
    /// A usage, or its void.
    Usage(UsageId),
    Hold(HoldId),
    Purchase(PurchaseId),
}

impl Cause {
    /// The number in the store and the chain.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Grant(_) => 1,
            Self::Usage(_) => 2,
            Self::Hold(_) => 3,
            Self::Purchase(_) => 4,
        }
    }

    #[must_use]
    pub fn bytes(self) -> [u8; 16] {
        match self {
            Self::Grant(id) => id.bytes(),
            Self::Usage(id) => id.bytes(),
            Self::Hold(id) => id.bytes(),
            Self::Purchase(id) => id.bytes(),
        }
    }

    /// From the store's number and 16 bytes.
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

/// One line of a customer's ledger. It touches one grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// 1, 2, 3, … without gaps, for each customer.
    pub seq: i64,
    pub kind: EntryKind,
    pub grant: GrantId,
    /// The change of the balance.
    pub amount: Credits,
    /// The running sum of `amount`.
    pub balance_after: Credits,
    /// The change of the grant's held credits.
    pub held_change: Credits,
    /// The change of the grant's frozen credits.
    pub frozen_change: Credits,
    /// The grant's expiry (`granted`, `extended`), or the hold's (`held`).
    pub expires_at: Option<Instant>,
    /// The instant at which the line fell due.
    pub event_at: Instant,
    /// The instant of the booking.
    pub created_at: Instant,
    pub cause: Cause,
    /// The salted hash of the line's free text.
    pub note: Option<Hash>,
    /// The hash of this line and the chain before it.
    pub hash: Hash,
}

impl Entry {
    /// The hash of this line after a line with the hash `previous`.
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

    /// The first half of the hash, so the store needs no column for the id.
    #[must_use]
    pub fn id(&self) -> EntryId {
        let mut bytes = [0_u8; 16];
        bytes.copy_from_slice(&self.hash[..16]);
        EntryId(Uuid::from_bytes(bytes))
    }
}

/// The salted hash of free text.
#[must_use]
pub fn note_hash(salt: &[u8], text: &str) -> Hash {
    let mut sha = Sha256::new();
    sha.update(salt);
    sha.update(text.as_bytes());
    sha.finalize().into()
}
