//! `READ_DATABASE_URL`: a standby to read from.
//!
//! It may be down or behind: whoever reads from it asks for the place of what was read, and goes to the primary otherwise.

use crate::store::db::{Connection, DbError, corrupt};
use crate::store::opening::is_connection_refusal;
use crate::store::postgres::Server;
use crate::store::postgres_hosts::Hosts;
use crate::store::postgres_place::LogPlace;
use crate::store::postgres_sessions::{Sessions, are_shared};
use crate::store::{OpenError, Opening, Store};
use sqlx::postgres::PgPoolOptions;
use std::time::Duration;

impl Store {
    /// Opens a copy of this database to read from, even if it does not answer now.
    ///
    /// # Errors
    /// A malformed URL, a server that lets nobody in, or another database than this.
    pub async fn open_copy(&self, url: &str, opening: Opening) -> Result<Self, OpenError> {
        let opened = async {
            let copy = Self::open_reader(url, opening).await?;
            self.refuse_foreign(&copy).await?;
            Ok(copy)
        };
        opened.await.map_err(|error: OpenError| OpenError::Read(Box::new(error)))
    }

    async fn open_reader(url: &str, opening: Opening) -> Result<Self, OpenError> {
        let hosts = Hosts::parse(url).map_err(OpenError::Url)?;
        let found = hosts.find(opening.response_timeout.0).await;
        let answers = found.is_ok();
        let options = match found {
            Ok(options) => options,
            Err(error) if is_connection_refusal(&error) => return Err(OpenError::Db(error)),
            Err(error) => {
                tracing::warn!(error = %error, "READ_DATABASE_URL does not answer; what it is for is read from DATABASE_URL");
                hosts.first().cloned().ok_or_else(|| OpenError::Url("names no server".to_owned()))?
            }
        };
        let (sessions, wait) = (Sessions::default(), opening.response_timeout.0.min(Duration::from_secs(5)));
        let pool = sessions.watched(PgPoolOptions::new(), wait).max_connections(opening.connections);
        let pool = pool.connect_lazy_with(options);
        if answers && are_shared(&pool, opening.response_timeout.0).await {
            return Err(OpenError::SharedSessions);
        }
        Ok(Self::Postgres(Server::new(pool, (hosts, sessions), opening.response_timeout, false)))
    }

    async fn refuse_foreign(&self, copy: &Self) -> Result<(), OpenError> {
        let Ok(there) = copy.place().await else { return Ok(()) };
        let here = self.place().await?;
        if here.database == there.database {
            return Ok(());
        }
        copy.close().await;
        Err(OpenError::Url(format!(
            "leads to another database (system identifier and number {}) than DATABASE_URL ({}): name a standby of the \
             same cluster",
            there.database, here.database
        )))
    }

    /// How far the server's log is.
    ///
    /// # Errors
    /// The server fails; SQLite has none.
    pub async fn place(&self) -> Result<LogPlace, DbError> {
        match self {
            Self::Sqlite { .. } => Err(corrupt("SQLite has no standbys")),
            Self::Postgres(server) => server.place().await,
        }
    }

    /// As [`Store::snapshot`], with a place of the log that it has all of.
    ///
    /// # Errors
    /// None free in time, or the server fails; SQLite has none.
    pub async fn snapshot_at(&self) -> Result<(Connection, LogPlace), DbError> {
        match self {
            Self::Sqlite { .. } => Err(corrupt("SQLite has no standbys")),
            Self::Postgres(server) => {
                server.snapshot_at().await.map(|(connection, place)| (Connection::Postgres(connection), place))
            }
        }
    }
}
