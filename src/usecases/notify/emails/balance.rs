//! Emails of balance alerts: expired, plan credits used up, running low, out of credits.

use crate::domain::balance_alert::{AlertKind, BalanceAlert};
use crate::domain::forecast::about;
use crate::domain::{Account, Catalog, Credits, Summary};
use crate::usecases::ShopSettings;
use crate::usecases::notify::emails::{
    Addressed, Announcement, Reason, announcement_draft, buy_button, counted, plural_verb,
};

/// The email of an alert, unless the alert is no longer true.
#[must_use]
pub fn balance_letter(
    catalog: &Catalog,
    shop: &ShopSettings,
    to: &Addressed,
    alert: BalanceAlert,
    account: &Account,
    low: Credits,
) -> Option<Announcement> {
    let balance = Summary::of(account, account.last_at);
    let (zone, left) = (to.zone, balance.available + balance.held);
    let resets = zone.day(account.cycle.end);
    let may_buy = catalog.may_buy(&account.plan);
    let (subject, heading, line) = match alert.kind {
        AlertKind::Expired => {
            let heading =
                format!("{} {} expired", counted(alert.credits, ""), plural_verb(alert.credits, "has", "have"));
            (heading.clone(), heading, "Your other top-ups aren't affected.".to_owned())
        }
        AlertKind::Out if left.is_zero() => (
            "You're out of credits: requests fail".to_owned(),
            "You're out of credits. New requests will fail.".to_owned(),
            format!("{}, or wait for the reset on {resets}.", if may_buy { "Buy a top-up" } else { "Upgrade" }),
        ),
        AlertKind::PlanUsedUp if (balance.plan + balance.courtesy).is_zero() && left.is_positive() => (
            "Plan credits used up, top-ups in use".to_owned(),
            "Your plan credits are used up, so we're using your top-ups.".to_owned(),
            format!("Your plan resets on {resets}."),
        ),
        AlertKind::Low if left <= low => (
            format!("About {} left", counted(few(left), "")),
            format!("About {} left", counted(few(left), "")),
            format!("{}Your plan resets on {resets}.", if may_buy { "A top-up keeps requests going. " } else { "" }),
        ),
        AlertKind::Out | AlertKind::PlanUsedUp | AlertKind::Low => return None,
    };
    let mut draft = announcement_draft(catalog, shop, heading);
    draft.lines.push(line);
    draft.facts.push(("For", to.name.clone()));
    if alert.kind == AlertKind::Expired {
        draft.facts.push(("Expired", zone.full(alert.at)));
    }
    draft.facts.push(("Available now", balance.available.grouped()));
    if alert.kind == AlertKind::PlanUsedUp {
        draft.facts.push(("Left in top-ups", balance.top_up.grouped()));
    }
    if matches!(alert.kind, AlertKind::Low | AlertKind::Out) {
        draft.button = buy_button(catalog, shop, to, &account.plan).or(draft.button);
    }
    let is_expired = alert.kind == AlertKind::Expired;
    Some(Announcement {
        key: format!("news:{}:{}:{}", to.no, alert.kind.name(), alert.seq),
        kind: alert.kind.name(),
        subject,
        draft,
        cause: None,
        reason: if is_expired { Reason::Always("Emails about expired credits") } else { Reason::Balance },
    })
}

/// Two digits; less than half a credit as it is.
fn few(left: Credits) -> Credits {
    let few = about(left);
    if few.is_zero() { left } else { few }
}
