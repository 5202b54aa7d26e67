//! `/pay/{session}`: where the customer types a card number.
//!
//! Four cards exist, with Stripe's own test numbers: 4242… is paid, 4000…0002 is declined, 4000…0259 is paid and
//! disputed at once, 4000…1976 is paid and asked about. Anything else is a mistake in the form.

use axum::Form;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Datelike, Utc};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::Sandbox;
use super::error::ApiError;
use super::objects::Card;
use super::page::{self, Mistakes, View};
use super::payments::{self, Means, Tried};
use super::{delayed, sessions};
use crate::money::Money;

const OVER: &str = "This Checkout has expired. You were not charged.";
const NOSNIFF: HeaderName = HeaderName::from_static("x-content-type-options");

/// The form as it is sent. Absent is as good as empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    card_number: String,
    expiry: String,
    cvc: String,
    /// `bank`, `refused` (by the bank, days later), or a card.
    method: String,
    tax_id: String,
}

/// `GET /pay/{session}`
pub(super) async fn show(State(sandbox): State<Sandbox>, Path(session): Path<String>) -> Response {
    match open_session(&sandbox, &session).await {
        Ok(session) => match session["status"].as_str() {
            Some("open") => form(&sandbox, &session, StatusCode::OK, &Mistakes::default()),
            Some("complete") => payments::success_url(&session).map_or_else(|error| failed(&sandbox, &error), redirect),
            _ => expired(&sandbox, &session),
        },
        Err(error) => failed(&sandbox, &error),
    }
}

/// `POST /pay/{session}`
pub(super) async fn submit(
    State(sandbox): State<Sandbox>,
    Path(session_id): Path<String>,
    Form(typed): Form<Typed>,
) -> Response {
    let session = match open_session(&sandbox, &session_id).await {
        Ok(session) => session,
        Err(error) => return failed(&sandbox, &error),
    };
    let digits: String = typed.card_number.chars().filter(char::is_ascii_digit).collect();
    let card;
    let means = match read(&typed, &digits, (sandbox.settings().now)()) {
        _ if ["bank", "refused"].contains(&typed.method.as_str()) && delayed::offered(&session).is_some() => {
            Means::Bank { clears: typed.method == "bank" }
        }
        Ok(read) => {
            card = read;
            Means::Card(&card)
        }
        // A session that is no longer open has something more important to say.
        Err(mistakes) if session["status"] == "open" => {
            return form(&sandbox, &session, StatusCode::UNPROCESSABLE_ENTITY, &mistakes);
        }
        Err(_) => Means::Card(&payments::GOOD_CARD),
    };
    match sandbox.try_to_pay(&session_id, &means, typed.tax_id.trim()).await {
        Ok(Tried::Paid(url)) => redirect(url),
        Ok(Tried::Declined) => {
            let declined = Mistakes { declined: true, ..Mistakes::default() };
            form(&sandbox, &session, StatusCode::PAYMENT_REQUIRED, &declined)
        }
        Ok(Tried::Expired) => expired(&sandbox, &session),
        Err(error) => failed(&sandbox, &error),
    }
}

/// `GET /pay.css`
pub(super) async fn style() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8"), (NOSNIFF, "nosniff")], page::STYLE).into_response()
}

async fn open_session(sandbox: &Sandbox, id: &str) -> Result<Value, ApiError> {
    sandbox.advance().await?;
    let mut conn = sandbox.pool().acquire().await?;
    sessions::find(&mut conn, id).await
}

/// The card that was typed, or what is wrong with it.
fn read<'a>(typed: &Typed, digits: &'a str, now: i64) -> Result<Card<'a>, Mistakes> {
    let plain = typed.card_number.chars().all(|letter| letter.is_ascii_digit() || " -".contains(letter));
    let (declined, last4) = match digits {
        "4242424242424242" => (false, "4242"),
        "4000000000000002" => (true, "0002"),
        "4000000000000259" => (false, "0259"),
        "4000000000001976" => (false, "1976"),
        _ => (false, ""),
    };
    let expiry = expiry(&typed.expiry);
    let cvc = typed.cvc.trim();
    let mistakes = Mistakes {
        declined: false,
        card: match digits {
            "" => Some("Enter a card number."),
            _ if last4.is_empty() || !plain => Some("The sandbox knows four cards only: see below."),
            _ => None,
        },
        expiry: match expiry {
            None => Some("Enter the expiry as MM / YY."),
            Some(month_and_year) if is_past(month_and_year, now) => Some("This card has expired."),
            Some(_) => None,
        },
        cvc: if matches!(cvc.len(), 3 | 4) && cvc.bytes().all(|byte| byte.is_ascii_digit()) {
            None
        } else {
            Some("Enter the 3 or 4 digits.")
        },
    };
    match expiry {
        Some((month, year)) if mistakes == Mistakes::default() => Ok(Card { last4, month, year, declined }),
        _ => Err(mistakes),
    }
}

/// `12/34`, `12 / 34`, `1234`, `12/2034` → month and year.
fn expiry(typed: &str) -> Option<(i64, i64)> {
    let digits: String = typed.chars().filter(char::is_ascii_digit).collect();
    let plain = typed.chars().all(|letter| letter.is_ascii_digit() || " /-".contains(letter));
    if !plain || !matches!(digits.len(), 4 | 6) {
        return None;
    }
    let (month, year) = digits.split_at(2);
    let (month, year): (i64, i64) = (month.parse().ok()?, year.parse().ok()?);
    let year = if digits.len() == 4 { 2000 + year } else { year };
    (1..=12).contains(&month).then_some((month, year))
}

