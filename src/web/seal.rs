//! Signed forms by their former path.

pub use crate::web::api_key_seed::{api_key, key_seed};
pub use crate::web::ui::buy_form::{SentBuyForm as SentForm, sign as form, verify as open};
