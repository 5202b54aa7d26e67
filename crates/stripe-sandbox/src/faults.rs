//! Switches that make the sandbox behave as Stripe does on a bad day. For tests, so not over HTTP.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How the API answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ApiFault {
    /// As it should.
    #[default]
    None,
    /// Not at all: the connection breaks, and nothing happened.
    Down,
    /// So much later. What was asked for has happened at once: a caller who gave up finds it done when it
    /// repeats its idempotency key.
    Slow(Duration),
    /// With this status, and nothing happened.
    Status(u16),
}

/// The switches of one sandbox. They act on what comes after.
#[derive(Debug)]
pub struct Faults {
    api: Mutex<ApiFault>,
    broken: Mutex<Vec<String>>,
    webhooks: AtomicBool,
    domain: Mutex<Option<String>>,
}

impl Default for Faults {
    fn default() -> Self {
        Faults {
            api: Mutex::default(),
            broken: Mutex::default(),
            webhooks: AtomicBool::new(true),
            domain: Mutex::default(),
        }
    }
}

impl Faults {
    /// Makes the API answer in this way from now on.
    pub fn set_api(&self, fault: ApiFault) {
        *self.api.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// Makes the API answer 500 from now on to whatever names one of these objects in its path.
    pub fn set_broken(&self, objects: &[&str]) {
        let objects = objects.iter().map(|object| (*object).to_owned()).collect();
        *self.broken.lock().unwrap_or_else(PoisonError::into_inner) = objects;
    }

    /// Switches webhooks off or on. An event that happens while they are off is lost: it is never sent,
    /// and [`super::Sandbox::deliveries_of`] still has it.
    pub fn set_webhooks(&self, on: bool) {
        self.webhooks.store(on, Ordering::SeqCst);
    }

    /// Shows Checkouts and portals at a domain of the shop's own, `https://pay.shop.example`, as Stripe does where a shop
    /// has set one up. Nobody answers there: a test pays by [`super::Sandbox::pay`].
    pub fn set_custom_domain(&self, origin: Option<&str>) {
        *self.domain.lock().unwrap_or_else(PoisonError::into_inner) = origin.map(str::to_owned);
    }

    pub(super) fn custom_domain(&self) -> Option<String> {
        self.domain.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn api(&self, path: &str) -> ApiFault {
        let broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        if broken.iter().any(|object| path.contains(object.as_str())) {
            return ApiFault::Status(500);
        }
        self.api.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn webhooks_lost(&self) -> bool {
        !self.webhooks.load(Ordering::SeqCst)
    }
}
