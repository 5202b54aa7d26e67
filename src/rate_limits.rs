//! Rate limits of keys and sessions (`RATE_LIMIT`, off by default), and of anonymous networks (`RATE_LIMIT_ANONYMOUS`, on
//! by default). They count apart.
//!
//! They go by the machine's clock, in this process alone. A key or session counts as one once it was valid; until then its
//! requests are anonymous, so that invented keys cannot fill the memory.

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::collections::HashSet;
use std::fmt;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Requests in a period: `100/s`, `600/m`, `5000/h`. All of them may come at once.
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

/// The network that counts as one caller: an IPv4 address, or an IPv6 /64, which one customer of a provider gets whole.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => {
            let [a, b, c, d, ..] = six.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        four @ IpAddr::V4(_) => four,
    }
}

/// The rate limits of this process.
pub struct RateLimits {
    keys: Option<CallerLimits<[u8; 32]>>,
    anonymous: Option<CallerLimits<IpAddr>>,
    known: KnownKeys,
    /// Limits of anonymous forms: at one time, and in a second.
    forms: Semaphore,
    form_rate: DefaultDirectRateLimiter,
}

impl fmt::Debug for RateLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on = (self.keys.is_some(), self.anonymous.is_some());
        f.debug_struct("RateLimits").field("keys, anonymous", &on).finish_non_exhaustive()
    }
}

/// Anonymous forms of all addresses together: at one time, in a second on average, and at once after a quiet time. More
/// are rejected at little cost.
const FORMS_MAX: usize = 256;
const FORMS_PER_SECOND: NonZeroU32 = NonZeroU32::new(100).expect("not zero");
const FORMS_BURST: NonZeroU32 = NonZeroU32::new(1_000).expect("not zero");

impl RateLimits {
    /// Limits by these rates; without a rate there is no limit.
    #[must_use]
    pub fn new(keys: Option<Rate>, anonymous: Option<Rate>) -> Self {
        Self {
            keys: keys.and_then(CallerLimits::new),
            anonymous: anonymous.and_then(CallerLimits::new),
            known: KnownKeys::default(),
            forms: Semaphore::new(FORMS_MAX),
            form_rate: RateLimiter::direct(Quota::per_second(FORMS_PER_SECOND).allow_burst(FORMS_BURST)),
        }
    }

    /// Counts a request of a valid key or session, by its SHA-256.
    ///
    /// # Errors
    /// Seconds until the next try.
    pub fn key(&self, hash: [u8; 32]) -> Result<(), u64> {
        self.keys.as_ref().map_or(Ok(()), |counters| counters.count(&hash))
    }

    /// Counts an anonymous request by the network it came from.
    ///
    /// # Errors
    /// Seconds until the next try.
    pub fn anonymous(&self, address: IpAddr) -> Result<(), u64> {
        self.anonymous.as_ref().map_or(Ok(()), |counters| counters.count(&network(address)))
    }

    /// A place for an anonymous form; none if too many are being answered.
    #[must_use]
    pub fn form(&self) -> Option<SemaphorePermit<'_>> {
        let place = self.forms.try_acquire().ok()?;
        self.form_rate.check().is_ok().then_some(place)
    }

    /// A valid key or session at its last use, by its hash.
    #[must_use]
    pub fn knows(&self, hash: &[u8; 32]) -> bool {
        self.known.has(hash)
    }

    /// Records the result of a look-up.
    pub fn looked_up(&self, hash: &[u8; 32], good: bool) {
        self.known.set(hash, good);
    }
}

/// Counters by caller. Those of absent callers are dropped from time to time.
struct CallerLimits<K: Hash + Eq + Clone> {
    limiter: DefaultKeyedRateLimiter<K>,
    asked: AtomicU64,
}

/// The requests between two such sweeps.
const SWEEP: u64 = 10_000;

impl<K: Hash + Eq + Clone> CallerLimits<K> {
    fn new(rate: Rate) -> Option<Self> {
        Some(Self { limiter: RateLimiter::keyed(rate.quota()?), asked: AtomicU64::new(0) })
    }

