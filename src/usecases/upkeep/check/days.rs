//! The daily totals against a customer's entries and usages.

use crate::domain::{Cause, Credits, Entry, EntryKind, GrantId, Instant, Kind, UsageId};
use crate::store::daily_usage::{DayKey, Totals, day_number};
use crate::store::daily_usage_names::{OPERATIONS_MAX, OTHER_OPERATION, OTHER_SOURCE, SOURCES_MAX};
use crate::store::db::{Connection, DbError, Row, Value, corrupt};
use crate::store::metrics::{DayMetrics, MetricFigure};
use crate::store::statement_batch::placeholders;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What the lines of the last day came to, for a later check that goes on from there. Without sources, which may be erased.
#[derive(Serialize, Deserialize)]
pub struct DayState {
    day: i64,
    /// Usages, and credits of plan, courtesy and top-up, by operation.
    operations: BTreeMap<String, [i64; 4]>,
    /// The sum of each metric, and of how many usages it is.
    metrics: BTreeMap<String, (i64, i64)>,
    cycle_start: i64,
    /// Thousandths of that day in that cycle.
    in_cycle: i64,
}

impl DayState {
    /// The day: a later check goes on with it.
    pub const fn day(&self) -> i64 {
        self.day
    }
}

/// The totals that a customer's entries come to, line by line.
pub struct DayCheck {
    kinds: HashMap<GrantId, Kind>,
    /// Without the cycle.
    sums: BTreeMap<DayKey, Totals>,
    /// The metrics of usages that stand, by day.
    metrics: BTreeMap<i64, DayMetrics>,
    customer_no: i64,
    cycle_start: Instant,
    /// Credits of the cycle, by day.
    in_cycle: BTreeMap<i64, Credits>,
    /// The day that it goes on with; earlier ones were compared before.
    since: Option<i64>,
    /// The usage and the kind of the line before: a usage counts once, however many lines it has.
    before: Option<(UsageId, EntryKind)>,
}

impl DayCheck {
    /// What was known, or nothing, of a customer whose cycle began at `cycle_start`.
    pub fn new(customer_no: i64, cycle_start: Instant, kinds: HashMap<GrantId, Kind>, known: Option<DayState>) -> Self {
        let (mut sums, mut metrics, mut in_cycle) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let since = known.as_ref().map(DayState::day);
        if let Some(DayState { day, operations, metrics: counted, cycle_start: start, in_cycle: credits }) = known {
            for (operation, [usages, plan, courtesy, top_up]) in operations {
                let key = DayKey { day, customer_no, operation, source: String::new(), cycle_start: 0 };
                let [plan, courtesy, top_up] = [plan, courtesy, top_up].map(Credits);
                sums.insert(key, Totals { usages, plan, courtesy, top_up });
            }
            let figures =
                counted.iter().map(|(key, (total, said))| (key.as_str(), MetricFigure { total: *total, said: *said }));
            metrics.insert(day, DayMetrics::from_figures(figures));
            if start == cycle_start.timestamp_millis() {
                in_cycle.insert(day, Credits(credits));
            }
        }
        Self { kinds, sums, metrics, customer_no, cycle_start, in_cycle, since, before: None }
    }

    /// Adds a page of entries; what their usages say is read beside them.
    pub async fn push(&mut self, db: &mut Connection, page: &[Entry]) -> Result<(), DbError> {
        let mut ids: Vec<UsageId> = page.iter().filter_map(charged_usage).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut usages = HashMap::new();
        for ids in ids.chunks(500) {
            let sql = format!(
                "select id, operation, source, quantities, created_at from usages where id in ({})",
                placeholders(1, ids.len())
            );
            for row in db.fetch_all(sql, ids.iter().map(|id| Value::from(id.bytes())).collect()).await? {
                usages.insert(UsageId(row.uuid("id")?), row);
            }
        }
        for entry in page {
            let Some(id) = charged_usage(entry) else { continue };
            let Some(usage) = usages.get(&id) else { continue };
            self.line(entry, id, usage)?;
        }
        Ok(())
    }

    fn line(&mut self, entry: &Entry, id: UsageId, usage: &Row) -> Result<(), DbError> {
        let at = usage.at("created_at")?;
        if self.since.is_some_and(|since| day_number(at) < since) {
            return Ok(());
        }
        let kind = self.kinds.get(&entry.grant).copied().ok_or_else(|| corrupt("a line without its grant"))?;
        let is_first = self.before.replace((id, entry.kind)) != Some((id, entry.kind));
        let mut totals = if is_first {
            let (one, counted) = (Totals::of(&[]), DayMetrics::of(usage.opt_text("quantities")?.as_deref()));
            let used = entry.kind == EntryKind::Used;
            self.metrics.entry(day_number(at)).or_default().add(&if used { counted } else { counted.undone() });
            if used { one } else { one.undone() }
        } else {
            Totals::default()
        };
        totals.draw(kind, -entry.amount);
        if at >= self.cycle_start {
            *self.in_cycle.entry(day_number(at)).or_insert(Credits::ZERO) += -entry.amount;
        }
        let key = DayKey {
            day: day_number(at),
            customer_no: self.customer_no,
            operation: usage.opt_text("operation")?.unwrap_or_default(),
            source: usage.opt_text("source")?.unwrap_or_default(),
            cycle_start: 0,
        };
        self.sums.entry(key).or_default().add(&totals);
        Ok(())
    }

