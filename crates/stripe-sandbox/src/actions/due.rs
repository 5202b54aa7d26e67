//! Changes by the clock. It is the shop's, which may stand still and jump, so every reader calls [`catch_up`] first.
//!
//! Invariant: a session leaves `open` once, for `complete` or `expired`.

use serde_json::{Value, json};

use super::{payments, subscriptions};
use crate::error::Result;
use crate::objects::{self, id_of, merge, text};
use crate::store::Transaction;

/// Makes all changes that are due, each at its own instant: open sessions expire, bank payments clear, subscriptions
/// are billed for their next period.
pub(crate) async fn catch_up(tx: &mut Transaction) -> Result<()> {
    let now = tx.now;
    // One change may make the next one due.
    while let Some(object) = tx.first_due(now).await? {
        tx.now = objects::due_at(&object).unwrap_or(now);
        if object["object"] == "subscription" {
            subscriptions::renew(tx, object).await?;
        } else if object["status"] == "open" {
            expire(tx, object).await?;
        } else if object["_sandbox"]["refused"] == true {
            payments::refuse(tx, object).await?;
        } else {
            payments::clear(tx, object).await?;
        }
    }
    tx.now = now;
    Ok(())
}

/// Expires an open session.
pub(crate) async fn expire(tx: &mut Transaction, mut session: Value) -> Result<Value> {
    merge(&mut session, json!({ "status": "expired", "url": null }));
    if let Some(mut intent) = tx.find("setup_intent", text(&session["setup_intent"])).await? {
        merge(&mut intent, json!({ "status": "canceled", "cancellation_reason": "abandoned" }));
        tx.save(&[&intent]).await?;
    }
    tx.save(&[&session]).await?;
    tx.emit(id_of(&session), &[("checkout.session.expired", &session)]).await?;
    Ok(session)
}