    fn count(&self, caller: &K) -> Result<(), u64> {
        if self.asked.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        self.limiter.check_key(caller).map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
        })
    }
}

/// The hashes in one half of [`KnownKeys`].
const KNOWN_MAX: usize = 20_000;

/// Hashes of recently used valid keys and sessions. When the newer half is full, the older one is dropped.
#[derive(Default)]
struct KnownKeys(Mutex<[HashSet<[u8; 32]>; 2]>);

impl KnownKeys {
    fn has(&self, hash: &[u8; 32]) -> bool {
        let mut halves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let [young, old] = &mut *halves;
        if young.contains(hash) {
            return true;
        }
        let known = old.remove(hash);
        if known {
            Self::put(&mut halves, *hash);
        }
        known
    }

    fn set(&self, hash: &[u8; 32], good: bool) {
        let mut halves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if good {
            Self::put(&mut halves, *hash);
        } else {
            halves.iter_mut().for_each(|half| {
                half.remove(hash);
            });
        }
    }

    fn put(halves: &mut [HashSet<[u8; 32]>; 2], hash: [u8; 32]) {
        if halves[0].len() >= KNOWN_MAX {
            halves[1] = std::mem::take(&mut halves[0]);
        }
        halves[0].insert(hash);
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
        let limits = RateLimits::new("2/h".parse().ok(), "3/h".parse().ok());
        let address = |text: &str| limits.anonymous(text.parse().expect("an address")).is_ok();
        assert!(limits.key([1; 32]).is_ok() && limits.key([1; 32]).is_ok() && limits.key([1; 32]).is_err());
        assert!(limits.key([2; 32]).is_ok());
        assert!(address("192.0.2.1") && address("::ffff:192.0.2.1") && address("192.0.2.1") && !address("192.0.2.1"));
        assert!(address("2001:db8::1") && address("2001:db8::2") && address("2001:db8::3") && !address("2001:db8::4"));
        assert!(address("2001:db8:1::1"));
        let off = RateLimits::new(None, None);
        assert!((0..1_000).all(|_| off.key([1; 32]).is_ok()));
        assert!((0..1_000).all(|_| off.anonymous(IpAddr::from([192, 0, 2, 1])).is_ok()));
    }

    #[test]
    fn each_of_the_two_limits_is_set_by_itself() {
        let strangers = RateLimits::new(None, "1/h".parse().ok());
        let here = IpAddr::from([192, 0, 2, 1]);
        assert!((0..100).all(|_| strangers.key([1; 32]).is_ok()));
        assert!(strangers.anonymous(here).is_ok() && strangers.anonymous(here).is_err());
        let keys = RateLimits::new("1/h".parse().ok(), None);
        assert!(keys.key([1; 32]).is_ok() && keys.key([1; 32]).is_err());
        assert!((0..100).all(|_| keys.anonymous(here).is_ok()));
    }

    #[test]
    fn what_was_good_is_known_until_it_is_not_or_long_unused() {
        let limits = RateLimits::new(None, None);
        assert!(!limits.knows(&[1; 32]));
        limits.looked_up(&[1; 32], true);
        assert!(limits.knows(&[1; 32]));
        limits.looked_up(&[1; 32], false);
        assert!(!limits.knows(&[1; 32]));
        limits.looked_up(&[2; 32], true);
        let other = |n: usize| {
            let mut hash = [3; 32];
            hash[..8].copy_from_slice(&n.to_be_bytes());
            hash
        };
        for n in 0..3 * KNOWN_MAX {
            limits.looked_up(&other(n), true);
            if n % 1_000 == 0 {
                assert!(limits.knows(&[2; 32]), "one that is used stays");
            }
        }
        assert!(!limits.knows(&other(0)), "one that is not used goes");
        let halves = limits.known.0.lock().expect("no panic");
        assert!(halves.iter().map(HashSet::len).sum::<usize>() <= 2 * KNOWN_MAX);
    }
}
