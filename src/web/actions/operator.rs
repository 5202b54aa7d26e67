//! What operators' pages send.
#![allow(clippy::too_many_arguments, reason = "a function takes each field of its form")]

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// What an operator does to one thing. Each has a form of its own; all have a reason and a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Gives courtesy credits to a customer: `first` is how many, `second` the last day.
    Give,
    /// Takes a courtesy grant back.
    VoidGrant,
    /// Undoes a usage.
    VoidUsage,
    /// Pays back: `first` is how much, in the currency's own decimals.
    Refund,
    /// Mails a receipt again.
    ResendReceipt,
    /// Asks Stripe how a purchase stands.
    Recheck,
    /// Acts on an event that waits.
    RetryEvent,
    /// Erases a customer: `first` is its id once more.
    Erase,
    /// Acknowledges an alarm.
    Acknowledge,
}

impl Act {
    /// Its name in a form.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Give => "give",
            Self::VoidGrant => "void_grant",
            Self::VoidUsage => "void_usage",
            Self::Refund => "refund",
            Self::ResendReceipt => "resend_receipt",
            Self::Recheck => "recheck",
            Self::RetryEvent => "retry_event",
            Self::Erase => "erase",
            Self::Acknowledge => "acknowledge",
        }
    }
}

/// Signs an operator in.
///
/// # Errors
/// A fault only; a wrong password or code leads back to the page, which says so.
#[server(name = SignInOperator, prefix = "/_fn", endpoint = "operator-sign-in")]
pub async fn sign_in_operator(
    email: String,
    password: String,
    #[server(default)] code: String,
) -> Result<(), ServerFnError> {
    crate::web::forms::operator::sign_in(&email, password, &code).await
}

/// Switches the second factor on that the page has shown, which `seed` stands for.
///
/// # Errors
/// A fault only; the outcome leads back to the page, which says it.
#[server(name = SwitchOnSecondFactor, prefix = "/_fn", endpoint = "operator-second-factor-on")]
pub async fn switch_on_second_factor(seed: String, password: String, code: String) -> Result<(), ServerFnError> {
    crate::web::forms::second_factor::switch_on(&seed, password, &code).await
}

/// Switches the second factor off.
///
/// # Errors
/// A fault only; the outcome leads back to the page, which says it.
#[server(name = SwitchOffSecondFactor, prefix = "/_fn", endpoint = "operator-second-factor-off")]
pub async fn switch_off_second_factor(password: String, code: String) -> Result<(), ServerFnError> {
    crate::web::forms::second_factor::switch_off(password, &code).await
}

/// Signs an operator out.
///
/// # Errors
/// A fault only.
#[server(name = SignOutOperator, prefix = "/_fn", endpoint = "operator-sign-out")]
pub async fn sign_out_operator() -> Result<(), ServerFnError> {
    crate::web::forms::operator::sign_out().await
}

/// Opens a session for the demo's operator, by one click.
///
/// # Errors
/// A fault only.
#[cfg(feature = "demo")]
#[server(name = SignInAsDemoOperator, prefix = "/_fn", endpoint = "operator-demo-sign-in")]
pub async fn sign_in_as_demo_operator() -> Result<(), ServerFnError> {
    crate::web::forms::operator::sign_in_demo().await
}

/// Does something to the thing of id `about`, and comes back to the page `back` with a closed code.
/// The code is also the answer for a client that asks for JSON.
///
/// # Errors
/// None: a fault is a code too.
#[server(name = DoAct, prefix = "/_fn", endpoint = "operator-act")]
pub async fn do_act(
    act: Act,
    #[server(default)] about: String,
    #[server(default)] key: String,
    #[server(default)] back: String,
    #[server(default)] reason: String,
    #[server(default)] first: String,
    #[server(default)] second: String,
    #[server(default)] signature: String,
) -> Result<String, ServerFnError> {
    let form = crate::web::forms::operator::Form { act, about, key, back, reason, first, second, signature };
    crate::web::forms::operator::act(form).await
}
