//! Usages of a transaction: their rows and what they add to the daily totals.

use crate::domain::time::from_millis;
use crate::domain::{Draw, Kind};
use crate::ledger::write_transaction::{NewUsage, WriteTransaction};
use crate::store::daily_usage::{DayKey, Totals, day_number};
use crate::store::daily_usage_names;
use crate::store::daily_usage_names::DayNames;
use crate::store::db::{DbError, corrupt};
use crate::store::entries::NewUsageColumns;
use crate::store::metrics::DayMetrics;

impl WriteTransaction {
    /// Writes a usage whose draws were just booked as the account's last lines.
    pub async fn add_usage(
        &mut self,
        no: i64,
        id: [u8; 16],
        draws: &[Draw],
        first_seq: i64,
        columns: NewUsageColumns,
    ) -> Result<(), DbError> {
        let lines = i64::try_from(draws.len()).unwrap_or(i64::MAX);
        for draw in draws {
            let of_kind = match draw.kind {
                Kind::Plan => 0,
                Kind::Courtesy => 1,
                Kind::TopUp => 2,
            };
            self.used[of_kind] = self.used[of_kind].saturating_add(draw.credits.0);
        }
        let mut key = DayKey {
            day: day_number(from_millis(columns.created_at)),
            customer_no: no,
            operation: columns.operation.clone().unwrap_or_default(),
            source: columns.source.clone().unwrap_or_default(),
            cycle_start: self.cached_account(no).await?.loaded.account.cycle.start.timestamp_millis(),
        };
        self.place_in_day(&mut key).await?;
        self.add_metrics(key.day, no, &DayMetrics::of(columns.quantities.as_deref()));
        self.add_to_day(key, &Totals::of(draws));
        self.usages.push(NewUsage { customer_no: no, id, first_seq, lines, columns });
        Ok(())
    }

    /// Counts a usage under its own names, or with the others of its day where that names enough.
    async fn place_in_day(&mut self, key: &mut DayKey) -> Result<(), DbError> {
        if key.source.is_empty() && key.operation.is_empty() {
            return Ok(());
        }
        let no = key.customer_no;
        if self.cached_account(no).await?.names.as_ref().is_none_or(|names| names.day != key.day) {
            self.count_names(key.day, &[no]).await?;
        }
        let open = self.cache.accounts.get_mut(&no).ok_or_else(|| corrupt("an account was lost"))?;
        let names = open.names.as_mut().ok_or_else(|| corrupt("a day without its names"))?;
        if names.place(key) {
            return Ok(());
        }
        names.read(&mut self.db, no).await?;
        if names.place(key) { Ok(()) } else { Err(corrupt("the names of a day could not be read")) }
    }

    /// Begins the names of a day for customers of the working set, in one question for all.
    pub(super) async fn count_names(&mut self, day: i64, customers: &[i64]) -> Result<(), DbError> {
        // A day that nothing was booked on yet has no rows.
        let (old, new): (Vec<i64>, Vec<i64>) = customers.iter().copied().partition(|no| {
            self.cache.accounts.get(no).is_some_and(|open| day_number(open.loaded.account.last_at) >= day)
        });
        let rows = daily_usage_names::count_rows(&mut self.db, day, &old).await?;
        for no in old.into_iter().chain(new) {
            if let Some(open) = self.cache.accounts.get_mut(&no) {
                open.names = Some(DayNames::of_rows(day, rows.get(&no).copied().unwrap_or(0)));
            }
        }
        Ok(())
    }

    /// Adds to a day; what takes off is negative.
    pub fn add_to_day(&mut self, key: DayKey, totals: &Totals) {
        self.days.entry(key).or_default().add(totals);
    }

    /// Adds to what a customer counted on a day; what takes off is negative.
    pub fn add_metrics(&mut self, day: i64, no: i64, metrics: &DayMetrics) {
        if !metrics.is_empty() {
            self.metrics.entry((day, no)).or_default().add(metrics);
        }
    }
}
