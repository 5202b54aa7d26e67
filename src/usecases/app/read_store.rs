//! The standby of `READ_DATABASE_URL`, and as of when its copy is.
//!
//! Once a second the primary is asked how far its log is, and the instant before the question is remembered with the answer.
//! Whoever reads from the standby asks how far it is in the same breath. The copy is as of the newest instant whose place it has
//! reached: everything that was answered before that instant is in it. This holds on an idle server, with other clocks than
//! ours, with the test clock, and behind a balancer that leads to several standbys.

use crate::domain::Instant;
use crate::store::Store;
use crate::store::db::{Connection, DbError};
use crate::store::errors::is_rolled_back;
use crate::store::postgres_place::LogPlace;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant as Moment;

/// How old a copy may be that is shown.
pub const AGE_MAX: Duration = Duration::from_secs(60);

/// Instants that are remembered: with one a second, up to when the age of a copy is known.
const SAMPLES_MAX: usize = 600;

/// The standby, if there is one. Clones share it.
#[derive(Clone, Default)]
pub struct ReadStore(Option<Arc<Standby>>);

struct Standby {
    store: Store,
    state: Mutex<StandbyState>,
}

#[derive(Default)]
struct StandbyState {
    /// Of the primary, the oldest first, all of one database and timeline.
    samples: VecDeque<PlaceSample>,
    database: String,
    timeline: String,
    /// How old the copy was when it was last asked; none if it will not do.
    age: Option<Duration>,
}

struct PlaceSample {
    at: Instant,
    taken: Moment,
    bytes: i64,
}

/// Why the standby is not read from.
#[derive(Debug, thiserror::Error)]
pub enum StandbyFault {
    /// It fails.
    #[error("it does not answer: {}", standby_error_words(.0))]
    Db(#[from] DbError),
    /// It is behind.
    #[error("it is {} s or more behind", .0.as_secs())]
    Behind(Duration),
    /// It is of another cluster.
    #[error("it is of another database: {0}")]
    Foreign(String),
    /// It takes writes, and the primary is another one.
    #[error("it is a primary of another timeline ({0})")]
    Split(String),
}

fn standby_error_words(error: &DbError) -> String {
    match error {
        DbError::PoolTimedOut => "no connection in time".to_owned(),
        other => other.to_string(),
    }
}

impl ReadStore {
    #[must_use]
    pub fn new(standby: Store) -> Self {
        Self(Some(Arc::new(Standby { store: standby, state: Mutex::default() })))
    }

    /// True if a standby is set.
    #[must_use]
    pub const fn is_set(&self) -> bool {
        self.0.is_some()
    }

    /// The standby.
    #[must_use]
    pub fn standby(&self) -> Option<&Store> {
        self.0.as_ref().map(|standby| &standby.store)
    }

    /// How old the standby's copy is; none if it is not read from.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.0.as_ref().and_then(|standby| standby.state().age)
    }

    /// Remembers where the primary was at an instant before it was asked.
    pub fn learn(&self, place: LogPlace, at: Instant, taken: Moment) {
        if let Some(standby) = &self.0 {
            standby.state().learn(place, at, taken);
        }
    }

    /// Asks whether the standby will do.
    ///
    /// # Errors
    /// Why it will not.
    pub async fn ask(&self) -> Result<(), StandbyFault> {
        match &self.0 {
            Some(standby) => standby.snapshot().await.map(drop),
            None => Ok(()),
        }
    }

    /// A snapshot of the standby, and as of when it is; none if there is none, or it did not do when it was last asked.
    pub async fn snapshot(&self) -> Option<(Connection, Instant)> {
        let standby = self.0.as_ref()?;
        standby.state().age?;
        match standby.snapshot().await {
            Ok(found) => Some(found),
            Err(fault) => {
                tracing::warn!(error = %fault, "the standby of READ_DATABASE_URL is not read from");
                None
            }
        }
    }

    /// The standby failed in the middle: it is not read from until it has answered again. A query that it canceled because
    /// of what it had to copy is no reason.
    pub fn failed(&self, error: Option<&DbError>) {
        if let Some(standby) = self.0.as_ref().filter(|_| !error.is_some_and(is_rolled_back)) {
            standby.state().age = None;
        }
    }

