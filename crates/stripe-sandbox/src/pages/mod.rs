//! The pages that people see: the pay page, the billing portal, invoices. Plain HTML, no script, nothing inline.

pub(crate) mod card_form;
mod confirm;
pub(crate) mod html;
pub(crate) mod invoice;
pub(crate) mod pay;
pub(crate) mod portal;
