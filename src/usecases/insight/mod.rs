//! Figures that people read: Billing, History, Usage, the forecast, upgrade advice, sales, live pages.
//!
//! *Not here:* words and HTML (`web`).

pub mod advice;
pub mod billing;
pub mod cycles;
pub mod forecast;
pub mod history;
pub mod live;
pub mod sales;
pub mod usage;
