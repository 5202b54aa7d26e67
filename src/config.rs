//! The command line and its settings. The doc comments are `--help`.
//!
//! What is missing, empty or malformed is one line that names it, and exit code 2. Every value is read by `values`,
//! whichever command takes it.

mod hook;
pub mod listen;
mod mail;
mod values;

use crate::rate_limits::Rate;
use clap::builder::{EnumValueParser, PathBufValueParser};
use clap::{Args, Parser, Subcommand};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use url::Url;

/// Sells prepaid credits on top of a SaaS plan: a ledger, a Billing page, Stripe Checkout.
#[derive(Debug, Parser)]
#[command(name = "topup", version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve pages and APIs, and do the worker's jobs.
    Serve(Box<Settings>),
    /// Serve with a stand-in for Stripe and sample customers. Loopback only.
    #[cfg(feature = "demo")]
    Demo(Box<Settings>),
    /// Bring the database's tables up to date.
    Migrate(DatabaseSettings),
    /// Verify the whole ledger against its rules, beside a running `serve` if need be.
    Check(DatabaseSettings),
    /// Verify a customer's exported entries, CSV or JSON, without a database.
    VerifyExport(ExportSettings),
    /// List what needs a person, a line each; `ack` says that somebody has seen to it.
    Alarms(AlarmsSettings),
    /// Do the worker's jobs without serving, beside a `serve` or in its stead.
    Work(Box<Settings>),
    /// List the worker's jobs, or do one now, beside a running `serve` if need be.
    #[command(subcommand)]
    Jobs(JobsCommand),
    /// The clock that credits expire by.
    #[command(subcommand)]
    Clock(ClockCommand),
    /// Compare sales, refunds and disputes at Stripe with the ledger, beside a running `serve` if need be.
    Reconcile(Box<ReconcileSettings>),
    /// Look at settings, database, Stripe, mail, clock and worker, and say what to do. Changes nothing.
    Doctor(Box<Settings>),
    /// Set Stripe up.
    #[command(subcommand)]
    Stripe(StripeCommand),
    /// What the SaaS's backend was told at HOOK_URL: list what failed, send it again, try the endpoint.
    #[command(subcommand)]
    Hooks(HooksCommand),
    /// Accounts for the operator's pages.
    #[command(subcommand)]
    Operator(OperatorCommand),
    /// Find purchases, and ask Stripe about one, beside a running `serve` if need be.
    #[command(subcommand)]
    Purchases(PurchasesCommand),
}

/// What `reconcile` takes.
#[derive(Args, Debug)]
pub struct ReconcileSettings {
    /// From which day or instant on; 30 days ago where it is not said
    #[arg(long, value_name = "DAY", value_parser = values::word())]
    pub since: Option<String>,
    /// Mend what can be mended
    #[arg(long)]
    pub repair: bool,
    /// The settings of `serve`.
    #[command(flatten)]
    pub settings: Settings,
}

/// What `verify-export` takes.
#[derive(Args, Clone, Debug)]
pub struct ExportSettings {
    /// The file, as it was downloaded: all of `/v1/customers/{id}/entries`, as CSV or page after page
    #[arg(value_parser = values::text_of(PathBufValueParser::new()))]
    pub file: PathBuf,
    /// Whose entries they must be: the id that the API knows the customer by
    #[arg(long, value_name = "ID", value_parser = values::word())]
    pub customer: Option<String>,
    /// The hash of the last entry as it was noted elsewhere: that nothing is missing at the end
    #[arg(long, value_name = "HASH", value_parser = values::word())]
    pub head: Option<String>,
}

/// What `alarms` takes.
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct AlarmsSettings {
    /// What to do instead of listing.
    #[command(subcommand)]
    pub command: Option<AlarmsCommand>,
    /// Those that were acknowledged too
    #[arg(long)]
    pub all: bool,
    /// Where the data are.
    #[command(flatten)]
    pub database: DatabaseSettings,
}

/// What can be done about alarms.
#[derive(Clone, Debug, Subcommand)]
pub enum AlarmsCommand {
    /// Acknowledge alarms: who and when is kept, and the list leaves them out.
    Ack {
        /// Their numbers, as the list shows them
        #[arg(required = true, value_name = "ID", value_parser = values::parsed::<i64>())]
        ids: Vec<i64>,
        /// Who you are; defaults to the user of the system
        #[arg(long, env = "USER", value_parser = values::text())]
        by: Option<String>,
        /// Where the data are.
        #[command(flatten)]
        database: DatabaseSettings,
    },
}

