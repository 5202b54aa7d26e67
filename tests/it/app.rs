//! A real application in process: its own database, its own Stripe sandbox, a test clock.
//!
//! Owns: where a test's database and files are, what runs, and the verbs that tests are written in. Each
//! test has everything for itself. Invariant: whatever a test did, `check` is content with what it left.

mod answer;
mod browser;
mod database;
mod faults;
mod form;
mod steps;

pub use answer::Answer;
pub use browser::Browser;
pub use database::{Database, Home};
pub use faults::BadWrite;
pub use form::{Form, forms};
pub use steps::Opened;

use axum::extract::Request;
use axum::middleware::Next;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use stripe_sandbox::{Sandbox, SandboxSettings};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use topup::app::build::Variant;
use topup::app::failure::Failure;
use topup::app::serve::Application;
use topup::app::serve::connections::ConnectionLimits;
use topup::cli::{Cli, Command};
use topup::clock::Clock;
use topup::domain::Instant;
use topup::settings::Settings;
use topup::stripe::StripeSettings;
use topup::usecases::App;

pub const OPERATOR_KEY: &str = "operator-key-of-the-tests-0000000000";
pub const WEBHOOK_SECRET: &str = "whsec_of_the_tests_000000";
/// The stand-in's own key.
pub const SECRET_KEY: &str = "sk_test_of_the_tests_000000";

/// How long anything may take before a test calls it stuck. No test asserts speed.
pub const STUCK: Duration = Duration::from_secs(60);

/// Makes two tests of one scenario: `…::on_sqlite` and `…::on_postgres`.
macro_rules! on_both {
    ($name:ident, |$app:ident| $scenario:block) => {
        mod $name {
            #[allow(unused_imports, reason = "a scenario takes what it needs")]
            use super::*;

            async fn scenario($app: &$crate::app::TestApp) {
                $scenario
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                $crate::app::run($crate::app::Database::Sqlite, scenario).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                $crate::app::run($crate::app::Database::Postgres, scenario).await;
            }
        }
    };
}
pub(crate) use on_both;

/// Runs a scenario, and verifies the whole database after it.
pub async fn run(database: Database, scenario: impl AsyncFnOnce(&TestApp)) {
    let app = TestApp::start(database).await;
    scenario(&app).await;
    app.check().await;
    app.stop().await;
    app.home.remove().await;
}

/// A running application and all around it.
pub struct TestApp {
    pub home: Home,
    pub address: SocketAddr,
    pub sandbox: Sandbox,
    pub http: reqwest::Client,
    /// The paths of the requests that have reached the stand-in's API.
    stripe_calls: Arc<Mutex<Vec<String>>>,
    settings: Mutex<Settings>,
    variant: Variant,
    /// Stays open over restarts: who calls meanwhile waits in its backlog.
    listener: std::net::TcpListener,
    /// The clock of the application that runs now.
    clock: Arc<Mutex<Clock>>,
    running: Mutex<Option<Running>>,
}

struct Running {
    inner: App,
    stop: CancellationToken,
    done: JoinHandle<Result<(), Failure>>,
}

impl TestApp {
    /// Starts on an empty database.
    pub async fn start(database: Database) -> Self {
        Self::start_with(database, |_| {}).await
    }

    /// Starts on an empty database, with other settings.
    pub async fn start_with(database: Database, change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_limited(database, change, ConnectionLimits::default()).await
    }

    /// The same, with other limits for its connections.
    pub async fn start_limited(
        database: Database,
        change: impl FnOnce(&mut Settings),
        limits: ConnectionLimits,
    ) -> Self {
        Self::start_as(database, change, |variant| variant.limits = limits).await
    }

    /// The same, with whatever is not a setting.
    pub async fn start_as(
        database: Database,
        change: impl FnOnce(&mut Settings),
        vary: impl FnOnce(&mut Variant),
    ) -> Self {
        let home = Home::make(database).await;
        let mut settings = settings(&home.url);
        settings.mail_dir = Some(home.folder.join("mails"));
        change(&mut settings);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let sandbox_listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", sandbox_listener.local_addr().unwrap());
        let stripe = StripeSettings {
            secret_key: SECRET_KEY.to_owned(),
            webhook_secrets: vec![WEBHOOK_SECRET.to_owned()],
            api_base: Some(base.clone()),
        };
        let checkout_origin = Some(base.clone());
        let mut variant = Variant { demo: true, stripe: Some(stripe), checkout_origin, ..Variant::default() };
        vary(&mut variant);
        let clock = Arc::new(Mutex::new(Clock::system()));
        let sandbox = Sandbox::open(SandboxSettings {
            file: None,
            public_base: base,
            secret_key: SECRET_KEY.to_owned(),
            webhook_url: format!("http://{address}/webhooks/stripe"),
            webhook_secret: WEBHOOK_SECRET.to_owned(),
            now: reader(&clock, Clock::now),
            real_now: reader(&clock, Clock::real),
            shop_name: "Gleaner".to_owned(),
            deliver_twice: false,
        });
        let sandbox = sandbox.await.unwrap();
        let stripe_calls = Arc::default();
        serve_counted(sandbox_listener, &sandbox, &stripe_calls);
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        // A kept connection may end with a restart, in the middle of a request.
        let http = http.pool_max_idle_per_host(0).timeout(STUCK).build().unwrap();
        let (running, settings) = (Mutex::new(None), Mutex::new(settings));
        let app = Self { home, address, sandbox, http, stripe_calls, settings, variant, listener, clock, running };
        app.launch().await;
        app
    }

