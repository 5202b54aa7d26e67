//! The demo's customers: who they are. What happened to them is the demo's story.

/// Id, name, an owner's e-mail, zone.
pub const CUSTOMERS: [(&str, &str, &str, &str); 4] = [
    ("fjord", "Fjord Notes", "kari@fjord.example", "Europe/Oslo"),
    ("acme", "Acme Data", "ada@acme.example", "America/New_York"),
    ("larch", "Larch Research", "lin@larch.example", "UTC"),
    ("meridian", "Meridian Retail Intelligence GmbH", "max@meridian.example", "Europe/Berlin"),
];

/// Who sees without buying: customer and e-mail.
pub const VIEWER: (&str, &str) = ("meridian", "finance@meridian.example");