/// Whether an account gets a second factor.
#[derive(Args, Clone, Copy, Debug)]
pub struct FactorSettings {
    /// Set up a second factor: print its key and recovery codes. The default where standard input is a terminal
    #[arg(long)]
    pub totp: bool,
    /// Set up none; the operator can do so in the console
    #[arg(long, conflicts_with = "totp")]
    pub no_totp: bool,
}

/// What can be done about operators' accounts. A password is asked for on the terminal, or read from standard input.
#[derive(Clone, Debug, Subcommand)]
pub enum OperatorCommand {
    /// Make an account.
    Add {
        /// The person's address
        #[arg(value_parser = values::text())]
        email: String,
        /// Whether it gets a second factor.
        #[command(flatten)]
        factor: FactorSettings,
        /// Where the data are.
        #[command(flatten)]
        database: DatabaseSettings,
    },
    /// List the accounts, a line each.
    List {
        /// Where the data are.
        #[command(flatten)]
        database: DatabaseSettings,
    },
    /// Shut an account and end its sessions.
    Disable {
        /// The person's address
        #[arg(value_parser = values::text())]
        email: String,
        /// Where the data are.
        #[command(flatten)]
        database: DatabaseSettings,
    },
    /// Set another password, open the account again, end its sessions. A second factor ends with the password that it
    /// was kept by: an account that has one gets a new one
    Reset {
        /// The person's address
        #[arg(value_parser = values::text())]
        email: String,
        /// Whether it gets a second factor.
        #[command(flatten)]
        factor: FactorSettings,
        /// Where the data are.
        #[command(flatten)]
        database: DatabaseSettings,
    },
}

/// What can be done about outgoing messages.
#[derive(Debug, Subcommand)]
pub enum HooksCommand {
    /// List what has not been accepted, a line each, newest first.
    List {
        /// Those that were accepted too
        #[arg(long)]
        all: bool,
        /// Where the data are.
        #[command(flatten)]
        database: DatabaseSettings,
    },
    /// Send messages once more, with the ids and words they had.
    Retry {
        /// The messages, as the list names them
        #[arg(required = true, value_name = "ID", value_parser = values::word())]
        ids: Vec<String>,
        /// The settings of `serve`.
        #[command(flatten)]
        settings: Box<Settings>,
    },
    /// Send a message of the type topup.test now, and say whether the endpoint took it.
    Test {
        /// The settings of `serve`.
        #[command(flatten)]
        settings: Box<Settings>,
    },
}

/// What can be set up at Stripe.
#[derive(Debug, Subcommand)]
pub enum StripeCommand {
    /// Make the webhook endpoint, or mend it, and see whether the key may do what selling needs.
    Setup(SetupSettings),
}

/// What `stripe setup` takes.
#[derive(Args, Clone, Debug)]
pub struct SetupSettings {
    /// The address that customers see
    #[arg(long, env = "PUBLIC_URL", value_parser = values::origin())]
    pub public_url: String,
    /// Stripe's secret key
    #[arg(long, env = "STRIPE_SECRET_KEY", hide_env_values = true, value_parser = values::word())]
    pub stripe_secret_key: String,
    /// Another base for Stripe's API
    #[arg(long, env = "STRIPE_API_BASE", value_parser = values::word())]
    pub stripe_api_base: Option<String>,
    /// The catalogue: whether plans follow subscriptions
    #[arg(long, env = "CATALOG", default_value = "catalog.toml", value_parser = values::text_of(PathBufValueParser::new()))]
    pub catalog: PathBuf,
}

impl SetupSettings {
    /// Checks what clap cannot.
    ///
    /// # Errors
    /// The first setting that is empty or malformed.
    pub fn check(&self) -> Result<(), BadSetting> {
        check_public_url(&self.public_url)?;
        check_key(&self.stripe_secret_key)?;
        if is_live(&self.stripe_secret_key) && self.stripe_api_base.is_some() {
            return bad("STRIPE_SECRET_KEY", "is a live key, which another STRIPE_API_BASE refuses");
        }
        self.stripe_api_base.as_deref().map_or(Ok(()), check_base)
    }
}

