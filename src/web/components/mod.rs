//! Components: HTML from view structs, and no decision.
//!
//! Invariants: everything works without script; names for ears and for tests are PAGES.md's;
//! no inline style (the CSP refuses it): lengths of bars are SVG attributes.
//!
//! *Not here:* words that depend on data (`view`), loading (`pages`), colours (`style/main.css`).

pub mod frame;
pub mod operator;
pub mod settings;

pub use frame::{Frame, FrameView};
pub use settings::SettingsBody;

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
