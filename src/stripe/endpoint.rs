//! The setup at Stripe: the webhook endpoint, and the rights of a key.

use serde::Serialize;
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest};

use crate::stripe::attempts::retry;
use crate::stripe::client::{Stripe, is_id, no_such, with_idempotency_key};
use crate::stripe::error::StripeError;

/// The API version of a new endpoint, as our requests name it. Only the envelope of an event is read, so endpoints of
/// other versions work too.
const VERSION: &str = "2026-09-30.endive";

/// A webhook endpoint.
#[derive(Clone, Debug, PartialEq, Eq, miniserde::Deserialize)]
pub struct Endpoint {
    /// `we_…`
    pub id: String,
    /// The receiver of events.
    pub url: String,
    /// `enabled` or `disabled`.
    pub status: String,
    /// The types of events; `*` for all.
    pub enabled_events: Vec<String>,
    /// `whsec_…`, only in the answer to its creation.
    pub secret: Option<String>,
}

impl Endpoint {
    /// The `kinds` that it does not get.
    #[must_use]
    pub fn missing<'a>(&self, kinds: &[&'a str]) -> Vec<&'a str> {
        let sent = |kind: &&str| self.enabled_events.iter().any(|known| known == "*" || known == kind);
        kinds.iter().filter(|kind| !sent(kind)).copied().collect()
    }
}

#[derive(Clone, Serialize)]
struct Write {
    #[serde(skip)]
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_version: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled: Option<bool>,
    enabled_events: Vec<String>,
}

impl StripeRequest for Write {
    type Output = Endpoint;

    fn build(&self) -> RequestBuilder {
        RequestBuilder::new(StripeMethod::Post, self.path.clone()).form(self)
    }
}

/// A request that cannot succeed, because of an unknown parameter. Stripe checks the key first.
#[derive(Serialize)]
struct Probe {
    #[serde(skip)]
    path: &'static str,
    topup_doctor: u8,
}

impl StripeRequest for Probe {
    type Output = Nothing;

    fn build(&self) -> RequestBuilder {
        RequestBuilder::new(StripeMethod::Post, self.path).form(self)
    }
}

#[derive(miniserde::Deserialize)]
struct Nothing {}

/// A right of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Read the objects of a path, such as `/events`.
    Read(&'static str),
    /// Write them.
    Write(&'static str),
}

impl Stripe {
    /// All webhook endpoints of the account.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn endpoints(&self) -> Result<Vec<Endpoint>, StripeError> {
        self.list("/webhook_endpoints", Vec::new(), |endpoint: &Endpoint| &endpoint.id).await
    }

    /// Creates an endpoint and returns its secret. The same key gives the same endpoint, for a day.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn create_endpoint(&self, key: &str, url: &str, kinds: &[&str]) -> Result<Endpoint, StripeError> {
        let write = Write {
            path: "/webhook_endpoints".to_owned(),
            url: Some(url.to_owned()),
            api_version: Some(VERSION),
            description: Some("Topup"),
            disabled: None,
            enabled_events: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        };
        self.send(key, &write).await
    }

    /// Enables an endpoint and adds these events to its own.
    ///
    /// # Errors
    /// See [`StripeError`].
    pub async fn update_endpoint(
        &self,
        key: &str,
        endpoint: &Endpoint,
        kinds: &[&str],
    ) -> Result<Endpoint, StripeError> {
        if !is_id(&endpoint.id, "we_") {
            return Err(no_such("webhook endpoint"));
        }
        let missing = endpoint.missing(kinds).into_iter().map(str::to_owned);
        let write = Write {
            path: format!("/webhook_endpoints/{}", endpoint.id),
            url: None,
            api_version: None,
            description: None,
            disabled: Some(false),
            enabled_events: endpoint.enabled_events.iter().cloned().chain(missing).collect(),
        };
        self.send(key, &write).await
    }

    async fn send(&self, key: &str, write: &Write) -> Result<Endpoint, StripeError> {
        let strategy = with_idempotency_key(key)?;
        retry(self.limits(), || write.customize().request_strategy(strategy.clone()).send(self.client())).await
    }

    /// Checks a right of the key by a request that cannot succeed and writes nothing.
    ///
    /// # Errors
    /// See [`StripeError`]; a missing right is [`StripeError::Unauthorized`].
    pub async fn may(&self, key: &str, right: Right) -> Result<(), StripeError> {
        match right {
            Right::Read(path) => self.peek(path).await,
            Right::Write(path) => {
                let strategy = with_idempotency_key(key)?;
                let probe = Probe { path, topup_doctor: 1 };
                let asked =
                    retry(self.limits(), || probe.customize().request_strategy(strategy.clone()).send(self.client()));
                match asked.await {
                    Ok(_) | Err(StripeError::Refused { .. }) => Ok(()),
                    Err(e) => Err(e),
                }
            }
        }
    }
}