/// What can be done about purchases.
#[derive(Debug, Subcommand)]
pub enum PurchasesCommand {
    /// Find purchases by e-mail, customer id, pur_, cs_, pi_, in_ or invoice number.
    Find {
        /// What is known
        #[arg(value_parser = values::text())]
        text: String,
        /// Where the data are.
        #[command(flatten)]
        database: DatabaseSettings,
    },
    /// Ask Stripe about one purchase, credit it if it is paid, say what Stripe and the ledger know.
    Recheck {
        /// The purchase, by any of what `find` takes
        #[arg(value_parser = values::text())]
        id: String,
        /// The settings of `serve`.
        #[command(flatten)]
        settings: Box<Settings>,
    },
}

/// What can be done about the worker's jobs.
#[derive(Debug, Subcommand)]
pub enum JobsCommand {
    /// How each job did last, in any process, and how much waits.
    List {
        /// The settings of `serve`.
        #[command(flatten)]
        settings: Box<Settings>,
    },
    /// Do now what is due of one job.
    Run {
        /// The job, as the list names it
        #[arg(value_parser = values::word())]
        name: String,
        /// The settings of `serve`.
        #[command(flatten)]
        settings: Box<Settings>,
    },
}

/// What can be done about the clock.
#[derive(Clone, Debug, Subcommand)]
pub enum ClockCommand {
    /// Say that this machine's clock is right although it is far ahead of the newest commit, because nothing ran since.
    Accept {
        /// Where the data are.
        #[command(flatten)]
        database: DatabaseSettings,
    },
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

/// Where the data are.
#[derive(Args, Clone, Debug)]
pub struct DatabaseSettings {
    /// `sqlite://path` or `postgres://…`
    #[arg(long, env = "DATABASE_URL", default_value = "sqlite://data/topup.db", value_parser = values::text())]
    pub database_url: String,
    /// Connections to PostgreSQL of this process, 4 to 500; SQLite needs no more than it has
    #[arg(long, env = "DATABASE_CONNECTIONS", default_value = "12", value_parser = values::word_of(clap::value_parser!(u32).range(4..=500)))]
    pub database_connections: u32,
    /// The catalogue of plans and packages
    #[arg(long, env = "CATALOG", default_value = "catalog.toml", value_parser = values::text_of(PathBufValueParser::new()))]
    pub catalog: PathBuf,
}

/// Settings of `serve` and `demo`. Each flag has an environment name.
#[derive(Args, Clone, Debug)]
pub struct Settings {
    /// Where the data are.
    #[command(flatten)]
    pub database: DatabaseSettings,
    /// Address to listen on, or a name of this machine, with a port; port 0 takes a free one
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:3000", value_parser = values::word_of(listen::parse))]
    pub listen: SocketAddr,
    /// The address that customers see; defaults to the one bound
    #[arg(long, env = "PUBLIC_URL", value_parser = values::origin())]
    pub public_url: Option<String>,
    /// Keys of the operator API, comma-separated, 32 characters or more each
    #[arg(long, env = "OPERATOR_KEYS", value_delimiter = ',', hide_env_values = true, value_parser = values::word())]
    pub operator_keys: Vec<String>,
    /// Stripe's secret key
    #[arg(long, env = "STRIPE_SECRET_KEY", hide_env_values = true, value_parser = values::word())]
    pub stripe_secret_key: Option<String>,
    /// Secrets of the webhook endpoint, comma-separated
    #[arg(long, env = "STRIPE_WEBHOOK_SECRETS", value_delimiter = ',', hide_env_values = true, value_parser = values::word())]
    pub stripe_webhook_secrets: Vec<String>,
    /// Another base for Stripe's API
    #[arg(long, env = "STRIPE_API_BASE", value_parser = values::word())]
    pub stripe_api_base: Option<String>,
    /// Mail server, `smtps://user:password@host`
    #[arg(long, env = "SMTP_URL", hide_env_values = true, value_parser = values::word())]
    pub smtp_url: Option<String>,
    /// Sender of mails
    #[arg(long, env = "MAIL_FROM", value_parser = values::text())]
    pub mail_from: Option<String>,
    /// Write mails into this folder instead of sending them
    #[arg(long, env = "MAIL_DIR", value_parser = values::text_of(PathBufValueParser::new()))]
    pub mail_dir: Option<PathBuf>,
    /// Address of the SaaS's backend that is told of credited top-ups and of low balances
    #[arg(long, env = "HOOK_URL", hide_env_values = true, value_parser = values::word())]
    pub hook_url: Option<String>,
    /// Secrets that those messages are signed with, comma-separated, `whsec_…` each
    #[arg(long, env = "HOOK_SECRETS", value_delimiter = ',', hide_env_values = true, value_parser = values::word())]
    pub hook_secrets: Vec<String>,
    /// Minutes without a click after which somebody must sign in again, 30 to 20160 (14 days)
    #[arg(long, env = "SESSION_IDLE_MINUTES", default_value = "720", value_parser = values::word_of(clap::value_parser!(i64).range(30..=20_160)))]
    pub session_idle_minutes: i64,
    /// Days after which everybody must sign in again, 1 to 90; acts on who signs in from now on
    #[arg(long, env = "SESSION_MAX_DAYS", default_value = "14", value_parser = values::word_of(clap::value_parser!(i64).range(1..=90)))]
    pub session_max_days: i64,
    /// Origins that a portal link may return to, comma-separated
    #[arg(long, env = "RETURN_ORIGINS", value_delimiter = ',', value_parser = values::origin())]
    pub return_origins: Vec<String>,
    /// Origins of your own at which Stripe shows Checkout and the customer portal, comma-separated: your custom domain there
    #[arg(long, env = "CHECKOUT_ORIGINS", value_delimiter = ',', value_parser = values::origin())]
    pub checkout_origins: Vec<String>,
    /// Proxies whose X-Forwarded-For counts, comma-separated: addresses, or networks such as 10.0.0.0/8
    #[arg(long, env = "TRUSTED_PROXIES", value_delimiter = ',', value_parser = values::word())]
    pub trusted_proxies: Vec<String>,
    /// Requests that each key, and each browser that is signed in, may make: `100/s`, `600/m` or `5000/h`; off if not set
    #[arg(long, env = "RATE_LIMIT", value_parser = values::word())]
    pub rate_limit: Option<String>,
    /// Requests that each address may make that is not signed in: as many at once, then evenly; `off` for no limit
    #[arg(long, env = "RATE_LIMIT_ANONYMOUS", default_value = "600/m", value_parser = values::word())]
    pub rate_limit_anonymous: String,
    /// Connections that each address may have open at once, trusted proxies aside: 1 to 10000
    #[arg(long, env = "CONNECTIONS_PER_ADDRESS", default_value = "1000", value_parser = values::word_of(clap::value_parser!(u16).range(1..=10_000)))]
    pub connections_per_address: u16,
    /// `1`: a clock that stands still and is moved by hand. Loopback only
    #[arg(long, env = "TEST_CLOCK", num_args = 0..=1, default_missing_value = "1", value_parser = values::word())]
    pub test_clock: Option<String>,
    /// Whether `serve` does the worker's jobs itself; `off` where `topup work` runs beside it
    #[arg(long, env = "WORKER", default_value = "on", value_parser = values::word_of(EnumValueParser::<Switch>::new()))]
    pub worker: Switch,
    /// For development: a folder to read the stylesheet and the icon from, instead of the binary
    #[arg(long, env = "SITE_ROOT", value_parser = values::text_of(PathBufValueParser::new()))]
    pub site_root: Option<PathBuf>,
    /// Which sample customers the demo begins with: `full` or `none`
    #[cfg(feature = "demo")]
    #[arg(long, env = "DEMO_SEED", default_value = "full", value_parser = values::word())]
    pub demo_seed: String,
}

/// What is wrong with a setting: one line that names it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {reason}")]
pub struct BadSetting {
    /// The setting.
    pub name: &'static str,
    /// Why it is refused.
    pub reason: String,
}

fn bad<T>(name: &'static str, reason: impl Into<String>) -> Result<T, BadSetting> {
    Err(BadSetting { name, reason: reason.into() })
}

/// How Stripe is reached.
#[derive(Clone)]
pub struct StripeSettings {
    /// The secret key.
    pub secret_key: String,
    /// Secrets of the webhook endpoint.
    pub webhook_secrets: Vec<String>,
    /// Another base than Stripe's own.
    pub api_base: Option<String>,
}

/// Prefixes of keys that move real money.
const LIVE_KEYS: [&str; 3] = ["sk_live_", "rk_live_", "sk_org_live_"];

impl Settings {
    /// Whether the test clock was asked for.
    #[must_use]
    pub fn wants_test_clock(&self) -> bool {
        self.test_clock.as_deref() == Some("1")
    }

