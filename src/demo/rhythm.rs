//! The rhythm of a customer's usage: busy weekdays, quiet weekends, no two days alike, four sources and two operations a
//! day. Sums are exact, and the same days give the same charges: chance is a fixed function of day and source.

use crate::domain::Instant;
use crate::domain::time::from_millis;
use serde_json::json;

/// A charge of the rhythm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RhythmCharge {
    pub at: Instant,
    /// In thousandths.
    pub credits: i64,
    pub operation: &'static str,
    pub source: &'static str,
    pub counts: Counts,
}

/// Counts of the catalogue's metrics; `latency_ms` is the charge's average.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    pub requests: i64,
    pub crawls: i64,
    pub tokens: i64,
    pub captchas: i64,
    pub latency_ms: i64,
}

impl Counts {
    /// By the catalogue's keys; what did not happen is not counted.
    pub fn by_key(self) -> impl Iterator<Item = (&'static str, i64)> {
        let all = [
            ("requests", self.requests),
            ("crawls", self.crawls),
            ("tokens", self.tokens),
            ("captchas", self.captchas),
            ("latency_ms", self.latency_ms),
        ];
        all.into_iter().filter(|(_, count)| *count > 0)
    }

    /// The `quantities` of the charge.
    #[must_use]
    pub fn json(self) -> String {
        let counts: serde_json::Map<_, _> = self.by_key().map(|(key, count)| (key.to_owned(), json!(count))).collect();
        serde_json::Value::Object(counts).to_string()
    }
}

/// The rhythm of one customer.
#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    pub seed: u64,
    /// The busiest first.
    pub sources: [&'static str; 4],
    /// Charges are multiples of this many thousandths.
    pub unit: i64,
    /// One charge a day, by another source each day: for days that nobody looks at closely.
    pub is_sparse: bool,
}

const DAY_MS: i64 = 86_400_000;
const MINUTE_MS: i64 = 60_000;
/// Monday to Sunday.
const WEEKDAYS: [i64; 7] = [112, 120, 118, 114, 104, 38, 26];
/// Each source's share of a day, and the minute of the day at which it charges.
const SOURCES: [(i64, i64); 4] = [(46, 2 * 60 + 20), (29, 9 * 60 + 40), (17, 13 * 60 + 5), (8, 16 * 60 + 50)];
/// The last charge is as fresh as this.
const NEWEST_MS: i64 = 7 * MINUTE_MS;

/// When, how heavy, which source.
struct RhythmSlot {
    at: i64,
    weight: i64,
    source: usize,
}

impl Rhythm {
    #[must_use]
    pub const fn new(seed: u64, sources: [&'static str; 4], unit: i64) -> Self {
        Self { seed, sources, unit, is_sparse: false }
    }

    /// Charges of `total` thousandths from `from` until before `until`, oldest first. If `until` is within a day that
    /// has begun, the day is filled as far as it has gone.
    #[must_use]
    pub fn charges(&self, total: i64, from: Instant, until: Instant) -> Vec<RhythmCharge> {
        let slots = self.slots(from.timestamp_millis(), until.timestamp_millis());
        let all: i64 = slots.iter().map(|slot| slot.weight).sum();
        let (mut weight, mut spent, mut charges) = (0, 0, Vec::with_capacity(slots.len()));
        for slot in slots {
            weight += slot.weight;
            // The amount due by now, rounded to the unit: so nothing is lost, and the last slot gets the rest.
            let due = if weight == all { total } else { part(total, weight, all) / self.unit * self.unit };
            if due > spent {
                charges.push(self.charge(&slot, due - spent));
                spent = due;
            }
        }
        charges
    }

    /// The chance of a day and a thing, from 0 to below `below`.
    fn chance(&self, day: i64, thing: u64, below: u64) -> i64 {
        let day = u64::from_ne_bytes(day.to_ne_bytes());
        let mixed = mix(mix(mix(self.seed) ^ day) ^ thing);
        i64::try_from(mixed % below).unwrap_or_default()
    }

    fn slots(&self, from: i64, until: i64) -> Vec<RhythmSlot> {
        let mut slots = Vec::new();
        for day in from.div_euclid(DAY_MS)..=until.div_euclid(DAY_MS) {
            let heavy = self.day_weight(day);
            for ((source, thing), (share, minute)) in (0..4).zip(1..).zip(SOURCES) {
                let at = day * DAY_MS + (minute + self.chance(day, thing, 90)) * MINUTE_MS;
                slots.push(RhythmSlot { at, weight: heavy * share * (85 + self.chance(day, thing + 10, 31)), source });
            }
        }
        slots.retain(|slot| (from..until - NEWEST_MS).contains(&slot.at));
        if self.is_sparse {
            let turn =
                |slot: &RhythmSlot| usize::try_from(slot.at.div_euclid(DAY_MS).rem_euclid(4)).unwrap_or_default();
            slots.retain(|slot| slot.source == turn(slot));
        }
        // Somebody is always at work.
        let last = until - NEWEST_MS;
        if last >= from {
            let day = last.div_euclid(DAY_MS);
            slots.push(RhythmSlot { at: last, weight: self.day_weight(day) * 400, source: 1 });
        }
        slots
    }

    /// The weekday's weight, within 25 %.
    fn day_weight(&self, day: i64) -> i64 {
        // 1 January 1970 was a Thursday.
        let weekday = usize::try_from((day + 3).rem_euclid(7)).unwrap_or_default();
        WEEKDAYS[weekday] * (750 + self.chance(day, 0, 501))
    }

    fn charge(&self, slot: &RhythmSlot, credits: i64) -> RhythmCharge {
        let day = slot.at.div_euclid(DAY_MS);
        let chance = |thing: u64, below: u64| self.chance(day, thing + 100, below);
        let operation = if slot.source.is_multiple_of(2) { "scrape" } else { "extract" };
        // Most pages cost two credits.
        let requests = credits / 2_000 + 1;
        let counts = Counts {
            requests,
            // The busiest source crawls whole sites.
            crawls: if slot.source == 0 { requests / 40 + 1 } else { 0 },
            tokens: if operation == "extract" { requests * (310 + chance(1, 120)) } else { 0 },
            captchas: requests * (20 + chance(2, 25)) / 1_000,
            latency_ms: 340 + chance(3, 130),
        };
        let source = self.sources[slot.source];
        RhythmCharge { at: from_millis(slot.at), credits, operation, source, counts }
    }
}

/// `total` × `weight` / `all`, rounded down.
fn part(total: i64, weight: i64, all: i64) -> i64 {
    let part = i128::from(total) * i128::from(weight) / i128::from(all.max(1));
    i64::try_from(part).unwrap_or(total)
}

/// `SplitMix64`.
const fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    const RHYTHM: Rhythm =
        Rhythm { seed: 1, sources: ["nightly", "backend", "weekly", "ada"], unit: 125, is_sparse: false };

