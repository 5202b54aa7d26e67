//! Builds the app from the settings: catalogue, database, clock, ledger, Stripe, email.

use crate::app::failure::Failure;
use crate::app::serve::connections::ConnectionLimits;
use crate::clock::Clock;
use crate::domain::Catalog;
use crate::email::Mailer;
use crate::ledger::Ledger;
use crate::metrics::process::ProcessMetrics;
use crate::rate_limits::RateLimits;
use crate::settings::{DatabaseSettings, Settings, Synchronous, listen};
use crate::store::postgres::ResponseTimeout;
use crate::store::{OpenError, Opening, Store, newest_commit};
use crate::stripe::{Stripe, StripeSettings};
use crate::usecases::app::{LivePages, PasswordGates, ReadStore, SalesCache, ScopedKeyCache, StripeQuestions};
use crate::usecases::{App, AppParts, InternalError, ServerSettings};
use chrono::TimeDelta;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The differences between `serve` and the demo.
#[derive(Clone, Default)]
pub struct Variant {
    pub demo: bool,
    /// Stripe's settings, if they do not come from the command line.
    pub stripe: Option<StripeSettings>,
    /// The origin of Checkout, if it is not Stripe's.
    pub checkout_origin: Option<String>,
    /// Limits of one connection.
    pub limits: ConnectionLimits,
    /// The longest silence of a database server.
    pub response_timeout: ResponseTimeout,
}

/// Builds the app on an open database. Returns the task of the ledger's queue too.
pub async fn build_app(
    settings: &Settings,
    variant: Variant,
    store: Store,
    catalog: Arc<Catalog>,
    public_url: String,
    read_store: ReadStore,
) -> Result<(App, tokio::task::JoinHandle<()>), Failure> {
    let stripe_settings = variant.stripe.clone().map_or_else(|| settings.stripe(), |s| Ok(Some(s)))?;
    let clock = if settings.wants_test_clock() {
        Clock::stored(&store).await.map_err(InternalError::from)?
    } else {
        Clock::system()
    };
    check_clock(&store, &clock).await?;
    let stripe = stripe_settings
        .as_ref()
        .map(|s| Stripe::new(&s.secret_key, s.api_base.as_deref()))
        .transpose()
        .map_err(|reason| Failure::Setting(format!("STRIPE_API_BASE: {reason}")))?;
    let mailer = settings.mailer(&catalog.shop, variant.demo)?;
    log_missing(&catalog, stripe.is_some(), &mailer);
    let hook = settings.hook()?;
    let form_secret = form_secret(&store).await?;
    let (ledger, engine) = Ledger::start(store.clone(), clock.clone(), Arc::clone(&catalog));
    let server = ServerSettings {
        public_url: public_url.trim_end_matches('/').to_owned(),
        operator_keys: settings.operator_keys.clone(),
        scoped_keys: ScopedKeyCache::default(),
        metrics_key: settings.metrics_key.clone(),
        stripe: stripe_settings,
        return_origins: settings.return_origins.clone(),
        trusted_proxies: settings.proxies()?,
        limits: RateLimits::new(settings.rate()?, settings.anonymous_rate()?),
        request_log: settings.log_requests.clone(),
        metrics: ProcessMetrics::default(),
        password_gates: PasswordGates::default(),
        site_root: settings.site_root.clone(),
        checkout_origin: variant.checkout_origin.unwrap_or_else(|| "https://checkout.stripe.com".to_owned()),
        checkout_origins: settings.checkout_origins.clone(),
        form_secret,
        session_idle: TimeDelta::minutes(settings.session_idle_minutes),
        session_max: TimeDelta::days(settings.session_max_days),
        leaving: CancellationToken::new(),
        demo: variant.demo,
    };
    let app = App::new(AppParts {
        store,
        read_store,
        ledger,
        stripe,
        catalog,
        clock,
        mailer,
        hook,
        sales_cache: SalesCache::default(),
        live_pages: LivePages::default(),
        stripe_questions: StripeQuestions::default(),
        settings: Arc::new(server),
    });
    Ok((app, engine))
}

/// Warns about parts that the settings switch off.
fn log_missing(catalog: &Catalog, has_stripe: bool, mailer: &Mailer) {
    let (minutes, acts_as) = (catalog.shop.checkout_minutes, catalog.shop.open_minutes());
    if minutes != acts_as {
        tracing::warn!("CATALOG: checkout_minutes = {minutes} acts as {acts_as}: Stripe allows 30 minutes to 24 hours");
    }
    if !has_stripe {
        tracing::warn!("STRIPE_SECRET_KEY is not set: buying is off");
    }
    if mailer.is_off() {
        tracing::warn!("SMTP_URL and MAIL_DIR are not set: emails wait in the outbox, and nobody can sign in by email");
        if catalog.rules.require_notice {
            tracing::warn!("CATALOG: require_notice is on and email is off: no top-up will expire");
        }
    }
}

