//! What the pages say, as plain data: pure functions from the ledger's facts to view structs.
//!
//! Owns every sentence that depends on a number or a date, the choice of the one notice, the names
//! of states, dates in the customer's zone. Components render these structs and decide nothing.
//!
//! Invariants: no I/O and no clock (`now` is an argument); integers only; words of the inside
//! (grant, hold, webhook, session, courtesy, lapsed) never appear in a sentence.
//!
//! *Not here:* HTML (`components`), loading (`pages`), authority (`usecases`).

pub mod operator;
pub mod settings;
pub mod settings_outcome;
pub mod sign_in;

pub use settings::SettingsView;
pub use settings_outcome::SettingsOutcome;
pub use sign_in::SignInOutcome;

pub use crate::web::outcome::Outcome;
pub use crate::web::ui::badge::{Badge, Tone};
pub use crate::web::ui::buy_form::BuyForm;
pub use crate::web::ui::dates as when;
pub use crate::web::ui::dates::{Moment, Zone};
pub use crate::web::ui::notice::{Notice, NoticeAction, Voice};
pub use crate::web::ui::text::Text;

/// Shared parts by their former path.
pub mod notices {
    pub use crate::web::ui::notice::{Notice, NoticeAction, Voice};
}

/// Shared parts by their former path.
pub mod status {
    pub use crate::web::ui::badge::{Badge, Tone};
}
