//! The history of a customer's credits: the ledger's lines, newest first, those of one cause together.
//!
//! Pages are found by `seq`, so that the newest of a million lines are as near as of ten. A filter looks only where
//! there can be something (`walk`), until a page is full, and at most a bounded number of lines: then it says how far it has
//! looked.

mod filter;
mod lines;
mod walk;

pub use filter::{Filter, Sort};
pub use lines::{GrantFact, HistoryLine, HistoryPart, Most, Slice, count_lines_since, history_slice};
