//! The rules of a prepaid-credit ledger.
//!
//! Every function is pure: no I/O, no clock, no async, no global state. `now` is an argument, and arithmetic is on
//! checked integers. The engine, `topup check`, the property tests and the forecasts call the same functions. Numbers
//! such as R2 name the rules in `docs/rules.md`.
//!
//! *Not here:* storage, idempotency keys, email, Stripe.

pub mod accent;
pub mod account;
pub mod advice;
pub mod amount;
pub mod auto_top_up;
pub mod balance;
pub mod balance_alert;
pub mod catalog;
pub mod color;
pub mod cycle;
pub mod entry;
pub mod forecast;
pub mod grant;
pub mod hold;
pub mod id;
pub mod money;

pub mod payment;
pub mod purchase;
pub mod reminder;
pub mod replay;
pub mod role;
pub mod subscription;
pub mod text;
pub mod time;

pub use accent::Accent;
pub use account::{Account, Changes, Refusal, Settled, SoldTopUp};
pub use amount::Credits;
pub use balance::{Balance, Summary};
pub use catalog::{Catalog, CatalogError, Package, Plan, Terms};
pub use cycle::Cycle;
pub use entry::{Cause, Entry, EntryKind, Hash};
pub use grant::{Draw, Grant, GrantState, Kind};
pub use hold::{Hold, HoldState};
pub use id::{GrantId, HoldId, KeyId, PurchaseId, UsageId};
pub use money::Money;
pub use payment::{Claimed, DisputeStatus, Payment, RefundStatus};
pub use purchase::{Origin, PurchaseState};
pub use replay::{Broken, Replay, Report};
pub use role::Role;
pub use subscription::{Standing, Subscription, SubscriptionStatus};
pub use time::Instant;
