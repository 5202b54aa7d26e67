//! The sandbox itself: its settings, its store, its clocks.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::SqlitePool;
use tokio::sync::Notify;

use crate::error::Result;
use crate::events;
use crate::faults::Faults;
use crate::store::{self, Transaction};

/// Reads a clock.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// The settings of a sandbox.
#[derive(Clone)]
pub struct SandboxSettings {
    /// An SQLite file of its own; with none, the data end with the process.
    pub file: Option<PathBuf>,
    /// The URL of its router, such as `http://127.0.0.1:12111`. URLs of pages begin with it.
    pub public_base: String,
    /// The key that its API accepts.
    pub secret_key: String,
    /// Events are posted here.
    pub webhook_url: String,
    /// Webhooks are signed with it.
    pub webhook_secret: String,
    /// The shop's clock: `created`, `expires_at`, periods.
    pub now: Clock,
    /// The real clock, for signatures.
    pub real_now: Clock,
    /// The name at the top of the pages.
    pub shop_name: String,
    /// Each webhook is delivered a second time, as Stripe may.
    pub deliver_twice: bool,
}

/// A running sandbox, cheap to clone.
#[derive(Clone)]
pub struct Sandbox {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub settings: SandboxSettings,
    pub http: reqwest::Client,
    /// Notified when an event may be waiting.
    pub woken: Arc<Notify>,
    faults: Faults,
    pool: SqlitePool,
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sandbox({})", self.settings().public_base)
    }
}

impl Sandbox {
    /// Opens the store. Listens to nothing and sends nothing yet.
    ///
    /// # Errors
    /// The reason in words, if a setting or the file is not usable.
    pub async fn open(mut settings: SandboxSettings) -> std::result::Result<Sandbox, String> {
        if settings.secret_key.is_empty() || settings.webhook_secret.is_empty() {
            return Err("the sandbox needs a key and a webhook secret".to_owned());
        }
        let base = settings.public_base.trim_end_matches('/').to_owned();
        url::Url::parse(&base).map_err(|error| format!("the sandbox's base is not a URL: {error}"))?;
        settings.public_base = base;
        // The environment may name a proxy; it does not lead to loopback.
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        let http = http.map_err(|error| format!("the sandbox has no HTTP client: {error}"))?;
        let pool = store::open(settings.file.clone()).await;
        let pool = pool.map_err(|error| format!("the sandbox cannot open its store: {error}"))?;
        let (faults, woken) = (Faults::default(), Arc::default());
        Ok(Sandbox { inner: Arc::new(Inner { settings, http, woken, faults, pool }) })
    }

    /// The switches for faults.
    pub fn faults(&self) -> &Faults {
        &self.inner.faults
    }

    pub(crate) fn settings(&self) -> &SandboxSettings {
        &self.inner.settings
    }

    pub(crate) fn now(&self) -> i64 {
        (self.settings().now)().timestamp()
    }

    pub(crate) fn real_now(&self) -> i64 {
        (self.settings().real_now)().timestamp()
    }

    pub(crate) async fn begin(&self) -> Result<Transaction> {
        Ok(Transaction {
            database: self.inner.pool.begin().await?,
            now: self.now(),
            base: self.settings().public_base.clone(),
            webhooks_lost: self.faults().webhooks_lost(),
            card_faults: self.faults().cards(),
            request: events::no_request(),
        })
    }

    /// Does `work` in a transaction, and wakes the delivery of its events.
    pub(crate) async fn change<T>(&self, work: impl AsyncFnOnce(&mut Transaction) -> Result<T>) -> Result<T> {
        let mut tx = self.begin().await?;
        let done = work(&mut tx).await?;
        tx.commit().await?;
        self.wake();
        Ok(done)
    }

    pub(crate) fn wake(&self) {
        self.inner.woken.notify_one();
    }
}
