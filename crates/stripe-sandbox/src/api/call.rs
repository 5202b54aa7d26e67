//! One request of the API, inside its transaction.

use serde_json::{Value, json};

use crate::actions::due;
use crate::error::{ApiError, Result};
use crate::params::form::Branch;
use crate::params::schema::{self, Field};
use crate::store::Transaction;

pub(super) struct Call {
    pub tx: Transaction,
    pub params: Branch,
    /// The origin of Checkouts and portals, if it is the shop's own domain.
    pub domain: Option<String>,
    pub request_id: String,
    pub idempotency_key: Option<String>,
    /// A card's refusal. Unlike other refusals it is stored, with all that it changed.
    pub declined: Option<ApiError>,
}

impl Call {
    /// The parameters, checked against the fields of the endpoint.
    pub fn check(&self, fields: &[Field]) -> Result<Value> {
        schema::check(&[fields], &self.params)
    }

    /// Lets the events of this call name it.
    pub fn name_request(&mut self) {
        self.tx.request = json!({ "id": self.request_id, "idempotency_key": self.idempotency_key });
    }

    /// The URL of a page: the sandbox's own, or one at the shop's domain.
    pub fn page_url(&self, own_path: &str, domain_path: &str, id: &str) -> String {
        match &self.domain {
            Some(domain) => format!("{domain}/{domain_path}/{id}"),
            None => format!("{}/{own_path}/{id}", self.tx.base),
        }
    }

    /// `GET` of one object.
    pub async fn retrieve(&mut self, kind: &str, id: &str) -> Result<Value> {
        self.check(&[])?;
        due::catch_up(&mut self.tx).await?;
        self.tx.get(kind, id).await
    }
}
