//! Holds (R10): credits set aside, settled, released; and reading them.
//!
//! A hold has lapsed by the instant, whether or not that is booked: writes book it first (R3), reads say so.

use crate::args;
use crate::domain::time::to_millis;
use crate::domain::{Credits, Draw, GrantId, HoldId, HoldState, Instant, Kind, Refusal, Summary, UsageId};
use crate::ledger::{NewUsageColumns, WriteTransaction, free_text};
use crate::store::db::{Connection, DbError, Row, Value, corrupt};
use crate::store::statement_batch::placeholders;
use crate::usecases::credits::idempotency::Refused;
use crate::usecases::{App, InternalError};
use chrono::TimeDelta;
use std::collections::HashMap;

/// A hold as it is asked for.
#[derive(Clone, Debug)]
pub struct NewHold {
    pub customer_no: i64,
    pub credits: Credits,
    /// How long, in seconds.
    pub ttl_seconds: i64,
    /// The operation.
    pub operation: Option<String>,
    /// The SaaS's own name of who does it.
    pub source: Option<String>,
}

/// A hold that was just made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub id: HoldId,
    /// The draws from its grants.
    pub draws: Vec<Draw>,
    pub expires_at: Instant,
    /// The balance right after it.
    pub balance: Summary,
}

/// Sets credits aside.
pub async fn open_hold(tx: &mut WriteTransaction, new: NewHold) -> Result<Result<Held, Refused>, InternalError> {
    let id = HoldId(tx.clock.mint());
    let (credits, ttl) = (new.credits, TimeDelta::seconds(new.ttl_seconds));
    let (done, at) = tx
        .with_account(new.customer_no, |account, at, catalog, changes| {
            match account.hold(id, credits, at + ttl, at, changes) {
                Ok(draws) => Ok((draws, Summary::of(account, at))),
                Err(refusal) => Err(Refused::of(refusal, account, at, catalog)),
            }
        })
        .await?;
    let (draws, balance) = match done {
        Ok(done) => done,
        Err(refused) => return Ok(Err(refused_for_want(tx, new.customer_no, refused).await?)),
    };
    if new.operation.is_some() || new.source.is_some() {
        tx.flush().await?;
        let sql = "update holds set operation = $1, source = $2 where id = $3";
        tx.db.execute(sql, args![new.operation, new.source, id.bytes()]).await?;
    }
    Ok(Ok(Held { id, draws, expires_at: to_millis(at + ttl), balance }))
}

/// The refusal; a rule of automatic top-ups remembers the amount.
async fn refused_for_want(tx: &mut WriteTransaction, no: i64, refused: Refused) -> Result<Refused, DbError> {
    if let Refused::Insufficient { needed, .. } = &refused {
        tx.note_refused(no, *needed).await?;
    }
    Ok(refused)
}

/// A settlement as it is asked for.
#[derive(Clone, Debug)]
pub struct Settle {
    pub hold: HoldId,
    pub customer_no: i64,
    /// How much was used; may be nothing.
    pub credits: Credits,
    /// The operation; the hold's unless given.
    pub operation: Option<String>,
    /// JSON of counts.
    pub quantities: Option<String>,
    /// The SaaS's own name of who did it; the hold's unless given.
    pub source: Option<String>,
    /// JSON of the SaaS's own.
    pub metadata: Option<String>,
}

/// The result of a settlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The draws of the usage.
    pub draws: Vec<Draw>,
    /// The released credits.
    pub released: Credits,
    /// The usage; none where nothing was used.
    pub usage: Option<UsageId>,
    /// The balance right after it.
    pub balance: Summary,
}