    fn at(text: &str) -> Instant {
        text.parse().expect("an instant")
    }

    fn month() -> Vec<RhythmCharge> {
        RHYTHM.charges(40_999_375, at("2026-11-02T11:00:00Z"), at("2026-11-22T13:05:00Z"))
    }

    fn by_day(charges: &[RhythmCharge]) -> BTreeMap<i64, i64> {
        let mut days = BTreeMap::new();
        for charge in charges {
            *days.entry(charge.at.timestamp_millis().div_euclid(DAY_MS)).or_insert(0) += charge.credits;
        }
        days
    }

    #[test]
    fn the_sum_is_exact_and_the_same_days_give_the_same_charges() {
        assert_eq!(month().iter().map(|charge| charge.credits).sum::<i64>(), 40_999_375);
        assert_eq!(month(), month());
        assert!(month().iter().all(|charge| charge.credits > 0));
        let few = RHYTHM.charges(7, at("2026-11-02T11:00:00Z"), at("2026-11-22T13:05:00Z"));
        assert_eq!(few.iter().map(|charge| charge.credits).sum::<i64>(), 7);
        assert!(RHYTHM.charges(0, at("2026-11-02T11:00:00Z"), at("2026-11-22T13:05:00Z")).is_empty());
    }

    #[test]
    fn charges_lie_in_the_window_in_their_order() {
        let (from, until) = (at("2026-11-02T11:00:00Z"), at("2026-11-22T13:05:00Z"));
        let times: Vec<Instant> = month().iter().map(|charge| charge.at).collect();
        assert!(times.is_sorted() && times.iter().all(|at| (from..until).contains(at)));
        // A window of minutes has one charge; one of seconds has none to hold it.
        assert_eq!(RHYTHM.charges(9_000, at("2026-11-22T00:00:00Z"), at("2026-11-22T00:10:00Z")).len(), 1);
    }

    #[test]
    fn weekdays_are_busy_and_no_two_are_alike() {
        let days = by_day(&RHYTHM.charges(90_000_000, at("2026-09-01T00:00:00Z"), at("2026-11-22T00:10:00Z")));
        let of = |weekdays: &[i64]| -> Vec<i64> {
            days.iter().filter(|(day, _)| weekdays.contains(&((**day + 3) % 7))).map(|(_, sum)| *sum).collect()
        };
        let (tuesdays, sundays) = (of(&[1]), of(&[6]));
        assert!(tuesdays.iter().min() > sundays.iter().max(), "{tuesdays:?} {sundays:?}");
        let (low, high) = (tuesdays.iter().min().expect("some"), tuesdays.iter().max().expect("some"));
        assert!(low * 10 < high * 9, "days differ: {tuesdays:?}");
        assert!(low * 2 > *high, "within 25 % of their weekday, sources within 15 %: {tuesdays:?}");
    }

    #[test]
    fn a_day_has_four_sources_and_two_operations_and_today_is_filled_in_part() {
        let charges = month();
        let day =
            |charge: &&RhythmCharge| charge.at >= at("2026-11-17T00:00:00Z") && charge.at < at("2026-11-18T00:00:00Z");
        let of_day: Vec<_> = charges.iter().filter(day).collect();
        let names =
            |name: fn(&RhythmCharge) -> &'static str| of_day.iter().map(|c| name(c)).collect::<BTreeSet<_>>().len();
        assert_eq!((names(|c| c.source), names(|c| c.operation)), (4, 2));
        let today: Vec<_> = charges.iter().filter(|charge| charge.at >= at("2026-11-22T00:00:00Z")).collect();
        assert!(!today.is_empty() && today.len() < 5, "{today:?}");
    }

    #[test]
    fn every_metric_of_the_catalogue_is_counted() {
        let catalog = crate::domain::Catalog::parse(include_str!("../../catalog.toml")).expect("a catalogue");
        let counted: BTreeSet<&str> =
            month().iter().flat_map(|charge| charge.counts.by_key().map(|(key, _)| key)).collect();
        let metrics: BTreeSet<&str> = catalog.metrics.iter().map(|metric| metric.key.as_str()).collect();
        assert_eq!(counted, metrics);
    }
}
