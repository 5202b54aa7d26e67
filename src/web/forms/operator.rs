//! What operators' forms do: read the fields, ask who it is, call a use-case, go back with a code.

use crate::domain::money::decimals;
use crate::domain::{Credits, GrantId, Instant, PurchaseId, UsageId, text, time};
use crate::usecases::operators::actions;
use crate::usecases::operators::actions::{ActionRequest, Outcome, Refund};
use crate::usecases::operators::sign_in::{
    LIMIT_HOURS, Operator, SignedIn, Typed, {self as operators},
};
use crate::usecases::{App, InternalError, purchases};
use crate::web::actions::Act;
use crate::web::cookies::Cookie;
use crate::web::form_signature::ActOn;
use crate::web::forms::broken;
use crate::web::request_context::RequestContext;
use chrono::NaiveDate;
use leptos::prelude::ServerFnError;

/// How long a browser is known that an operator has signed in with: a year.
const DEVICE_SECONDS: i64 = 365 * 24 * 60 * 60;

/// The demo's operator.
#[cfg(feature = "demo")]
const DEMO_OPERATOR: &str = "operator@demo.example";

/// Opens a session, or says that it was wrong or too often.
///
/// # Errors
/// A fault, its cause in the log.
pub async fn sign_in(email: &str, password: String, code: &str) -> Result<(), ServerFnError> {
    let visit = RequestContext::current();
    let signed = async {
        let client = visit.client_of(email)?;
        let signed = operators::sign_in(&visit.app, Typed { email, password, code }, &client).await?;
        let new_device = matches!(signed, SignedIn::Session(_)) && client.device.is_none();
        let device = if new_device { Some(operators::new_device(&visit.app, email)?) } else { None };
        Ok((signed, device))
    };
    let (signed, device) = signed.await.map_err(|fault: InternalError| broken("operator sign-in", &fault))?;
    match signed {
        SignedIn::Session(token) => {
            opened(&visit, &token);
            if let Some(device) = device {
                visit.set_cookie(Cookie::OperatorDevice, &device, DEVICE_SECONDS);
            }
        }
        SignedIn::Wrong => visit.redirect("/operator/sign-in?outcome=wrong"),
        SignedIn::Wait => visit.redirect("/operator/sign-in?outcome=wait"),
    }
    Ok(())
}

fn opened(visit: &RequestContext, token: &str) {
    visit.set_cookie(Cookie::Operator, token, LIMIT_HOURS * 60 * 60);
    visit.redirect("/operator");
}

/// Opens a session for the demo's operator.
///
/// # Errors
/// A fault, its cause in the log.
#[cfg(feature = "demo")]
pub async fn sign_in_demo() -> Result<(), ServerFnError> {
    let visit = RequestContext::current();
    let opened_now = operators::open_demo(&visit.app, DEMO_OPERATOR).await;
    match opened_now.map_err(|fault| broken("operator demo sign-in", &fault))? {
        Some(token) => opened(&visit, &token),
        None => visit.redirect("/operator/sign-in"),
    }
    Ok(())
}

/// Ends the session.
///
/// # Errors
/// A fault, its cause in the log.
pub async fn sign_out() -> Result<(), ServerFnError> {
    let visit = RequestContext::current();
    let ended = async {
        match visit.operator().await? {
            Some(operator) => operators::sign_out(&visit.app, operator.session).await,
            None => Ok(()),
        }
    };
    ended.await.map_err(|fault| broken("operator sign-out", &fault))?;
    visit.clear_cookie(Cookie::Operator);
    visit.redirect("/operator/sign-in");
    Ok(())
}

/// A form as it was sent.
#[derive(Clone, Debug)]
pub struct Form {
    /// What to do.
    pub act: Act,
    /// To what.
    pub about: String,
    /// Minted when the form was drawn.
    pub key: String,
    /// The page to come back to.
    pub back: String,
    /// Why.
    pub reason: String,
    /// The first field of its own.
    pub first: String,
    /// The second.
    pub second: String,
    /// What binds it to the operator's session and to the thing.
    pub signature: String,
}

impl Form {
    fn is_signed(&self, secret: &[u8], operator: &Operator) -> bool {
        let on = ActOn { act: self.act.name(), about: &self.about, back: &self.back };
        on.is_signed(secret, operator, &self.signature)
    }
}

/// Does it, and goes back.
///
/// # Errors
/// None: a fault is an outcome, and its cause is in the log.
pub async fn act(form: Form) -> Result<String, ServerFnError> {
    let visit = RequestContext::current();
    let outcome = match visit.operator().await {
        Ok(Some(operator)) if !form.is_signed(&visit.app.settings.form_secret, &operator) => Ok(Outcome::FormStale),
        Ok(Some(operator)) => done(&visit.app, operator.email, &form).await,
        Ok(None) => {
            visit.redirect("/operator/sign-in");
            return Ok("signed_out".to_owned());
        }
        Err(fault) => Err(fault),
    };
    let outcome = outcome.unwrap_or_else(|fault| {
        tracing::error!(error = %fault, act = form.act.name(), "an operator's form failed");
        Outcome::InternalError
    });
    visit.redirect(&format!("{}?outcome={}&act={}", own_page(&form.back), outcome.code(), form.act.name()));
    Ok(outcome.code().to_owned())
}

/// One of the operator's own pages, without a query.
fn own_page(path: &str) -> &str {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._:-%".contains(&b);
    let own = path == "/operator" || path.starts_with("/operator/");
    if own && path.bytes().all(plain) { path } else { "/operator" }
}

