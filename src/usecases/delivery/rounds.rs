//! Serving the items of a list, some side by side; items that fail are kept for a retry.
//!
//! *Not here:* the table of failed items (`failed_items`).

use crate::args;
use crate::usecases::delivery::failed_items::{
    ALARM_IF_UNANSWERED, FailedItemList, ItemFailure, may_pass, record_failures,
};
use crate::usecases::{App, InternalError};
use futures::{FutureExt, StreamExt};
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;

/// How many items of a round that may have met a passing fault are tried alone.
const ALONE_MAX: usize = 3;
/// An item that is due again in this many rounds one after the other is not really served.
const STREAK_MAX: u32 = 5;

/// The result of a round.
pub(crate) struct Round<K> {
    /// Pieces of work.
    pub done: u64,
    /// Items that were served.
    pub served: Vec<K>,
    /// Items that were not.
    pub failed: Vec<(K, ItemFailure)>,
    /// A fault that is no item's.
    pub stopped: Option<InternalError>,
}

impl<K> Round<K> {
    fn take(&mut self, item: K, result: Result<u64, InternalError>) {
        match result {
            Ok(done) => {
                self.done += done;
                self.served.push(item);
            }
            Err(fault) => self.failed.push((item, ItemFailure::from(&fault))),
        }
    }
}

/// Serves items, some side by side. A fault that may pass is tried once more alone: writes that were decided together
/// are undone together, and only the one that fails alone is to blame.
pub(crate) async fn run_round<K, F>(items: Vec<K>, at_once: usize, act: impl Fn(K) -> F) -> Round<K>
where
    K: Clone,
    F: Future<Output = Result<u64, InternalError>>,
{
    let guarded = |item: K| {
        let doing = AssertUnwindSafe(act(item.clone())).catch_unwind();
        async move { (item, doing.await.unwrap_or_else(|_| Err(InternalError::Broken("it panicked".to_owned())))) }
    };
    let mut round = Round { done: 0, served: Vec::new(), failed: Vec::new(), stopped: None };
    let doing: Vec<_> = items.into_iter().map(&guarded).collect();
    let mut doing = futures::stream::iter(doing).buffer_unordered(at_once);
    let mut unsure = Vec::new();
    while let Some((item, result)) = doing.next().await {
        match result {
            Err(fault) if may_pass(&fault) => unsure.push(item),
            result => round.take(item, result),
        }
    }
    drop(doing);
    let mut blamed = Vec::new();
    for item in unsure {
        match guarded(item).await {
            (item, Err(fault)) if may_pass(&fault) => blamed.push((item, fault)),
            (item, result) => round.take(item, result),
        }
        if blamed.len() >= ALONE_MAX {
            break;
        }
    }
    // Where nothing at all was served, it is nobody's fault but the database's.
    let nobodys = round.served.is_empty() || blamed.len() >= ALONE_MAX;
    for (item, fault) in blamed {
        if !round.served.is_empty() {
            round.failed.push((item, ItemFailure::from(&fault)));
        }
        if nobodys {
            round.stopped = Some(fault);
        }
    }
    round
}

/// A run through one list.
pub(crate) struct ItemRun<'a> {
    app: &'a App,
    list: FailedItemList,
    at_once: usize,
    /// In how many rounds up to the last an item was served.
    streaks: HashMap<String, u32>,
}

impl<'a> ItemRun<'a> {
    /// Of this list, with this many items side by side.
    pub fn new(app: &'a App, list: FailedItemList, at_once: usize) -> Self {
        Self { app, list, at_once, streaks: HashMap::new() }
    }

    /// Retries the failed items that are due.
    ///
    /// # Errors
    /// A fault that is no item's.
    pub async fn retry<F>(&mut self, act: impl Fn(String) -> F) -> Result<u64, InternalError>
    where
        F: Future<Output = Result<u64, InternalError>>,
    {
        let sql = "select item from failed_items where list = $1 and due_at <= $2 order by due_at limit $3";
        let now = self.app.clock.now();
        let limit = self.list.retries_max;
        let rows = self.app.store.read().await?.fetch_all(sql, args![self.list.name, now, limit]).await?;
        let due = rows.iter().map(|row| row.text("item")).collect::<Result<_, _>>()?;
        self.serve(due, act).await
    }

    /// Serves the items of one round.
    ///
    /// # Errors
    /// A fault that is no item's; what could be served was.
    pub async fn serve<F>(&mut self, items: Vec<String>, act: impl Fn(String) -> F) -> Result<u64, InternalError>
    where
        F: Future<Output = Result<u64, InternalError>>,
    {
        if items.is_empty() {
            return Ok(0);
        }
        let streak = |item: &String| self.streaks.get(item).copied().unwrap_or(0);
        let (stuck, items): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| streak(item) >= STREAK_MAX);
        let mut round = run_round(items, self.at_once, act).await;
        self.streaks = round.served.iter().map(|item| (item.clone(), streak(item) + 1)).collect();
        let reason = "it is due again as soon as it was served";
        round.failed.extend(stuck.into_iter().map(|item| (item, ItemFailure::lasting(reason))));
        // Stripe answers about nothing: that is no news of each purchase.
        if round.served.is_empty() && round.failed.len() > 1 {
            for (_, failure) in round.failed.iter_mut().filter(|(_, failure)| failure.alarm_at == ALARM_IF_UNANSWERED) {
                failure.is_its_own = false;
            }
        }
        record_failures(self.app, self.list, round.served, round.failed).await?;
        round.stopped.map_or(Ok(round.done), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Unavailable;

    /// Items below 10 are served, 10 and above are broken, 20 undoes whatever is decided with it, 30 panics.
    async fn act(item: i64) -> Result<u64, InternalError> {
        match item {
            0..10 => Ok(1),
            20.. if item < 30 => Err(InternalError::Unavailable(Unavailable::Database)),
            30.. => panic!("planted"),
            _ => Err(InternalError::Broken("planted".to_owned())),
        }
    }

    #[tokio::test]
    async fn one_item_that_fails_in_whatever_way_keeps_no_neighbour_from_being_served() {
        let round = run_round(vec![10, 20, 1, 30, 2, 3], 4, act).await;
        assert_eq!(round.done, 3);
        let mut failed: Vec<i64> = round.failed.iter().map(|(item, _)| *item).collect();
        failed.sort_unstable();
        assert_eq!(failed, [10, 20, 30]);
        assert!(round.stopped.is_none());
    }

    #[tokio::test]
    async fn a_database_that_is_away_is_no_items_fault() {
        let round = run_round(vec![20, 21, 22, 23, 24], 4, act).await;
        assert!(round.failed.is_empty() && round.stopped.is_some());
    }

    #[tokio::test]
    async fn several_items_that_undo_what_is_decided_with_them_are_found_out_some_in_a_round() {
        let round = run_round(vec![1, 20, 21, 22, 23, 24], 4, act).await;
        assert_eq!((round.failed.len(), round.stopped.is_some()), (ALONE_MAX, true));
    }
}
