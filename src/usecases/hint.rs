//! The upgrade hint (R17): the last cycles' figures for the domain's comparison, and putting it aside.

use super::{Fault, Services, flat};
use crate::args;
use crate::domain::advice::{Advice, PastCycle, advise};
use crate::domain::{Account, Credits, Grant, Instant, Kind};
use crate::store::accounts::{self, GRANT, GRANTS};
use crate::store::db::{DbError, Link, Row};
use crate::store::entries;

/// How many cycles are looked at.
const CYCLES: i64 = 3;
/// How many lines are walked back over. For whoever has more no sum can be shown, and nothing is said.
const LINES_MAX: i64 = 20_000;
/// How many purchases are summed up.
const PURCHASES_MAX: i64 = 1_000;

/// The comparison for a customer, unless it was put aside until a reset to come. `account` stands at `now`.
///
/// # Errors
/// [`Fault`].
pub async fn of(services: &Services, no: i64, account: &Account, now: Instant) -> Result<Option<Advice>, Fault> {
    let mut link = services.store.snapshot().await?;
    let row = link.one("select hint_hidden_until from customers where no = $1", args![no]).await?;
    let hidden = row.map(|row| row.opt_at("hint_hidden_until")).transpose()?.flatten();
    if hidden.is_some_and(|until| until > now) {
        return Ok(None);
    }
    let grants = plan_grants(&mut link, no).await?;
    // Only whole cycles of the present plan tell something about it: none in which a plan ended unpaid.
    let allowance = services.catalog.allowance(&account.plan);
    let tells = |grant: &Grant| grant.amount == allowance && !grant.is_voided;
    let grants: Vec<Grant> = grants.into_iter().take_while(tells).collect();
    if grants.iter().filter(|grant| ran_out(grant)).count() < 2 {
        return Ok(None);
    }
    let Some(cycles) = cycles(&mut link, no, &grants).await? else { return Ok(None) };
    Ok(advise(&services.catalog, &account.plan, &cycles))
}

fn ran_out(grant: &Grant) -> bool {
    grant.remaining().is_zero() && grant.expired.is_zero() && grant.amount.is_positive()
}

/// The newest plan grants, newest first: a cycle each.
async fn plan_grants(link: &mut Link, no: i64) -> Result<Vec<Grant>, DbError> {
    let sql =
        format!("select {GRANT} from {GRANTS} where g.customer_no = $1 and g.kind = $2 order by g.no desc limit $3");
    let rows = link.all(sql, args![no, i64::from(Kind::Plan.code()), CYCLES]).await?;
    rows.iter().map(accounts::grant_of).collect()
}

/// What was used and bought in each cycle; nothing where there is too much to add up.
async fn cycles(link: &mut Link, no: i64, grants: &[Grant]) -> Result<Option<Vec<PastCycle>>, DbError> {
    let mut cycles = Vec::with_capacity(grants.len());
    let mut later = Credits::ZERO;
    for grant in grants {
        let found = entries::used_since(link, no, grant.effective_at, LINES_MAX).await?;
        if found.from > grant.effective_at {
            return Ok(None);
        }
        cycles.push(PastCycle { used: found.used - later, ran_out: ran_out(grant), bought: 0 });
        later = found.used;
    }
    let Some(first) = grants.last() else { return Ok(None) };
    let sql = "select credited_at, amount - refunded_amount as paid from purchases
        where customer_no = $1 and credited_at >= $2 limit $3";
    let rows = link.all(sql, args![no, first.effective_at, PURCHASES_MAX]).await?;
    let paid = |row: &Row| Ok::<_, DbError>((row.at("credited_at")?, row.int("paid")?));
    for (at, paid) in rows.iter().map(paid).collect::<Result<Vec<_>, _>>()? {
        if let Some(n) = grants.iter().position(|grant| grant.effective_at <= at) {
            cycles[n].bought = cycles[n].bought.saturating_add(paid.max(0));
        }
    }
    Ok(Some(cycles))
}

/// Puts the hint aside until the next reset, for everybody of the customer.
///
/// # Errors
/// [`Fault`].
pub async fn hide(services: &Services, customer_no: i64) -> Result<(), Fault> {
    let job = services.ledger.job(move |turn| {
        Box::pin(async move {
            let until = turn.account(customer_no).await?.0.cycle.end;
            turn.link
                .run("update customers set hint_hidden_until = $1 where no = $2", args![until, customer_no])
                .await?;
            Ok::<_, Fault>(())
        })
    });
    flat(job.await)
}
