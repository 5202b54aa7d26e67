//! The filter of a sealed segment of keys: it knows each of the segment's keys, and takes few others for one.
//!
//! It is kept as bytes: a 1, the numbers that describe it, and its fingerprints of two bytes each. Earlier versions wrote
//! JSON, which is read for as long as it is there.

use crate::store::db::{DbError, corrupt};
use crate::store::idempotency_keys::KeyHash;
use xorf::{BinaryFuse16, BinaryFuse16Ref, DmaSerializable, Filter as _, FilterRef as _};
use zerocopy::IntoBytes as _;

/// The first byte of the present format.
const FORMAT: u8 = 1;
const DESCRIPTOR: usize = BinaryFuse16::DESCRIPTOR_LEN;

/// A filter in memory.
#[derive(Clone)]
pub struct SegmentFilter {
    descriptor: [u8; DESCRIPTOR],
    fingerprints: Box<[u16]>,
}

/// A key as filters and indexes have it.
#[must_use]
pub fn key_digest(key: &KeyHash) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *key;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

impl SegmentFilter {
    /// The filter of these digests. Only doubled ones could keep it from being made, and there are none.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn of(mut digests: Vec<u64>) -> Result<Self, DbError> {
        digests.sort_unstable();
        digests.dedup();
        Ok(Self::from(BinaryFuse16::try_from(digests).map_err(corrupt)?))
    }

    /// A filter from the store.
    ///
    /// # Errors
    /// Bytes that are no filter.
    pub fn parse(stored: &[u8]) -> Result<Self, DbError> {
        if stored.first() == Some(&b'{') {
            let filter: Result<BinaryFuse16, _> = serde_json::from_slice(stored);
            return Self::from(filter.map_err(|e| corrupt(format!("a filter of keys: {e}")))?).checked();
        }
        let rest = stored.strip_prefix(&[FORMAT]).and_then(|rest| rest.split_first_chunk());
        let (descriptor, rest) = rest.ok_or_else(|| corrupt("a filter of keys in an unknown format"))?;
        let (pairs, _) = rest.as_chunks();
        let fingerprints = pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
        Self { descriptor: *descriptor, fingerprints }.checked()
    }

    /// As it is stored.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![FORMAT];
        out.extend(self.descriptor);
        out.extend(self.fingerprints.iter().flat_map(|fingerprint| fingerprint.to_le_bytes()));
        out
    }

    /// Tells whether it knows a digest; it may know one that it never saw.
    pub fn knows(&self) -> impl Fn(u64) -> bool {
        let filter = BinaryFuse16Ref::from_dma(&self.descriptor, self.fingerprints.as_bytes());
        move |digest| filter.contains(&digest)
    }

    /// True if it knows a key.
    #[must_use]
    pub fn may_have(&self, key: &KeyHash) -> bool {
        self.knows()(key_digest(key))
    }

    /// Refuses one with too few fingerprints for its numbers: it would be read beyond its end.
    fn checked(self) -> Result<Self, DbError> {
        let number = |at: usize| {
            let bytes = self.descriptor.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
            bytes.map_or(usize::MAX, |bytes| u32::from_le_bytes(bytes) as usize)
        };
        let (length, mask, all) = (number(8), number(12), number(16));
        let is_sound = length.is_power_of_two() && mask == length - 1 && all.is_multiple_of(length);
        let is_whole = all.saturating_add(length.saturating_mul(2)) <= self.fingerprints.len();
        if is_sound && is_whole { Ok(self) } else { Err(corrupt("a filter of keys is cut off")) }
    }
}

impl From<BinaryFuse16> for SegmentFilter {
    fn from(filter: BinaryFuse16) -> Self {
        let mut descriptor = [0; DESCRIPTOR];
        filter.dma_copy_descriptor_to(&mut descriptor);
        Self { descriptor, fingerprints: filter.fingerprints }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::idempotency_keys::idempotency_key_hash;

    #[test]
    fn a_filter_knows_each_of_its_keys_after_it_was_stored() {
        let key = |n: u64| idempotency_key_hash("acme", &n.to_string());
        for count in [0, 1, 2, 3, 1_000] {
            let digests: Vec<u64> = (0..count).map(|n| key_digest(&key(n))).collect();
            let made = SegmentFilter::of(digests.clone()).expect("a filter");
            let old = serde_json::to_vec(&BinaryFuse16::try_from(digests).expect("a filter")).expect("JSON");
            for stored in [made.to_bytes(), old] {
                let stored = SegmentFilter::parse(&stored).expect("a filter");
                assert!((0..count).all(|n| stored.may_have(&key(n))), "{count}");
                let mistakes = (count..count + 10_000).filter(|n| stored.may_have(&key(*n))).count();
                assert!(mistakes < 100 || count < 2, "{mistakes} of {count}");
            }
            assert_eq!(SegmentFilter::parse(&made.to_bytes()).expect("a filter").to_bytes(), made.to_bytes());
        }
    }

    #[test]
    fn what_is_no_filter_is_an_error_and_no_panic() {
        let whole = SegmentFilter::of((0..100).collect()).expect("a filter").to_bytes();
        for bytes in [&b"{}"[..], b"", b"\x02", &whole[..10], &whole[..whole.len() - 2], &[FORMAT; 400]] {
            assert!(SegmentFilter::parse(bytes).is_err());
        }
    }
}
