//! Composition: builds the parts from the settings, mounts every router, runs and ends.

pub mod alarms;
pub mod clock;
pub mod connections;
mod deadline;
#[cfg(feature = "demo")]
pub mod demo;
pub mod doctor;
pub mod hooks;
mod lock;
pub mod operators;
mod peers;
pub mod purchases;
pub mod reconcile;
#[cfg(feature = "demo")]
mod seed;
#[cfg(feature = "demo")]
mod story;
mod stripe_checks;
pub mod stripe_setup;
pub mod verify;
pub mod worker;

use crate::clock::Clock;
use crate::config::{BadSetting, DatabaseSettings, Settings, StripeSettings, Switch, listen};
use crate::domain::Catalog;
use crate::ledger::Ledger;
use crate::store::pg::ResponseTimeout;
use crate::store::{OpenError, Opening, Store};
use crate::stripe::Stripe;
use crate::usecases::app::{LivePages, PasswordGates, SalesCache, StripeQuestions};
use crate::usecases::insight::live;
use crate::usecases::upkeep::{backfill, check as check_cases};
use crate::usecases::{App, AppParts, InternalError, ServerSettings};
use crate::{http, jobs, web};
use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::STRICT_TRANSPORT_SECURITY;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::set_header::SetResponseHeaderLayer;

/// Why a command ended badly.
#[derive(Debug)]
pub enum Failure {
    /// A setting is missing, empty or malformed: exit code 2.
    Setting(String),
    /// Anything else: exit code 1.
    Failed(String),
}

impl From<BadSetting> for Failure {
    fn from(bad: BadSetting) -> Self {
        Self::Setting(bad.to_string())
    }
}

impl From<OpenError> for Failure {
    fn from(e: OpenError) -> Self {
        if e.is_setting() { Self::Setting(e.to_string()) } else { Self::Failed(e.to_string()) }
    }
}