    /// Checks what clap cannot.
    ///
    /// # Errors
    /// The first setting that is empty or malformed.
    pub fn check(&self, demo: bool) -> Result<(), BadSetting> {
        self.check_values(demo)?;
        if !demo && self.operator_keys.is_empty() {
            return bad(
                "OPERATOR_KEYS",
                "is missing: the operator API needs at least one key of 32 characters or more",
            );
        }
        Ok(())
    }

    /// The same for what serves nothing, and needs no keys.
    ///
    /// # Errors
    /// The first setting that is empty or malformed.
    pub fn check_values(&self, demo: bool) -> Result<(), BadSetting> {
        if let Some(value) = self.test_clock.as_deref().filter(|value| !matches!(*value, "0" | "1")) {
            return bad("TEST_CLOCK", format!("is {value:?}; 1 or nothing is meant"));
        }
        if let Some(short) = self.operator_keys.iter().find(|key| key.len() < 32) {
            let reason = if short.is_empty() { "has an empty key" } else { "has a key of fewer than 32 characters" };
            return bad("OPERATOR_KEYS", reason);
        }
        if !self.operator_keys.iter().all(|key| is_visible_ascii(key)) {
            return bad("OPERATOR_KEYS", "has a key with a character that no header carries; visible ASCII is meant");
        }
        if let Some(url) = &self.public_url {
            check_public_url(url)?;
        }
        if (demo || self.wants_test_clock()) && !self.listen.ip().to_canonical().is_loopback() {
            return bad("LISTEN", "is not a loopback address, which the demo and the test clock need");
        }
        if self.public_url.is_none() && !self.listen.ip().to_canonical().is_loopback() {
            return bad(
                "PUBLIC_URL",
                format!(
                    "is missing, while LISTEN is {}: links need the address that customers see, such as \
                     https://billing.example.com",
                    self.listen
                ),
            );
        }
        for origin in &self.return_origins {
            check_origin("RETURN_ORIGINS", origin)?;
        }
        for origin in &self.checkout_origins {
            check_checkout_origin(origin)?;
        }
        self.proxies()?;
        self.rate()?;
        self.anonymous_rate()?;
        #[cfg(feature = "demo")]
        if !matches!(self.demo_seed.as_str(), "full" | "none") {
            return bad("DEMO_SEED", "is neither full nor none");
        }
        self.check_live(demo)?;
        self.hook()?;
        self.stripe().map(|_| ())
    }

