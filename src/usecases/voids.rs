//! Undoing a usage (R11): once, whole, with a reason.

use super::bound::Refused;
use super::{Fault, usages};
use crate::args;
use crate::domain::entry::note_hash;
use crate::domain::{GrantId, Instant, Summary, UsageId};
use crate::ledger::Turn;
use crate::store::days::{self, DayKey, Totals};
use crate::store::metrics::Metrics;

/// A usage that was undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voided {
    /// The usage as it is stored now.
    pub usage: usages::Usage,
    /// When it was undone.
    pub at: Instant,
    /// The balance right after it.
    pub balance: Summary,
}

/// Returns a usage whole to the grants that it came from.
///
/// # Errors
/// [`Fault`].
pub async fn usage(turn: &mut Turn, id: UsageId, reason: &str) -> Result<Result<Voided, Refused>, Fault> {
    let Some(usage) = usages::load(&mut turn.link, id).await? else { return Ok(Err(Refused::Unknown)) };
    if usage.voided_at.is_some() {
        return Ok(Err(Refused::AlreadyVoided));
    }
    let (no, grants) = (usage.customer_no, usage.draws.iter().map(|draw| draw.grant).collect::<Vec<GrantId>>());
    turn.adopt(no, &grants).await?;
    let salt = *turn.clock.mint().as_bytes();
    let note = Some(note_hash(&salt, reason));
    let (done, at) = turn
        .act(no, |account, at, _, changes| {
            account.void_usage(id, &usage.draws, note, at, changes).map(|()| Summary::of(account, at))
        })
        .await?;
    let Ok(balance) = done else { return Err(Fault::Broken(format!("{id} cannot return to its grants"))) };
    let sql = "update usages set voided_at = $1, void_reason = $2, void_salt = $3 where id = $4";
    turn.link.run(sql, args![at, reason, salt, id.bytes()]).await?;
    off_its_day(turn, &usage).await?;
    Ok(Ok(Voided { usage, at, balance }))
}

/// An undone usage counts no more on the day that it was on.
async fn off_its_day(turn: &mut Turn, usage: &usages::Usage) -> Result<(), Fault> {
    let key = DayKey {
        day: days::day_of(usage.created_at),
        customer_no: usage.customer_no,
        operation: usage.operation.clone().unwrap_or_default(),
        source: usage.source.clone().unwrap_or_default(),
        cycle_start: 0,
    };
    // The usage may be one of this batch.
    turn.flush().await?;
    let row = days::row_of(&mut turn.link, &key, usage.created_at).await?;
    let row = row.ok_or_else(|| Fault::Broken(format!("{} is on no day", usage.id)))?;
    turn.add_metrics(key.day, key.customer_no, &Metrics::of(usage.quantities.as_deref()).undone());
    turn.add_to_day(row, &Totals::of(&usage.draws).undone());
    Ok(())
}