    /// Ends all connections to it.
    pub async fn close(&self) {
        if let Some(standby) = &self.0 {
            standby.store.close().await;
        }
    }
}

impl Standby {
    fn state(&self) -> MutexGuard<'_, StandbyState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn snapshot(&self) -> Result<(Connection, Instant), StandbyFault> {
        let asked = self.store.snapshot_at().await;
        let mut state = self.state();
        let found = asked.map_err(StandbyFault::Db).and_then(|(db, place)| {
            let (at, age) = state.as_of(&place)?;
            Ok((db, at, age))
        });
        state.age = found.as_ref().ok().map(|(_, _, age)| *age);
        found.map(|(db, at, _)| (db, at))
    }
}

impl StandbyState {
    fn learn(&mut self, place: LogPlace, at: Instant, taken: Moment) {
        if self.timeline != place.timeline || self.database != place.database {
            self.samples.clear();
            (self.timeline, self.database) = (place.timeline, place.database);
        }
        if self.samples.len() == SAMPLES_MAX {
            self.samples.pop_front();
        }
        self.samples.push_back(PlaceSample { at, taken, bytes: place.bytes });
    }

    /// As of when a copy is, and how long ago that was.
    fn as_of(&self, place: &LogPlace) -> Result<(Instant, Duration), StandbyFault> {
        if place.database != self.database && !self.samples.is_empty() {
            return Err(StandbyFault::Foreign(place.database.clone()));
        }
        if !place.timeline.is_empty() && place.timeline != self.timeline {
            return Err(StandbyFault::Split(place.timeline.clone()));
        }
        let reached = self.samples.iter().rev().find(|sample| sample.bytes <= place.bytes);
        let oldest = self.samples.front().map_or(Duration::ZERO, |sample| sample.taken.elapsed());
        let sample = reached.ok_or(StandbyFault::Behind(oldest))?;
        let age = sample.taken.elapsed();
        if age > AGE_MAX { Err(StandbyFault::Behind(age)) } else { Ok((sample.at, age)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::from_millis;

    fn place(database: &str, timeline: &str, bytes: i64) -> LogPlace {
        let (database, timeline) = (database.to_owned(), timeline.to_owned());
        LogPlace { database, timeline, bytes, last_commit: None }
    }

    #[test]
    fn a_copy_is_as_of_the_newest_instant_whose_place_it_has_reached() {
        let now = Moment::now();
        let ago = |seconds: u32| {
            now.checked_sub(Duration::from_secs(u64::from(seconds))).expect("a machine that runs for minutes")
        };
        let mut state = StandbyState::default();
        let as_of = |state: &StandbyState, bytes| state.as_of(&place("a/1", "", bytes)).map(|(at, _)| at);
        assert!(as_of(&state, 900).is_err(), "nothing is known of the primary");
        for (second, bytes) in [(90_u32, 100), (3, 200), (2, 200), (1, 300)] {
            state.learn(place("a/1", "1", bytes), from_millis(1_000 - i64::from(second)), ago(second));
        }
        for (bytes, want) in [(300, 999), (301, 999), (299, 998), (200, 998)] {
            assert_eq!(as_of(&state, bytes).expect("a copy"), from_millis(want), "{bytes}");
        }
        let is_behind = |bytes| matches!(as_of(&state, bytes), Err(StandbyFault::Behind(age)) if age > AGE_MAX);
        assert!(is_behind(199) && is_behind(99));
        assert!(matches!(state.as_of(&place("b/1", "", 300)), Err(StandbyFault::Foreign(_))));
        // A server that was promoted has another history, whatever its place.
        assert!(matches!(state.as_of(&place("a/1", "2", 300)), Err(StandbyFault::Split(_))));
        assert!(state.as_of(&place("a/1", "1", 300)).is_ok(), "the primary itself");
        state.learn(place("a/1", "2", 250), from_millis(1_000), now);
        assert!(as_of(&state, 249).is_err(), "what the former primary said counts no more");
    }
}
