//! Automatic top-up (R20): consenting, deciding, buying, paying, stopping.
//!
//! Invariants: nothing is charged without a consent in force, beyond the cap, or twice; the cap is counted in the
//! transaction that makes a purchase, and again before the card is charged; each request to Stripe goes out under a key
//! of purchase and step, so that a crash between any two steps is continued; no transaction is open during a call to
//! Stripe.
//!
//! *Not here:* the rule's row, consents, cards (`agreements`); when a rule is due (`ledger`, at the flush); crediting
//! (`purchases::fulfill`).

mod answer;
mod begin;
mod change;
mod charge;
mod complete;
mod consent_text;
mod decision;
mod detach;
mod job;
mod order;
mod overview;
mod payment;
mod search;
mod setup;
mod steps;
mod trouble;
mod void;

pub use crate::domain::auto_top_up::{Agreement, AsleepReason, SuspendedReason};
pub use crate::usecases::agreements::{Card, Consent, EndedBy, Ending, LowerLimits, list_consents};
pub use begin::{ConsentOutcome, ConsentRequest, begin_consent};
pub use change::{ChangeOutcome, change_limits, switch_off, switch_off_by_api};
pub(crate) use change::{address_changed, switch_off_in};
pub use complete::{CompletedConsent, complete_consent};
pub use consent_text::{ConsentPart, ConsentWords, consent_parts};
pub use job::{
    auto_payment_backlog, auto_top_up_backlog, next_auto_payment_due, next_auto_top_up_due, run_auto_payments,
    run_auto_top_ups,
};
pub use overview::{AutoState, AutoTopUp, CardTry, automatic_purchases, find_auto_top_up, list_tries, would_sleep};
