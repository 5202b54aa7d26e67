//! Email, sign-in, members and sessions against real databases, a clock moved by hand, and a peer that speaks SMTP.

mod peer;
mod people;
mod sending;

use crate::clock::Clock;
use crate::domain::Catalog;
use crate::email::{Mailer, Sender, Transport, mailbox};
use crate::ledger::Ledger;
use crate::store::Store;
use crate::usecases::access::client::Client;
use crate::usecases::access::links;
use crate::usecases::access::sessions::{Role, Viewer};
use crate::usecases::app::{LivePages, PasswordGates, ReadStore, SalesCache, StripeQuestions};
use crate::usecases::delivery::outbox;
use crate::usecases::notify::EmailWriters;
use crate::usecases::{App, AppParts, ServerSettings, customers};
use chrono::TimeDelta;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The clock's time at the start: a Sunday in November.
const START_MS: i64 = 1_795_356_180_000;

/// A product without a server: its use-cases, and a folder that emails go into.
pub struct Rig {
    pub app: App,
    pub folder: PathBuf,
}

/// Runs a test on SQLite, and on PostgreSQL where there is one to run on (`make test` has one).
pub async fn on_both<F: Future<Output = ()>>(test: impl Fn(Rig) -> F) {
    let mut random = [0_u8; 8];
    getrandom::fill(&mut random).expect("random bytes");
    let name = format!("topup_{}", hex::encode(random));
    let folder = std::env::temp_dir().join(&name);
    std::fs::create_dir(&folder).expect("a folder");
    test(Rig::at(&format!("sqlite://{}", folder.join("topup.db").display()), &folder).await).await;
    if let Ok(server) = std::env::var("TOPUP_TEST_POSTGRES") {
        on_server(&server, &format!("create database {name}")).await;
        let mut url = url::Url::parse(&server).expect("TOPUP_TEST_POSTGRES");
        url.set_path(&name);
        let folder = folder.join("postgres");
        test(Rig::at(url.as_str(), &folder).await).await;
        on_server(&server, &format!("drop database {name} with (force)")).await;
    }
    std::fs::remove_dir_all(&folder).expect("the folder goes");
}

async fn on_server(server: &str, sql: &str) {
    use sqlx::Connection;
    let mut db = sqlx::PgConnection::connect(server).await.expect("the server of TOPUP_TEST_POSTGRES");
    sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut db).await.expect(sql);
}

impl Rig {
    async fn at(url: &str, folder: &Path) -> Self {
        let store = Store::open(url).await.expect("a database");
        store.migrate().await.expect("tables");
        let catalog = Arc::new(Catalog::parse(include_str!("../../../../catalog.toml")).expect("the catalogue"));
        let clock = Clock::manual(crate::domain::time::from_millis(START_MS));
        let (ledger, _) = Ledger::start(store.clone(), clock.clone(), Arc::clone(&catalog));
        let running = ServerSettings {
            public_url: "https://pay.example".to_owned(),
            operator_keys: Vec::new(),
            scoped_keys: crate::usecases::app::ScopedKeyCache::default(),
            metrics_key: None,
            stripe: None,
            return_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            limits: crate::rate_limits::RateLimits::new(None, None),
            request_log: crate::request_log::RequestLog::default(),
            metrics: crate::metrics::process::ProcessMetrics::default(),
            password_gates: PasswordGates::default(),
            site_root: None,
            checkout_origin: String::new(),
            checkout_origins: Vec::new(),
            form_secret: vec![0; 32],
            session_idle: TimeDelta::minutes(720),
            session_max: TimeDelta::days(14),
            leaving: tokio_util::sync::CancellationToken::new(),
            demo: false,
        };
        let mails = folder.join("mails");
        let mailer = mailer(Transport::Files(mails.clone()));
        let app = App::new(AppParts {
            store,
            read_store: ReadStore::default(),
            ledger,
            stripe: None,
            catalog,
            clock,
            mailer,
            hook: None,
            sales_cache: SalesCache::default(),
            live_pages: LivePages::default(),
            stripe_questions: StripeQuestions::default(),
            settings: Arc::new(running),
        });
        Self { app, folder: mails }
    }