impl From<InternalError> for Failure {
    fn from(fault: InternalError) -> Self {
        Self::Failed(fault.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(e: std::io::Error) -> Self {
        Self::Failed(e.to_string())
    }
}

/// A process that serves, until it is stopped. Tests run several in one process.
pub struct Application {
    /// What its use-cases need.
    pub app: App,
    /// Where it listens.
    pub address: SocketAddr,
    listener: TcpListener,
    limits: connections::Limits,
    peers: peers::Peers,
    engine: tokio::task::JoinHandle<()>,
    works: bool,
    stop: CancellationToken,
    _lock: Option<lock::FileLock>,
}

/// What differs between `serve` and the demo.
#[derive(Clone, Default)]
pub struct Variant {
    /// Whether this is the demo.
    pub demo: bool,
    /// Stripe's settings, where they do not come from the command line.
    pub stripe: Option<StripeSettings>,
    /// Where Checkout is, where it is not Stripe's own.
    pub checkout_origin: Option<String>,
    /// What one connection may take.
    pub limits: connections::Limits,
    /// How long a database server may keep silent.
    pub patience: ResponseTimeout,
}

impl Application {
    /// Builds everything: database, catalogue, clock, engine. Nothing is served yet.
    ///
    /// # Errors
    /// [`Failure`]; a wrong setting is named.
    pub async fn build(settings: &Settings, listener: TcpListener, variant: Variant) -> Result<Self, Failure> {
        let address = listener.local_addr()?;
        let catalog = Arc::new(read_catalog(&settings.database.catalog)?);
        let opening = Opening { patience: variant.patience, ..opening(&settings.database) };
        let store = Store::open_with(&settings.database.database_url, opening).await?;
        let lock = match &store {
            Store::Sqlite { file, .. } => Some(lock::FileLock::take(file)?),
            Store::Postgres(_) => None,
        };
        store.migrate().await?;
        backfill::run(&store).await?;
        check_plans(&store, &catalog).await?;
        let public_url = settings.public_url.clone().unwrap_or_else(|| listen::url(address));
        let limits = variant.limits;
        let (app, engine) = services_on(settings, variant, store, catalog, public_url).await?;
        let works = settings.worker == Switch::On;
        let peers = peers::Peers::new(
            usize::from(settings.connections_per_address),
            app.settings.trusted_proxies.clone(),
            app.settings.counts.clone(),
        );
        let stop = CancellationToken::new();
        Ok(Self { app, address, listener, limits, peers, engine, works, stop, _lock: lock })
    }

    /// Stops [`Application::run`] from outside.
    #[must_use]
    pub fn stopper(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Serves until stopped: then finishes what runs, drains the queue of writes, closes the database.
    ///
    /// # Errors
    /// The worker's.
    pub async fn run(self) -> Result<(), Failure> {
        let Self { app, listener, limits, peers, engine, works, stop, _lock: lock, .. } = self;
        let (worked, until) = (app.clone(), stop.clone());
        let worker = tokio::spawn(async move {
            if works {
                jobs::run(worked, until).await;
            }
        });
        let looking = tokio::spawn(live::run(app.clone(), stop.clone()));
        let router = router(&app);
        let served = connections::serve(listener, router, limits, peers, stop.clone());
        // A connection that never ends must not keep the process: writes are safe by their keys.
        let grace = async {
            stop.cancelled().await;
            tokio::time::sleep(std::time::Duration::from_secs(5)).await;
        };
        tokio::select! {
            () = served => {}
            () = grace => tracing::warn!("connections were cut off at shut-down"),
        }
        stop.cancel();
        worker.await.map_err(|e| Failure::Failed(e.to_string()))?;
        looking.await.map_err(|e| Failure::Failed(e.to_string()))?;
        let store = app.store.clone();
        drop(app);
        if tokio::time::timeout(std::time::Duration::from_secs(10), engine).await.is_err() {
            tracing::warn!("the queue of writes did not drain in time");
        }
        store.close().await;
        drop(lock);
        Ok(())
    }
}

/// What the use-cases need, on an open database, and the engine's task.
async fn services_on(
    settings: &Settings,
    variant: Variant,
    store: Store,
    catalog: Arc<Catalog>,
    public_url: String,
) -> Result<(App, tokio::task::JoinHandle<()>), Failure> {
    let stripe_settings = variant.stripe.clone().map_or_else(|| settings.stripe(), |s| Ok(Some(s)))?;
    let clock = if settings.wants_test_clock() {
        Clock::stored(&store).await.map_err(InternalError::from)?
    } else {
        Clock::system()
    };
    clock::check(&store, &clock).await?;
    let stripe = stripe_settings
        .as_ref()
        .map(|s| Stripe::new(&s.secret_key, s.api_base.as_deref()))
        .transpose()
        .map_err(|reason| Failure::Setting(format!("STRIPE_API_BASE: {reason}")))?;
    let (said, real) = (catalog.shop.checkout_minutes, catalog.shop.open_minutes());
    if said != real {
        tracing::warn!("CATALOG: checkout_minutes = {said} acts as {real}: Stripe takes no less and no more in safety");
    }
    if stripe.is_none() {
        tracing::warn!("STRIPE_SECRET_KEY is not set: buying is switched off");
    }
    let mailer = settings.mailer(&catalog.shop, variant.demo)?;
    if mailer.is_off() {
        tracing::warn!("SMTP_URL and MAIL_DIR are not set: mails wait in the outbox, and nobody can sign in by mail");
        if catalog.rules.require_notice {
            tracing::warn!("CATALOG: require_notice is on and mail is off: no top-up will expire");
        }
    }
    let hook = settings.hook()?;
    let form_secret = form_secret(&store).await?;
    let (ledger, engine) = Ledger::start(store.clone(), clock.clone(), Arc::clone(&catalog));
    let running = ServerSettings {
        public_url: public_url.trim_end_matches('/').to_owned(),
        operator_keys: settings.operator_keys.clone(),
        stripe: stripe_settings,
        return_origins: settings.return_origins.clone(),
        trusted_proxies: settings.proxies()?,
        limits: crate::rate_limits::Limits::new(settings.rate()?, settings.anonymous_rate()?),
        counts: crate::counts::Counts::default(),
        password_gates: PasswordGates::default(),
        site_root: settings.site_root.clone(),
        checkout_origin: variant.checkout_origin.unwrap_or_else(|| "https://checkout.stripe.com".to_owned()),
        checkout_origins: settings.checkout_origins.clone(),
        form_secret,
        session_idle: chrono::TimeDelta::minutes(settings.session_idle_minutes),
        session_max: chrono::TimeDelta::days(settings.session_max_days),
        demo: variant.demo,
    };
    let app = App::new(AppParts {
        store,
        ledger,
        stripe,
        catalog,
        clock,
        mailer,
        hook,
        sales_cache: SalesCache::default(),
        live_pages: LivePages::default(),
        stripe_questions: StripeQuestions::default(),
        settings: Arc::new(running),
    });
    Ok((app, engine))
}

/// All routes: machines' and browsers'.
pub fn router(app: &App) -> Router {
    let limit = axum::middleware::from_fn_with_state(app.clone(), web::limits::browsers);
    let pages = web::router::routes(app).layer(limit);
    let router = Router::new().merge(http::routes(app)).merge(pages).with_state(app.clone());
    if !app.settings.is_https() {
        return router;
    }
    // Every answer of a site on https says that it stays there, for a year: the API's too, whose callers send keys.
    let stays = HeaderValue::from_static("max-age=31536000");
    router.layer(SetResponseHeaderLayer::overriding(STRICT_TRANSPORT_SECURITY, stays))
}

/// `topup serve`.
///
/// # Errors
/// [`Failure`].
pub async fn serve(settings: Settings) -> Result<(), Failure> {
    settings.check(false)?;
    check_site(&settings)?;
    let listener = TcpListener::bind(settings.listen)
        .await
        .map_err(|e| Failure::Setting(format!("LISTEN: {}: {e}", settings.listen)))?;
    let app = Application::build(&settings, listener, Variant::default()).await?;
    println!("listening on {}", listen::url(app.address));
    stop_on_signal(app.stopper());
    app.run().await
}

fn stop_on_signal(stop: CancellationToken) {
    tokio::spawn(async move {
        let mut term = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(term) => term,
            Err(e) => return tracing::error!(error = %e, "no signals"),
        };
        tokio::select! {
            _ = term.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        stop.cancel();
    });
}

/// `topup migrate`.
///
/// # Errors
/// [`Failure`].
pub async fn migrate(settings: &DatabaseSettings) -> Result<(), Failure> {
    let store = Store::open_with(&settings.database_url, opening(settings)).await?;
    store.migrate().await?;
    backfill::run(&store).await?;
    println!("the tables are up to date");
    store.close().await;
    Ok(())
}

/// `topup check`.
///
/// # Errors
/// [`Failure`]: the first broken row, named.
pub async fn check(settings: &DatabaseSettings) -> Result<(), Failure> {
    let store = open_existing(settings).await?;
    let report = check_cases::run(&store).await?;
    store.close().await;
    match report {
        Ok(summary) => {
            println!("{summary}");
            Ok(())
        }
        Err(broken) => Err(Failure::Failed(broken)),
    }
}

fn opening(settings: &DatabaseSettings) -> Opening {
    Opening { connections: settings.database_connections, ..Opening::default() }
}

/// The database of a command that makes nothing.
async fn open_existing(settings: &DatabaseSettings) -> Result<Store, OpenError> {
    Store::open_existing_with(&settings.database_url, opening(settings)).await
}

/// Pages without the stylesheet are bare. A folder that was named must have it; a binary without it says so in the log.
fn check_site(settings: &Settings) -> Result<(), BadSetting> {
    match settings.site_root.as_deref().map(web::assets::stylesheet_in) {
        Some(file) if !file.is_file() => {
            let reason = format!("{} is not there; `make css` builds it", file.display());
            Err(BadSetting { name: "SITE_ROOT", reason })
        }
        None if !web::assets::has_stylesheet() => {
            tracing::warn!("this binary was built without the stylesheet: run `make css`, then build again");
            Ok(())
        }
        _ => Ok(()),
    }
}

fn read_catalog(path: &Path) -> Result<Catalog, Failure> {
    let text =
        std::fs::read_to_string(path).map_err(|e| Failure::Setting(format!("CATALOG: {}: {e}", path.display())))?;
    Catalog::parse(&text).map_err(|e| Failure::Setting(format!("CATALOG: {}: {e}", path.display())))
}

/// A plan that customers are on must be in the catalogue, unless all of them are closed: they are granted nothing more.
async fn check_plans(store: &Store, catalog: &Catalog) -> Result<(), Failure> {
    let sql = "select a.plan as plan from accounts a join customers c on c.no = a.customer_no where c.closed_at is null
        union select a.next_plan from accounts a join customers c on c.no = a.customer_no
        where a.next_plan is not null and c.closed_at is null";
    let mut link = store.read().await.map_err(InternalError::from)?;
    for row in link.all(sql, Vec::new()).await.map_err(InternalError::from)? {
        let plan = row.text("plan").map_err(InternalError::from)?;
        if catalog.plan(&plan).is_none() {
            return Err(Failure::Setting(format!("CATALOG: customers are on plan {plan:?}, which is not in it")));
        }
    }
    Ok(())
}

/// The secret that binds forms: made once, shared by all processes on one database.
async fn form_secret(store: &Store) -> Result<Vec<u8>, Failure> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|e| Failure::Failed(format!("no random bytes: {e}")))?;
    let secret = async {
        let mut link = store.begin_turn().await?;
        let sql = "insert into secrets (name, value) values ('forms', $1) on conflict (name) do nothing";
        link.run(sql, crate::args![bytes]).await?;
        let row = link.one("select value from secrets where name = 'forms'", Vec::new()).await?;
        link.commit().await?;
        row.ok_or(sqlx::Error::RowNotFound)?.blob("value")
    };
    Ok(secret.await.map_err(InternalError::from)?)
}