/// Turns a hold into a usage.
pub async fn settle_hold(
    tx: &mut WriteTransaction,
    mut settle: Settle,
) -> Result<Result<Settlement, Refused>, InternalError> {
    let sql = "select operation, source from holds where id = $1 and customer_no = $2";
    let row = tx.db.fetch_optional(sql, args![settle.hold.bytes(), settle.customer_no]).await?;
    let Some(row) = row else { return Ok(Err(Refused::Unknown)) };
    settle.operation = settle.operation.or(row.opt_text("operation")?);
    settle.source = settle.source.or(row.opt_text("source")?);
    let usage = UsageId(tx.clock.mint());
    let (note, salt) = free_text(&tx.clock, settle.source.as_deref(), settle.metadata.as_deref());
    let (hold, credits) = (settle.hold, settle.credits);
    let (done, at) = tx
        .with_account(settle.customer_no, |account, at, catalog, changes| {
            let first_seq = account.seq + 1;
            match account.settle(hold, usage, credits, note, at, changes) {
                Ok(settled) => Ok((settled, first_seq, Summary::of(account, at))),
                Err(refusal) => Err(Refused::of(refusal, account, at, catalog)),
            }
        })
        .await?;
    let (settled, first_seq, balance) = match done {
        Ok(done) => done,
        Err(Refused::Unknown) => return Ok(Err(closed_hold_refusal(tx, hold).await?)),
        Err(refused) => return Ok(Err(refused_for_want(tx, settle.customer_no, refused).await?)),
    };
    let usage = credits.is_positive().then_some(usage);
    if let Some(usage) = usage {
        let (no, columns) = (settle.customer_no, settled_usage_columns(settle, salt, at));
        tx.add_usage(no, usage.bytes(), &settled.draws, first_seq, columns).await?;
        tx.flush().await?;
        tx.db.execute("update holds set usage = $1 where id = $2", args![usage.bytes(), hold.bytes()]).await?;
    }
    Ok(Ok(Settlement { draws: settled.draws, released: settled.released, usage, balance }))
}

fn settled_usage_columns(settle: Settle, salt: Option<[u8; 16]>, at: Instant) -> NewUsageColumns {
    NewUsageColumns {
        credits: settle.credits.0,
        operation: settle.operation,
        quantities: settle.quantities,
        source: settle.source,
        metadata: settle.metadata,
        salt,
        created_at: at.timestamp_millis(),
        hold: Some(settle.hold.bytes()),
    }
}

/// Returns a hold whole; the balance right after it.
pub async fn release_hold(
    tx: &mut WriteTransaction,
    customer_no: i64,
    hold: HoldId,
) -> Result<Result<Summary, Refused>, InternalError> {
    let (done, _) = tx
        .with_account(customer_no, |account, at, _, changes| match account.release(hold, at, changes) {
            Ok(()) => Ok(Summary::of(account, at)),
            Err(Refusal::Unknown | _) => Err(()),
        })
        .await?;
    match done {
        Ok(balance) => Ok(Ok(balance)),
        Err(()) => Ok(Err(closed_hold_refusal(tx, hold).await?)),
    }
}

/// The refusal for a hold that is closed, by this write transaction or before it.
async fn closed_hold_refusal(tx: &mut WriteTransaction, hold: HoldId) -> Result<Refused, InternalError> {
    tx.flush().await?;
    let row = tx.db.fetch_optional("select state from holds where id = $1", args![hold.bytes()]).await?;
    let state = row.map(|row| row.int("state")).transpose()?.and_then(HoldState::from_code);
    match state {
        None => Ok(Refused::Unknown),
        Some(HoldState::Open) => {
            Err(InternalError::Broken(format!("{hold} is open in the store and not in the account")))
        }
        Some(state) => Ok(Refused::HoldClosed(state)),
    }
}

/// A hold as it stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldRow {
    pub id: HoldId,
    pub customer_no: i64,
    /// The SaaS's id of the customer.
    pub customer: String,
    /// All credits that it held.
    pub credits: Credits,
    pub draws: Vec<Draw>,
    pub state: HoldState,
    pub created_at: Instant,
    pub expires_at: Instant,
    /// The usage that it became.
    pub usage: Option<UsageId>,
}

const HOLD: &str =
    "select h.id, h.customer_no, c.id as customer, h.credits, h.draws, h.state, h.created_at, h.expires_at,
    h.usage from holds h join customers c on c.no = h.customer_no";