    /// Lets email leave by another way.
    pub fn send_by(&mut self, mailer: Mailer) {
        self.app = App::new(AppParts { mailer, ..self.app.parts() });
    }

    /// Makes a customer, whose owner is `email`.
    pub async fn customer(&self, id: &str, email: &str) -> i64 {
        let put = customers::Put {
            email: Some(email.to_owned()),
            plan: Some("starter".to_owned()),
            timezone: Some("Europe/Berlin".to_owned()),
            ..customers::Put::default()
        };
        customers::put_customer(&self.app, id, put).await.expect("a customer");
        customers::customer_number(&self.app, id).await.expect("a read").expect("the customer")
    }

    /// Moves the clock.
    pub fn later(&self, minutes: i64) {
        self.app.clock.put(self.app.clock.now() + TimeDelta::minutes(minutes));
    }

    /// Sends what is due.
    pub async fn send(&self) {
        outbox::send_due_emails(&self.app, EmailWriters, &CancellationToken::new()).await.expect("a round");
    }

    /// All emails in the folder, oldest first, without the folds of quoted-printable.
    pub fn mails(&self) -> Vec<String> {
        let Ok(files) = std::fs::read_dir(&self.folder) else { return Vec::new() };
        let mut names: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
        names.sort();
        let text =
            |path: &PathBuf| std::fs::read_to_string(path).expect("a mail").replace("=\r\n", "").replace("=3D", "=");
        names.iter().map(text).collect()
    }

    /// State, attempts, last error of the outbox's rows in order.
    pub async fn outbox(&self) -> Vec<(String, i64, Option<String>)> {
        let sql = "select state, attempts, last_error from outbox order by no";
        let rows = self.app.store.read().await.expect("a link").fetch_all(sql, Vec::new()).await.expect("rows");
        let row =
            |row: &crate::store::db::Row| Ok((row.text("state")?, row.int("attempts")?, row.opt_text("last_error")?));
        rows.iter().map(row).collect::<Result<_, sqlx::Error>>().expect("columns")
    }

    /// The token of the newest sign-in email.
    pub fn token(&self) -> String {
        let mails = self.mails();
        let mail = mails.last().expect("a mail");
        let (_, rest) = mail.split_once("https://pay.example/sign-in/").expect("a link");
        rest.chars().take_while(char::is_ascii_hexdigit).collect()
    }

    /// Opens a session by a link; the cookie's value.
    pub async fn open(&self, token: &str) -> Option<String> {
        match links::spend_link(&self.app, token, "Firefox on Linux").await.expect("an answer") {
            links::Spent::Session { token, .. } => Some(token),
            links::Spent::Gone | links::Spent::Other => None,
        }
    }

    /// Signs in by email.
    pub async fn signed_in(&self, email: &str) -> String {
        crate::usecases::access::sign_in::request_sign_in(&self.app, email, "", &Client::default())
            .await
            .expect("an answer");
        self.send().await;
        self.open(&self.token()).await.expect("a session")
    }

    /// Signs in by a link of the SaaS.
    pub async fn portal(&self, customer_no: i64, email: &str, role: Role) -> String {
        let (path, email) = ("/billing".to_owned(), Some(email.to_owned()));
        let new = links::NewLink { customer_no, email, role: Some(role), path, return_url: None };
        let db = links::create_portal_link(&self.app, new).await.expect("a link");
        self.open(db.url.rsplit('/').next().unwrap_or_default()).await.expect("a session")
    }

    /// The viewer of a cookie.
    pub async fn viewer(&self, cookie: &str) -> Option<Viewer> {
        links::find_viewer(&self.app, cookie).await.expect("an answer")
    }
}

/// A post office for tests.
pub fn mailer(transport: Transport) -> Mailer {
    let support = mailbox("help@gleaner.example", "Gleaner").expect("a mailbox");
    Mailer::new(transport, Sender { from: support.clone(), reply_to: support })
}
