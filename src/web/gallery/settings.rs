//! Settings: an owner's, an admin's, a viewer's.

use crate::domain::Role;
use crate::web::gallery::Sample;
use crate::web::gallery::customers::{at, now};
use crate::web::view::settings::{DeviceRow, DevicesView, KeyRow, KeysView, MailsView, MemberFact, NewKeyView};
use crate::web::view::{SettingsOutcome, SettingsView, Zone, settings};

const NAME: &str = "Meridian Retail Intelligence GmbH";

/// Every state by name.
pub fn all() -> Vec<(&'static str, Sample)> {
    let state = |role, email, outcome: Option<SettingsOutcome>| {
        let mut view = view(role, email);
        view.notice = outcome.map(SettingsOutcome::notice);
        view
    };
    let owner = |outcome| state(Role::Owner, "kim@meridian.example", outcome);
    let key = NewKeyView { name: "nightly report".to_owned(), key: format!("tk_{}", "0123456789abcdef".repeat(4)) };
    let sample = |view| Sample::Settings(Box::new(view));
    vec![
        ("settings", sample(owner(None))),
        ("settings-invited", sample(owner(Some(SettingsOutcome::Invited)))),
        ("settings-last-owner", sample(owner(Some(SettingsOutcome::LastOwner)))),
        ("settings-new-key", sample(SettingsView { new_key: Some(key), ..owner(None) })),
        ("settings-fault", sample(owner(Some(SettingsOutcome::BadLowBalance)))),
        ("settings-alone", sample(alone(owner(None)))),
        ("settings-admin", sample(state(Role::Admin, "ops@meridian.example", None))),
        ("settings-viewer", sample(state(Role::Viewer, "finance@meridian.example", None))),
    ]
}

/// One member, one device, no key yet; a number and no mails, both by choice.
fn alone(mut view: SettingsView) -> SettingsView {
    view.members.rows.truncate(1);
    view.devices.rows.truncate(1);
    view.devices.others = false;
    view.keys.rows.clear();
    view.mails =
        MailsView { low_balance: Some(crate::domain::Credits::whole(2_500)), may_choose: true, alerts: Some(false) };
    view
}

fn view(role: Role, email: &str) -> SettingsView {
    let zone = Zone::named("Europe/Berlin");
    let fact =
        |(email, role): (&str, Role)| MemberFact { email: email.to_owned(), role, since: at("2026-03-14T09:22:00Z") };
    let members = [
        ("kim@meridian.example", Role::Owner),
        ("ops@meridian.example", Role::Admin),
        ("accounts.payable.for.all.of.europe@finance.meridian-retail-intelligence.example", Role::Viewer),
        ("finance@meridian.example", Role::Viewer),
    ];
    let device = |device: &str, who: Option<&str>, seen: Option<&str>| DeviceRow {
        id: "0".repeat(32),
        device: device.to_owned(),
        who: who.map(str::to_owned),
        at: None,
        since: zone.minute(at("2026-11-20T08:15:00Z")),
        seen: seen.map(|seen| zone.minute(at(seen))),
    };
    let mut devices =
        vec![device("Firefox on Windows", None, None), device("Safari on iPhone", None, Some("2026-11-21T18:40:00Z"))];
    if role == Role::Owner {
        devices.push(device("Chrome on Mac", Some("finance@meridian.example"), Some("2026-11-22T10:05:00Z")));
    }
    let key = |name: &str, used: Option<&str>| KeyRow {
        id: format!("key_{}", "0".repeat(32)),
        name: name.to_owned(),
        since: zone.day(at("2026-10-01T07:00:00Z")),
        used: used.map(|used| zone.minute(at(used))),
    };
    let may = role.may_manage();
    SettingsView {
        notice: None,
        new_key: None,
        members: settings::members(NAME, &members.map(fact), role, Some(email), zone),
        devices: DevicesView { rows: devices, others: true },
        zone: settings::zone(NAME, "Europe/Berlin", now(), may),
        mails: MailsView { low_balance: None, may_choose: may, alerts: may.then_some(true) },
        keys: KeysView {
            rows: vec![key("nightly report", Some("2026-11-22T02:00:00Z")), key("laptop", None)],
            seed: may.then(|| "0".repeat(64)),
        },
    }
}
