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
/// `credits`, `price` in minor units, `currency` and `months` are the terms that were shown; `mac` binds all of it to the
/// session, its customer and its role.
///
/// # Errors
/// A fault only.
#[server(name = StartCheckout, prefix = "/_fn", endpoint = "buy")]
pub async fn start_checkout(
    #[server(default)] purchase: String,
    #[server(default)] package: String,
    #[server(default)] credits: String,
    #[server(default)] price: String,
    #[server(default)] currency: String,
    #[server(default)] months: String,
    #[server(default)] mac: String,
) -> Result<Started, ServerFnError> {
    let form = crate::web::seal::SentForm { purchase, package, credits, price, currency, months, mac };
    crate::web::forms::buy::start(form).await
}
