//! `topup demo`: the product with a stand-in for Stripe. Loopback only, never part of a release.

use crate::app::build::Variant;
use crate::app::failure::Failure;
use crate::app::serve::{Application, check_site};
use crate::demo::seed;
use crate::settings::{Settings, listen};
use crate::stripe::StripeSettings;
use crate::usecases::App;
use crate::usecases::jobs::test_clock;
use chrono::DateTime;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use stripe_sandbox::{Sandbox, SandboxSettings};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The sandbox's key and secret: fit for a stand-in, and for nothing else.
const SECRET_KEY: &str = "sk_test_sandbox_0000000000000000";
const WEBHOOK_SECRET: &str = "whsec_sandbox_0000000000000000";
/// The demo's operator key, so that the API can be tried at once.
pub const OPERATOR_KEY: &str = "demo-operator-key-0000000000000000";

/// Runs the demo.
///
/// # Errors
/// [`Failure`].
pub async fn run(mut settings: Settings) -> Result<(), Failure> {
    settings.check(true)?;
    check_site(&settings)?;
    // A test clock that runs, unless the setting asks for one that stands still, or for none.
    let runs_clock = settings.test_clock.is_none();
    if runs_clock {
        settings.test_clock = Some("1".to_owned());
    }
    if settings.database.database_url == "sqlite://data/topup.db" {
        settings.database.database_url = "sqlite://data/demo.db".to_owned();
    }
    if settings.operator_keys.is_empty() {
        settings.operator_keys = vec![OPERATOR_KEY.to_owned()];
    }
    let listener = bind_near(settings.listen).await?;
    let address = listener.local_addr()?;
    let public_url = settings.public_url.clone().unwrap_or_else(|| listen::url(address));
    let sandbox_listener = bind_sandbox(address).await?;
    let sandbox_base = listen::url(sandbox_listener.local_addr()?);
    let variant = Variant {
        demo: true,
        stripe: Some(StripeSettings {
            secret_key: SECRET_KEY.to_owned(),
            webhook_secrets: vec![WEBHOOK_SECRET.to_owned()],
            // Tests put a proxy between the demo and its sandbox.
            api_base: Some(settings.stripe_api_base.clone().unwrap_or_else(|| format!("{sandbox_base}/"))),
        }),
        checkout_origin: Some(sandbox_base.clone()),
        ..Variant::default()
    };
    let app = Application::build(&settings, listener, variant).await?;
    let history_at = Arc::new(AtomicI64::new(0));
    let sandbox = open_sandbox(&app.app, &settings, sandbox_base, address, &history_at).await?;
    crate::demo::set_sandbox(&sandbox);
    let router = sandbox.router();
    let serving = tokio::spawn(async move { axum::serve(sandbox_listener, router).await });
    sandbox.spawn_deliveries();
    if settings.demo_seed == "full" {
        seed::run(&app.app, &sandbox, &history_at).await?;
    }
    if runs_clock {
        // Only now: the story has an engine of its own, and this engine must not have cached anything before.
        catch_up_with_the_present(&app.app).await?;
    }
    println!("listening on {}", listen::url(address));
    if settings.demo_seed == "full" {
        greet(&public_url);
    }
    app.stop_on_signal(Duration::from_secs(settings.shutdown_delay_seconds));
    if runs_clock {
        tokio::spawn(run_clock(app.app.clone(), app.stopper()));
    }
    let done = app.run().await;
    serving.abort();
    done
}

/// The time between two moves of the demo's clock.
const CLOCK_STEP: Duration = Duration::from_secs(5);

/// Moves the stored test clock to the present, unless it is ahead.
async fn catch_up_with_the_present(app: &App) -> Result<(), Failure> {
    let present = app.clock.real();
    // An error means that the clock is ahead; it stays there.
    let _ = test_clock::advance_clock(app, present).await?;
    Ok(())
}