/// A hold by its id.
pub async fn find_hold(app: &App, id: HoldId) -> Result<Option<HoldRow>, InternalError> {
    let mut db = app.store.snapshot().await?;
    let rows = db.fetch_all(format!("{HOLD} where h.id = $1"), args![id.bytes()]).await?;
    Ok(holds_of(&mut db, &rows, app.clock.now()).await?.pop())
}

/// Holds of a customer, newest first, behind the hold `before`.
pub async fn list_holds(
    app: &App,
    customer_no: i64,
    state: Option<HoldState>,
    before: Option<(Instant, HoldId)>,
    limit: i64,
) -> Result<Vec<HoldRow>, InternalError> {
    let now = app.clock.now();
    let (at, id) = before.map_or((i64::MAX, [0xff; 16]), |(at, id)| (at.timestamp_millis(), id.bytes()));
    // The instant decides, booked or not.
    let which = match state {
        None => "$5 = $5",
        Some(HoldState::Open) => "h.state = 0 and h.expires_at > $5",
        Some(HoldState::Lapsed) => "(h.state = 3 or (h.state = 0 and h.expires_at <= $5))",
        Some(HoldState::Settled) => "h.state = 1 and $5 = $5",
        Some(HoldState::Released) => "h.state = 2 and $5 = $5",
    };
    let sql = format!(
        "{HOLD} where h.customer_no = $1 and (h.created_at < $2 or (h.created_at = $2 and h.id < $3)) and {which}
         order by h.created_at desc, h.id desc limit $4"
    );
    let mut db = app.store.snapshot().await?;
    let rows = db.fetch_all(sql, args![customer_no, at, id, limit, now]).await?;
    Ok(holds_of(&mut db, &rows, now).await?)
}

async fn holds_of(db: &mut Connection, rows: &[Row], now: Instant) -> Result<Vec<HoldRow>, DbError> {
    let mut pairs = Vec::with_capacity(rows.len());
    for row in rows {
        let draws: Vec<(i64, i64)> =
            serde_json::from_str(&row.text("draws")?).map_err(|e| corrupt(format!("draws of a hold: {e}")))?;
        pairs.push(draws);
    }
    let grants = grants_by_number(db, pairs.iter().flatten().map(|(no, _)| *no).collect()).await?;
    rows.iter().zip(pairs).map(|(row, draws)| hold_of(row, &draws, &grants, now)).collect()
}

fn hold_of(row: &Row, draws: &[(i64, i64)], grants: &Grants, now: Instant) -> Result<HoldRow, DbError> {
    let draw = |(no, credits): &(i64, i64)| {
        let (grant, kind) = *grants.get(no).ok_or_else(|| corrupt("a hold of a grant that is not there"))?;
        Ok(Draw { grant, kind, credits: Credits(*credits) })
    };
    let (state, expires_at) = (HoldState::from_code(row.int("state")?), row.at("expires_at")?);
    let state = state.ok_or_else(|| corrupt("unknown state of a hold"))?;
    Ok(HoldRow {
        id: HoldId(row.uuid("id")?),
        customer_no: row.int("customer_no")?,
        customer: row.text("customer")?,
        credits: row.credits("credits")?,
        draws: draws.iter().map(draw).collect::<Result<_, DbError>>()?,
        state: if state == HoldState::Open && expires_at <= now { HoldState::Lapsed } else { state },
        created_at: row.at("created_at")?,
        expires_at,
        usage: row.opt_blob("usage")?.as_deref().and_then(UsageId::from_bytes),
    })
}

type Grants = HashMap<i64, (GrantId, Kind)>;

async fn grants_by_number(db: &mut Connection, mut nos: Vec<i64>) -> Result<Grants, DbError> {
    nos.sort_unstable();
    nos.dedup();
    let mut out = HashMap::new();
    for nos in nos.chunks(500) {
        let sql = format!("select no, id, kind from grants where no in ({})", placeholders(1, nos.len()));
        for row in db.fetch_all(sql, nos.iter().map(|no| Value::from(*no)).collect()).await? {
            let kind = Kind::from_code(row.int("kind")?).ok_or_else(|| corrupt("unknown kind of grant"))?;
            out.insert(row.int("no")?, (GrantId(row.uuid("id")?), kind));
        }
    }
    Ok(out)
}
