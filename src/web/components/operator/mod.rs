//! What operators' pages are made of: frame, tables, forms that act, the chart.
//!
//! Invariants: as the customers' components; a form that acts has a reason and a key, minted as it is drawn.

mod chart;
mod forms;
mod frame;
mod qr;
mod table;

pub use chart::Chart;
pub use forms::{ActForm, Field};
pub use frame::OperatorFrame;
pub use qr::QrCode;
pub use table::{Cells, Table};
