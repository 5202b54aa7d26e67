//! From a package's button to Checkout.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// How a click on Buy came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Started {
    /// Checkout is open, at this address.
    Checkout {
        /// Where.
        url: String,
    },
    /// It is not; the code is one of `view::Outcome`'s.
    Refused {
        /// Why.
        code: String,
    },
}

/// Starts the purchase that was minted when the form was drawn, or goes back to its open Checkout (R19).
/// `price` is what was shown, in minor units; `mac` binds all of it to the session.
///
/// # Errors
/// A fault only.
#[server(name = StartCheckout, prefix = "/_fn", endpoint = "buy")]
pub async fn start_checkout(
    purchase: String,
    package: String,
    price: i64,
    mac: String,
) -> Result<Started, ServerFnError> {
    crate::web::forms::buy::start(crate::web::view::BuyForm { purchase, package, price, mac }).await
}
