//! Webhooks about events that the SaaS did not cause itself: a top-up was credited, credits run low, none are left. It can
//! resume the jobs that it paused, or pause them before they are refused. (Alarms: `alarms::announcements`.)
//!
//! *Not here:* how a message leaves (`delivery::webhooks`), which balance is low (`domain::balance_alert`).

use crate::domain::balance_alert::{AlertKind, BalanceAlert};
use crate::domain::{Account, Credits, Instant, Summary};
use crate::ledger::WriteTransaction;
use crate::time_zone::rfc3339;
use crate::usecases::notify::emails::PurchaseData;
use crate::usecases::outgoing::enqueue_webhook;
use crate::usecases::{InternalError, ShopSettings};
use serde::Serialize;
use serde_json::value::RawValue;

const CREDITED: &str = "top_up.credited";
const LOW: &str = "credits.low";
const EXHAUSTED: &str = "credits.exhausted";
const SUSPENDED: &str = "auto_top_up.suspended";
const BLOCKED: &str = "auto_top_up.blocked";
const CONFIRM: &str = "auto_top_up.confirmation_required";

/// A message, as Standard Webhooks shapes it.
#[derive(Serialize)]
struct WebhookMessage<T> {
    #[serde(rename = "type")]
    kind: &'static str,
    /// When it was so.
    timestamp: String,
    data: T,
}

#[derive(Serialize)]
struct CreditedData<'a> {
    customer: &'a str,
    purchase: String,
    origin: &'static str,
    credits: Box<RawValue>,
    expires_at: String,
    balance: BalanceFields,
}

#[derive(Serialize)]
struct BalanceData<'a> {
    customer: &'a str,
    balance: BalanceFields,
    /// The end of the cycle: the allowance is there again.
    resets_at: String,
    /// Where people buy, if their plan may.
    buy_url: Option<String>,
}

/// The five numbers that also answer a charge.
#[derive(Serialize)]
struct BalanceFields {
    available: Box<RawValue>,
    plan: Box<RawValue>,
    courtesy: Box<RawValue>,
    top_up: Box<RawValue>,
    held: Box<RawValue>,
}

fn credits_number(credits: Credits) -> Box<RawValue> {
    RawValue::from_string(credits.to_string()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

impl From<Summary> for BalanceFields {
    fn from(s: Summary) -> Self {
        Self {
            available: credits_number(s.available),
            plan: credits_number(s.plan),
            courtesy: credits_number(s.courtesy),
            top_up: credits_number(s.top_up),
            held: credits_number(s.held),
        }
    }
}

/// Writes the webhook of a purchase that is being credited.
pub async fn enqueue_credited(
    tx: &mut WriteTransaction,
    shop: &ShopSettings,
    purchase: &PurchaseData,
    at: Instant,
    expires_at: Instant,
) -> Result<(), InternalError> {
    if !shop.hooked {
        return Ok(());
    }
    let account = tx.account(purchase.customer_no).await?.0;
    let data = CreditedData {
        customer: &account.customer,
        purchase: purchase.id.to_string(),
        origin: purchase.origin.name(),
        credits: credits_number(purchase.credits),
        expires_at: rfc3339(expires_at),
        balance: Summary::of(account, at).into(),
    };
    let message = WebhookMessage { kind: CREDITED, timestamp: rfc3339(at), data };
    let (body, key) = (to_json(&message)?, format!("{CREDITED}:{}", purchase.id));
    Ok(enqueue_webhook(tx, Some(purchase.customer_no), CREDITED, key, body).await?)
}

/// Writes the webhook of a balance alert, unless the alert is no longer true.
pub async fn enqueue_balance_alert(
    tx: &mut WriteTransaction,
    shop: &ShopSettings,
    no: i64,
    alert: BalanceAlert,
    account: &Account,
    low: Credits,
) -> Result<(), InternalError> {
    let balance = Summary::of(account, account.last_at);
    let left = balance.available + balance.held;
    // The gravest is on the list alone: credits may run low at the very charge that used the plan up.
    let kind = match alert.kind {
        AlertKind::Out if left.is_zero() => EXHAUSTED,
        AlertKind::Low | AlertKind::PlanUsedUp if left.is_positive() && left <= low => LOW,
        _ => return Ok(()),
    };
    if !shop.hooked {
        return Ok(());
    }
    let buys = tx.catalog.may_buy(&account.plan);
    let data = BalanceData {
        customer: &account.customer,
        balance: balance.into(),
        resets_at: rfc3339(account.cycle.end),
        buy_url: buys.then(|| format!("{}/billing", shop.site)),
    };
    let body = to_json(&WebhookMessage { kind, timestamp: rfc3339(alert.at), data })?;
    Ok(enqueue_webhook(tx, Some(no), kind, format!("{kind}:{no}:{}", alert.seq), body).await?)
}

#[derive(Serialize)]
struct RuleData<'a> {
    customer: &'a str,
    /// Of a suspension.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// Of a payment that waits for its confirmation.
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase: Option<String>,
    /// Where a person sees it, or confirms.
    url: String,
}

/// Writes the webhook of a rule of automatic top-ups that was suspended.
pub(crate) async fn enqueue_suspended(
    tx: &mut WriteTransaction,
    no: i64,
    consent: i64,
    reason: &'static str,
) -> Result<(), InternalError> {
    let key = format!("{SUSPENDED}:{consent}");
    enqueue_rule(tx, no, SUSPENDED, key, Some(reason), None).await
}

/// Writes the webhook of a cap that leaves no room.
pub(crate) async fn enqueue_blocked(tx: &mut WriteTransaction, no: i64) -> Result<(), InternalError> {
    let key = format!("{BLOCKED}:{no}:{}", tx.now().timestamp_millis());
    enqueue_rule(tx, no, BLOCKED, key, None, None).await
}

/// Writes the webhook of an automatic payment that a person must confirm, at `url`.
pub(crate) async fn enqueue_confirm(
    tx: &mut WriteTransaction,
    purchase: &PurchaseData,
    url: &str,
) -> Result<(), InternalError> {
    let key = format!("{CONFIRM}:{}", purchase.id);
    enqueue_rule(tx, purchase.customer_no, CONFIRM, key, None, Some((purchase.id.to_string(), url))).await
}

async fn enqueue_rule(
    tx: &mut WriteTransaction,
    no: i64,
    kind: &'static str,
    key: String,
    reason: Option<&'static str>,
    to_confirm: Option<(String, &str)>,
) -> Result<(), InternalError> {
    if !tx.alarm_channels.webhooks {
        return Ok(());
    }
    let page = format!("{}/auto-top-up", tx.alarm_channels.site);
    let (account, at) = tx.account(no).await?;
    let (purchase, url) = to_confirm.map_or((None, page), |(purchase, url)| (Some(purchase), url.to_owned()));
    let data = RuleData { customer: &account.customer, reason, purchase, url };
    let body = to_json(&WebhookMessage { kind, timestamp: rfc3339(at), data })?;
    Ok(enqueue_webhook(tx, Some(no), kind, key, body).await?)
}

fn to_json(message: &impl Serialize) -> Result<String, InternalError> {
    serde_json::to_string(message).map_err(|e| InternalError::Broken(format!("a message could not be written: {e}")))
}
