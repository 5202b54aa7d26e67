//! `process_…`: CPU, memory, files and threads, from Linux's `/proc`. Elsewhere there are none.
//!
//! No crate: `procfs` has a hundred files for these seven figures.

use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::fs;
use std::time::Duration;

/// Linux's `USER_HZ`: 100 a second on every architecture that Rust's standard library supports.
const TICK_MS: u64 = 10;

pub(super) fn register(registry: &mut Registry) {
    let Some(stat) = Stat::read() else { return };
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let cpu = stat.ticks(11).saturating_add(stat.ticks(12));
    registry.register("process_cpu_seconds", "CPU time, user and system", ConstCounter::new(cpu.as_secs_f64()));
    let started = boot_time().saturating_add(stat.ticks(19));
    let help = "Start of the process, since 1970";
    registry.register("process_start_time_seconds", help, ConstGauge::new(started.as_secs_f64()));
    for (name, help, value) in [
        ("process_virtual_memory_bytes", "Virtual memory", kilobytes(&status, "VmSize:")),
        ("process_resident_memory_bytes", "Resident memory", kilobytes(&status, "VmRSS:")),
        ("process_threads", "Threads", number_after(&status, "Threads:")),
        ("process_open_fds", "Open files and sockets", open_files()),
        ("process_max_fds", "The limit of open files and sockets", number_after(&limits, "Max open files")),
    ] {
        if let Some(value) = value {
            registry.register(name, help, ConstGauge::new(value));
        }
    }
}

/// The fields of `/proc/self/stat` after the name in parentheses.
struct Stat(Vec<u64>);

impl Stat {
    fn read() -> Option<Self> {
        let text = fs::read_to_string("/proc/self/stat").ok()?;
        let (_, fields) = text.rsplit_once(')')?;
        Some(Self(fields.split_whitespace().map(|field| field.parse().unwrap_or(0)).collect()))
    }

    fn ticks(&self, field: usize) -> Duration {
        Duration::from_millis(self.0.get(field).copied().unwrap_or(0).saturating_mul(TICK_MS))
    }
}

fn boot_time() -> Duration {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    Duration::from_secs(number_after(&text, "btime").and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(0))
}

fn number_after(text: &str, name: &str) -> Option<i64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

fn kilobytes(text: &str, name: &str) -> Option<i64> {
    number_after(text, name)?.checked_mul(1024)
}

fn open_files() -> Option<i64> {
    i64::try_from(fs::read_dir("/proc/self/fd").ok()?.count()).ok()
}
