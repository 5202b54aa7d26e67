//! What a balance has come to: expired, plan credits used up, running low, out of credits.

use crate::domain::news::What;
use crate::domain::{Account, Credits, Instant, Summary};
use crate::ledger::WriteTransaction;
use crate::usecases::Shop;
use crate::usecases::notify::emails::{Addressed, Letter, counted, draft, verb};

/// What happened, and to whom.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// What.
    pub what: What,
    /// When.
    pub at: Instant,
    /// What expired, or what was left.
    pub credits: Credits,
    /// The line of the ledger.
    pub seq: i64,
}

/// The mail; none where it has become untrue meanwhile.
#[must_use]
pub fn letter(
    tx: &WriteTransaction,
    shop: &Shop,
    to: &Addressed,
    told: Told,
    account: &Account,
    low: Credits,
) -> Option<Letter> {
    let balance = Summary::of(account, account.last_at);
    let (zone, left) = (to.zone, balance.available + balance.held);
    let resets = zone.day(account.cycle.end);
    let may_buy = tx.catalog.may_buy(&account.plan);
    let (subject, heading, line) = match told.what {
        What::Expired => {
            let heading = format!("{} {} expired", counted(told.credits, ""), verb(told.credits, "has", "have"));
            (heading.clone(), heading, "Top-ups that are left are not touched by this.".to_owned())
        }
        What::Out if left.is_zero() => (
            "Out of credits: requests are refused".to_owned(),
            "You are out of credits. New requests are refused.".to_owned(),
            format!("{}, or wait for the reset on {resets}.", if may_buy { "Buy a top-up" } else { "Upgrade" }),
        ),
        What::PlanUsedUp if (balance.plan + balance.courtesy).is_zero() && left.is_positive() => (
            "Plan credits used up, top-ups in use".to_owned(),
            "Plan credits are used up. Top-ups are now in use.".to_owned(),
            format!("Plan resets {resets}."),
        ),
        What::Low if left <= low => (
            format!("Running low: {} left", counted(left, "")),
            format!("{} {} left", counted(left, ""), verb(left, "is", "are")),
            format!("{}Plan resets {resets}.", if may_buy { "A top-up keeps requests going. " } else { "" }),
        ),
        What::Out | What::PlanUsedUp | What::Low => return None,
    };
    let mut draft = draft(tx, shop, heading);
    draft.lines.push(line);
    draft.facts.push(("For", to.name.clone()));
    if told.what == What::Expired {
        draft.facts.push(("Expired", zone.full(told.at)));
    }
    draft.facts.push(("Available now", balance.available.grouped()));
    if told.what == What::PlanUsedUp {
        draft.facts.push(("Left in top-ups", balance.top_up.grouped()));
    }
    Some(Letter {
        key: format!("news:{}:{}:{}", to.no, told.what.name(), told.seq),
        kind: told.what.name(),
        subject,
        draft,
        cause: None,
        may_stop: told.what != What::Expired,
    })
}
