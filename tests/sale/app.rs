//! The application under test: built as the binary builds it, with the sandbox beside it.

use chrono::{DateTime, Utc};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use topup::app::{Application, Variant};
use topup::config::{DatabaseSettings, Settings, StripeSettings};
use topup::sandbox::{Sandbox, SandboxSettings};
use topup::store::Store;
use topup::usecases::{Services, check};

pub const OPERATOR: &str = "test-operator-key-0000000000000000";
const SECRET_KEY: &str = "sk_test_it_0000000000";
pub const WEBHOOK_SECRET: &str = "whsec_it_0000000000";

/// On which database a test runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
}

/// Runs each test on both databases.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::app::TestApp::start($crate::app::Database::Sqlite).await).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::app::TestApp::start($crate::app::Database::Postgres).await).await;
            })*
        }
    };
}

/// A running application.
pub struct TestApp {
    pub services: Services,
    pub sandbox: Sandbox,
    pub database: Database,
    pub url: String,
    pub folder: PathBuf,
    address: SocketAddr,
    http: reqwest::Client,
    variant: Variant,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

/// A new folder, removed by nobody but the operating system: a failed test can be looked at.
pub fn folder() -> PathBuf {
    let name = format!("topup-it-{}", topup::clock::Clock::system().mint().simple());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A new database on the throw-away PostgreSQL.
pub async fn postgres_url() -> String {
    let admin = std::env::var("TOPUP_TEST_POSTGRES")
        .expect("TOPUP_TEST_POSTGRES is not set: run `make test`, or `scripts/with-postgres --fast cargo test …`");
    let name = format!("it_{}", topup::clock::Clock::system().mint().simple());
    let store = Store::open(&admin).await.unwrap();
    store.read().await.unwrap().run(format!("create database {name}"), Vec::new()).await.unwrap();
    store.close().await;
    let mut url = url::Url::parse(&admin).unwrap();
    url.set_path(&name);
    url.to_string()
}

pub fn settings(url: &str) -> Settings {
    Settings {
        database: DatabaseSettings { database_url: url.to_owned(), catalog: "catalog.toml".into() },
        listen: "127.0.0.1:0".parse().unwrap(),
        public_url: None,
        operator_keys: vec![OPERATOR.to_owned(), "second-operator-key-000000000000000".to_owned()],
        stripe_secret_key: None,
        stripe_webhook_secrets: Vec::new(),
        stripe_api_base: None,
        smtp_url: None,
        mail_from: None,
        mail_dir: None,
        session_idle_minutes: 720,
        return_origins: vec!["https://app.example".to_owned()],
        trusted_proxies: Vec::new(),
        test_clock: Some("1".to_owned()),
        site_root: "target/site".into(),
        demo_seed: "none".to_owned(),
    }
}

impl TestApp {
    pub async fn start(database: Database) -> Self {
        let folder = folder();
        let url = match database {
            Database::Sqlite => format!("sqlite://{}", folder.join("it.db").display()),
            Database::Postgres => postgres_url().await,
        };
        let sandbox_listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", sandbox_listener.local_addr().unwrap());
        let variant = Variant {
            demo: true,
            stripe: Some(StripeSettings {
                secret_key: SECRET_KEY.to_owned(),
                webhook_secrets: vec!["whsec_older_0000000".to_owned(), WEBHOOK_SECRET.to_owned()],
                api_base: Some(format!("{base}/")),
            }),
            checkout_origin: Some(base.clone()),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let app = Application::build(&settings(&url), listener, variant.clone()).await.unwrap();
        let sandbox = open_sandbox(&app.services, &base, app.address).await;
        let router = sandbox.router();
        tokio::spawn(async move { axum::serve(sandbox_listener, router).await });
        sandbox.spawn_deliveries();
        let (address, stop, services) = (app.address, app.stopper(), app.services.clone());
        let running = tokio::spawn(async move { app.run().await.unwrap() });
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { services, sandbox, database, url, folder, address, http, variant, stop, running }
    }

    /// Stops as a deploy does, and starts again on the same data and address.
    pub async fn restart(self) -> Self {
        let Self { services, sandbox, database, url, folder, address, http, variant, stop, running } = self;
        stop.cancel();
        // Clones of the ledger keep the engine alive: ours must go too.
        drop(services);
        running.await.unwrap();
        let listener = TcpListener::bind(address).await.unwrap();
        let app = Application::build(&settings(&url), listener, variant.clone()).await.unwrap();
        let (stop, services) = (app.stopper(), app.services.clone());
        let running = tokio::spawn(async move { app.run().await.unwrap() });
        Self { services, sandbox, database, url, folder, address, http, variant, stop, running }
    }

    pub async fn call(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<String>) -> Answer {
        let mut request = self.http.request(method, format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        Answer::of(request.send().await.unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, &[("x-api-key", OPERATOR)], None).await
    }

    pub async fn post(&self, path: &str, key: &str, body: Value) -> Answer {
        self.post_text(path, key, &body.to_string()).await
    }

    pub async fn post_text(&self, path: &str, key: &str, body: &str) -> Answer {
        let headers = [("x-api-key", OPERATOR), ("idempotency-key", key), ("content-type", "application/json")];
        self.call(Method::POST, path, &headers, Some(body.to_owned())).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        let headers = [("x-api-key", OPERATOR), ("content-type", "application/json")];
        self.call(Method::PUT, path, &headers, Some(body.to_string())).await
    }

    /// A customer on a plan whose cycle begins now.
    pub async fn customer(&self, id: &str, plan: &str) {
        let body = json!({"email": format!("{id}@it.example"), "plan": plan});
        assert_eq!(self.put(&format!("/v1/customers/{id}"), body).await.status, 201);
    }

    pub async fn charge(&self, id: &str, credits: &str, key: &str) -> Answer {
        self.post_text(&format!("/v1/customers/{id}/usage"), key, &format!("{{\"credits\":{credits}}}")).await
    }

    pub async fn balance(&self, id: &str) -> Value {
        self.get(&format!("/v1/customers/{id}/balance")).await.json()
    }

    pub async fn entries(&self, id: &str) -> Vec<Value> {
        let answer = self.get(&format!("/v1/customers/{id}/entries?limit=200")).await.json();
        answer["data"].as_array().unwrap().clone()
    }

    /// A purchase whose Checkout is open: its id and session.
    pub async fn open_purchase(&self, id: &str, package: &str, key: &str) -> (String, String) {
        let started = self.post(&format!("/v1/customers/{id}/purchases"), key, json!({"package": package})).await;
        assert_eq!(started.status, 201, "{}", started.text);
        let started = started.json();
        let session = started["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        (started["id"].as_str().unwrap().to_owned(), session)
    }

    /// A paid and credited purchase: its id.
    pub async fn buy(&self, id: &str, package: &str, key: &str) -> String {
        let (purchase, session) = self.open_purchase(id, package, key).await;
        self.sandbox.pay(&session).await.unwrap();
        self.settle(&purchase).await;
        assert_eq!(self.get(&format!("/v1/purchases/{purchase}")).await.json()["state"], "credited");
        purchase
    }

    /// What the success page does.
    pub async fn settle(&self, purchase: &str) {
        let id = topup::domain::PurchaseId::parse(purchase).unwrap();
        topup::usecases::purchases::settle(&self.services, id, None).await.unwrap();
    }

    /// Sends a webhook as Stripe would.
    pub async fn deliver(&self, body: &str, signature: &str) -> Answer {
        self.call(Method::POST, "/webhooks/stripe", &[("stripe-signature", signature)], Some(body.to_owned())).await
    }

    pub async fn now(&self) -> DateTime<Utc> {
        let text = self.get("/test/clock").await.json()["now"].as_str().unwrap().to_owned();
        DateTime::parse_from_rfc3339(&text).unwrap().with_timezone(&Utc)
    }

    pub async fn advance_to(&self, at: DateTime<Utc>) -> Answer {
        let at = at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        self.post("/test/clock", "-", json!({"advance_to": at})).await
    }

    /// `topup check`.
    pub async fn check(&self) {
        if let Err(broken) = check::run(&self.services.store).await.unwrap() {
            panic!("topup check: {broken}");
        }
    }
}

async fn open_sandbox(services: &Services, base: &str, address: SocketAddr) -> Sandbox {
    let (now, real) = (services.clock.clone(), services.clock.clone());
    let settings = SandboxSettings {
        file: None,
        public_base: base.to_owned(),
        secret_key: SECRET_KEY.to_owned(),
        webhook_url: format!("http://{address}/webhooks/stripe"),
        webhook_secret: WEBHOOK_SECRET.to_owned(),
        now: Arc::new(move || now.now().timestamp()),
        real_now: Arc::new(move || real.real().timestamp()),
        shop_name: "Gleaner".to_owned(),
    };
    Sandbox::open(settings).await.unwrap()
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    async fn of(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, text: response.text().await.unwrap() }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
