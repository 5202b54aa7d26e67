//! `/settings`: members, devices, the time zone, API keys. Who may only look sees the same without forms.

use crate::usecases::access::portal::Viewer;
use crate::usecases::access::sessions;
use crate::usecases::customers::{api_keys, members};
use crate::usecases::notify::emails::unsubscribe;
use crate::usecases::{App, InternalError};
use crate::web::components::SettingsBody;
use crate::web::cookies::Cookie;
use crate::web::pages::{Page, page};
use crate::web::request_context::{RequestContext, Stop};
use crate::web::seal;
use crate::web::view::settings::{DeviceRow, DevicesView, KeyRow, KeysView, MailsView, MemberFact, NewKeyView};
use crate::web::view::{SettingsOutcome, SettingsView, Zone, settings};
use leptos::prelude::*;

/// `/settings`
#[component]
pub fn SettingsPage() -> impl IntoView {
    page(load)
}

async fn load(visit: RequestContext) -> Result<Page, Stop> {
    let viewer = visit.signed_in().await?;
    let app = &visit.app;
    let zone = Zone::named(&viewer.timezone);
    let new_key = new_key(&visit, &viewer).await?;
    let outcome = visit.query("outcome").and_then(|code| SettingsOutcome::from_code(&code));
    let settings = SettingsView {
        // What shows the key says that it was made.
        notice: if new_key.is_some() { None } else { outcome.map(SettingsOutcome::notice) },
        new_key,
        members: members_of(app, &viewer, zone).await?,
        devices: devices_of(app, &viewer, zone).await?,
        zone: settings::zone(&viewer.name, &viewer.timezone, app.clock.now(), viewer.role.may_manage()),
        mails: mails_of(app, &viewer).await?,
        keys: keys_of(app, &viewer, zone).await?,
    };
    Ok(Page::new("Settings", Some(viewer), view! { <SettingsBody settings /> }))
}

/// The key that was made by the form before this page. The cookie is taken away with it: it is shown once.
async fn new_key(visit: &RequestContext, viewer: &Viewer) -> Result<Option<NewKeyView>, InternalError> {
    let Some(seed) = visit.cookie(Cookie::NewKey) else { return Ok(None) };
    visit.clear_cookie(Cookie::NewKey);
    let Some(key) = seal::api_key(&visit.app.settings.form_secret, viewer, &seed) else { return Ok(None) };
    let known = api_keys::known(&visit.app, viewer.customer_no, &key).await?;
    Ok(known.filter(|_| viewer.role.may_manage()).map(|known| NewKeyView { name: known.name, key }))
}

async fn members_of(app: &App, viewer: &Viewer, zone: Zone) -> Result<settings::MembersView, InternalError> {
    let members = members::list(app, viewer.customer_no).await?;
    let fact = |member: members::Member| MemberFact { email: member.email, role: member.role, since: member.since };
    let facts: Vec<_> = members.into_iter().map(fact).collect();
    Ok(settings::members(&viewer.name, &facts, viewer.role, viewer.email.as_deref(), zone))
}

async fn devices_of(app: &App, viewer: &Viewer, zone: Zone) -> Result<DevicesView, InternalError> {
    let sessions = sessions::list(app, viewer).await?;
    let others = sessions.iter().any(|session| session.own && !session.current);
    let stranger = || format!("somebody from {}", app.catalog.shop.name);
    let row = |session: sessions::Listed| DeviceRow {
        who: (!session.own).then(|| session.email.unwrap_or_else(stranger)),
        at: Some(session.at).filter(|at| session.own && *at != viewer.name),
        since: zone.minute(session.created_at),
        seen: (!session.current).then(|| zone.minute(session.seen_at)),
        id: session.id,
        device: session.device,
    };
    Ok(DevicesView { rows: sessions.into_iter().map(row).collect(), others })
}

async fn mails_of(app: &App, viewer: &Viewer) -> Result<MailsView, InternalError> {
    let chosen = unsubscribe::chosen(app, viewer).await?;
    Ok(MailsView { low_balance: chosen.low_balance, may_choose: viewer.role.may_manage(), alerts: chosen.alerts })
}

async fn keys_of(app: &App, viewer: &Viewer, zone: Zone) -> Result<KeysView, InternalError> {
    let keys = api_keys::list(app, viewer.customer_no).await?;
    let row = |key: api_keys::Listed| KeyRow {
        id: key.id.to_string(),
        name: key.name,
        since: zone.day(key.created_at),
        used: key.last_used_at.map(|at| zone.minute(at)),
    };
    let seed = if viewer.role.may_manage() { Some(seal::key_seed()?) } else { None };
    Ok(KeysView { rows: keys.into_iter().map(row).collect(), seed })
}