/// Moves the clock by the real time that passed, until the demo ends.
async fn run_clock(app: App, stop: CancellationToken) {
    let mut before = app.clock.real();
    while stop.run_until_cancelled(tokio::time::sleep(CLOCK_STEP)).await.is_some() {
        let (now, real) = (app.clock.now(), app.clock.real());
        if let Err(e) = test_clock::advance_clock(&app, now + (real - before)).await {
            tracing::error!(error = %e, "the demo's clock could not be moved and will be retried");
        }
        before = real;
    }
}

/// The same port after a restart, so that open Checkouts still work; any other if it is taken.
async fn bind_sandbox(address: SocketAddr) -> Result<TcpListener, Failure> {
    let beside = address.port().checked_add(1_000).unwrap_or(0);
    match TcpListener::bind((address.ip(), beside)).await {
        Ok(listener) => Ok(listener),
        Err(_) => Ok(TcpListener::bind((address.ip(), 0)).await?),
    }
}

/// The given address, or the next free port.
async fn bind_near(wanted: SocketAddr) -> Result<TcpListener, Failure> {
    let mut address = wanted;
    for _ in 0..50 {
        match TcpListener::bind(address).await {
            Ok(listener) => return Ok(listener),
            Err(e) if e.kind() == std::io::ErrorKind::AddrInUse && wanted.port() != 0 => {
                address.set_port(address.port().saturating_add(1));
            }
            Err(e) => return Err(Failure::Setting(format!("LISTEN: {address}: {e}"))),
        }
    }
    Err(Failure::Setting(format!("LISTEN: no free port from {wanted} on")))
}

async fn open_sandbox(
    app: &App,
    settings: &Settings,
    public_base: String,
    address: SocketAddr,
    history_at: &Arc<AtomicI64>,
) -> Result<Sandbox, Failure> {
    let history_at = Arc::clone(history_at);
    let (now, real) = (app.clock.clone(), app.clock.clone());
    let sandbox = SandboxSettings {
        file: sandbox_file(&settings.database.database_url),
        public_base,
        secret_key: SECRET_KEY.to_owned(),
        webhook_url: format!("{}/webhooks/stripe", listen::url(address)),
        webhook_secret: WEBHOOK_SECRET.to_owned(),
        now: Arc::new(move || match history_at.load(Ordering::SeqCst) {
            0 => now.now(),
            past => DateTime::from_timestamp(past, 0).unwrap_or_default(),
        }),
        real_now: Arc::new(move || real.real()),
        shop_name: app.catalog.shop.name.clone(),
        deliver_twice: true,
    };
    let failed = |reason| Failure::Failed(format!("sandbox: {reason}"));
    let (sandbox, catalog) = (Sandbox::open(sandbox).await.map_err(failed)?, &app.catalog);
    for plan in &catalog.plans {
        for price in &plan.stripe_prices {
            sandbox.add_price(price, &plan.name, plan.amount, &catalog.shop.currency).await.map_err(failed)?;
        }
    }
    Ok(sandbox)
}

/// Beside the demo's own file: `demo.db` has `demo-sandbox.db`.
fn sandbox_file(database_url: &str) -> Option<PathBuf> {
    let path = PathBuf::from(database_url.strip_prefix("sqlite://")?);
    let stem = path.file_stem()?.to_string_lossy().into_owned();
    Some(path.with_file_name(format!("{stem}-sandbox.db")))
}

fn greet(public_url: &str) {
    println!();
    println!("Open {public_url} and sign in as Acme Data (Starter, 180 of 5,000 credits left).");
    println!("  1. Buy 1,200 credits. The card is 4242 4242 4242 4242, any date, any CVC.");
    println!("  2. In the bar marked Demo, press Use 380: plan 0, top-up 1,000.");
    println!("  3. In the same bar, press Next reset: plan 5,000, top-up still 1,000.");
    println!("The API's operator key is {OPERATOR_KEY}");
    println!();
}