async fn done(app: &App, operator: String, form: &Form) -> Result<Outcome, InternalError> {
    let Ok(key) = form.key.parse() else { return Ok(Outcome::BadInput) };
    let reason = form.reason.trim().to_owned();
    if reason.is_empty() {
        return Ok(Outcome::NoReason);
    }
    if text::line(&reason, actions::REASON_MAX).is_err() {
        return Ok(Outcome::BadInput);
    }
    let order = ActionRequest { key, operator, reason };
    let about = form.about.as_str();
    match form.act {
        Act::Give => match (Credits::parse(&plain(&form.first)).ok(), end_of(&form.second)) {
            (Some(credits), Some(until)) if credits.is_positive() && credits <= Credits::whole(1_000_000_000) => {
                actions::give(app, order, about, credits, until).await
            }
            _ => Ok(Outcome::BadInput),
        },
        Act::VoidGrant => match GrantId::parse(about) {
            Some(id) => actions::void_grant(app, order, id).await,
            None => Ok(Outcome::Unknown),
        },
        Act::VoidUsage => match UsageId::parse(about) {
            Some(id) => actions::void_usage(app, order, id).await,
            None => Ok(Outcome::Unknown),
        },
        Act::Refund | Act::ResendReceipt | Act::Recheck => match PurchaseId::parse(about) {
            Some(id) => to_purchase(app, order, form, id).await,
            None => Ok(Outcome::Unknown),
        },
        Act::RetryEvent => actions::retry_event(app, order, about).await,
        Act::Erase => actions::erase(app, order, about, &form.first).await,
        Act::Acknowledge => match about.parse() {
            Ok(no) => actions::acknowledge(app, order, no).await,
            Err(_) => Ok(Outcome::Unknown),
        },
    }
}

async fn to_purchase(app: &App, order: ActionRequest, form: &Form, id: PurchaseId) -> Result<Outcome, InternalError> {
    match form.act {
        Act::ResendReceipt => actions::resend_receipt(app, order, id).await,
        Act::Recheck => actions::recheck(app, order, id).await,
        _ => {
            let Some(purchase) = purchases::find(app, id).await? else { return Ok(Outcome::Unknown) };
            match minor(form.first.trim(), &purchase.currency) {
                Some(amount) => actions::refund(app, order, Refund { purchase: id, amount }).await,
                None => Ok(Outcome::BadInput),
            }
        }
    }
}

/// A number as a person writes it: with commas between thousands, perhaps. A comma anywhere else stays, and is refused:
/// `1,05` may be meant as little more than one.
fn plain(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let whole = text.split_once('.').map_or(text.as_str(), |(whole, _)| whole);
    let mut groups = whole.split(',');
    let first = groups.next().is_some_and(|group| (1..=3).contains(&group.len()));
    if first && groups.all(|group| group.len() == 3) && !text[whole.len()..].contains(',') {
        return text.replace(',', "");
    }
    text
}

/// The end of a day, in UTC: its last millisecond belongs to it.
fn end_of(day: &str) -> Option<Instant> {
    let day = NaiveDate::parse_from_str(day.trim(), "%Y-%m-%d").ok()?;
    let end = day.succ_opt()?.and_hms_opt(0, 0, 0)?.and_utc();
    time::may_be_named(end).then_some(end)
}

/// `9.00` in the currency's minor units.
fn minor(text: &str, currency: &str) -> Option<i64> {
    let places = decimals(currency) as usize;
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(rest) || rest.len() > places {
        return None;
    }
    format!("{whole}{rest:0<places$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_read_as_its_currency_writes_it() {
        let check = |text, currency, want| assert_eq!(minor(text, currency), want, "{text} {currency}");
        check("9", "usd", Some(900));
        check("9.5", "usd", Some(950));
        check("9.05", "usd", Some(905));
        check("9.005", "usd", None);
        check("900", "jpy", Some(900));
        check("900.5", "jpy", None);
        // A comma may be meant for either: money is not guessed.
        for bad in ["", ".", ".5", "-1", "1e3", "９", "99999999999999999999", "1,05", "1,050", "1.050,5"] {
            check(bad, "usd", None);
        }
    }

    #[test]
    fn a_comma_groups_thousands_and_nothing_else() {
        assert_eq!(plain("1,050.5"), "1050.5");
        assert_eq!(plain(" 12 000"), "12000");
        for odd in ["1,05", "2,5", "1.050,5", "1,0500", ",050", "1,", "1234,567", "1,234,56", "1.5,000"] {
            assert!(Credits::parse(&plain(odd)).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_way_back_is_one_of_the_operators_pages() {
        let check = |path, want| assert_eq!(own_page(path), want, "{path:?}");
        check("/operator/customers/acme", "/operator/customers/acme");
        check("/operator", "/operator");
        check("/billing", "/operator");
        check("//evil.example", "/operator");
        check("/operator/x?outcome=done", "/operator");
        check("/operatorx", "/operator");
        check("/operator/\r\nset-cookie: x", "/operator");
    }

    #[test]
    fn a_day_lasts_until_its_end() {
        assert_eq!(end_of("2026-12-31").map(|at| at.to_rfc3339()).as_deref(), Some("2027-01-01T00:00:00+00:00"));
        for odd in ["31.12.2026", "", "+262142-12-31", "-262143-01-01", "9999-12-31", "1969-12-30", "2026-02-30"] {
            assert_eq!(end_of(odd), None, "{odd}");
        }
    }
}
