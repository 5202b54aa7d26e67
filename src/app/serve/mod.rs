//! `topup serve`: the server's parts, its routes, its start and its stop.

pub mod connections;
mod deadline;
pub mod lock;
mod observe;
mod peers;

use crate::app::build::{Variant, build_app, check_plans, open_read_store, opening, read_catalog};
use crate::app::failure::Failure;
use crate::app::serve::connections::{ConnectionLimits, Stages};
use crate::app::serve::lock::FileLock;
use crate::app::serve::peers::Peers;
use crate::app::signal;
use crate::settings::error::BadSetting;
use crate::settings::{Settings, Switch, listen};
use crate::store::{Opening, Store};
use crate::usecases::App;
use crate::usecases::insight::live;
use crate::usecases::upkeep::{backfill, read_standby};
use crate::{http, jobs, web};
use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::STRICT_TRANSPORT_SECURITY;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::set_header::SetResponseHeaderLayer;

/// The time after the stop for running requests.
const REQUESTS_AT_STOP: Duration = Duration::from_secs(15);

/// A server. Tests run several in one process.
pub struct Application {
    /// The app.
    pub app: App,
    /// The bound address.
    pub address: SocketAddr,
    listener: TcpListener,
    limits: ConnectionLimits,
    peers: Peers,
    engine: tokio::task::JoinHandle<()>,
    runs_jobs: bool,
    stages: Stages,
    _lock: Option<FileLock>,
}

impl Application {
    /// Builds the app, without serving it yet.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn build(settings: &Settings, listener: TcpListener, variant: Variant) -> Result<Self, Failure> {
        let address = listener.local_addr()?;
        let catalog = Arc::new(read_catalog(&settings.database.catalog)?);
        let opening = Opening { response_timeout: variant.response_timeout, ..opening(&settings.database) };
        let store = Store::open_with(&settings.database.database_url, opening).await?;
        let lock = match &store {
            Store::Sqlite { file, .. } => Some(FileLock::take(file)?),
            Store::Postgres(_) => None,
        };
        let read_store = open_read_store(&settings.database, &store).await?;
        store.migrate().await?;
        backfill::run_backfill(&store).await?;
        check_plans(&store, &catalog).await?;
        let public_url = settings.public_url.clone().unwrap_or_else(|| listen::url(address));
        let limits = variant.limits;
        let (app, engine) = build_app(settings, variant, store, catalog, public_url, read_store).await?;
        let runs_jobs = settings.worker == Switch::On;
        let peers = Peers::new(
            usize::from(settings.connections_per_address),
            app.settings.trusted_proxies.clone(),
            app.settings.metrics.clone(),
        );
        let stages = Stages::new(app.settings.leaving.clone());
        Ok(Self { app, address, listener, limits, peers, engine, runs_jobs, stages, _lock: lock })
    }

    /// Stops [`Application::run`] from outside, at once.
    #[must_use]
    pub fn stopper(&self) -> CancellationToken {
        self.stages.stop.clone()
    }

    /// Stops at a signal: `/readyz` is 503 for `delay` before the listener closes. A second signal ends the delay.
    pub fn stop_on_signal(&self, delay: Duration) {
        let Stages { leaving, stop, .. } = self.stages.clone();
        signal::stop_on_signal(leaving.clone());
        tokio::spawn(async move {
            leaving.cancelled().await;
            if !delay.is_zero() {
                tracing::info!(seconds = delay.as_secs(), "stopping: /readyz answers 503 until the listener closes");
                signal::stop_on_signal(stop.clone());
            }
            let _stopped = stop.run_until_cancelled(tokio::time::sleep(delay)).await;
            stop.cancel();
        });
    }

    /// Serves until stopped. Then it finishes running requests, drains the ledger's queue, and closes the database.
    ///
    /// # Errors
    /// A panic of the worker.
    pub async fn run(self) -> Result<(), Failure> {
        let Self { app, listener, limits, peers, engine, runs_jobs, stages, _lock: lock, .. } = self;
        let stop = stages.stop.clone();
        let (worker_app, worker_stop) = (app.clone(), stop.clone());
        let worker = tokio::spawn(async move {
            if runs_jobs {
                jobs::run(worker_app, worker_stop).await;
            }
        });
        let live_pages = tokio::spawn(live::follow_writes(app.clone(), stop.clone()));
        let standby = tokio::spawn(read_standby::follow_standby(app.clone(), stop.clone()));
        let router = router(&app);
        let leaving = stages.leaving.clone();
        let serving = connections::serve(listener, router, limits, peers, stages);
        // Open connections are closed after this; idempotency keys keep their writes safe.
        let grace = async {
            stop.cancelled().await;
            leaving.cancel();
            tokio::time::sleep(REQUESTS_AT_STOP).await;
        };
        tokio::select! {
            () = serving => {}
            () = grace => tracing::warn!("open connections were closed at shutdown"),
        }
        stop.cancel();
        worker.await.map_err(|e| Failure::Failed(e.to_string()))?;
        live_pages.await.map_err(|e| Failure::Failed(e.to_string()))?;
        standby.await.map_err(|e| Failure::Failed(e.to_string()))?;
        let (store, read_store) = (app.store.clone(), app.read_store.clone());
        drop(app);
        if tokio::time::timeout(Duration::from_secs(10), engine).await.is_err() {
            tracing::warn!("the ledger's queue was not empty at shutdown");
        }
        tokio::join!(store.close(), read_store.close());
        drop(lock);
        Ok(())
    }
}

/// All routes: APIs and pages.
pub fn router(app: &App) -> Router {
    let limit = axum::middleware::from_fn_with_state(app.clone(), web::limits::browsers);
    let pages = web::router::routes(app).layer(limit);
    let router = Router::new().merge(http::routes(app)).merge(pages).with_state(app.clone());
    let router = router.layer(axum::middleware::from_fn_with_state(app.clone(), observe::observe));
    if !app.settings.is_https() {
        return router;
    }
    // HSTS for a year, for the API too, whose callers send keys.
    let hsts = HeaderValue::from_static("max-age=31536000");
    router.layer(SetResponseHeaderLayer::overriding(STRICT_TRANSPORT_SECURITY, hsts))
}

/// `topup serve`.
///
/// # Errors
/// [`Failure`].
pub async fn run(settings: Settings) -> Result<(), Failure> {
    settings.check(false)?;
    check_site(&settings)?;
    let listener = TcpListener::bind(settings.listen)
        .await
        .map_err(|e| Failure::Setting(format!("LISTEN: {}: {e}", settings.listen)))?;
    let app = Application::build(&settings, listener, Variant::default()).await?;
    println!("listening on {}", listen::url(app.address));
    app.stop_on_signal(Duration::from_secs(settings.shutdown_delay_seconds));
    app.run().await
}

/// `SITE_ROOT` must have the stylesheet. A binary without it logs a warning.
///
/// # Errors
/// `SITE_ROOT` has no stylesheet.
pub fn check_site(settings: &Settings) -> Result<(), BadSetting> {
    match settings.site_root.as_deref().map(web::assets::stylesheet_in) {
        Some(file) if !file.is_file() => {
            let reason = format!("{} does not exist; `make css` builds it", file.display());
            Err(BadSetting { name: "SITE_ROOT", reason })
        }
        None if !web::assets::has_stylesheet() => {
            tracing::warn!("this binary was built without the stylesheet: run `make css`, then build again");
            Ok(())
        }
        _ => Ok(()),
    }
}
