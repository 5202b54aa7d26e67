//! Emails of balance alerts: expired, plan credits used up, running low, out of credits.

use crate::domain::balance_alert::{AlertKind, BalanceAlert};
use crate::domain::{Account, Credits, Summary};
use crate::ledger::WriteTransaction;
use crate::usecases::Shop;
use crate::usecases::notify::emails::{Addressed, Announcement, counted, draft, verb};

/// The email of an alert, unless the alert is no longer true.
#[must_use]
pub fn letter(
    tx: &WriteTransaction,
    shop: &Shop,
    to: &Addressed,
    alert: BalanceAlert,
    account: &Account,
    low: Credits,
) -> Option<Announcement> {
    let balance = Summary::of(account, account.last_at);
    let (zone, left) = (to.zone, balance.available + balance.held);
    let resets = zone.day(account.cycle.end);
    let may_buy = tx.catalog.may_buy(&account.plan);
    let (subject, heading, line) = match alert.kind {
        AlertKind::Expired => {
            let heading = format!("{} {} expired", counted(alert.credits, ""), verb(alert.credits, "has", "have"));
            (heading.clone(), heading, "Top-ups that are left are not touched by this.".to_owned())
        }
        AlertKind::Out if left.is_zero() => (
            "Out of credits: requests are refused".to_owned(),
            "You are out of credits. New requests are refused.".to_owned(),
            format!("{}, or wait for the reset on {resets}.", if may_buy { "Buy a top-up" } else { "Upgrade" }),
        ),
        AlertKind::PlanUsedUp if (balance.plan + balance.courtesy).is_zero() && left.is_positive() => (
            "Plan credits used up, top-ups in use".to_owned(),
            "Plan credits are used up. Top-ups are now in use.".to_owned(),
            format!("Plan resets {resets}."),
        ),
        AlertKind::Low if left <= low => (
            format!("Running low: {} left", counted(left, "")),
            format!("{} {} left", counted(left, ""), verb(left, "is", "are")),
            format!("{}Plan resets {resets}.", if may_buy { "A top-up keeps requests going. " } else { "" }),
        ),
        AlertKind::Out | AlertKind::PlanUsedUp | AlertKind::Low => return None,
    };
    let mut draft = draft(tx, shop, heading);
    draft.lines.push(line);
    draft.facts.push(("For", to.name.clone()));
    if alert.kind == AlertKind::Expired {
        draft.facts.push(("Expired", zone.full(alert.at)));
    }
    draft.facts.push(("Available now", balance.available.grouped()));
    if alert.kind == AlertKind::PlanUsedUp {
        draft.facts.push(("Left in top-ups", balance.top_up.grouped()));
    }
    Some(Announcement {
        key: format!("news:{}:{}:{}", to.no, alert.kind.name(), alert.seq),
        kind: alert.kind.name(),
        subject,
        draft,
        cause: None,
        may_stop: alert.kind != AlertKind::Expired,
    })
}
