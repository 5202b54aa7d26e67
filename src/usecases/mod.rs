//! What the product does, a file a subject. Pages, APIs and jobs call these.
//! The ledger's SQL is in `store/`; a use-case has the statements of its own tables beside what it does with them.
//!
//! Invariants: every write goes through the engine; no transaction is open during a call to Stripe; what a
//! rule refuses is a value, [`Fault`] is what nobody expected.

pub mod access;
pub mod alarms;
pub mod credits;
pub mod customers;
pub mod delivery;
pub mod insight;
pub mod jobs;
pub mod notify;
pub mod operators;
pub mod purchases;
pub mod stripe_sync;
pub mod subscriptions;
pub mod upkeep;

use crate::clock::Clock;
use crate::config::StripeSettings;
use crate::domain::Catalog;
use crate::email::Mailer;
use crate::ledger::{Ledger, Unavailable};
use crate::store::Store;
use crate::store::db::DbError;
use crate::store::faults::is_lasting;
use crate::stripe::Stripe;
use crate::webhooks::Hook;
use std::path::PathBuf;
use std::sync::Arc;

/// What every use-case needs. A clone is one count up: each request makes some.
#[derive(Clone)]
pub struct App(Arc<AppParts>);

impl App {
    /// Of these parts.
    #[must_use]
    pub fn new(parts: AppParts) -> Self {
        Self(Arc::new(parts))
    }

    /// The parts, for services that differ in some.
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

/// What services are made of.
#[derive(Clone)]
pub struct AppParts {
    /// Reading.
    pub store: Store,
    /// Writing.
    pub ledger: Ledger,
    /// Stripe; none where buying is off.
    pub stripe: Option<Stripe>,
    /// What is for sale.
    pub catalog: Arc<Catalog>,
    /// The time.
    pub clock: Clock,
    /// How mail leaves.
    pub mailer: Mailer,
    /// Where the SaaS's backend is told; none where it is not.
    pub hook: Option<Hook>,
    /// What was added up of the sales report.
    pub books: insight::sales::Books,
    /// Pages that are open.
    pub live: insight::live::Live,
    /// What pages have asked Stripe lately.
    pub questions: purchases::Questions,
    /// The rest of the settings.
    pub settings: Arc<ServerSettings>,
}

/// Settings of a running process.
pub struct ServerSettings {
    /// The origin that customers see, without a trailing slash.
    pub public_url: String,
    /// Keys of the operator API.
    pub operator_keys: Vec<String>,
    /// Stripe's settings.
    pub stripe: Option<StripeSettings>,
    /// Origins that a portal link may return to.
    pub return_origins: Vec<String>,
    /// Proxies that are believed about who called.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// How much each key, and each stranger, may ask.
    pub limits: crate::rate_limits::Limits,
    /// What was counted of strangers and operators.
    pub counts: crate::counts::Counts,
    /// Where operators' passwords wait for being compared.
    pub passwords: operators::password::Gates,
    /// Folder that the stylesheet and the icon are read from, instead of the binary.
    pub site_root: Option<PathBuf>,
    /// Where forms may lead beside ourselves: Checkout.
    pub checkout_origin: String,
    /// Origins of the shop's own at which Stripe shows its Checkout and its portal.
    pub checkout_origins: Vec<String>,
    /// Binds what a form carries (R19); kept in the database.
    pub form_secret: Vec<u8>,
    /// How long a session lasts without a click.
    pub session_idle: chrono::TimeDelta,
    /// How long a session lasts at most.
    pub session_max: chrono::TimeDelta,
    /// Whether this is the demo.
    pub demo: bool,
}

impl ServerSettings {
    /// Whether cookies are for https only.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}

/// What words that customers read take from the settings.
#[derive(Clone)]
pub struct Shop {
    /// The origin that customers see.
    pub site: String,
    /// Binds what an address carries.
    pub secret: Vec<u8>,
    /// Whether the SaaS's backend is told.
    pub hooked: bool,
}

/// What nobody expected. Logged once at the edge, its cause never shown.
#[derive(Debug, thiserror::Error)]
pub enum InternalError {
    /// The database.
    #[error("database: {0}")]
    Db(#[from] DbError),
    /// A write could not be done now.
    #[error("{0}")]
    Unavailable(#[from] Unavailable),
    /// Stripe did not answer, or not as it should.
    #[error("stripe: {0}")]
    Stripe(String),
    /// Something of ours is not as it must be.
    #[error("broken: {0}")]
    Broken(String),
}

impl InternalError {
    /// Whether it stays until a person mends its cause: a 500, which no repeat helps. All others pass: a 503.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Db(e) => is_lasting(e),
            Self::Unavailable(unavailable) => *unavailable == Unavailable::Broken,
            Self::Stripe(_) => false,
            Self::Broken(_) => true,
        }
    }

    /// Whether the engine has logged the cause already, with the batch that it ended.
    #[must_use]
    pub const fn is_logged(&self) -> bool {
        matches!(self, Self::Unavailable(Unavailable::Database | Unavailable::Broken))
    }
}

/// Turns a ledger's double result into one.
pub(crate) fn flat<T>(result: Result<Result<T, InternalError>, Unavailable>) -> Result<T, InternalError> {
    result.map_err(InternalError::from)?
}