fn is_past((month, year): (i64, i64), now: i64) -> bool {
    let now = DateTime::<Utc>::from_timestamp(now, 0).unwrap_or_default();
    (year, month) < (i64::from(now.year()), i64::from(now.month()))
}

fn view(sandbox: &Sandbox, session: &Value) -> View {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let items = session["_sandbox"]["line_items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let names: Vec<_> = items.iter().map(|item| text(&item["description"])).collect();
    let money = |minor: &Value| Money::new(minor.as_i64().unwrap_or_default(), &text(&session["currency"]));
    let tax = &session["total_details"]["amount_tax"];
    View {
        shop: sandbox.settings().shop_name.clone(),
        product: names.join(", "),
        price: money(&session["amount_total"]),
        tax: tax.as_i64().filter(|tax| *tax > 0).map(|_| (money(&session["amount_subtotal"]), money(tax))),
        bank: delayed::offered(session).is_some(),
        tax_id: session["tax_id_collection"]["enabled"] == true,
        submit_text: text(&session["custom_text"]["submit"]["message"]),
        cancel_url: session["cancel_url"].as_str().map(str::to_owned),
        pay_url: format!("/pay/{}", text(&session["id"])),
    }
}

fn form(sandbox: &Sandbox, session: &Value, status: StatusCode, mistakes: &Mistakes) -> Response {
    html(status, Some(session), page::pay(&view(sandbox, session), mistakes))
}

fn expired(sandbox: &Sandbox, session: &Value) -> Response {
    let view = view(sandbox, session);
    html(StatusCode::GONE, Some(session), page::message(Some(&view), &view.shop, OVER))
}

fn failed(sandbox: &Sandbox, error: &ApiError) -> Response {
    let (status, words) = payments::in_words(error);
    if status.is_server_error() {
        tracing::error!(error = %error.message, "the sandbox failed");
    }
    html(status, None, page::message(None, &sandbox.settings().shop_name, &words))
}

fn redirect(url: String) -> Response {
    match HeaderValue::from_str(&url) {
        Ok(url) => (StatusCode::SEE_OTHER, [(LOCATION, url)]).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

pub(super) fn html(status: StatusCode, session: Option<&Value>, page: String) -> Response {
    let policy = policy(session.and_then(|session| session["success_url"].as_str()));
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (NOSNIFF, HeaderValue::from_static("nosniff")),
        (CONTENT_SECURITY_POLICY, policy),
    ];
    (status, headers, page).into_response()
}

/// Chromium holds a form's redirects to `form-action` too, so the shop stands in it.
fn policy(success_url: Option<&str>) -> HeaderValue {
    let shop = success_url.and_then(|url| Url::parse(url).ok()).map(|url| url.origin().ascii_serialization());
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src data:; form-action 'self' {}; base-uri 'none'; \
         frame-ancestors 'none'",
        shop.unwrap_or_default()
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

#[cfg(test)]
mod tests {
    use super::{Typed, policy, read};

    const NOW: i64 = 1_795_000_000; // November 2026

    fn check(card: &str, expiry: &str, cvc: &str, expected: Result<bool, (bool, bool, bool)>) {
        let typed = Typed { card_number: card.into(), expiry: expiry.into(), cvc: cvc.into(), ..Typed::default() };
        let digits: String = card.chars().filter(char::is_ascii_digit).collect();
        let result = read(&typed, &digits, NOW).map(|card| card.declined);
        let wrong = result.map_err(|it| (it.card.is_some(), it.expiry.is_some(), it.cvc.is_some()));
        assert_eq!(wrong, expected, "{card} {expiry} {cvc}");
    }

    #[test]
    fn four_cards_are_known_however_they_are_spaced() {
        check("4242 4242 4242 4242", "12 / 34", "123", Ok(false));
        check("4242424242424242", "12/34", "1234", Ok(false));
        check("4242-4242-4242-4242", "1234", "123", Ok(false));
        check("4000000000000002", "12/2034", "123", Ok(true));
        check("4000 0000 0000 0259", "12/34", "123", Ok(false));
        check("4000 0000 0000 1976", "12/34", "123", Ok(false));
        check("4242424242424242", "11/26", "123", Ok(false));
    }

    #[test]
    fn a_mistake_is_found_at_its_field() {
        check("", "12/34", "123", Err((true, false, false)));
        check("4000 0000 0000 0000", "12/34", "123", Err((true, false, false)));
        check("4242 4242 4242 4242 x", "12/34", "123", Err((true, false, false)));
        check("4242424242424242", "13/34", "123", Err((false, true, false)));
        check("4242424242424242", "10/26", "123", Err((false, true, false)));
        check("4242424242424242", "soon", "12", Err((false, true, true)));
        check("", "", "", Err((true, true, true)));
    }

    #[test]
    fn the_form_may_lead_to_the_shop_and_nowhere_else() {
        let policy = policy(Some("https://shop.example/purchases/1?session_id={CHECKOUT_SESSION_ID}"));
        let policy = policy.to_str().expect("ascii");
        assert!(policy.contains("form-action 'self' https://shop.example;"), "{policy}");
        assert!(!policy.contains("unsafe"));
    }
}
