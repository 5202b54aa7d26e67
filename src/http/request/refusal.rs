//! The errors of writes that the ledger refuses.

use crate::domain::{Credits, HoldState, Instant, Summary};
use crate::http::request::code::Code;
use crate::http::request::json::{number, rfc3339};
use crate::http::request::problem::Problem;
use crate::usecases::App;
use crate::usecases::credits::idempotency::Refused;
use serde_json::value::{RawValue, to_raw_value};

/// The error of a refused write; `resource` is the thing that a 404 speaks of.
pub fn refusal(app: &App, refused: Refused, resource: &str) -> Problem {
    match refused {
        Refused::Closed => Problem::customer_closed(),
        Refused::Insufficient { needed, balance, resets_at, may_buy } => {
            insufficient(app, needed, balance, resets_at, may_buy)
        }
        Refused::HoldClosed(HoldState::Settled) => Problem::new(Code::HoldSettled, "The hold is settled"),
        Refused::HoldClosed(HoldState::Released) => Problem::new(Code::HoldReleased, "The hold is released"),
        Refused::HoldClosed(HoldState::Lapsed | HoldState::Open) => {
            Problem::new(Code::HoldLapsed, "The hold has lapsed and its credits are back")
        }
        Refused::AlreadyVoided => Problem::new(Code::AlreadyVoided, format!("The {resource} is already voided")),
        Refused::GrantEnded => Problem::new(Code::GrantEnded, "The grant has ended and nothing is left of it"),
        Refused::GrantNotCourtesy => Problem::new(Code::GrantNotCourtesy, "Only courtesy grants can be voided"),
        Refused::LimitReached(items) => {
            Problem::new(Code::LimitReached, format!("The customer has the most {items} that one customer may have"))
        }
        Refused::Past(field) => Problem::field(field, Code::InvalidValue, "must be in the future"),
        Refused::Unknown => Problem::not_found(resource),
    }
}

/// 402, with the balance.
pub fn insufficient(app: &App, needed: Credits, balance: Summary, resets_at: Instant, may_buy: bool) -> Problem {
    let text = |value: Option<String>| to_raw_value(&value).unwrap_or_else(|_| RawValue::NULL.to_owned());
    let detail = format!("{needed} {} needed, {} available", needed.noun(), balance.available);
    Problem::new(Code::InsufficientCredits, detail).with_members(vec![
        ("needed", number(needed)),
        ("available", number(balance.available)),
        ("plan", number(balance.plan)),
        ("courtesy", number(balance.courtesy)),
        ("top_up", number(balance.top_up)),
        ("held", number(balance.held)),
        ("resets_at", text(Some(rfc3339(resets_at)))),
        ("buy_url", text(may_buy.then(|| format!("{}/billing", app.settings.public_url)))),
    ])
}
