//! `/billing`: balance, packages, top-ups and purchases of a customer, a file a section.
//!
//! *Not here:* a single purchase (`purchase`), the data (`usecases::insight::billing`).

pub mod advice;
pub mod auto_line;
pub mod balance;
pub mod balance_card;
pub mod buy;
pub mod low_mark;
pub mod may_buy;
pub mod notices;
pub mod offers;
pub mod page;
pub mod portal;
pub mod purchases;
pub mod reader;
pub mod top_up_badge;
pub mod top_ups;
pub mod wanted;
pub mod way_out;
