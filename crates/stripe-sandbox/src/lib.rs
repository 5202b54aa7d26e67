//! The stand-in for Stripe that `demo` and the tests run: its API, its pay page, its webhooks, over real
//! HTTP on loopback.
//!
//! Owns: what Stripe would answer. It knows nothing of the product but a webhook address and a clock, and
//! the product talks to it through the same client as to Stripe. Invariants: it refuses what Stripe
//! refuses (an unknown parameter, a missing one, a key used twice for different things); `livemode` is
//! never true; its state survives a restart where it has a file.
//!
//! Taxes are one flat rate, delayed payments one bank that takes three days, invoices one plain page.
//!
//! Subscriptions are billed by the month, and prorate nothing.
//!
//! Not here: discounts; the listener, which is the app's.

mod aftermath;
mod api;
mod auth;
pub mod currencies;
mod customers;
mod delayed;
mod deliveries;
mod dunning;
mod endpoints;
mod error;
mod events;
mod faults;
mod form;
mod invoices;
mod lines;
mod lists;
mod money;
mod objects;
mod page;
mod params;
mod pay;
mod payments;
mod portal;
mod schema;
mod sessions;
mod signature;
mod store;
mod subscriptions;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::routing::{any, get};
use sqlx::SqlitePool;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use self::error::ApiError;
pub use self::faults::{ApiFault, Faults};
use self::payments::{Means, Tried};

/// Reads a clock, in seconds since 1970.
pub type Seconds = Arc<dyn Fn() -> i64 + Send + Sync>;

/// What a sandbox has to know.
#[derive(Clone)]
pub struct SandboxSettings {
    /// An SQLite file of its own; none: all is forgotten at the end.
    pub file: Option<PathBuf>,
    /// Where its router is reachable, `http://127.0.0.1:PORT`: the pay page's URLs begin with it.
    pub public_base: String,
    /// The key that its API accepts.
    pub secret_key: String,
    /// Where events go.
    pub webhook_url: String,
    /// What they are signed with.
    pub webhook_secret: String,
    /// The product's clock: `created`, `expires_at`.
    pub now: Seconds,
    /// The real clock: signatures.
    pub real_now: Seconds,
    /// The name at the head of the pay page.
    pub shop_name: String,
}

impl fmt::Debug for SandboxSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("SandboxSettings");
        shown.field("public_base", &self.public_base).field("webhook_url", &self.webhook_url).finish_non_exhaustive()
    }
}

/// A running stand-in, cheap to clone.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

struct Inner {
    settings: SandboxSettings,
    pool: SqlitePool,
    faults: Faults,
    http: reqwest::Client,
    /// Rung whenever something may have to be delivered.
    woken: Arc<Notify>,
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Opens its store. Listens to nothing and sends nothing yet.
    ///
    /// # Errors
    /// The reason in words, if a setting or the file is not usable.
    pub async fn open(mut settings: SandboxSettings) -> Result<Sandbox, String> {
        if settings.secret_key.is_empty() || settings.webhook_secret.is_empty() {
            return Err("the sandbox needs a key and a webhook secret".to_owned());
        }
        let base = settings.public_base.trim_end_matches('/').to_owned();
        url::Url::parse(&base).map_err(|error| format!("the sandbox's base is not a URL: {error}"))?;
        settings.public_base = base;
        // The environment may name a proxy; what is on loopback is not behind it.
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        let http = http.map_err(|error| format!("the sandbox has no HTTP client: {error}"))?;
        let pool = store::open(settings.file.clone()).await;
        let pool = pool.map_err(|error| format!("the sandbox cannot open its store: {error}"))?;
        let (faults, woken) = (Faults::default(), Arc::default());
        Ok(Sandbox { inner: Arc::new(Inner { settings, pool, faults, http, woken }) })
    }

