//! The parts and settings that every use-case gets, the error type, and the state that requests share.
//!
//! *Not here:* how the parts are built from settings (`crate::app`).

mod error;
mod live_pages;
mod password_gates;
mod read_store;
mod sales_cache;
mod scoped_keys;
mod stripe_questions;

pub use error::InternalError;
pub(crate) use live_pages::LivePage;
pub use live_pages::{LastEntry, LivePages};
pub use password_gates::PasswordGates;
pub use read_store::{AGE_MAX, ReadStore, StandbyFault};
pub(crate) use sales_cache::SalesSums;
pub use sales_cache::{Month, SalesCache, SalesFigures};
pub use scoped_keys::{Scope, ScopedKeyCache};
pub use stripe_questions::{Asker, StripeQuestions};

use crate::clock::Clock;
use crate::domain::Catalog;
use crate::email::Mailer;
use crate::ledger::{AlarmChannels, Ledger, WriteTransaction};
use crate::metrics::process::ProcessMetrics;
use crate::rate_limits::RateLimits;
use crate::request_log::RequestLog;
use crate::request_trace;
use crate::store::Store;
use crate::stripe::{Stripe, StripeSettings};
use crate::webhooks::Hook;
use chrono::TimeDelta;
use futures::future::BoxFuture;
use ipnet::IpNet;
use std::path::PathBuf;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The parts that every use-case needs. A clone is one count up: each request makes some.
#[derive(Clone)]
pub struct App(Arc<AppParts>);

impl App {
    #[must_use]
    pub fn new(parts: AppParts) -> Self {
        Self(Arc::new(parts))
    }

    /// Runs one job in the ledger's write transaction; see [`Ledger::job`].
    ///
    /// # Errors
    /// The job's own error, which undoes the job; or the ledger's, where it cannot write now.
    pub async fn write<T, F>(&self, job: F) -> Result<T, InternalError>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut WriteTransaction) -> BoxFuture<'a, Result<T, InternalError>> + Send + 'static,
    {
        self.ledger.job(self.announcing(job)).await?
    }

    /// The same for a job of one customer's ledger; see [`Ledger::customer_job`].
    ///
    /// # Errors
    /// As [`App::write`].
    pub async fn write_ledger<T, F>(&self, customer_no: i64, job: F) -> Result<T, InternalError>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut WriteTransaction) -> BoxFuture<'a, Result<T, InternalError>> + Send + 'static,
    {
        self.ledger.customer_job(customer_no, self.announcing(job)).await?
    }

    /// The same for a caller who is not signed in; see [`Ledger::anonymous_job`].
    ///
    /// # Errors
    /// As [`App::write`]; also where too many such jobs wait.
    pub async fn write_anonymous<T, F>(&self, job: F) -> Result<T, InternalError>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut WriteTransaction) -> BoxFuture<'a, Result<T, InternalError>> + Send + 'static,
    {
        self.ledger.anonymous_job(self.announcing(job)).await?
    }

    /// The job, with the channels of the alarms that it raises.
    fn announcing<T, F>(
        &self,
        job: F,
    ) -> impl for<'a> FnOnce(&'a mut WriteTransaction) -> BoxFuture<'a, Result<T, InternalError>> + Send + 'static + use<T, F>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut WriteTransaction) -> BoxFuture<'a, Result<T, InternalError>> + Send + 'static,
    {
        let channels = AlarmChannels { site: self.settings.public_url.as_str().into(), webhooks: self.hook.is_some() };
        let traceparent = request_trace::current().map(|trace| trace.traceparent());
        move |tx| {
            tx.alarm_channels = channels;
            tx.traceparent = traceparent;
            job(tx)
        }
    }

    /// The settings that emails and webhooks use.
    #[must_use]
    pub fn shop(&self) -> ShopSettings {
        let (site, secret) = (self.settings.public_url.clone(), self.settings.form_secret.clone());
        ShopSettings { site, secret, hooked: self.hook.is_some() }
    }

    /// A copy of the parts, for an app that differs in some.
    #[must_use]
    pub fn parts(&self) -> AppParts {
        AppParts::clone(self)
    }
}

impl std::ops::Deref for App {
    type Target = AppParts;

    fn deref(&self) -> &AppParts {
        &self.0
    }
}

/// The parts of an [`App`].
#[derive(Clone)]
pub struct AppParts {
    /// For reading.
    pub store: Store,
    /// For reading what nobody decides by.
    pub read_store: ReadStore,
    /// For writing.
    pub ledger: Ledger,
    /// Stripe; none where buying is off.
    pub stripe: Option<Stripe>,
    pub catalog: Arc<Catalog>,
    pub clock: Clock,
    pub mailer: Mailer,
    /// The SaaS's endpoint for webhooks; none where there is none.
    pub hook: Option<Hook>,
    /// Sums of the sales report.
    pub sales_cache: SalesCache,
    /// Open pages.
    pub live_pages: LivePages,
    /// Questions that pages have asked Stripe lately.
    pub stripe_questions: StripeQuestions,
    /// The rest of the settings.
    pub settings: Arc<ServerSettings>,
}

/// Settings of a running process.
pub struct ServerSettings {
    /// The origin that customers see, without a trailing slash.
    pub public_url: String,
    /// Keys of the operator API.
    pub operator_keys: Vec<String>,
    /// Scoped keys that were read lately.
    pub scoped_keys: ScopedKeyCache,
    /// The key that opens `/metrics` alone.
    pub metrics_key: Option<String>,
    /// Stripe's settings.
    pub stripe: Option<StripeSettings>,
    /// Origins that a portal link may return to.
    pub return_origins: Vec<String>,
    /// Proxies whose word on the caller's address is taken.
    pub trusted_proxies: Vec<IpNet>,
    /// Rate limits by key and by address.
    pub limits: RateLimits,
    /// The requests that have a line in the log.
    pub request_log: RequestLog,
    /// Counters for `/metrics`.
    pub metrics: ProcessMetrics,
    /// Limits on comparing operators' passwords.
    pub password_gates: PasswordGates,
    /// Folder that the stylesheet and the icon are read from, instead of the binary.
    pub site_root: Option<PathBuf>,
    /// Origin of Checkout: forms may lead there.
    pub checkout_origin: String,
    /// Origins of the shop's own at which Stripe shows its Checkout and its portal.
    pub checkout_origins: Vec<String>,
    /// Binds what a form carries (R19); kept in the database.
    pub form_secret: Vec<u8>,
    /// How long a session lasts without a click.
    pub session_idle: TimeDelta,
    /// How long a session lasts at most.
    pub session_max: TimeDelta,
    /// Cancelled when the process begins to stop: `/readyz` answers 503 from then on.
    pub leaving: CancellationToken,
    /// True if this is the demo.
    pub demo: bool,
}

impl ServerSettings {
    /// True if cookies are for https only.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}

/// The settings that emails and webhooks use.
#[derive(Clone)]
pub struct ShopSettings {
    /// The origin that customers see.
    pub site: String,
    /// Signs the addresses in emails.
    pub secret: Vec<u8>,
    /// True if webhooks are sent to the SaaS's backend.
    pub hooked: bool,
}