    /// The proxies that are believed.
    ///
    /// # Errors
    /// One that is neither an address nor a network.
    pub fn proxies(&self) -> Result<Vec<IpNet>, BadSetting> {
        let read = |text: &String| text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        let wrong = |text: &String| BadSetting {
            name: "TRUSTED_PROXIES",
            reason: format!("has {text:?}; an address or a network such as 10.0.0.0/8 is meant"),
        };
        self.trusted_proxies.iter().map(|text| read(text).ok_or_else(|| wrong(text))).collect()
    }

    /// How much a key may ask; nothing limits it where none is set.
    ///
    /// # Errors
    /// A rate that cannot be read.
    pub fn rate(&self) -> Result<Option<Rate>, BadSetting> {
        let Some(text) = &self.rate_limit else { return Ok(None) };
        match text.parse() {
            Ok(rate) => Ok(Some(rate)),
            Err(reason) => bad("RATE_LIMIT", format!("is {text:?}; {reason}")),
        }
    }

    /// How much a stranger's address may ask.
    ///
    /// # Errors
    /// A rate that cannot be read.
    pub fn anonymous_rate(&self) -> Result<Option<Rate>, BadSetting> {
        match self.rate_limit_anonymous.as_str() {
            "off" => Ok(None),
            text => text.parse().map(Some).map_err(|reason| BadSetting {
                name: "RATE_LIMIT_ANONYMOUS",
                reason: format!("is {text:?}; {reason}, or off"),
            }),
        }
    }

