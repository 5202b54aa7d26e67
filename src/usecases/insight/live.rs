//! Live updates: open pages learn that their customer has a new entry.
//!
//! One query a second reads the newest entries of all open pages together, so that a change by another process counts
//! too. A page gets the number of the last entry and nothing else; it asks for the rest as any reader does.
//!
//! Invariant: a number goes only to sessions that are valid in the very state that it was read from. The stream of a
//! session that ended, or moved to another customer, ends.

use crate::store::db::{Connection, DbError, Value};
use crate::usecases::access::sessions;
use crate::usecases::app::LivePage;
use crate::usecases::{App, InternalError};
use std::collections::HashMap;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Time between two queries, while a page is open.
const POLL_EVERY: Duration = Duration::from_secs(1);

/// Updates open pages until `stop`; then every page's stream ends.
pub async fn follow_writes(app: App, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(POLL_EVERY)).await.is_some() {
        if let Err(fault) = update_pages(&app).await {
            tracing::warn!(error = %fault, "live updates failed");
        }
    }
    app.live_pages.end();
}

/// The number of a customer's last entry.
pub async fn last_entry_of(db: &mut Connection, customer_no: i64) -> Result<i64, DbError> {
    let sql = "select seq from accounts where customer_no = $1";
    let row = db.fetch_optional(sql, crate::args![customer_no]).await?;
    row.map_or(Ok(0), |row| row.int("seq"))
}

/// Updates all open pages once.
pub async fn update_pages(app: &App) -> Result<(), InternalError> {
    let pages = app.live_pages.pages();
    if pages.is_empty() {
        return Ok(());
    }
    let hashes: Vec<Value> = pages.iter().map(|(_, session)| Value::from(*session)).collect();
    let mut db = app.store.snapshot().await?;
    let mut good: HashMap<LivePage, i64> = HashMap::new();
    for row in sessions::fetch_positions(&mut db, app, hashes).await? {
        good.insert((row.int("no")?, row.bytes("token_hash")?), row.int("seq")?);
    }
    for page in pages {
        match good.get(&page) {
            Some(last) => app.live_pages.announce(page, *last),
            None => app.live_pages.close(page),
        }
    }
    Ok(())
}
