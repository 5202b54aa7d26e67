//! Emails that may be switched off: the address that does it, and the switch.
//!
//! The address needs no sign-in (RFC 8058): it names a member by number, bound by the shop's secret to the
//! member's email. A link opens a page with one button; only its POST switches off, since scanners follow links.

use crate::args;
use crate::domain::Credits;
use crate::usecases::access::sessions;
use crate::usecases::access::sessions::Viewer;
use crate::usecases::{App, InternalError, ShopSettings};
use hmac::{Hmac, Mac};
use sha2::Sha256;

fn unsubscribe_signature(shop: &ShopSettings, member: i64, email: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&shop.secret).ok()?;
    mac.update(format!("stop-alerts\n{member}\n{email}").as_bytes());
    Some(hex::encode(&mac.finalize().into_bytes()[..16]))
}

/// Where a member switches emails about a low balance off.
#[must_use]
pub fn unsubscribe_address(shop: &ShopSettings, member: i64, email: &str) -> String {
    format!("{}/mails/{member}-{}", shop.site, unsubscribe_signature(shop, member, email).unwrap_or_default())
}

/// Whom a token of such an address names: number and whether emails are on.
pub async fn find_subscription_switch(app: &App, token: &str) -> Result<Option<(i64, bool)>, InternalError> {
    let Some((member, given)) = token.split_once('-') else { return Ok(None) };
    let Ok(member) = member.parse::<i64>() else { return Ok(None) };
    let sql = "select email, alerts from members where no = $1 and removed_at is null";
    let Some(row) = app.store.read().await?.fetch_optional(sql, args![member]).await? else { return Ok(None) };
    let right = unsubscribe_signature(&app.shop(), member, &row.text("email")?).unwrap_or_default();
    let same: bool = subtle::ConstantTimeEq::ct_eq(right.as_bytes(), given.as_bytes()).into();
    Ok(if same { Some((member, row.flag("alerts")?)) } else { None })
}

/// Switches a member's emails about a low balance on or off.
pub async fn switch_alerts(app: &App, member: i64, on: bool) -> Result<(), InternalError> {
    app.write_anonymous(move |tx| {
        Box::pin(async move {
            tx.db.execute("update members set alerts = $1 where no = $2", args![on, member]).await?;
            Ok(())
        })
    })
    .await
}

/// Sets from how much on a customer's people are told that little is left; `None` is a tenth of the allowance.
pub async fn set_low_balance_alert(app: &App, customer_no: i64, credits: Option<Credits>) -> Result<(), InternalError> {
    app.write(move |tx| {
        Box::pin(async move {
            // The engine remembers it.
            tx.evict_account(customer_no).await?;
            let credits = credits.map(|credits| credits.0);
            tx.db.execute("update customers set low_balance = $1 where no = $2", args![credits, customer_no]).await?;
            Ok(())
        })
    })
    .await
}

/// The choices about alert emails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlertChoice {
    /// From how much on little is left; `None` is a tenth of the allowance.
    pub low_balance: Option<Credits>,
    /// True if the reader gets emails about a low balance; `None` for who gets none anyway.
    pub alerts: Option<bool>,
}

/// The choices of a viewer and the viewer's customer.
pub async fn alert_choice(app: &App, viewer: &Viewer) -> Result<AlertChoice, InternalError> {
    let sql = "select c.low_balance, m.alerts, m.role from customers c
        left join members m on m.customer_no = c.no and m.email = $2 and m.removed_at is null where c.no = $1";
    let row = app.store.read().await?.fetch_optional(sql, args![viewer.customer_no, viewer.email.clone()]).await?;
    let row = row.ok_or_else(|| InternalError::Broken("a session of no customer".to_owned()))?;
    let alerts = row.opt_int("alerts")?.map(|alerts| alerts != 0);
    let alerts = alerts.filter(|_| viewer.role.may_manage());
    Ok(AlertChoice { low_balance: row.opt_int("low_balance")?.map(Credits), alerts })
}

/// The same as [`set_low_balance_alert`] by a person; whether the role allows it.
pub async fn choose_low_balance(app: &App, viewer: &Viewer, to: Option<Credits>) -> Result<bool, InternalError> {
    let (viewer, idle) = (viewer.clone(), sessions::idle_since(app));
    app.write(move |tx| {
        Box::pin(async move {
            if !sessions::may_manage(tx, &viewer, idle).await? {
                return Ok(false);
            }
            // The engine remembers it.
            tx.evict_account(viewer.customer_no).await?;
            let sql = "update customers set low_balance = $1 where no = $2 and closed_at is null";
            Ok(tx.db.execute(sql, args![to.map(|to| to.0), viewer.customer_no]).await? > 0)
        })
    })
    .await
}

/// Switches a person's own emails about a low balance on or off; whether there is such a member.
pub async fn choose_alerts(app: &App, viewer: &Viewer, on: bool) -> Result<bool, InternalError> {
    let (viewer, idle) = (viewer.clone(), sessions::idle_since(app));
    app.write(move |tx| {
        Box::pin(async move {
            if !sessions::may_manage(tx, &viewer, idle).await? {
                return Ok(false);
            }
            let sql = "update members set alerts = $1 where customer_no = $2 and email = $3 and removed_at is null";
            Ok(tx.db.execute(sql, args![on, viewer.customer_no, viewer.email]).await? > 0)
        })
    })
    .await
}
