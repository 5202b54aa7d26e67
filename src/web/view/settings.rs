//! Settings as plain data: who may come in, from where they are signed in, the time zone, API keys.

use crate::domain::{Credits, Instant, Role, role};
use crate::web::ui::dates::{Moment, Zone};
use crate::web::view::notices::Notice;
use chrono_tz::{TZ_VARIANTS, Tz};

/// Everything that `/settings` shows.
#[derive(Clone, Debug)]
pub struct SettingsView {
    /// How a form came out.
    pub notice: Option<Notice>,
    /// A key that was just made: shown now, and never again.
    pub new_key: Option<NewKeyView>,
    /// Who may sign in.
    pub members: MembersView,
    /// Where people are signed in.
    pub devices: DevicesView,
    /// The zone of all dates.
    pub zone: ZoneView,
    /// Mails about a low balance.
    pub mails: MailsView,
    /// API keys.
    pub keys: KeysView,
}

/// What a member is called.
#[must_use]
pub const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Owner => "Owner",
        Role::Admin => "Admin",
        Role::Viewer => "Viewer",
    }
}

/// Who may sign in for the customer.
#[derive(Clone, Debug)]
pub struct MembersView {
    /// What the customer is called.
    pub customer: String,
    /// The members, longest first.
    pub rows: Vec<MemberRow>,
    /// The roles that the reader may give; none for who may not invite.
    pub gives: Vec<Role>,
}

/// A member.
#[derive(Clone, Debug)]
pub struct MemberRow {
    /// The person.
    pub email: String,
    /// What the person may do.
    pub role: Role,
    /// Since when.
    pub since: Moment,
    /// Whether it is who reads.
    pub is_you: bool,
    /// What the reader may do about it.
    pub change: MemberChange,
}

/// What a reader may do about a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberChange {
    /// Nothing.
    Nothing,
    /// Nothing, and here is why: a customer keeps an owner.
    LastOwner,
    /// Give one of these roles, or remove the member.
    Roles(Vec<Role>),
}

/// A member as the use-case knows them.
#[derive(Clone, Debug)]
pub struct MemberFact {
    /// The person.
    pub email: String,
    /// What the person may do.
    pub role: Role,
    /// Since when.
    pub since: Instant,
}

/// The members for a reader of this role.
#[must_use]
pub fn members(customer: &str, facts: &[MemberFact], reader: Role, email: Option<&str>, zone: Zone) -> MembersView {
    let gives: Vec<Role> = Role::ALL.into_iter().filter(|role| reader.may_manage_role(*role)).collect();
    let owners = facts.iter().filter(|fact| fact.role == Role::Owner).count();
    let owners = i64::try_from(owners).unwrap_or(i64::MAX);
    let change = |fact: &MemberFact| {
        if !reader.may_manage_role(fact.role) {
            MemberChange::Nothing
        } else if role::leaves_no_owner(owners, fact.role, None) {
            MemberChange::LastOwner
        } else {
            MemberChange::Roles(gives.clone())
        }
    };
    let row = |fact: &MemberFact| MemberRow {
        email: fact.email.clone(),
        role: fact.role,
        since: zone.day(fact.since),
        is_you: Some(fact.email.as_str()) == email,
        change: change(fact),
    };
    MembersView { customer: customer.to_owned(), rows: facts.iter().map(row).collect(), gives }
}

/// Where people are signed in.
#[derive(Clone, Debug)]
pub struct DevicesView {
    /// Devices, last used first.
    pub rows: Vec<DeviceRow>,
    /// Whether the reader is signed in elsewhere.
    pub others: bool,
}

/// A device that is signed in.
#[derive(Clone, Debug)]
pub struct DeviceRow {
    /// What it is signed out by.
    pub id: String,
    /// Browser and system.
    pub device: String,
    /// Whose it is, where it is not the reader's.
    pub who: Option<String>,
    /// Which account it is at, where that is another one.
    pub at: Option<String>,
    /// When the person signed in.
    pub since: Moment,
    /// When it was last used; none for the one that is used now.
    pub seen: Option<Moment>,
}

/// The zone of all dates.
#[derive(Clone, Debug)]
pub struct ZoneView {
    /// What the customer is called.
    pub customer: String,
    /// Its name.
    pub name: String,
    /// What time it is there.
    pub now: Moment,
    /// What may be chosen, by region; empty for who may not choose.
    pub regions: Vec<Region>,
}

/// Zones of a part of the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Its name.
    pub name: &'static str,
    /// Names of zones, and what they are called within the region.
    pub zones: Vec<(&'static str, String)>,
}

