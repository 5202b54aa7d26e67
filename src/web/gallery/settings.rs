//! Settings: an owner's, an admin's, a viewer's.

use crate::domain::{Credits, KeyId, Role};
use crate::usecases::access::links::Viewer;
use crate::usecases::access::sessions;
use crate::usecases::customers::{api_keys, members};
use crate::usecases::notify::emails::unsubscribe::AlertChoice;
use crate::web::gallery::Sample;
use crate::web::gallery::customers::{at, now};
use crate::web::settings::{Feedback, NewKey, Settings, SettingsOutcome};

const NAME: &str = "Meridian Retail Intelligence GmbH";

/// Every state by name.
pub fn all() -> Vec<(&'static str, Sample)> {
    let state = |role, email, outcome: Option<SettingsOutcome>| Settings {
        feedback: outcome.map(|outcome| Feedback::new(outcome, "members", "1.000,5")).unwrap_or_default(),
        ..settings(role, email)
    };
    let owner = |outcome| state(Role::Owner, "kim@meridian.example", outcome);
    let key = NewKey { name: "nightly report".to_owned(), key: format!("tk_{}", "0123456789abcdef".repeat(4)) };
    let sample = |settings| Sample::Settings(Box::new(settings));
    vec![
        ("settings", sample(owner(None))),
        ("settings-invited", sample(owner(Some(SettingsOutcome::Invited)))),
        ("settings-last-owner", sample(owner(Some(SettingsOutcome::LastOwner)))),
        ("settings-new-key", sample(Settings { new_key: Some(key), ..owner(None) })),
        ("settings-fault", sample(owner(Some(SettingsOutcome::BadLowBalance)))),
        ("settings-alone", sample(alone(owner(None)))),
        ("settings-admin", sample(state(Role::Admin, "ops@meridian.example", None))),
        ("settings-viewer", sample(state(Role::Viewer, "finance@meridian.example", None))),
    ]
}

/// One member, one device, no key; a low-balance mark, and its emails off.
fn alone(mut settings: Settings) -> Settings {
    settings.members.truncate(1);
    settings.sessions.truncate(1);
    settings.keys.clear();
    settings.emails = AlertChoice { low_balance: Some(Credits::whole(2_500)), alerts: Some(false) };
    settings
}

fn settings(role: Role, email: &str) -> Settings {
    let may = role.may_manage();
    Settings {
        viewer: viewer(role, email),
        now: now(),
        shop: "Gleaner".to_owned(),
        feedback: Feedback::default(),
        new_key: None,
        members: MEMBERS.map(member).into(),
        sessions: sessions(role),
        emails: AlertChoice { low_balance: None, alerts: may.then_some(true) },
        default_mark: Credits::whole(10_000),
        keys: vec![key("nightly report", Some("2026-11-22T02:00:00Z")), key("laptop", None)],
        key_seed: may.then(|| "0".repeat(64)),
    }
}

fn viewer(role: Role, email: &str) -> Viewer {
    Viewer {
        customer_no: 0,
        customer: String::new(),
        name: NAME.to_owned(),
        timezone: "Europe/Berlin".to_owned(),
        email: Some(email.to_owned()),
        role,
        proven: true,
        return_url: None,
        session: [0; 32],
    }
}

const MEMBERS: [(&str, Role); 4] = [
    ("kim@meridian.example", Role::Owner),
    ("ops@meridian.example", Role::Admin),
    ("accounts.payable.for.all.of.europe@finance.meridian-retail-intelligence.example", Role::Viewer),
    ("finance@meridian.example", Role::Viewer),
];

fn member((email, role): (&str, Role)) -> members::Member {
    members::Member {
        email: email.to_owned(),
        role,
        since: at("2026-03-14T09:22:00Z"),
        invited: (email == "finance@meridian.example").then(|| at("2026-11-20T09:22:00Z")),
    }
}

fn sessions(role: Role) -> Vec<sessions::SessionSummary> {
    let session = |device: &str, person: Option<&str>, seen: Option<&str>| sessions::SessionSummary {
        id: "0".repeat(32),
        email: person.map(str::to_owned),
        device: device.to_owned(),
        at: NAME.to_owned(),
        created_at: at("2026-11-20T08:15:00Z"),
        seen_at: seen.map_or_else(now, at),
        current: seen.is_none(),
        own: person.is_none(),
        hash: [0; 32],
    };
    let mut sessions = vec![
        session("Firefox on Windows", None, None),
        session("Safari on iPhone", None, Some("2026-11-21T18:40:00Z")),
    ];
    if role == Role::Owner {
        sessions.push(session("Chrome on Mac", Some("finance@meridian.example"), Some("2026-11-22T10:05:00Z")));
    }
    sessions
}

fn key(name: &str, used: Option<&str>) -> api_keys::KeySummary {
    api_keys::KeySummary {
        id: KeyId(uuid::Uuid::nil()),
        name: name.to_owned(),
        created_at: at("2026-10-01T07:00:00Z"),
        last_used_at: used.map(at),
    }
}
