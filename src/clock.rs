//! The only place that reads the time and creates ids.
//!
//! A test clock (`TEST_CLOCK=1`) stands still at an instant in the database, which all processes share. Rules, links,
//! sessions and Checkout use [`Clock::now`]; network time-outs and the tolerance of webhook signatures use
//! [`Clock::real`].

use crate::args;
use crate::domain::Instant;
use crate::domain::time::{from_millis, to_millis};
use crate::store::Store;
use crate::store::db::DbError;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use uuid::Uuid;

/// The product's clock.
#[derive(Clone, Debug)]
pub struct Clock {
    /// The last reading of the test clock, in milliseconds.
    test: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The real time.
    #[must_use]
    pub const fn system() -> Self {
        Self { test: None }
    }

    /// The stored test clock; the first start puts it at the present second.
    ///
    /// # Errors
    /// The database fails.
    pub async fn stored(store: &Store) -> Result<Self, DbError> {
        let clock = Self { test: Some(Arc::new(AtomicI64::new(0))) };
        let mut db = store.begin_write().await?;
        let start = Self::system().real().timestamp() * 1_000;
        db.execute("insert into test_clock (id, now) values (1, $1) on conflict (id) do nothing", args![start]).await?;
        db.commit().await?;
        clock.refresh(store).await?;
        Ok(clock)
    }

    /// A test clock of this process alone, for the demo's history.
    #[must_use]
    pub fn manual(at: Instant) -> Self {
        Self { test: Some(Arc::new(AtomicI64::new(at.timestamp_millis()))) }
    }

    #[must_use]
    pub const fn is_test(&self) -> bool {
        self.test.is_some()
    }

    /// Now, by the product's clock, to the millisecond.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.test.as_ref().map_or_else(|| self.real(), |test| from_millis(test.load(Ordering::SeqCst)))
    }

    /// Now, by the machine's clock.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn real(&self) -> Instant {
        to_millis(chrono::Utc::now())
    }

    /// A new time-ordered id.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn mint(&self) -> Uuid {
        Uuid::now_v7()
    }

    /// Reads the test clock, which another process may have advanced. A late reading does not put it back.
    ///
    /// # Errors
    /// The database fails.
    pub async fn refresh(&self, store: &Store) -> Result<(), DbError> {
        if let Some(test) = &self.test {
            let row = store.read().await?.fetch_optional("select now from test_clock where id = 1", Vec::new()).await?;
            if let Some(row) = row {
                test.fetch_max(row.int("now")?, Ordering::SeqCst);
            }
        }
        Ok(())
    }

    /// Advances a manual clock.
    pub fn put(&self, to: Instant) {
        if let Some(test) = &self.test {
            test.store(to.timestamp_millis(), Ordering::SeqCst);
        }
    }
}
