//! Less, or off.

use crate::args;
use crate::domain::Credits;
use crate::domain::auto_top_up::Agreement;
use crate::ledger::WriteTransaction;
use crate::usecases::access::sessions;
use crate::usecases::access::sessions::Viewer;
use crate::usecases::agreements::{self, EndedBy, RuleState, insert_lower_limits, load_rule};
use crate::usecases::auto_top_up::begin::{invalid_field, member_no};
use crate::usecases::notify::emails::auto_top_up as mails;
use crate::usecases::{App, InternalError};

/// The result of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeOutcome {
    Done,
    /// It takes more than was agreed to.
    NeedsConsent,
    /// This field: `threshold` or `cap`.
    Invalid(&'static str),
    /// The viewer may not.
    NotAllowed,
    /// No rule is on.
    Off,
}

/// Lowers threshold and cap; it acts at once.
pub async fn change_limits(
    app: &App,
    viewer: &Viewer,
    threshold: Credits,
    cap: i64,
) -> Result<ChangeOutcome, InternalError> {
    let (viewer, idle) = (viewer.clone(), sessions::idle_since(app));
    app.write(move |tx| {
        Box::pin(async move {
            if !sessions::may_manage(tx, &viewer, idle).await? {
                return Ok(ChangeOutcome::NotAllowed);
            }
            let member = member_no(tx, &viewer).await?;
            lower(tx, (viewer.customer_no, member), threshold, cap).await
        })
    })
    .await
}

async fn lower(
    tx: &mut WriteTransaction,
    (no, member): (i64, Option<i64>),
    threshold: Credits,
    cap: i64,
) -> Result<ChangeOutcome, InternalError> {
    tx.evict_account(no).await?;
    let Some(rule) = load_rule(&mut tx.db, no).await?.filter(|rule| rule.state == RuleState::On) else {
        return Ok(ChangeOutcome::Off);
    };
    let lower = Agreement { threshold, cap, ..rule.agreed.clone() };
    if let Some(field) = invalid_field(&lower) {
        return Ok(ChangeOutcome::Invalid(field));
    }
    if !rule.agreed.covers(&lower) {
        return Ok(ChangeOutcome::NeedsConsent);
    }
    if lower == rule.agreed {
        return Ok(ChangeOutcome::Done);
    }
    let sql = "update auto_top_ups set threshold = $1, cap = $2, changed_at = $3 where customer_no = $4";
    tx.db.execute(sql, args![threshold, cap, tx.now(), no]).await?;
    insert_lower_limits(tx, (no, rule.consent), member, &lower).await?;
    mails::enqueue_changed(tx, no, rule.consent, &lower).await?;
    agreements::look_now(tx, no).await?;
    Ok(ChangeOutcome::Done)
}

/// Switches the rule off, in whatever state it is; says whether the viewer may.
pub async fn switch_off(app: &App, viewer: &Viewer) -> Result<bool, InternalError> {
    let (viewer, idle) = (viewer.clone(), sessions::idle_since(app));
    app.write(move |tx| {
        Box::pin(async move {
            if !sessions::may_manage(tx, &viewer, idle).await? {
                return Ok(false);
            }
            let member = member_no(tx, &viewer).await?;
            agreements::end_rule(tx, viewer.customer_no, EndedBy::Member(member)).await?;
            Ok(true)
        })
    })
    .await
}

/// The same for the SaaS.
pub async fn switch_off_by_api(app: &App, customer_no: i64) -> Result<(), InternalError> {
    app.write(move |tx| Box::pin(async move { switch_off_in(tx, customer_no, EndedBy::Api).await.map(drop) })).await
}

/// The same inside a transaction; says whether there was anything to switch off.
pub(crate) async fn switch_off_in(
    tx: &mut WriteTransaction,
    customer_no: i64,
    by: EndedBy,
) -> Result<bool, InternalError> {
    agreements::end_rule(tx, customer_no, by).await
}

/// A customer changed at Stripe: where its tax could not be computed, it is tried again.
pub(crate) async fn address_changed(app: &App, stripe_customer: &str) -> Result<(), InternalError> {
    let sql = "select t.customer_no from auto_top_ups t join customers c on c.no = t.customer_no
        where c.stripe_customer = $1 and t.state = 'on' and t.tax_unknown_at is not null";
    let row = app.store.read().await?.fetch_optional(sql, args![stripe_customer]).await?;
    let Some(no) = row.map(|row| row.int("customer_no")).transpose()? else { return Ok(()) };
    app.write(move |tx| {
        Box::pin(async move {
            tx.evict_account(no).await?;
            let sql = "update auto_top_ups set tax_unknown_at = null, unit_total = null where customer_no = $1";
            tx.db.execute(sql, args![no]).await?;
            agreements::look_now(tx, no).await
        })
    })
    .await
}
