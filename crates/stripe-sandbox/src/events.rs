//! Events: stored for `GET /v1/events`, and queued for webhooks in the transaction that caused them.

use serde_json::{Value, json};

use crate::error::Result;
use crate::objects::{self, id_of};
use crate::store::Transaction;

/// The `request` of events that no API request caused.
pub(crate) fn no_request() -> Value {
    json!({ "id": null, "idempotency_key": null })
}

impl Transaction {
    /// Records an event of each type about an object that belongs to `subject`, a Checkout or a subscription.
    pub async fn emit(&mut self, subject: &str, events: &[(&str, &Value)]) -> Result<()> {
        for (kind, object) in events {
            let event = objects::event(kind, (*object).clone(), &self.request, self.now)?;
            self.insert(&event, Some(subject)).await?;
            self.enqueue(id_of(&event)).await?;
        }
        Ok(())
    }
}
