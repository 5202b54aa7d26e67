//! Indexes of old keys: which of many sealed segments may have a key.
//!
//! An index covers a power of two of segments that stand side by side. Its keys are in blocks, by the first bits of their
//! digests, so that a look for a key reads one block: some hundred entries of six bytes. An entry is three bytes of the
//! digest, the same for each index, and the segment. Two indexes are merged without a look at the keys themselves: each
//! block of both becomes two of the new one.
//!
//! Invariants: an index has all its blocks, so one that is missing says that the index was merged meanwhile, and nothing
//! about keys; the same keys make the same bytes, whoever makes them.

use crate::store::db::{Connection, DbError, corrupt};
use crate::store::segment_sizes::SegmentSizes;
use std::ops::Range;

/// The bits of a digest that stand before those of an entry: every production index has blocks by these at least.
const SKIPPED_BITS: u32 = 16;
/// The bits of a digest in an entry, and those of a segment's number.
const ENTRY_BITS: u32 = 24;
const MASK: u64 = (1 << ENTRY_BITS) - 1;
/// Bytes of an entry.
const ENTRY: usize = 6;
/// The most bits that a block's number has.
const BLOCK_BITS_MAX: u32 = 31;
/// The bytes of a digest that an index needs.
pub const DIGEST_BYTES: usize = 5;

/// An index, by what it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyIndex {
    /// It covers two to this power of segments.
    pub level: u32,
    /// Its place among the indexes of this size, from 0.
    pub place: i64,
    /// How many bits of a digest say which block it is in.
    pub bits: u32,
}

impl KeyIndex {
    /// The index that segments from this one on become first.
    ///
    /// # Errors
    /// Segments beyond all numbers.
    pub fn of_filters(first: i64, sizes: SegmentSizes) -> Result<Self, DbError> {
        let blocks = sizes.rows.saturating_mul(sizes.index) / sizes.block.max(1);
        Self::of_row(first, first + sizes.index, i64::from(blocks.max(1).ilog2().min(BLOCK_BITS_MAX)))
    }

    /// From its row.
    ///
    /// # Errors
    /// Numbers that no code of ours wrote.
    pub fn of_row(first: i64, until: i64, bits: i64) -> Result<Self, DbError> {
        let (count, bits) = (until.saturating_sub(first), u32::try_from(bits).unwrap_or(u32::MAX));
        if count < 1 || count & (count - 1) != 0 || first % count != 0 || bits > BLOCK_BITS_MAX {
            return Err(corrupt("an index of keys with impossible numbers"));
        }
        Self { level: count.ilog2(), place: first / count, bits }.checked()
    }

    fn checked(self) -> Result<Self, DbError> {
        // The number of a block has room for these, and an entry for the segment's number.
        let fits = self.level < 24 && self.place >= 0 && self.until() <= 1 << ENTRY_BITS && self.place < 1 << 21;
        if fits { Ok(self) } else { Err(corrupt("an index of keys beyond all numbers")) }
    }

    /// Its first segment.
    #[must_use]
    pub const fn first(&self) -> i64 {
        self.place << self.level
    }

    /// The segment behind its last one.
    #[must_use]
    pub const fn until(&self) -> i64 {
        (self.place + 1) << self.level
    }

    /// How many blocks it has.
    #[must_use]
    pub const fn blocks(&self) -> i64 {
        1 << self.bits
    }

    /// The store's numbers of some of its blocks.
    #[must_use]
    pub fn numbers(&self, blocks: Range<i64>) -> Range<i64> {
        let index = (i64::from(self.bits) << 26) | (i64::from(self.level) << 21) | self.place;
        (index << 32) + blocks.start..(index << 32) + blocks.end
    }

    /// The store's number of the block that has a digest.
    #[must_use]
    pub fn number_of(&self, digest: u64) -> i64 {
        let block = digest.checked_shr(64 - self.bits).unwrap_or(0);
        self.numbers(0..0).start + i64::try_from(block).unwrap_or(0)
    }

