//! Undoing a usage (R11): once, whole, with a reason.

use crate::args;
use crate::domain::entry::note_hash;
use crate::domain::{GrantId, Instant, Summary, UsageId};
use crate::ledger::WriteTransaction;
use crate::store::daily_usage;
use crate::store::daily_usage::{DayKey, Totals};
use crate::store::metrics::DayMetrics;
use crate::usecases::InternalError;
use crate::usecases::credits::idempotency::Refused;
use crate::usecases::credits::usages;

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
pub async fn void_customer_usage(
    tx: &mut WriteTransaction,
    id: UsageId,
    reason: &str,
) -> Result<Result<Voided, Refused>, InternalError> {
    let Some(usage) = usages::load_usage(&mut tx.db, id).await? else { return Ok(Err(Refused::Unknown)) };
    if usage.voided_at.is_some() {
        return Ok(Err(Refused::AlreadyVoided));
    }
    let (no, grants) = (usage.customer_no, usage.draws.iter().map(|draw| draw.grant).collect::<Vec<GrantId>>());
    tx.reload_closed_grants(no, &grants).await?;
    let salt = *tx.clock.mint().as_bytes();
    let note = Some(note_hash(&salt, reason));
    let (done, at) = tx
        .with_account(no, |account, at, _, changes| {
            account.void_usage(id, &usage.draws, note, at, changes).map(|()| Summary::of(account, at))
        })
        .await?;
    let Ok(balance) = done else { return Err(InternalError::Broken(format!("{id} cannot return to its grants"))) };
    let sql = "update usages set voided_at = $1, void_reason = $2, void_salt = $3 where id = $4";
    tx.db.execute(sql, args![at, reason, salt, id.bytes()]).await?;
    subtract_from_day(tx, &usage).await?;
    Ok(Ok(Voided { usage, at, balance }))
}

/// An undone usage counts no more on the day that it was on.
async fn subtract_from_day(tx: &mut WriteTransaction, usage: &usages::Usage) -> Result<(), InternalError> {
    let key = DayKey {
        day: daily_usage::day_number(usage.created_at),
        customer_no: usage.customer_no,
        operation: usage.operation.clone().unwrap_or_default(),
        source: usage.source.clone().unwrap_or_default(),
        cycle_start: 0,
    };
    // The usage may be one of this batch.
    tx.flush().await?;
    let row = daily_usage::find_counting_row(&mut tx.db, &key, usage.created_at).await?;
    let row = row.ok_or_else(|| InternalError::Broken(format!("{} is on no day", usage.id)))?;
    tx.add_metrics(key.day, key.customer_no, &DayMetrics::of(usage.quantities.as_deref()).undone());
    tx.add_to_day(row, &Totals::of(&usage.draws).undone());
    Ok(())
}
