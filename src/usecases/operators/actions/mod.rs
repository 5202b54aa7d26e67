//! Actions of operators: each with a reason, an audit line, and the key of its form.
//!
//! Invariants: the thing and its line are one transaction, so that neither is there without the other; a form that is
//! sent again does nothing again. What calls Stripe writes its line before, and goes on with the same key after a
//! crash.
//!
//! *Not here:* who may (`operators`; every page and form asks), words (`web::operator::outcome`).

mod credits;
mod keys;
mod refunds;
mod request;
mod support;

pub use credits::{give_credits, void_grant, void_usage};
pub use keys::{make_key, revoke_key};
pub use refunds::{
    PendingRefund, RefundOrder, RefundPreview, pending_refund, preview_refund, refund_purchase, refundable,
};
pub use request::{ActionOutcome, ActionRequest, REASON_MAX};
pub use support::{
    acknowledge_action, erase_closed_customer, make_sign_in_link, recheck_at_stripe, resend_receipt, retry_event,
    switch_off_auto_top_up,
};