/// Runs a command with the app of `serve`, but without its server.
///
/// # Errors
/// [`Failure`].
pub async fn with_app(settings: &Settings, run: impl AsyncFnOnce(App) -> Result<(), Failure>) -> Result<(), Failure> {
    settings.check_values(false)?;
    let catalog = Arc::new(read_catalog(&settings.database.catalog)?);
    let store = open_existing(&settings.database).await?;
    let public_url = settings.public_url.clone().unwrap_or_else(|| listen::url(settings.listen));
    let (app, engine) =
        build_app(settings, Variant::default(), store.clone(), catalog, public_url, ReadStore::default()).await?;
    let done = run(app).await;
    engine.await.map_err(|e| Failure::Failed(e.to_string()))?;
    store.close().await;
    done
}

/// The settings of a connection pool.
pub fn opening(settings: &DatabaseSettings) -> Opening {
    let wait = Duration::from_secs(settings.database_wait_seconds);
    let is_synchronous = settings.pg_synchronous == Synchronous::Required;
    Opening { connections: settings.database_connections, wait, is_synchronous, ..Opening::default() }
}

/// The longest silence of the standby that pages are read from: then the primary is asked.
const STANDBY_SILENCE: Duration = Duration::from_secs(2);

/// Opens the standby that is read from, if one is set.
///
/// # Errors
/// [`OpenError`].
pub async fn open_read_store(settings: &DatabaseSettings, store: &Store) -> Result<ReadStore, OpenError> {
    let Some(url) = &settings.read_database_url else { return Ok(ReadStore::default()) };
    let opening = Opening { response_timeout: ResponseTimeout(STANDBY_SILENCE), ..opening(settings) };
    store.open_copy(url, opening).await.map(ReadStore::new)
}

/// Opens a database that must exist.
///
/// # Errors
/// [`OpenError`].
pub async fn open_existing(settings: &DatabaseSettings) -> Result<Store, OpenError> {
    Store::open_existing_with(&settings.database_url, opening(settings)).await
}

/// Reads the catalogue's file.
///
/// # Errors
/// [`Failure::Setting`].
pub fn read_catalog(path: &Path) -> Result<Catalog, Failure> {
    let text =
        std::fs::read_to_string(path).map_err(|e| Failure::Setting(format!("CATALOG: {}: {e}", path.display())))?;
    Catalog::parse(&text).map_err(|e| Failure::Setting(format!("CATALOG: {}: {e}", path.display())))
}

/// Every plan of a customer must be in the catalogue. Closed customers don't count: they get no more credits.
///
/// # Errors
/// [`Failure::Setting`].
pub async fn check_plans(store: &Store, catalog: &Catalog) -> Result<(), Failure> {
    let sql = "select a.plan as plan from accounts a join customers c on c.no = a.customer_no where c.closed_at is null
        union select a.next_plan from accounts a join customers c on c.no = a.customer_no
        where a.next_plan is not null and c.closed_at is null";
    let mut db = store.read().await.map_err(InternalError::from)?;
    for row in db.fetch_all(sql, Vec::new()).await.map_err(InternalError::from)? {
        let plan = row.text("plan").map_err(InternalError::from)?;
        if catalog.plan(&plan).is_none() {
            return Err(Failure::Setting(format!("CATALOG: has no plan {plan:?}, which customers are on")));
        }
    }
    Ok(())
}

/// The secret that signs forms. It is created once and shared by all processes of a database.
async fn form_secret(store: &Store) -> Result<Vec<u8>, Failure> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|e| Failure::Failed(format!("the system has no random bytes: {e}")))?;
    let secret = async {
        let mut db = store.begin_write().await?;
        let sql = "insert into secrets (name, value) values ('forms', $1) on conflict (name) do nothing";
        db.execute(sql, crate::args![bytes]).await?;
        let row = db.fetch_optional("select value from secrets where name = 'forms'", Vec::new()).await?;
        db.commit().await?;
        row.ok_or(sqlx::Error::RowNotFound)?.blob("value")
    };
    Ok(secret.await.map_err(InternalError::from)?)
}

/// Fails if the clock is far ahead of the newest commit. The test clock may be anywhere.
async fn check_clock(store: &Store, clock: &Clock) -> Result<(), Failure> {
    if clock.is_test() {
        return Ok(());
    }
    let refusal = newest_commit::clock_refusal(store, clock.real()).await.map_err(InternalError::from)?;
    refusal.map_or(Ok(()), |refusal| Err(Failure::Failed(refusal)))
}
