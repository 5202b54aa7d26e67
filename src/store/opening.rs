//! Opening a database: how long it is waited for, and why it could not be opened.
//!
//! A server that restarts beside the process is waited for; one that refuses is not. A wrong setting and a database that
//! is down are told apart: only the first is cured by changing the setting.

use crate::store::errors::{DbError, is_lasting};
use crate::store::postgres::ResponseTimeout;
use crate::store::postgres_hosts::Hosts;
use sqlx::postgres::PgConnectOptions;
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The time between two log lines about a server that does not answer.
const MESSAGE_EVERY: Duration = Duration::from_secs(5);

/// The bounds of an open database.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    /// How long one answer of a server is waited for.
    pub response_timeout: ResponseTimeout,
    /// Connections to a server.
    pub connections: u32,
    /// How long a server that does not answer is tried again.
    pub wait: Duration,
    /// Commits must be on the server's synchronous standbys.
    pub is_synchronous: bool,
}

impl Default for Opening {
    fn default() -> Self {
        let (response_timeout, wait) = (ResponseTimeout::default(), Duration::from_secs(15));
        Self { response_timeout, connections: 12, wait, is_synchronous: false }
    }
}

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database to read from.
    #[error("READ_{0}")]
    Read(Box<OpenError>),
    /// Not `sqlite://…` or `postgres://…`.
    #[error("DATABASE_URL: {0}")]
    Url(String),
    /// The database's own word: it is none, or it lets nobody in by this user and password.
    #[error("DATABASE_URL: {}", connection_error_words(.0))]
    Db(DbError),
    /// It is down, busy or cannot be reached.
    #[error("DATABASE_URL: the database does not answer: {}", connection_error_words(.0))]
    Down(DbError),
    /// A pooler is in between that gives each transaction another session.
    #[error(
        "DATABASE_URL: leads to a pooler in transaction mode, which hands one session to several writers, so that locks \
         and time-outs do not hold. Set the pooler to session mode (pool_mode = session), or name PostgreSQL itself"
    )]
    SharedSessions,
    /// Its user does not see how far standbys are.
    #[error(
        "PG_SYNCHRONOUS: required, but the user of DATABASE_URL does not see how far standbys are: run `grant \
         pg_read_all_stats to USER` as a superuser, or leave the setting out"
    )]
    Standbys,
    /// Nothing of ours is there.
    #[error("DATABASE_URL: {0}; check the setting, or create the tables with `topup migrate`")]
    Missing(String),
    /// The tables are ahead of this program.
    #[error(
        "DATABASE_URL: the tables are of a newer version of Topup (migration {theirs}; this program knows those up to \
         {ours}): run the newer program"
    )]
    Newer {
        /// The last migration that was run.
        theirs: i64,
        /// The last one of this program.
        ours: i64,
    },
    /// The tables could not be brought up to date.
    #[error("DATABASE_URL: migration failed: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

impl OpenError {
    /// True if another setting would cure it.
    #[must_use]
    pub fn is_setting(&self) -> bool {
        match self {
            Self::Read(error) => error.is_setting(),
            Self::Down(_) | Self::Migrate(_) => false,
            _ => true,
        }
    }
}

impl From<DbError> for OpenError {
    fn from(error: DbError) -> Self {
        if is_connection_refusal(&error) { Self::Db(error) } else { Self::Down(error) }
    }
}

/// Without what the library says before each of them.
fn connection_error_words(error: &DbError) -> String {
    match error {
        DbError::Io(e) => e.to_string(),
        DbError::Database(said) => said.message().to_owned(),
        DbError::Protocol(said) => said.clone(),
        DbError::PoolTimedOut => "no connection was free in time".to_owned(),
        other => other.to_string(),
    }
}

/// True if the database has answered, and will answer the same: no such database, a wrong password, no file of SQLite.
pub(super) fn is_connection_refusal(error: &DbError) -> bool {
    let code = error.as_database_error().and_then(|said| said.code()).unwrap_or_default();
    is_lasting(error) || code.starts_with("28") || cannot_open(error)
}

/// True if SQLite could not open a file: the database, or one that it needs beside it.
pub(super) fn cannot_open(error: &DbError) -> bool {
    let said = error.as_database_error().filter(|said| said.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some());
    let code = said.and_then(|said| said.code()?.parse::<i32>().ok());
    code.is_some_and(|code| matches!(code & 0xff, 8 | 14))
}

/// True if commits may stand in the log beside a file of SQLite.
pub(super) fn has_log(path: &Path) -> bool {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    std::fs::metadata(name).is_ok_and(|log| log.len() > 0)
}

impl Opening {
    /// Connects once, and again for a while where the server does not answer.
    pub(super) async fn until_it_answers(&self, hosts: &Hosts) -> Result<PgConnectOptions, OpenError> {
        let until = Instant::now() + self.wait;
        let mut next_message = Instant::now();
        let mut pause = Duration::from_millis(100);
        loop {
            let error = match hosts.find(self.response_timeout.0).await {
                Ok(options) => return Ok(options),
                Err(error) => error,
            };
            if is_connection_refusal(&error) || Instant::now() + pause > until {
                return Err(error.into());
            }
            if Instant::now() >= next_message {
                next_message = Instant::now() + MESSAGE_EVERY;
                let seconds = until.saturating_duration_since(Instant::now()).as_secs();
                tracing::warn!(
                    "waiting for the database, at most {seconds} s more: {}",
                    connection_error_words(&error)
                );
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }
}
