//! Switches that make the sandbox behave as Stripe does on a bad day. Tests set them; no request can.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How the API answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ApiFault {
    /// Normally.
    #[default]
    None,
    /// Not at all: the connection breaks, and nothing happens.
    Down,
    /// After this delay. The request itself is carried out at once: a caller that gave up and repeats its idempotency
    /// key gets the stored answer.
    Slow(Duration),
    /// With this status, and nothing happens.
    Status(u16),
}

#[derive(Debug, Default)]
struct Switches {
    api: ApiFault,
    broken: Vec<String>,
    webhooks_lost: bool,
    custom_domain: Option<String>,
    cards: Vec<(String, String)>,
}

/// The switches of one sandbox. They apply to requests and events that come later.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Switches>);

impl Faults {
    /// Sets how the API answers.
    pub fn set_api(&self, fault: ApiFault) {
        self.switches().api = fault;
    }

    /// Answers 500 to every request whose path contains one of these object ids.
    pub fn set_broken(&self, objects: &[&str]) {
        self.switches().broken = objects.iter().map(|object| (*object).to_owned()).collect();
    }

    /// Switches webhooks on or off. An event that happens while they are off is never sent;
    /// [`crate::Sandbox::deliveries_of`] still has it.
    pub fn set_webhooks(&self, on: bool) {
        self.switches().webhooks_lost = !on;
    }

    /// Sets the `decline_code` with which a card's bank answers every charge from now on. The card is named by its last
    /// four digits. `None` gives the card its own answer back; an unknown code makes it pay.
    pub fn set_card(&self, last4: &str, decline_code: Option<&str>) {
        let mut switches = self.switches();
        switches.cards.retain(|(card, _)| card != last4);
        switches.cards.extend(decline_code.map(|code| (last4.to_owned(), code.to_owned())));
    }

    /// Gives Checkouts and portals URLs at the shop's own domain, such as `https://pay.shop.example`. Nothing answers
    /// there: a test pays with [`crate::Sandbox::pay`].
    pub fn set_custom_domain(&self, origin: Option<&str>) {
        self.switches().custom_domain = origin.map(str::to_owned);
    }

    pub(crate) fn custom_domain(&self) -> Option<String> {
        self.switches().custom_domain.clone()
    }

    pub(crate) fn api(&self, path: &str) -> ApiFault {
        let switches = self.switches();
        let broken = switches.broken.iter().any(|object| path.contains(object.as_str()));
        if broken { ApiFault::Status(500) } else { switches.api.clone() }
    }

    pub(crate) fn cards(&self) -> Vec<(String, String)> {
        self.switches().cards.clone()
    }

    pub(crate) fn webhooks_lost(&self) -> bool {
        self.switches().webhooks_lost
    }

    fn switches(&self) -> MutexGuard<'_, Switches> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
