//! `LOG_REQUESTS`: the requests that have a line in the log.

use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

/// Chooses the requests that get a line: every 5xx, and one of each `every` others.
#[derive(Debug, Default)]
pub struct RequestLog {
    every: Option<u64>,
    seen: AtomicU64,
}

impl Clone for RequestLog {
    fn clone(&self) -> Self {
        Self { every: self.every, seen: AtomicU64::new(0) }
    }
}

impl FromStr for RequestLog {
    type Err = BadRequestLog;

    fn from_str(text: &str) -> Result<Self, BadRequestLog> {
        let every = match text {
            "all" => Some(1),
            "errors" => None,
            number => Some(number.parse().ok().filter(|every| *every > 0).ok_or(BadRequestLog)?),
        };
        Ok(Self { every, seen: AtomicU64::new(0) })
    }
}

/// Not `all`, `errors` or a number.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("must be all, errors, or a number from 1 such as 100 for one line of 100 requests")]
pub struct BadRequestLog;

impl RequestLog {
    /// True if a request with this answer has a line.
    #[must_use]
    pub fn wants_line(&self, status: u16) -> bool {
        status >= 500 || self.every.is_some_and(|every| self.seen.fetch_add(1, Ordering::Relaxed).is_multiple_of(every))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_always_have_a_line_and_others_by_the_setting() {
        let lines = |text: &str, status: u16| {
            let log: RequestLog = text.parse().expect("a setting");
            (0..100).filter(|_| log.wants_line(status)).count()
        };
        assert_eq!((lines("all", 200), lines("errors", 200), lines("10", 200), lines("1000", 404)), (100, 0, 10, 1));
        assert_eq!((lines("errors", 500), lines("10", 503), lines("errors", 402)), (100, 100, 0));
        for wrong in ["", "none", "0", "-1", "1.5"] {
            assert!(wrong.parse::<RequestLog>().is_err(), "{wrong}");
        }
    }
}