/// Parts of the world whose zones are chosen by hand. Other names that a zone may have (`US/Pacific`, `GB`) are old
/// ones for the same.
const REGIONS: [&str; 9] =
    ["Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"];

/// Every zone to choose from.
#[must_use]
pub fn regions() -> Vec<Region> {
    let zones = |region: &str| {
        let inside = |zone: &Tz| Some((zone.name(), zone.name().strip_prefix(region)?.strip_prefix('/')?));
        let named = TZ_VARIANTS.iter().filter_map(inside);
        named.map(|(name, rest)| (name, rest.replace('_', " ").replace('/', ", "))).collect()
    };
    let all = REGIONS.into_iter().map(|name| Region { name, zones: zones(name) });
    std::iter::once(Region { name: "Everywhere", zones: vec![("UTC", "UTC".to_owned())] }).chain(all).collect()
}

/// The zone for a reader who may, or may not, choose.
#[must_use]
pub fn zone(customer: &str, name: &str, now: Instant, may_choose: bool) -> ZoneView {
    let zone = Zone::named(name);
    ZoneView {
        customer: customer.to_owned(),
        name: name.to_owned(),
        now: zone.full(now),
        regions: if may_choose { regions() } else { Vec::new() },
    }
}

/// Mails about a low balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailsView {
    /// From how much on little is left; `None` is a tenth of the allowance.
    pub low_balance: Option<Credits>,
    /// Whether the reader may say from how much on.
    pub may_choose: bool,
    /// Whether the reader gets them; `None` for who gets none.
    pub alerts: Option<bool>,
}

/// API keys.
#[derive(Clone, Debug)]
pub struct KeysView {
    /// Living keys, newest first.
    pub rows: Vec<KeyRow>,
    /// What a new key will be made of; none for who may not make one.
    pub seed: Option<String>,
}

/// A living key.
#[derive(Clone, Debug)]
pub struct KeyRow {
    /// What it is revoked by.
    pub id: String,
    /// What somebody called it.
    pub name: String,
    /// Since when.
    pub since: Moment,
    /// When it was last used.
    pub used: Option<Moment>,
}

/// A key that was just made.
#[derive(Clone, Debug)]
pub struct NewKeyView {
    /// What somebody called it.
    pub name: String,
    /// The key itself.
    pub key: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(reader: Role, roles: &[Role]) -> Vec<MemberChange> {
        let fact = |(n, role): (usize, &Role)| MemberFact {
            email: format!("{n}@acme.example"),
            role: *role,
            since: "2026-11-22T14:03:00Z".parse().expect("an instant"),
        };
        let facts: Vec<_> = roles.iter().enumerate().map(fact).collect();
        members("Acme Data", &facts, reader, Some("0@acme.example"), Zone::UTC)
            .rows
            .into_iter()
            .map(|row| row.change)
            .collect()
    }

    #[test]
    fn what_is_offered_is_what_would_be_done() {
        use MemberChange::{LastOwner, Nothing, Roles};
        let (all, lower) = (Role::ALL.to_vec(), vec![Role::Admin, Role::Viewer]);
        let everybody = [Role::Owner, Role::Admin, Role::Viewer];
        assert_eq!(changes(Role::Owner, &everybody), [LastOwner, Roles(all.clone()), Roles(all.clone())]);
        assert_eq!(changes(Role::Owner, &[Role::Owner; 2]), [Roles(all.clone()), Roles(all)]);
        assert_eq!(changes(Role::Admin, &everybody), [Nothing, Roles(lower.clone()), Roles(lower)]);
        assert_eq!(changes(Role::Viewer, &everybody), [Nothing, Nothing, Nothing]);
    }

    #[test]
    fn zones_are_chosen_by_place() {
        let regions = regions();
        let europe = regions.iter().find(|region| region.name == "Europe").expect("Europe");
        assert!(europe.zones.contains(&("Europe/Berlin", "Berlin".to_owned())));
        let america = regions.iter().find(|region| region.name == "America").expect("America");
        assert!(america.zones.contains(&("America/New_York", "New York".to_owned())));
        assert!(america.zones.contains(&("America/Argentina/Salta", "Argentina, Salta".to_owned())));
        assert!(regions.iter().flat_map(|region| &region.zones).all(|(name, _)| name.parse::<Tz>().is_ok()));
        assert!(
            zone("Acme Data", "UTC", "2026-11-22T14:03:00Z".parse().expect("an instant"), false).regions.is_empty()
        );
    }
}