    /// Starts the application on the data that are there.
    pub async fn launch(&self) {
        let listener = TcpListener::from_std(self.listener.try_clone().unwrap()).unwrap();
        let settings = self.settings.lock().unwrap().clone();
        let app = Application::build(&settings, listener, self.variant.clone()).await.unwrap();
        let (inner, stop) = (app.app.clone(), app.stopper());
        *self.clock.lock().unwrap() = inner.clock.clone();
        let done = tokio::spawn(app.run());
        let before = self.running.lock().unwrap().replace(Running { inner, stop, done });
        assert!(before.is_none(), "one application at a time");
    }

    /// Stops the application in good order.
    pub async fn stop(&self) {
        let running = self.running.lock().unwrap().take().expect("a running application");
        // The engine ends when nobody can write any more.
        drop(running.inner);
        running.stop.cancel();
        let done = tokio::time::timeout(STUCK, running.done).await.expect("an end within the minute");
        done.expect("no panic").expect("a good end");
    }

    /// Stops, and starts on the same data.
    pub async fn restart(&self) {
        self.stop().await;
        self.launch().await;
    }

    /// Changes a setting; it acts from the next start.
    pub fn set(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings.lock().unwrap());
    }

    /// The `App` of the running application. A clone that is kept prevents its end.
    pub fn inner(&self) -> App {
        self.running_services().expect("a running application")
    }

    /// The same, unless a restart is under way.
    pub fn running_services(&self) -> Option<App> {
        self.running.lock().unwrap().as_ref().map(|running| running.inner.clone())
    }

    /// How the stand-in for Stripe is reached.
    pub fn stripe_settings(&self) -> StripeSettings {
        self.variant.stripe.clone().unwrap()
    }

    /// Requests that have reached the stand-in for Stripe.
    pub fn stripe_calls(&self) -> usize {
        self.stripe_calls.lock().unwrap().len()
    }

    /// Those about Checkouts.
    pub fn checkout_calls(&self) -> usize {
        let calls = self.stripe_calls.lock().unwrap();
        calls.iter().filter(|path| path.starts_with("/v1/checkout/sessions")).count()
    }
}

/// The settings of `serve`, whatever the environment says.
pub fn settings(database_url: &str) -> Settings {
    let catalog = concat!(env!("CARGO_MANIFEST_DIR"), "/catalog.toml");
    let words = ["topup", "serve", "--database-url", database_url, "--catalog", catalog, "--listen", "127.0.0.1:0"];
    let words = words.into_iter().chain(["--operator-keys", OPERATOR_KEY, "--test-clock", "1"]);
    let cli = <Cli as clap::Parser>::try_parse_from(words).unwrap();
    let Command::Serve(settings) = cli.command else { panic!("serve was asked for") };
    let (stripe_secret_key, stripe_webhook_secrets, stripe_api_base) = (None, Vec::new(), None);
    Settings { public_url: None, stripe_secret_key, stripe_webhook_secrets, stripe_api_base, ..*settings }
}

fn reader(clock: &Arc<Mutex<Clock>>, read: fn(&Clock) -> Instant) -> stripe_sandbox::Clock {
    let clock = Arc::clone(clock);
    Arc::new(move || read(&clock.lock().unwrap()))
}

fn serve_counted(listener: TcpListener, sandbox: &Sandbox, calls: &Arc<Mutex<Vec<String>>>) {
    let calls = Arc::clone(calls);
    let count = move |request: Request, next: Next| {
        let path = request.uri().path();
        if path.starts_with("/v1/") {
            calls.lock().unwrap().push(path.to_owned());
        }
        next.run(request)
    };
    let router = sandbox.router().layer(axum::middleware::from_fn(count));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
}
