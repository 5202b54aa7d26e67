//! The form of an operator's action: reads the fields, authorises, calls the use-case, redirects back with its outcome.
#![allow(clippy::too_many_arguments, reason = "the function takes each field of its form")]

use crate::domain::id::KeyId;
use crate::domain::{Credits, GrantId, Instant, PurchaseId, UsageId, text, time};
use crate::usecases::operators::actions;
use crate::usecases::operators::actions::{ActionOutcome, ActionRequest, RefundOrder};
use crate::usecases::operators::sign_in::Operator;
use crate::usecases::{App, InternalError, purchases};
use crate::web::flash::Flash;
use crate::web::form_signature::ActOn;
use crate::web::operator::{new_key, sign_in_link};
use crate::web::request_context::RequestContext;
use crate::web::return_to;
use crate::web::ui::money;
use chrono::NaiveDate;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

/// An action on one thing. Each has a form of its own; all have a reason and a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Act {
    /// Gives courtesy credits: `first` is the amount, `second` the last day.
    Give,
    VoidGrant,
    VoidUsage,
    /// `first` is the amount, with the currency's decimals.
    Refund,
    ResendReceipt,
    /// Asks Stripe for the state of a purchase.
    Recheck,
    RetryEvent,
    /// Erases a customer: `first` repeats its id.
    Erase,
    Acknowledge,
    /// Makes a one-time link to a customer's pages: `first` is the role.
    SignInLink,
    /// Makes a key of the API: `first` is its name, `second` its scope.
    MakeKey,
    RevokeKey,
    /// Switches a customer's automatic top-up off.
    EndAutoTopUp,
}

impl Act {
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

struct SentAction {
    act: Act,
    /// The id of the thing.
    about: String,
    /// Minted when the form was drawn.
    key: String,
    /// The page to come back to.
    back: String,
    reason: String,
    first: String,
    second: String,
    signature: String,
}

impl SentAction {
    /// With the typed values, so that the refused form keeps them.
    fn typed(&self, flash: Flash) -> Flash {
        let flash = flash.with("about", &self.about).with("reason", &self.reason);
        flash.with("first", &self.first).with("second", &self.second)
    }

    fn is_signed(&self, secret: &[u8], operator: &Operator) -> bool {
        let on = ActOn { act: self.act.name(), about: &self.about, back: &self.back };
        on.is_signed(secret, operator, &self.signature)
    }
}

/// Acts on the thing `about`, and redirects to the page `back` with the outcome's code, which is also the answer for a
/// client that asks for JSON. A fault is an outcome, too.
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
    let form = SentAction { act, about, key, back, reason, first, second, signature };
    let request = RequestContext::current();
    let outcome = match request.operator().await {
        Ok(Some(operator)) if !form.is_signed(&request.app.settings.form_secret, &operator) => {
            Ok(ActionOutcome::FormStale)
        }
        Ok(Some(operator)) => {
            let outcome = act_on(&request.app, operator, &form).await;
            if matches!(form.act, Act::SignInLink | Act::MakeKey) && matches!(outcome, Ok(ActionOutcome::Done)) {
                sign_in_link::remember(&request, &form.key);
            }
            outcome
        }
        Ok(None) => {
            request.redirect(&return_to::operator_sign_in(own_page(&form.back)));
            return Ok("signed_out".to_owned());
        }
        Err(fault) => Err(fault),
    };
    let outcome = outcome.unwrap_or_else(|fault| {
        tracing::error!(error = %fault, act = form.act.name(), "an operator's form failed");
        ActionOutcome::InternalError
    });
    let flash = Flash::new(outcome.code()).with("act", form.act.name());
    let is_done = matches!(outcome, ActionOutcome::Done | ActionOutcome::Again);
    request.redirect_with(own_page(&form.back), if is_done { flash } else { form.typed(flash) });
    Ok(outcome.code().to_owned())
}

/// An operator's page, without a query.
fn own_page(path: &str) -> &str {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._:-%".contains(&b);
    let own = path == "/operator" || path.starts_with("/operator/");
    if own && path.bytes().all(plain) { path } else { "/operator" }
}

async fn act_on(app: &App, operator: Operator, form: &SentAction) -> Result<ActionOutcome, InternalError> {
    let Ok(key) = form.key.parse() else { return Ok(ActionOutcome::BadInput) };
    let reason = form.reason.trim().to_owned();
    if reason.is_empty() {
        return Ok(ActionOutcome::NoReason);
    }
    if text::check_line(&reason, actions::REASON_MAX).is_err() {
        return Ok(ActionOutcome::BadInput);
    }
    let action = ActionRequest { key, operator: operator.email.clone(), reason };
    let about = form.about.as_str();
    match form.act {
        Act::Give => match (Credits::parse_typed(&form.first).ok(), end_of(&form.second)) {
            (Some(credits), Some(until)) if credits.is_positive() && credits <= Credits::whole(1_000_000_000) => {
                actions::give_credits(app, action, about, credits, until).await
            }
            _ => Ok(ActionOutcome::BadInput),
        },
        Act::VoidGrant => match GrantId::parse(about) {
            Some(id) => actions::void_grant(app, action, id).await,
            None => Ok(ActionOutcome::Unknown),
        },
        Act::VoidUsage => match UsageId::parse(about) {
            Some(id) => actions::void_usage(app, action, id).await,
            None => Ok(ActionOutcome::Unknown),
        },
        Act::Refund | Act::ResendReceipt | Act::Recheck => match PurchaseId::parse(about) {
            Some(id) => act_on_purchase(app, action, form, id).await,
            None => Ok(ActionOutcome::Unknown),
        },
        Act::SignInLink => sign_in_link::make(app, action, &operator, about, &form.first).await,
        Act::MakeKey => new_key::make(app, action, &operator, &form.first, &form.second).await,
        Act::RevokeKey => match KeyId::parse(about) {
            Some(id) => actions::revoke_key(app, action, id).await,
            None => Ok(ActionOutcome::Unknown),
        },
        Act::EndAutoTopUp => actions::switch_off_auto_top_up(app, action, about).await,
        Act::RetryEvent => actions::retry_event(app, action, about).await,
        Act::Erase => actions::erase_closed_customer(app, action, about, &form.first).await,
        Act::Acknowledge => match about.parse() {
            Ok(no) => actions::acknowledge_action(app, action, no).await,
            Err(_) => Ok(ActionOutcome::Unknown),
        },
    }
}

async fn act_on_purchase(
    app: &App,
    action: ActionRequest,
    form: &SentAction,
    id: PurchaseId,
) -> Result<ActionOutcome, InternalError> {
    match form.act {
        Act::ResendReceipt => actions::resend_receipt(app, action, id).await,
        Act::Recheck => actions::recheck_at_stripe(app, action, id).await,
        _ => {
            let Some(purchase) = purchases::find_purchase(app, id).await? else { return Ok(ActionOutcome::Unknown) };
            match money::read(form.first.trim(), &purchase.currency).map(|money| money.minor) {
                Some(amount) => actions::refund_purchase(app, action, RefundOrder { purchase: id, amount }).await,
                None => Ok(ActionOutcome::BadInput),
            }
        }
    }
}

/// The end of a day, in UTC.
fn end_of(day: &str) -> Option<Instant> {
    let day = NaiveDate::parse_from_str(day.trim(), "%Y-%m-%d").ok()?;
    let end = day.succ_opt()?.and_hms_opt(0, 0, 0)?.and_utc();
    time::may_be_named(end).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

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
