//! A customer's billing cycle and the one before it.

use crate::args;
use crate::domain::{Cycle, Instant, Kind};
use crate::store::db::{Connection, DbError};

/// Plan grants that are read to find the last cycle's: a cycle has more than one only after unpaid plans.
const PLAN_GRANTS: i64 = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cycles {
    pub this: Cycle,
    /// `None` for a customer who came in this cycle. It begins when the customer came, if that was in it.
    pub last: Option<Cycle>,
    pub customer_since: Instant,
}

/// The cycles of a customer; `None` without an account.
pub async fn cycles(db: &mut Connection, customer_no: i64) -> Result<Option<Cycles>, DbError> {
    let sql = "select a.cycle_start, a.cycle_end, c.created_at from accounts a join customers c on c.no = a.customer_no
         where a.customer_no = $1";
    let Some(row) = db.fetch_optional(sql, args![customer_no]).await? else { return Ok(None) };
    let this = Cycle { start: row.at("cycle_start")?, end: row.at("cycle_end")? };
    let sql =
        "select effective_at, expires_at from grants where customer_no = $1 and kind = $2 order by no desc limit $3";
    let rows = db.fetch_all(sql, args![customer_no, i64::from(Kind::Plan.code()), PLAN_GRANTS]).await?;
    let grants = rows.iter().map(|row| Ok((row.at("effective_at")?, row.at("expires_at")?)));
    let grants = grants.collect::<Result<Vec<(Instant, Instant)>, DbError>>()?;
    let starts = grants.into_iter().filter(|(_, end)| *end == this.start).map(|(start, _)| start);
    let last = starts.min().map(|start| Cycle { start, end: this.start });
    Ok(Some(Cycles { this, last, customer_since: row.at("created_at")? }))
}