    /// Refuses a key that moves real money where none may be moved.
    ///
    /// # Errors
    /// The key's setting.
    pub fn check_live(&self, demo: bool) -> Result<(), BadSetting> {
        let live = self.stripe_secret_key.as_deref().is_some_and(is_live);
        if live && (demo || self.wants_test_clock() || self.stripe_api_base.is_some()) {
            return bad(
                "STRIPE_SECRET_KEY",
                "is a live key, which the demo, the test clock and another STRIPE_API_BASE refuse",
            );
        }
        self.check_mail()?;
        Ok(())
    }

    /// Stripe's settings: all, or none at all (buying is then off).
    ///
    /// # Errors
    /// Some but not all, or one that is empty or malformed.
    pub fn stripe(&self) -> Result<Option<StripeSettings>, BadSetting> {
        let (key, secrets) = (self.stripe_secret_key.as_deref(), &self.stripe_webhook_secrets);
        let Some(key) = key else {
            if !secrets.is_empty() || self.stripe_api_base.is_some() {
                return bad("STRIPE_SECRET_KEY", "is missing, while other settings of Stripe are there");
            }
            return Ok(None);
        };
        check_key(key)?;
        if secrets.is_empty() {
            return bad("STRIPE_WEBHOOK_SECRETS", "is missing, while STRIPE_SECRET_KEY is there");
        }
        if secrets.iter().any(|secret| !secret.starts_with("whsec_") || secret.len() < 14 || !is_visible_ascii(secret))
        {
            return bad("STRIPE_WEBHOOK_SECRETS", "has an entry that does not look like whsec_…");
        }
        self.stripe_api_base.as_deref().map_or(Ok(()), check_base)?;
        Ok(Some(StripeSettings {
            secret_key: key.to_owned(),
            webhook_secrets: secrets.clone(),
            api_base: self.stripe_api_base.clone(),
        }))
    }
}

/// Whether a key moves real money.
#[must_use]
pub fn is_live(key: &str) -> bool {
    LIVE_KEYS.iter().any(|prefix| key.starts_with(prefix))
}

/// What a header carries as it is.
fn is_visible_ascii(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic())
}

fn check_key(key: &str) -> Result<(), BadSetting> {
    if ["sk_", "rk_"].iter().any(|prefix| key.starts_with(prefix)) && key.len() >= 12 && is_visible_ascii(key) {
        return Ok(());
    }
    bad("STRIPE_SECRET_KEY", "does not look like a key of Stripe's (sk_… or rk_…)")
}

fn check_base(base: &str) -> Result<(), BadSetting> {
    let good = Url::parse(base).is_ok_and(|url| {
        let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        matches!(url.scheme(), "http" | "https") && url.has_host() && bare
    });
    if good { Ok(()) } else { bad("STRIPE_API_BASE", "is no http(s) address without user, password and query") }
}

/// The reader has spelled it as an origin already, if it is one.
fn check_public_url(text: &str) -> Result<(), BadSetting> {
    let Ok(url) = Url::parse(text) else { return bad("PUBLIC_URL", "is no address") };
    let loopback = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match url.scheme() {
        "https" => {}
        "http" if loopback => {}
        "http" => return bad("PUBLIC_URL", "is http, which only a loopback address may be"),
        _ => return bad("PUBLIC_URL", "is no http(s) address"),
    }
    if values::origin_of(text).is_none() {
        return bad("PUBLIC_URL", "is more than an origin such as https://billing.example.com");
    }
    Ok(())
}

fn check_origin(name: &'static str, text: &str) -> Result<(), BadSetting> {
    if values::origin_of(text).is_some() {
        Ok(())
    } else {
        bad(name, format!("has {text:?}, which is no origin such as https://app.example.com"))
    }
}

/// Buyers pay there: https, but for a stand-in on this machine.
fn check_checkout_origin(text: &str) -> Result<(), BadSetting> {
    const NAME: &str = "CHECKOUT_ORIGINS";
    check_origin(NAME, text)?;
    let host = Url::parse(text).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    let loopback = matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]");
    if text.starts_with("https://") || loopback {
        return Ok(());
    }
    bad(NAME, format!("has {text:?}, which is http; only a loopback address may be"))
}

#[cfg(test)]
#[path = "config/tests.rs"]
mod tests;
