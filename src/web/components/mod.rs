//! Components: HTML from view structs, and no decision.
//!
//! Invariants: everything works without script; names for ears and for tests are PAGES.md's;
//! no inline style (the CSP refuses it): lengths of bars are SVG attributes.
//!
//! *Not here:* words that depend on data (`view`), loading (`pages`), colours (`style/main.css`).

pub mod balance;
pub mod billing;
pub mod frame;
pub mod hint;
pub mod history;
pub mod offers;
pub mod operator;
pub mod purchase;
pub mod purchases;
pub mod settings;
pub mod top_ups;
pub mod usage;

pub use balance::BalanceCard;
pub use billing::BillingBody;
pub use frame::{Frame, FrameView};
pub use hint::UpgradeHint;
pub use history::HistoryBody;
pub use offers::Offers;
pub use purchase::PurchaseDetails;
pub use purchases::Purchases;
pub use settings::SettingsBody;
pub use top_ups::TopUps;
pub use usage::UsageBody;

pub use crate::web::ui::badge::BadgeText;
pub use crate::web::ui::buy_form::SignedFields;
pub use crate::web::ui::form::Form;
pub use crate::web::ui::notice::NoticeBox;

/// Shared parts by their former path.
pub mod text {
    pub use crate::web::ui::badge::BadgeText;
    pub use crate::web::ui::dates::When;
    pub use crate::web::ui::money::{Amount, Price};
}
