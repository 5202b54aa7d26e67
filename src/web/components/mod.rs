//! Components: HTML from view structs, and no decision.
//!
//! Invariants: everything works without script; names for ears and for tests are PAGES.md's;
//! no inline style (the CSP refuses it): lengths of bars are SVG attributes.
//!
//! *Not here:* words that depend on data (`view`), loading (`pages`), colours (`style/main.css`).

pub mod balance;
pub mod billing;
pub mod form;
pub mod frame;
pub mod history;
pub mod notice;
pub mod offers;
pub mod operator;
pub mod purchase;
pub mod purchases;
pub mod settings;
pub mod text;
pub mod top_ups;
pub mod usage;

pub use balance::BalanceCard;
pub use billing::BillingBody;
pub use form::Form;
pub use frame::{Frame, FrameView};
pub use history::HistoryBody;
pub use notice::{NoticeBox, UpgradeHint};
pub use offers::{Offers, SealedFields};
pub use purchase::PurchaseDetails;
pub use purchases::Purchases;
pub use settings::SettingsBody;
pub use text::{BadgeText, Say};
pub use top_ups::TopUps;
pub use usage::UsageBody;
