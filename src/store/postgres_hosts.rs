//! Several servers in one URL, as libpq spells them: `postgres://user:password@a:5432,b:5432/topup?target_session_attrs=read-write`.
//!
//! One of them is connected to: the first that answers and, where asked for, takes writes, or is a standby. When it is so no
//! more, all are asked again.

use crate::store::errors::DbError;
use crate::store::postgres_sessions::{READ_ONLY, Sessions};
use futures::stream::{FuturesUnordered, StreamExt as _};
use sqlx::postgres::{PgConnectOptions, PgPool};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, Row as _};
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::timeout;

/// How long a server may take to say what it is.
const ANSWER: Duration = Duration::from_secs(2);

/// How a server is passed over that is no standby.
const NO_STANDBY: &str = "the server is no standby";

const IS_READ_ONLY: &str = "select pg_is_in_recovery() or current_setting('transaction_read_only') = 'on' as read_only";

/// The servers of a URL that will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetServer {
    Any,
    /// One that takes writes.
    Primary,
    /// One that takes none.
    Standby,
}

/// The servers of a URL.
#[derive(Clone, Debug)]
pub struct Hosts {
    all: Arc<[PgConnectOptions]>,
    target: TargetServer,
    /// A task looks for one.
    is_looking: Arc<AtomicBool>,
}

impl Hosts {
    /// Reads a URL.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url.split_once("://").ok_or("is no URL")?;
        let (place, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (user, hosts) = place.rsplit_once('@').map_or(("", place), |(user, hosts)| (user, hosts));
        let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
        let (mut target, mut kept) = (TargetServer::Any, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.strip_prefix("target_session_attrs=") {
                Some("any") => target = TargetServer::Any,
                Some("read-write" | "primary") => target = TargetServer::Primary,
                Some("read-only" | "standby") => target = TargetServer::Standby,
                Some(_) => {
                    let known = "any, read-write, primary, read-only or standby";
                    return Err(format!("has a target_session_attrs that is not {known}"));
                }
                None => kept.push(pair),
            }
        }
        let at = if place.contains('@') { "@" } else { "" };
        let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
        let of_host = |host: &str| {
            if host.is_empty() && hosts.contains(',') {
                return Err("names a server without a name".to_owned());
            }
            // Nothing is asked for at the start of a session that a pooler would refuse or drop: it is set afterwards.
            let options = PgConnectOptions::from_str(&format!("{scheme}://{user}{at}{host}{path}{query}"));
            Ok(options.map_err(|e| e.to_string())?.application_name("topup").extra_float_digits(None))
        };
        let all = hosts.split(',').map(of_host).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { all: all.into(), target, is_looking: Arc::default() })
    }

    /// The servers that will do.
    #[must_use]
    pub const fn target(&self) -> TargetServer {
        self.target
    }

    /// The first server of the list, whether it answers or not.
    #[must_use]
    pub fn first(&self) -> Option<&PgConnectOptions> {
        self.all.first()
    }

    /// The first server that will do.
    ///
    /// # Errors
    /// None will; why the last one will not.
    pub async fn find(&self, wait: Duration) -> Result<PgConnectOptions, DbError> {
        let mut asked: FuturesUnordered<_> = self.all.iter().map(|options| self.ask(options, wait)).collect();
        let mut error = None;
        while let Some(answer) = asked.next().await {
            match answer {
                Ok(options) => return Ok(options.clone()),
                Err(e) => error = Some(e),
            }
        }
        Err(error.unwrap_or(DbError::PoolTimedOut))
    }

    async fn ask<'a>(&self, options: &'a PgConnectOptions, wait: Duration) -> Result<&'a PgConnectOptions, DbError> {
        let answer = async {
            let mut connection = options.connect().await?;
            let is_read_only: Option<bool> = match self.target {
                TargetServer::Any => None,
                _ => Some(connection.fetch_one(sqlx::raw_sql(IS_READ_ONLY)).await?.try_get("read_only")?),
            };
            // It has answered; how it says goodbye is of no interest.
            let _closed = timeout(wait, connection.close()).await;
            match (self.target, is_read_only) {
                (TargetServer::Primary, Some(true)) => Err(DbError::Protocol(READ_ONLY.to_owned())),
                (TargetServer::Standby, Some(false)) => Err(DbError::Protocol(NO_STANDBY.to_owned())),
                _ => Ok(options),
            }
        };
        let silent = || DbError::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "it says nothing"));
        timeout(wait, answer).await.unwrap_or_else(|_| Err(silent()))
    }

    /// Has a task look for a server that will do, and the pool connect to it, if there is a choice. Sessions of another one
    /// are given up.
    pub fn look(&self, pool: &PgPool, sessions: &Sessions) {
        if self.all.len() < 2 || self.is_looking.swap(true, Ordering::SeqCst) {
            return;
        }
        let (hosts, pool, sessions) = (self.clone(), pool.clone(), sessions.clone());
        tokio::spawn(async move {
            let before = pool.connect_options();
            let (stays, found) = tokio::join!(hosts.ask(&before, ANSWER), hosts.find(ANSWER));
            match found {
                Ok(options) if stays.is_err() && place(&options) != place(&before) => {
                    let (host, port) = place(&options);
                    tracing::info!(host, port, "another server of the database's URL is the one");
                    pool.set_connect_options(options);
                    sessions.discard_all_now();
                }
                Ok(_) => {}
                Err(e) => tracing::warn!(error = %e, "no server of the database's URL will do"),
            }
            hosts.is_looking.store(false, Ordering::SeqCst);
        });
    }
}

fn place(options: &PgConnectOptions) -> (&str, u16) {
    (options.get_host(), options.get_port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(url: &str) -> Result<(Vec<(String, u16)>, TargetServer), String> {
        let hosts = Hosts::parse(url)?;
        Ok((hosts.all.iter().map(|one| (one.get_host().to_owned(), one.get_port())).collect(), hosts.target))
    }

    #[test]
    fn several_servers_are_read_as_libpq_spells_them() {
        let place = |host: &str, port| (host.to_owned(), port);
        let check = |url: &str, want: (Vec<(String, u16)>, TargetServer)| assert_eq!(places(url), Ok(want), "{url}");
        check("postgres://topup:p%2Cw@db.example/topup", (vec![place("db.example", 5432)], TargetServer::Any));
        check(
            "postgres://topup:p@w@a:5433,b,[::1]:5435/topup?sslmode=disable&target_session_attrs=read-write",
            (vec![place("a", 5433), place("b", 5432), place("[::1]", 5435)], TargetServer::Primary),
        );
        check(
            "postgresql://a,b?target_session_attrs=any",
            (vec![place("a", 5432), place("b", 5432)], TargetServer::Any),
        );
        check("postgres://a/topup?target_session_attrs=standby", (vec![place("a", 5432)], TargetServer::Standby));
        for wrong in [
            "postgres://a,,b/topup",
            "postgres://a:x,b/topup",
            "postgres://a/topup?target_session_attrs=prefer-standby",
        ] {
            assert!(places(wrong).is_err(), "{wrong}");
        }
        let hosts = Hosts::parse("postgres://topup:secret@a,b/topup").expect("two");
        assert!(hosts.all.iter().all(|one| one.get_username() == "topup" && one.get_database() == Some("topup")));
    }
}