    /// The first keys of these blocks and of those behind them, as the store orders keys.
    #[must_use]
    pub fn key_bounds(&self, blocks: Range<i64>) -> (Vec<u8>, Vec<u8>) {
        let bound = |block: i64| {
            let first = u64::try_from(block).unwrap_or(0).checked_shl(64 - self.bits).filter(|_| block < self.blocks());
            if block == 0 { Vec::new() } else { first.map_or(vec![0xff; 17], |first| first.to_be_bytes().to_vec()) }
        };
        (bound(blocks.start), bound(blocks.end))
    }

    /// The two that it was merged from.
    #[must_use]
    pub fn parts(&self) -> [Self; 2] {
        let bits = if self.bits > SKIPPED_BITS { self.bits - 1 } else { self.bits };
        [0, 1].map(|part| Self { level: self.level.saturating_sub(1), place: self.place * 2 + part, bits })
    }

    /// What it becomes with the one behind it; nothing if it goes with the one before it, or is as large as can be.
    #[must_use]
    pub fn merged_with(&self, next: &Self) -> Option<Self> {
        let is_pair = self.level == next.level && self.bits == next.bits && next.place == self.place + 1;
        let bits = if self.bits < SKIPPED_BITS { self.bits } else { self.bits + 1 };
        let merged = Self { level: self.level + 1, place: self.place / 2, bits };
        (is_pair && self.place % 2 == 0 && bits <= BLOCK_BITS_MAX).then_some(merged)
    }

    /// The blocks of digests that are all between the bounds of these blocks, with their segments.
    #[must_use]
    pub fn fill_blocks(&self, blocks: Range<i64>, digests: &[(u64, i64)]) -> Vec<Vec<u8>> {
        let first = self.numbers(blocks.clone()).start;
        let mut out = vec![Vec::new(); usize::try_from(blocks.end - blocks.start).unwrap_or(0)];
        for (digest, segment) in digests {
            let place = usize::try_from(self.number_of(*digest) - first).unwrap_or(usize::MAX);
            if let Some(block) = out.get_mut(place) {
                block.push(entry(*digest, *segment));
            }
        }
        out.into_iter().map(bytes_of).collect()
    }

    /// The blocks of this index that come from one block of each of its parts.
    #[must_use]
    pub fn merge_blocks(&self, left: &[u8], right: &[u8]) -> Vec<Vec<u8>> {
        let entries = || entries(left).chain(entries(right));
        if self.bits <= SKIPPED_BITS {
            return vec![bytes_of(entries().collect())];
        }
        // The bit that tells the two new blocks apart is the first that the old blocks' number did not have.
        let bit = 1 << (2 * ENTRY_BITS - (self.bits - SKIPPED_BITS));
        [0, bit].map(|value| bytes_of(entries().filter(|entry| entry & bit == value).collect())).into()
    }
}

/// An entry as a number: the digest's part, then the segment.
const fn entry(digest: u64, segment: i64) -> u64 {
    ((digest >> (64 - SKIPPED_BITS - ENTRY_BITS) & MASK) << ENTRY_BITS) | (segment.cast_unsigned() & MASK)
}

fn entries(block: &[u8]) -> impl Iterator<Item = u64> {
    block.as_chunks::<ENTRY>().0.iter().map(|[a, b, c, d, e, f]| u64::from_be_bytes([0, 0, *a, *b, *c, *d, *e, *f]))
}

fn bytes_of(mut entries: Vec<u64>) -> Vec<u8> {
    entries.sort_unstable();
    entries.into_iter().flat_map(|entry| entry.to_be_bytes().into_iter().skip(8 - ENTRY)).collect()
}

/// The segments that a block says may have a digest.
pub fn segments_of(block: &[u8], digest: u64) -> impl Iterator<Item = i64> {
    let (all, wanted) = (block.as_chunks::<ENTRY>().0, entry(digest, 0).to_be_bytes());
    let first = all.partition_point(|entry| entry[..] < wanted[8 - ENTRY..]);
    let part = entry(digest, 0) >> ENTRY_BITS;
    entries(block)
        .skip(first)
        .take_while(move |entry| entry >> ENTRY_BITS == part)
        .map(|entry| (entry & MASK).cast_signed())
}

