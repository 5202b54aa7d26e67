//! Agreements: the rule of an automatic top-up (R20), its consents and its cards.
//!
//! Invariants: a consent is a row that is never changed, its ending another; one rule a customer; whatever ends or
//! suspends a rule sets its unpaid purchase on the way to be voided, in the same transaction.
//!
//! *Not here:* consenting, deciding, buying and paying (`auto_top_up`).

mod cards;
mod consents;
mod endings;
mod rule;

pub(crate) use cards::{card_record, clear_card, detach_later, note_answer};
pub use consents::{Card, Consent, Ending, LowerLimits, list_consents};
pub(crate) use consents::{NewConsent, agreement_of, consent_of_rule, insert_consent, insert_lower_limits};
pub use endings::EndedBy;
pub(crate) use endings::{end_rule, purchase_ended, purchase_was_reversed, suspend_rule};
pub(crate) use rule::{Rule, RuleState, load_rule, look_now};