    /// Its API and its pay page, for the root of a listener of its own.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/v1/{*path}", any(api::serve))
            .route("/pay/{session}", get(pay::show).post(pay::submit))
            .route("/pay.css", get(pay::style))
            .route("/invoice/{id}", get(invoices::show))
            .route("/portal/{id}", get(portal::show).post(portal::submit))
            .with_state(self.clone())
    }

    /// Starts the delivery of webhooks; once, or every event goes out twice. It ends when the last `Sandbox` is dropped, or by the handle.
    pub fn spawn_deliveries(&self) -> JoinHandle<()> {
        tokio::spawn(deliveries::run(Arc::downgrade(&self.inner)))
    }

    /// The switches for bad days.
    pub fn faults(&self) -> &Faults {
        &self.inner.faults
    }

    /// Pays a Checkout as its page would with a good card, and returns where the page would lead. A paid
    /// one is not paid twice.
    ///
    /// # Errors
    /// The reason in words, if it is unknown or has expired.
    pub async fn pay(&self, session_id: &str) -> Result<String, String> {
        self.pay_by(session_id, &Means::Card(&payments::GOOD_CARD)).await
    }

    /// Pays a Checkout by bank, as its page would: the money comes three days later, or when
    /// [`Sandbox::clear`] is called, or not at all ([`Sandbox::bounce`]).
    ///
    /// # Errors
    /// The reason in words, if it takes no bank payment, is unknown or has expired.
    pub async fn pay_by_bank(&self, session_id: &str) -> Result<String, String> {
        self.pay_by(session_id, &Means::Bank { clears: true }).await
    }

    /// Lets the money of a bank payment come, also after the bank has refused it once.
    ///
    /// # Errors
    /// The reason in words, if none is on its way.
    pub async fn clear(&self, session_id: &str) -> Result<(), String> {
        self.end(session_id, true).await.map_err(|error| error.message)
    }

    /// Lets the bank refuse a payment that is on its way.
    ///
    /// # Errors
    /// The reason in words, if none is on its way.
    pub async fn bounce(&self, session_id: &str) -> Result<(), String> {
        self.end(session_id, false).await.map_err(|error| error.message)
    }

    async fn end(&self, session_id: &str, well: bool) -> Result<(), ApiError> {
        let mut transaction = self.pool().begin().await?;
        let (now, lost) = ((self.settings().now)(), self.faults().webhooks_lost());
        let session = delayed::find(&mut transaction, session_id).await?;
        if well {
            delayed::clear(&mut transaction, session, now, lost).await?;
        } else {
            delayed::bounce(&mut transaction, session, now, lost).await?;
        }
        transaction.commit().await?;
        self.wake();
        Ok(())
    }

    async fn pay_by(&self, session_id: &str, means: &Means<'_>) -> Result<String, String> {
        match self.try_to_pay(session_id, means, "").await {
            Ok(Tried::Paid(url)) => Ok(url),
            Ok(Tried::Declined) => Err("the card was declined".to_owned()),
            Ok(Tried::Expired) => Err("the Checkout has expired".to_owned()),
            Err(error) => Err(error.message),
        }
    }

    /// The events about a Checkout, oldest first, ready to be delivered by hand: body, and a signature
    /// header made now. Lost ones are among them.
    ///
    /// # Errors
    /// The reason in words, if the store fails.
    pub async fn deliveries_of(&self, session_id: &str) -> Result<Vec<(String, String)>, String> {
        let found = async { store::events_of(&mut *self.pool().acquire().await?, session_id).await };
        let found: Result<_, ApiError> = found.await;
        let signed = |body: String| {
            let signature =
                signature::sign(&self.settings().webhook_secret, (self.settings().real_now)(), body.as_bytes());
            (body, signature)
        };
        let events = found.map_err(|error| error.message)?;
        Ok(events.into_iter().map(|event| signed(event.to_string())).collect())
    }

    /// Does what the product's clock has overtaken: Checkouts expire, bank payments clear. Whoever moves that clock may call it; every read
    /// does too.
    ///
    /// # Errors
    /// The reason in words, if the store fails.
    pub async fn catch_up(&self) -> Result<(), String> {
        let result = self.advance().await.map_err(|error| error.message);
        self.wake();
        result
    }

    async fn try_to_pay(&self, session_id: &str, means: &Means<'_>, tax_id: &str) -> Result<Tried, ApiError> {
        let mut transaction = self.pool().begin().await?;
        let (now, lost) = ((self.settings().now)(), self.faults().webhooks_lost());
        let tried = payments::pay(&mut transaction, session_id, means, tax_id, now, lost).await?;
        transaction.commit().await?;
        self.wake();
        Ok(tried)
    }

    async fn advance(&self) -> Result<(), ApiError> {
        let mut transaction = self.pool().begin().await?;
        let (now, lost) = ((self.settings().now)(), self.faults().webhooks_lost());
        sessions::catch_up(&mut transaction, now, lost).await?;
        transaction.commit().await?;
        Ok(())
    }

    fn settings(&self) -> &SandboxSettings {
        &self.inner.settings
    }

    fn pool(&self) -> &SqlitePool {
        &self.inner.pool
    }

    fn wake(&self) {
        self.inner.woken.notify_one();
    }
}
