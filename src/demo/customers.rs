//! The demo's customers. What happened to them is the demo's story.

use crate::demo::rhythm::Rhythm;

/// A customer of the demo.
#[derive(Clone, Copy, Debug)]
pub struct DemoCustomer {
    pub id: &'static str,
    pub name: &'static str,
    pub short_name: &'static str,
    /// The reason to look at it.
    pub shows: &'static str,
    /// An owner's email address.
    pub email: &'static str,
    pub time_zone: &'static str,
    /// In how many days the plan resets.
    pub resets_in_days: i64,
    /// Days since it came.
    pub age_days: i64,
    pub rhythm: Rhythm,
}

/// The customers, the one to start with first.
pub const CUSTOMERS: [DemoCustomer; 4] = [
    DemoCustomer {
        id: "acme",
        name: "Acme Data",
        short_name: "Acme Data",
        shows: "Starter, nearly out: start here",
        email: "ada@acme.example",
        time_zone: "America/New_York",
        resets_in_days: 12,
        age_days: 190,
        rhythm: Rhythm::new(1, ["price-monitor", "backend", "weekly-report", "ada"], 1_000),
    },
    DemoCustomer {
        id: "larch",
        name: "Larch Research",
        short_name: "Larch Research",
        shows: "buys too often",
        email: "lin@larch.example",
        time_zone: "UTC",
        resets_in_days: 8,
        age_days: 190,
        rhythm: Rhythm::new(2, ["crawler-eu", "crawler-us", "papers", "lin"], 500),
    },
    DemoCustomer {
        id: "meridian",
        name: "Meridian Retail Intelligence GmbH",
        short_name: "Meridian",
        shows: "credits about to expire",
        email: "max@meridian.example",
        time_zone: "Europe/Berlin",
        resets_in_days: 10,
        age_days: 560,
        rhythm: Rhythm::new(3, ["nightly-price-comparison@retail-intelligence", "crawler-7", "assortment", "kim"], 125),
    },
    DemoCustomer {
        id: "fjord",
        name: "Fjord Notes",
        short_name: "Fjord Notes",
        shows: "can't buy yet",
        email: "kari@fjord.example",
        time_zone: "Europe/Oslo",
        resets_in_days: 9,
        age_days: 190,
        rhythm: Rhythm::new(4, ["clipper", "importer", "search", "kari"], 1_000),
    },
];

/// A member who sees without buying: customer and email address.
pub const VIEWER: (&str, &str) = ("meridian", "finance@meridian.example");

/// A customer by its id.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static DemoCustomer> {
    CUSTOMERS.iter().find(|customer| customer.id == id)
}
