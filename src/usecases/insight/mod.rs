//! Figures that people read: Billing, History, Usage, the forecast, sales, live pages.
//!
//! *Not here:* words and HTML (`web`).

pub mod billing;
pub mod cycles;
pub mod forecast;
pub mod history;
pub mod live;
pub mod sales;
pub mod usage;
