//! The table: a row for each contestant, medians, and what they are of one another.

use crate::Plan;
use std::time::Duration;

/// The result of one round.
#[derive(Clone, Copy, Default)]
pub struct Sample {
    /// A second.
    pub rate: f64,
    /// Of the answers, where they were timed one by one.
    pub p99: Option<Duration>,
}

impl From<f64> for Sample {
    fn from(rate: f64) -> Self {
        Self { rate, p99: None }
    }
}

#[derive(Default)]
pub struct Table {
    rows: Vec<(String, Vec<Sample>)>,
    /// Figures that are not rates.
    facts: Vec<(String, String)>,
    /// Milliseconds of a page with few entries behind, and with many.
    pages: Vec<(String, f64, f64)>,
}

impl Table {
    pub fn add(&mut self, name: &str, sample: impl Into<Sample>) {
        let sample = sample.into();
        eprintln!("  {name}: {:.0}", sample.rate);
        match self.rows.iter_mut().find(|(known, _)| known == name) {
            Some((_, samples)) => samples.push(sample),
            None => self.rows.push((name.to_owned(), vec![sample])),
        }
    }

    pub fn fact(&mut self, name: &str, value: String) {
        eprintln!("  {name}: {value}");
        self.facts.push((name.to_owned(), value));
    }

    pub fn page(&mut self, name: &str, few: f64, many: f64) {
        eprintln!("  {name}: {few:.2} ms, {many:.2} ms");
        self.pages.push((name.to_owned(), few, many));
    }

    /// The median rate of the row whose name begins so.
    fn rate(&self, name: &str) -> Option<f64> {
        let (_, samples) = self.rows.iter().find(|(known, _)| known.starts_with(name))?;
        Some(median(samples.iter().map(|sample| sample.rate).collect()))
    }

    pub fn print(&self, plan: Plan) {
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        println!(
            "\nmedians of {} rounds of {:?}, interleaved; load at the end: {}",
            plan.rounds,
            plan.round,
            load.trim()
        );
        println!("\n| contestant | a second | lowest – highest | p99 |\n| --- | ---: | ---: | ---: |");
        for (name, samples) in &self.rows {
            let rates: Vec<f64> = samples.iter().map(|sample| sample.rate).collect();
            let (low, high) =
                rates.iter().fold((f64::MAX, 0.0_f64), |(low, high), rate| (low.min(*rate), high.max(*rate)));
            let mut p99: Vec<Duration> = samples.iter().filter_map(|sample| sample.p99).collect();
            p99.sort_unstable();
            let p99 = p99.get(p99.len() / 2).map_or(String::new(), |p99| format!("{:.1} ms", p99.as_secs_f64() * 1e3));
            println!("| {name} | {} | {} – {} | {p99} |", whole(median(rates)), whole(low), whole(high));
        }
        println!("\n| ratio | seen | aim |\n| --- | ---: | ---: |");
        for (what, of, to, aim) in RATIOS {
            if let (Some(of), Some(to)) = (self.rate(of), self.rate(to)) {
                println!("| {what} | {:.2} | {aim} |", of / to);
            }
        }
        println!("\n| fact | seen |\n| --- | ---: |");
        for (name, value) in &self.facts {
            println!("| {name} | {value} |");
        }
        if !self.pages.is_empty() {
            let many = whole(plan.behind as f64);
            println!("\n| page, median | 1,000 entries | {many} | ratio |\n| --- | ---: | ---: | ---: |");
        }
        for (name, few, many) in &self.pages {
            println!("| {name} | {few:.2} ms | {many:.2} ms | {:.2} |", many / few);
        }
    }
}

/// Pairs of rows to compare, by the beginning of their names.
const RATIOS: [(&str, &str, &str, &str); 21] = [
    ("HTTP, 256 connections, to gringotts", "HTTP on SQLite, 256 connections, 1,000", "gringotts", "100"),
    (
        "HTTP, ONE customer to 1,000",
        "HTTP on SQLite, 256 connections, ONE",
        "HTTP on SQLite, 256 connections, 1,000",
        "0.95",
    ),
    (
        "SQLite in process to hf-nostro",
        "SQLite in process, 256 callers, 1,000",
        "hf-nostro, 32 clients, 1,000",
        "25; 40",
    ),
    (
        "SQLite in process, ONE customer to 1,000",
        "SQLite in process, 256 callers, ONE",
        "SQLite in process, 256 callers, 1,000",
        "0.95",
    ),
    (
        "SQLite in process, ONE customer drained to zero to 1,000",
        "SQLite in process, ONE customer drained",
        "SQLite in process, 256 callers, 1,000",
        "0.95",
    ),
    (
        "SQLite in process, customers with automatic top-up to without",
        "SQLite in process, 1,000 customers with automatic",
        "SQLite in process, 256 callers, 1,000",
        "0.97",
    ),
    ("SQLite in process to one commit a charge", "SQLite in process, 256 callers, 1,000", "one commit a charge", ""),
    ("one caller to the disk's flushes", "SQLite in process, one caller", "disk", "0.45"),
    ("one connection to the disk's flushes", "HTTP on SQLite, one connection", "disk", "0.35"),
    ("PostgreSQL to hf-nostro", "PostgreSQL in process, 256 callers, 1,000", "hf-nostro, 32 clients, 1,000", "10"),
    (
        "PostgreSQL to row locks (pgbench)",
        "PostgreSQL in process, 256 callers, 1,000",
        "row locks (pgbench), 32 clients, 1,000",
        "",
    ),
    (
        "PostgreSQL, ONE customer to 1,000",
        "PostgreSQL in process, 256 callers, ONE",
        "PostgreSQL in process, 256 callers, 1,000",
        "0.9",
    ),
    (
        "PostgreSQL, ONE customer to row locks on one",
        "PostgreSQL in process, 256 callers, ONE",
        "row locks (pgbench), 32 clients, ONE",
        "",
    ),
    (
        "PostgreSQL, two engines in total to one",
        "PostgreSQL, two engines",
        "PostgreSQL in process, 256 callers, 1,000",
        "1.0",
    ),
    (
        "PostgreSQL, commits of 5 ms, two engines to one",
        "PostgreSQL, commits of 5 ms, two",
        "PostgreSQL, commits of 5 ms, one",
        "1.7",
    ),
    (
        "a long history to 10,000 entries",
        "SQLite in process, a long history",
        "SQLite in process, 10,000 entries before",
        "0.9",
    ),
    (
        "charges beside 5,000 sign-ins a second to beside the same at a server of nothing",
        "charges beside 5,000 sign-ins",
        "charges beside the same POSTs",
        "0.9",
    ),
    (
        "charges beside 5,000 sign-ins a second to alone",
        "charges beside 5,000 sign-ins",
        "charges, 256 connections",
        "",
    ),
    ("History to Billing", "History, 50 lines", "Billing on SQLite, 16", "0.8"),
    ("Billing to Next.js", "Billing on SQLite, 16", "Next.js, 16", "40"),
    (
        "200,000 customers at random to 1,000",
        "SQLite in process, 200,000 customers",
        "SQLite in process, 1,000 customers at random",
        "0.7",
    ),
];

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// 12,345
fn whole(rate: f64) -> String {
    let digits = format!("{rate:.0}");
    let mut out = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
