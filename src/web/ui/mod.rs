//! Parts that several pages share: text, numbers, dates, badges, notices, forms.
//!
//! *Not here:* anything that knows a single page's data.

pub mod as_of;
pub mod auto_top_up_badge;
pub mod badge;
pub mod buy_form;
pub mod chips;
pub mod copy;
pub mod dates;
pub mod field;
pub mod form;
pub mod money;
pub mod notice;
pub mod paging;
pub mod purchase_badge;
pub mod role;
pub mod text;
