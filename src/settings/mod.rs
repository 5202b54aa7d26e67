//! The settings of a process. A missing, empty or malformed setting is one line that names it, and exit code 2.
//!
//! Every command reads its values with `values`. *Not here:* commands (`cli`).

pub mod checks;
mod email;
pub mod error;
pub mod listen;
pub mod log;
pub mod secret_files;
pub mod stripe;
pub mod values;
mod webhooks;

use crate::request_log::RequestLog;
use clap::Args;
use clap::builder::{EnumValueParser, PathBufValueParser};
use std::net::SocketAddr;
use std::path::PathBuf;

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

/// `PG_SYNCHRONOUS`: who sees to it that commits are on standbys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Synchronous {
    /// The server, by its own settings.
    Server,
    /// The server, and Topup asks whether it was so.
    Required,
}

/// The database and the catalogue.
#[derive(Args, Clone, Debug)]
pub struct DatabaseSettings {
    /// `sqlite://path` or `postgres://…`
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, default_value = "sqlite://data/topup.db", value_parser = values::text())]
    pub database_url: String,
    /// A standby of that PostgreSQL, `postgres://…`, from which `serve` reads History, Usage and files, and `check` all
    #[arg(long, env = "READ_DATABASE_URL", hide_env_values = true, value_parser = values::word())]
    pub read_database_url: Option<String>,
    /// Connections of this process to PostgreSQL, 4 to 500, and as many to its standby; SQLite ignores it
    #[arg(long, env = "DATABASE_CONNECTIONS", default_value = "12", value_parser = values::word_of(clap::value_parser!(u32).range(4..=500)))]
    pub database_connections: u32,
    /// Seconds to wait for a database server that does not answer at the start, 0 to 3600
    #[arg(long, env = "DATABASE_WAIT_SECONDS", default_value = "60", value_parser = values::word_of(clap::value_parser!(u64).range(0..=3_600)))]
    pub database_wait_seconds: u64,
    /// Which standbys a commit of PostgreSQL must be on: those that the server waits for, or `required`: an answer is given only
    /// when they are known to have it
    #[arg(long, env = "PG_SYNCHRONOUS", default_value = "server", value_parser = values::word_of(EnumValueParser::<Synchronous>::new()))]
    pub pg_synchronous: Synchronous,
    /// The catalogue of plans and packages
    #[arg(long, env = "CATALOG", default_value = "catalog.toml", value_parser = values::text_of(PathBufValueParser::new()))]
    pub catalog: PathBuf,
}