    fn metrics_agree(&self, counted: &BTreeMap<i64, DayMetrics>) -> Result<(), String> {
        let nothing = DayMetrics::default();
        for day in self.metrics.keys().chain(counted.keys()) {
            let (kept, meant) = (counted.get(day).unwrap_or(&nothing), self.metrics.get(day).unwrap_or(&nothing));
            let mut keys = kept.iter().chain(meant.iter()).map(|(key, _)| key);
            if let Some(key) = keys.find(|key| kept.get(key) != meant.get(key)) {
                let (kept, meant) = (kept.get(key).total, meant.get(key).total);
                return Err(format!(
                    "the total of day {day} for {key:?}: {kept} is stored, the usages add up to {meant}"
                ));
            }
        }
        Ok(())
    }

    /// Compares the entries with the stored totals and metrics; `with_sources` unless sources were blanked. What is known then
    /// of the last day.
    ///
    /// # Errors
    /// The first day that differs, in words.
    pub fn finish(
        self,
        stored: &[(DayKey, Totals)],
        counted: &BTreeMap<i64, DayMetrics>,
        with_sources: bool,
        last_day: i64,
    ) -> Result<DayState, String> {
        self.metrics_agree(counted)?;
        let named = DayNameSets::of(stored);
        named.are_full(with_sources)?;
        // Where the day counts it, and who did it unless that was blanked.
        let bare = |key: &DayKey| {
            let mut key = DayKey { cycle_start: 0, ..named.place(key) };
            if !with_sources || self.since.is_some_and(|since| key.day <= since) {
                key.source.clear();
            }
            key
        };
        let (mut kept, mut meant) = (BTreeMap::new(), BTreeMap::new());
        let mut in_cycle = Credits::ZERO;
        for (key, totals) in stored {
            if key.cycle_start == self.cycle_start.timestamp_millis() {
                in_cycle += totals.credits();
            }
            kept.entry(bare(key)).or_insert_with(Totals::default).add(totals);
        }
        for (key, totals) in &self.sums {
            meant.entry(bare(key)).or_insert_with(Totals::default).add(totals);
        }
        meant.retain(|_, totals| *totals != Totals::default());
        for key in kept.keys().chain(meant.keys()) {
            let (kept, meant) =
                (kept.get(key).copied().unwrap_or_default(), meant.get(key).copied().unwrap_or_default());
            if kept != meant {
                return Err(format!(
                    "the totals of day {} for operation {:?}: {} credits of {} usages are stored, the entries add up to {} of {}",
                    key.day,
                    key.operation,
                    kept.credits(),
                    kept.usages,
                    meant.credits(),
                    meant.usages
                ));
            }
        }
        let meant: Credits = self.in_cycle.values().copied().sum();
        if in_cycle != meant {
            return Err(format!("{in_cycle} credits are stored as used in the cycle, the entries add up to {meant}"));
        }
        Ok(self.state(&named, last_day))
    }

    fn state(&self, named: &DayNameSets<'_>, day: i64) -> DayState {
        let mut operations = BTreeMap::<String, Totals>::new();
        for (key, totals) in self.sums.iter().filter(|(key, _)| key.day == day) {
            operations.entry(named.place(key).operation).or_default().add(totals);
        }
        let row = |sum: Totals| [sum.usages, sum.plan.0, sum.courtesy.0, sum.top_up.0];
        let metrics = self
            .metrics
            .get(&day)
            .map(|metrics| metrics.iter().map(|(key, figure)| (key.to_owned(), (figure.total, figure.said))).collect());
        DayState {
            day,
            operations: operations.into_iter().map(|(operation, sum)| (operation, row(sum))).collect(),
            metrics: metrics.unwrap_or_default(),
            cycle_start: self.cycle_start.timestamp_millis(),
            in_cycle: self.in_cycle.get(&day).map_or(0, |credits| credits.0),
        }
    }
}

/// The names that each day counts under themselves.
#[derive(Default)]
struct DayNameSets<'a> {
    sources: BTreeMap<i64, BTreeSet<&'a str>>,
    operations: BTreeMap<i64, BTreeSet<&'a str>>,
}

impl<'a> DayNameSets<'a> {
    fn of(stored: &'a [(DayKey, Totals)]) -> Self {
        let mut named = Self::default();
        for (key, _) in stored {
            named.sources.entry(key.day).or_default().insert(&key.source);
            named.operations.entry(key.day).or_default().insert(&key.operation);
        }
        named
    }

    /// Names count together only where a day names as many as it can.
    fn are_full(&self, with_sources: bool) -> Result<(), String> {
        let sources = self.sources.iter().filter(|_| with_sources).map(|it| (it, OTHER_SOURCE, SOURCES_MAX));
        let operations = self.operations.iter().map(|it| (it, OTHER_OPERATION, OPERATIONS_MAX));
        for ((day, names), other, most) in sources.chain(operations) {
            let own = names.iter().filter(|name| !name.is_empty() && **name != other).count();
            if own > most || (names.contains(other) && own < most) {
                return Err(format!("day {day} names {own} of at most {most}, but has others too"));
            }
        }
        Ok(())
    }

    fn place(&self, key: &DayKey) -> DayKey {
        let own = |names: &BTreeMap<i64, BTreeSet<&str>>, name: &str, other: &str| {
            let is_own = name.is_empty() || names.get(&key.day).is_some_and(|names| names.contains(name));
            if is_own { name.to_owned() } else { other.to_owned() }
        };
        DayKey {
            source: own(&self.sources, &key.source, OTHER_SOURCE),
            operation: own(&self.operations, &key.operation, OTHER_OPERATION),
            ..key.clone()
        }
    }
}

/// The usage that a line draws for, or gives back to.
fn charged_usage(entry: &Entry) -> Option<UsageId> {
    match (entry.kind, entry.cause) {
        (EntryKind::Used, Cause::Usage(id)) => Some(id),
        // Credits that return to a voided grant are voided once more: negative, and no part of the usage.
        (EntryKind::Voided, Cause::Usage(id)) if entry.amount.is_positive() => Some(id),
        _ => None,
    }
}
