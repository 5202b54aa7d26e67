//! Scopes of operator keys, and the scoped keys that this process has seen lately.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The requests that a key opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Scope {
    /// Usage, holds and balances.
    Charge,
    /// Requests that change nothing.
    Read,
    /// Everything.
    Admin,
}

impl Scope {
    /// Its name in the store, the console and the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        name.parse().ok()
    }
}

/// How long another process may take to notice a revoked key.
const KNOWN_FOR: Duration = Duration::from_secs(3);
/// Keys that are known at once.
const KNOWN_MAX: usize = 1_000;

/// Scopes of valid keys by hash, for some seconds. Clones share them.
#[derive(Clone, Default)]
pub struct ScopedKeyCache(Arc<Mutex<KnownScopes>>);

#[derive(Default)]
struct KnownScopes {
    scopes: HashMap<[u8; 32], (Scope, Instant)>,
    /// Counts [`ScopedKeyCache::clear`].
    generation: u64,
}

impl ScopedKeyCache {
    /// The scope of a key that was read a moment ago.
    #[must_use]
    pub fn get(&self, hash: &[u8; 32]) -> Option<Scope> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.scopes.get(hash).filter(|(_, since)| since.elapsed() < KNOWN_FOR).map(|(scope, _)| *scope)
    }

    /// The number to give to [`ScopedKeyCache::put`], from before the key is read.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).generation
    }

    /// Keeps what was read, unless a key was revoked since.
    pub fn put(&self, hash: [u8; 32], scope: Scope, generation: u64) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.generation != generation {
            return;
        }
        if known.scopes.len() >= KNOWN_MAX {
            known.scopes.clear();
        }
        known.scopes.insert(hash, (scope, Instant::now()));
    }

    /// Forgets all keys: one was revoked.
    pub fn clear(&self) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.scopes.clear();
        known.generation = known.generation.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_read_before_a_revocation_is_not_kept() {
        let keys = ScopedKeyCache::default();
        let before = keys.generation();
        keys.put([1; 32], Scope::Read, before);
        assert_eq!((keys.get(&[1; 32]), keys.get(&[2; 32])), (Some(Scope::Read), None));
        keys.clear();
        assert_eq!(keys.get(&[1; 32]), None);
        keys.put([1; 32], Scope::Read, before);
        assert_eq!(keys.get(&[1; 32]), None);
        keys.put([1; 32], Scope::Admin, keys.generation());
        assert_eq!(keys.get(&[1; 32]), Some(Scope::Admin));
    }
}