/// The indexes that are in force, which cover all segments from the first one on.
///
/// # Errors
/// The database fails, or one is missing.
pub async fn read_indexes(db: &mut Connection) -> Result<Vec<KeyIndex>, DbError> {
    let sql = "select first_segment, until_segment, bits from key_indexes order by first_segment";
    let mut out: Vec<KeyIndex> = Vec::new();
    for row in db.fetch_all(sql, Vec::new()).await? {
        let index = KeyIndex::of_row(row.int("first_segment")?, row.int("until_segment")?, row.int("bits")?)?;
        if index.first() != out.last().map_or(0, KeyIndex::until) {
            return Err(corrupt("an index of keys is missing"));
        }
        out.push(index);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digests(seed: u64, count: u64) -> Vec<u64> {
        (1..=count).map(|n| (n + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect()
    }

    /// An index with all its blocks in memory.
    fn filled(index: KeyIndex, keys: &[(u64, i64)]) -> Vec<Vec<u8>> {
        index.fill_blocks(0..index.blocks(), keys)
    }

    #[test]
    fn merged_indexes_have_the_bytes_of_one_that_was_made_at_once() {
        for bits in [0, 3, 16, 17] {
            let (left, right) = (KeyIndex { level: 2, place: 4, bits }, KeyIndex { level: 2, place: 5, bits });
            let keys = |index: &KeyIndex, seed: u64| -> Vec<(u64, i64)> {
                digests(seed, 400).into_iter().zip((index.first()..index.until()).cycle()).collect()
            };
            let (a, b) = (keys(&left, 0), keys(&right, 1_000));
            let both: Vec<(u64, i64)> = a.iter().chain(&b).copied().collect();
            let merged = left.merged_with(&right).expect("a pair");
            assert_eq!(merged.parts(), [left, right]);
            assert_eq!((merged.first(), merged.until()), (16, 24));
            let made: Vec<Vec<u8>> = filled(left, &a)
                .iter()
                .zip(&filled(right, &b))
                .flat_map(|(left, right)| merged.merge_blocks(left, right))
                .collect();
            assert_eq!(made, filled(merged, &both), "{bits}");
            let first = merged.numbers(0..0).start;
            for (digest, segment) in &both {
                let block = usize::try_from(merged.number_of(*digest) - first).expect("a block");
                assert!(segments_of(&made[block], *digest).any(|found| found == *segment), "{bits}");
            }
            assert!(right.merged_with(&KeyIndex { place: 6, ..left }).is_none(), "that one goes with 7");
        }
    }

    #[test]
    fn blocks_have_numbers_and_bounds_of_their_own() {
        let index = KeyIndex::of_filters(256, SegmentSizes::default()).expect("an index");
        assert_eq!((index.bits, index.first(), index.until()), (17, 256, 384));
        let next = KeyIndex { place: index.place + 1, ..index };
        assert!(index.numbers(0..index.blocks()).end <= next.numbers(0..0).start);
        assert_eq!(index.number_of(u64::MAX), index.numbers(0..index.blocks()).end - 1);
        let (from, until) = index.key_bounds(1..index.blocks());
        assert_eq!((from, until), ((1_u64 << 47).to_be_bytes().to_vec(), vec![0xff; 17]));
        assert_eq!(index.key_bounds(0..1).0, Vec::<u8>::new());
        let all = KeyIndex { bits: 0, ..index };
        assert_eq!(
            (all.number_of(u64::MAX), all.key_bounds(0..1)),
            (all.numbers(0..1).start, (Vec::new(), vec![0xff; 17]))
        );
        assert!(KeyIndex::of_row(0, 3, 1).is_err() && KeyIndex::of_row(1, 3, 1).is_err());
        assert_eq!(KeyIndex::of_row(256, 384, 17).expect("an index"), index);
    }
}
