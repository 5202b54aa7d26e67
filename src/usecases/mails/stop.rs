//! Mails that may be switched off: the address that does it, and the switch.
//!
//! The address needs no sign-in (RFC 8058): it names a member by number, bound by the shop's secret to the
//! member's e-mail. A link opens a page with one button; only its POST switches off, since scanners follow links.

use crate::args;
use crate::store::db::DbError;
use crate::usecases::{Fault, Services, Shop, flat};
use hmac::{Hmac, Mac};
use sha2::Sha256;

fn seal(shop: &Shop, member: i64, email: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&shop.secret).ok()?;
    mac.update(format!("stop-alerts\n{member}\n{email}").as_bytes());
    Some(hex::encode(&mac.finalize().into_bytes()[..16]))
}

/// Where a member switches mails about a low balance off.
#[must_use]
pub fn address(shop: &Shop, member: i64, email: &str) -> String {
    format!("{}/mails/{member}-{}", shop.site, seal(shop, member, email).unwrap_or_default())
}

/// Whom a token of such an address names: number and whether mails are on.
///
/// # Errors
/// [`Fault`].
pub async fn find(services: &Services, token: &str) -> Result<Option<(i64, bool)>, Fault> {
    let Some((member, given)) = token.split_once('-') else { return Ok(None) };
    let Ok(member) = member.parse::<i64>() else { return Ok(None) };
    let sql = "select email, alerts from members where no = $1 and removed_at is null";
    let Some(row) = services.store.read().await?.one(sql, args![member]).await? else { return Ok(None) };
    let right = seal(&super::shop(services), member, &row.text("email")?).unwrap_or_default();
    let same: bool = subtle::ConstantTimeEq::ct_eq(right.as_bytes(), given.as_bytes()).into();
    Ok(if same { Some((member, row.flag("alerts")?)) } else { None })
}

/// Switches a member's mails about a low balance on or off.
///
/// # Errors
/// [`Fault`].
pub async fn switch(services: &Services, member: i64, on: bool) -> Result<(), Fault> {
    let job = services.ledger.job(move |turn| {
        Box::pin(async move {
            turn.link.run("update members set alerts = $1 where no = $2", args![on, member]).await?;
            Ok::<_, DbError>(())
        })
    });
    job.await?.map_err(Fault::from)
}

/// Sets from how much on a customer's people are told that little is left; `None` is a tenth of the allowance.
///
/// # Errors
/// [`Fault`].
pub async fn set_low_balance(
    services: &Services,
    customer_no: i64,
    credits: Option<crate::domain::Credits>,
) -> Result<(), Fault> {
    let job = services.ledger.job(move |turn| {
        Box::pin(async move {
            // The engine remembers it.
            turn.forget(customer_no).await?;
            let credits = credits.map(|credits| credits.0);
            turn.link.run("update customers set low_balance = $1 where no = $2", args![credits, customer_no]).await?;
            Ok(())
        })
    });
    flat(job.await)
}
