//! How large segments of keys and their indexes are. Tests have small ones.

/// The sizes.
#[derive(Clone, Copy, Debug)]
pub struct SegmentSizes {
    /// How many rows of entries a segment lives, which is about how many keys it has.
    pub rows: i64,
    /// How many segments the first index of them has, a power of two.
    pub index: i64,
    /// Keys of a block of an index, about.
    pub block: i64,
    /// Blocks that one step of a merge reads of an index.
    pub step: i64,
}

impl SegmentSizes {
    /// Filters at which the oldest become an index. Some always stay.
    #[must_use]
    pub fn crowd(&self) -> i64 {
        self.index + (self.index / 16).max(1)
    }
}

impl Default for SegmentSizes {
    fn default() -> Self {
        Self { rows: 131_072, index: 128, block: 128, step: 1_024 }
    }
}
