//! How many requests a key, or a stranger's address, may make. Off unless `RATE_LIMIT` is set.
//!
//! By the machine's clock, in this process alone. A key counts once it was found good, so that nobody can fill
//! the memory with invented ones; who has none is counted by address.

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// So many requests in such a time: `100/s`, `600/m`, `5000/h`. As many may come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    count: NonZeroU32,
    period: Duration,
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let meant = || "a number of requests and their time are meant, such as 100/s, 600/m or 5000/h".to_owned();
        let (count, unit) = text.split_once('/').ok_or_else(meant)?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            _ => return Err(meant()),
        };
        let count: NonZeroU32 = count.parse().map_err(|_| meant())?;
        if count.get() > 1_000_000 {
            return Err("more than 1000000 is no limit".to_owned());
        }
        Ok(Self { count, period: Duration::from_secs(seconds) })
    }
}

impl Rate {
    fn quota(self) -> Option<Quota> {
        Quota::with_period(self.period / self.count.get()).map(|quota| quota.allow_burst(self.count))
    }
}

/// Who is counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Caller {
    /// By the SHA-256 of a good key.
    Key([u8; 32]),
    /// Who has none.
    Address(IpAddr),
}

/// The counters of this process.
pub struct Limits {
    counters: Option<DefaultKeyedRateLimiter<Caller>>,
    asked: AtomicU64,
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limits").field("on", &self.counters.is_some()).finish_non_exhaustive()
    }
}

/// After how many requests the counters of those who stayed away are dropped.
const SWEEP: u64 = 10_000;

impl Limits {
    /// Counters for `rate`; without one nothing is counted.
    #[must_use]
    pub fn new(rate: Option<Rate>) -> Self {
        Self { counters: rate.and_then(Rate::quota).map(RateLimiter::keyed), asked: AtomicU64::new(0) }
    }

    /// Counts a request of a good key.
    ///
    /// # Errors
    /// In how many seconds it may try again.
    pub fn key(&self, hash: [u8; 32]) -> Result<(), u64> {
        self.count(&Caller::Key(hash))
    }

    /// Counts a request of somebody without a key. An IPv6 network counts as one.
    ///
    /// # Errors
    /// In how many seconds it may try again.
    pub fn address(&self, address: IpAddr) -> Result<(), u64> {
        let address = match address.to_canonical() {
            IpAddr::V6(six) => {
                let [a, b, c, d, ..] = six.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            four @ IpAddr::V4(_) => four,
        };
        self.count(&Caller::Address(address))
    }

    fn count(&self, caller: &Caller) -> Result<(), u64> {
        let Some(counters) = &self.counters else { return Ok(()) };
        if self.asked.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            counters.retain_recent();
            counters.shrink_to_fit();
        }
        counters.check_key(caller).map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_and_a_time() {
        let check = |text: &str, want: Option<(u32, u64)>| {
            let rate = text.parse::<Rate>().ok().map(|rate| (rate.count.get(), rate.period.as_secs()));
            assert_eq!(rate, want, "{text}");
        };
        check("100/s", Some((100, 1)));
        check("600/m", Some((600, 60)));
        check("1/h", Some((1, 3_600)));
        for wrong in ["", "0/s", "-1/s", "100", "100/d", "/s", "1.5/s", "9999999/s", "100/ s"] {
            check(wrong, None);
        }
    }

    #[test]
    fn callers_are_counted_apart() {
        let limits = Limits::new("2/h".parse().ok());
        let address = |text: &str| limits.address(text.parse().expect("an address")).is_ok();
        assert!(limits.key([1; 32]).is_ok() && limits.key([1; 32]).is_ok() && limits.key([1; 32]).is_err());
        assert!(limits.key([2; 32]).is_ok());
        assert!(address("192.0.2.1") && address("::ffff:192.0.2.1") && !address("192.0.2.1"));
        assert!(address("2001:db8::1") && address("2001:db8::2") && !address("2001:db8::3"));
        assert!(address("2001:db8:1::1"));
        let off = Limits::new(None);
        assert!((0..100).all(|_| off.key([1; 32]).is_ok()));
    }
}