/// Settings of `serve` and of each command that needs the whole app. Each flag has an environment name.
#[derive(Args, Clone, Debug)]
pub struct Settings {
    /// The database and the catalogue.
    #[command(flatten)]
    pub database: DatabaseSettings,
    /// Address and port to listen on, or a name of this machine and a port; port 0 takes a free one
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:3000", value_parser = values::word_of(listen::parse))]
    pub listen: SocketAddr,
    /// The URL that customers see; by default the address of LISTEN
    #[arg(long, env = "PUBLIC_URL", value_parser = values::origin())]
    pub public_url: Option<String>,
    /// Keys of the operator API, comma-separated, 32 characters or more each
    #[arg(long, env = "OPERATOR_KEYS", value_delimiter = ',', hide_env_values = true, value_parser = values::word())]
    pub operator_keys: Vec<String>,
    /// Key that opens /metrics alone, 32 characters or more
    #[arg(long, env = "METRICS_KEY", hide_env_values = true, value_parser = values::word())]
    pub metrics_key: Option<String>,
    /// Stripe's secret key
    #[arg(long, env = "STRIPE_SECRET_KEY", hide_env_values = true, value_parser = values::word())]
    pub stripe_secret_key: Option<String>,
    /// Secrets of the webhook endpoint, comma-separated
    #[arg(long, env = "STRIPE_WEBHOOK_SECRETS", value_delimiter = ',', hide_env_values = true, value_parser = values::word())]
    pub stripe_webhook_secrets: Vec<String>,
    /// Another base URL of Stripe's API
    #[arg(long, env = "STRIPE_API_BASE", value_parser = values::word())]
    pub stripe_api_base: Option<String>,
    /// Email server, `smtps://user:password@host`
    #[arg(long, env = "SMTP_URL", hide_env_values = true, value_parser = values::word())]
    pub smtp_url: Option<String>,
    /// Sender of emails
    #[arg(long, env = "MAIL_FROM", value_parser = values::text())]
    pub mail_from: Option<String>,
    /// Write emails into this folder instead of sending them
    #[arg(long, env = "MAIL_DIR", value_parser = values::text_of(PathBufValueParser::new()))]
    pub mail_dir: Option<PathBuf>,
    /// Endpoint of your backend for webhooks
    #[arg(long, env = "HOOK_URL", hide_env_values = true, value_parser = values::word())]
    pub hook_url: Option<String>,
    /// Secrets that sign those webhooks, comma-separated, `whsec_…` each
    #[arg(long, env = "HOOK_SECRETS", value_delimiter = ',', hide_env_values = true, value_parser = values::word())]
    pub hook_secrets: Vec<String>,
    /// Minutes without a click until a session ends, 30 to 20160 (14 days)
    #[arg(long, env = "SESSION_IDLE_MINUTES", default_value = "720", value_parser = values::word_of(clap::value_parser!(i64).range(30..=20_160)))]
    pub session_idle_minutes: i64,
    /// Days until every session ends, 1 to 90; acts on new sessions
    #[arg(long, env = "SESSION_MAX_DAYS", default_value = "14", value_parser = values::word_of(clap::value_parser!(i64).range(1..=90)))]
    pub session_max_days: i64,
    /// Origins that a portal link may return to, comma-separated
    #[arg(long, env = "RETURN_ORIGINS", value_delimiter = ',', value_parser = values::origin())]
    pub return_origins: Vec<String>,
    /// Your custom domains at Stripe for Checkout and the customer portal: origins, comma-separated
    #[arg(long, env = "CHECKOUT_ORIGINS", value_delimiter = ',', value_parser = values::origin())]
    pub checkout_origins: Vec<String>,
    /// Proxies whose X-Forwarded-For is trusted, comma-separated: addresses, or networks such as 10.0.0.0/8
    #[arg(long, env = "TRUSTED_PROXIES", value_delimiter = ',', value_parser = values::word())]
    pub trusted_proxies: Vec<String>,
    /// Requests of each key and each signed-in browser: `100/s`, `600/m` or `5000/h`; no limit if not set
    #[arg(long, env = "RATE_LIMIT", value_parser = values::word())]
    pub rate_limit: Option<String>,
    /// Anonymous requests of each address, all at once or spread; `off` for no limit
    #[arg(long, env = "RATE_LIMIT_ANONYMOUS", default_value = "600/m", value_parser = values::word())]
    pub rate_limit_anonymous: String,
    /// Open connections of each address, except trusted proxies: 1 to 10000
    #[arg(long, env = "CONNECTIONS_PER_ADDRESS", default_value = "1000", value_parser = values::word_of(clap::value_parser!(u16).range(1..=10_000)))]
    pub connections_per_address: u16,
    /// `1`: a test clock, which stands still until you move it. Loopback only
    #[arg(long, env = "TEST_CLOCK", num_args = 0..=1, default_missing_value = "1", value_parser = values::word())]
    pub test_clock: Option<String>,
    /// Seconds between SIGTERM and the end of the listener, in which /readyz answers 503: 0 to 300
    #[arg(long, env = "SHUTDOWN_DELAY_SECONDS", default_value = "0", value_parser = values::word_of(clap::value_parser!(u64).range(0..=300)))]
    pub shutdown_delay_seconds: u64,
    /// The requests with a line in the log: `all`, `errors` (5xx), or those and one of a number of others
    #[arg(long, env = "LOG_REQUESTS", default_value = "100", value_parser = values::parsed::<RequestLog>())]
    pub log_requests: RequestLog,
    /// Run the worker's jobs in `serve`; `off` if `topup work` runs beside it
    #[arg(long, env = "WORKER", default_value = "on", value_parser = values::word_of(EnumValueParser::<Switch>::new()))]
    pub worker: Switch,
    /// For development: a folder with the stylesheet and the icon, instead of the binary's own
    #[arg(long, env = "SITE_ROOT", value_parser = values::text_of(PathBufValueParser::new()))]
    pub site_root: Option<PathBuf>,
    /// Sample customers of the demo: `full` or `none`
    #[cfg(feature = "demo")]
    #[arg(long, env = "DEMO_SEED", default_value = "full", value_parser = values::word())]
    pub demo_seed: String,
}

#[cfg(test)]
mod tests;
