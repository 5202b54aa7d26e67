//! `/settings`: members, devices, the time zone, emails, API keys. One file a section: its HTML and its forms.
//!
//! A viewer sees the same page without forms. Each form comes back here with a code of [`SettingsOutcome`].

mod api_keys;
mod devices;
mod emails;
mod form;
mod members;
mod outcome;
mod time_zone;

pub use api_keys::{MakeApiKey, NewKey, RevokeApiKey};
pub use devices::{EndOtherSessions, EndSession};
pub use emails::{SetLowBalance, SetMails};
pub use members::{ChangeRole, InviteAgain, InviteMember, RemoveMember};
pub use outcome::{Card, Feedback, SettingsOutcome};
pub use time_zone::SetTimeZone;

use crate::domain::{Credits, Instant};
use crate::usecases::access::links::Viewer;
use crate::usecases::access::sessions;
use crate::usecases::customers::{api_keys as keys, members as people};
use crate::usecases::notify::emails::unsubscribe;
use crate::web::low_mark;
use crate::web::page::{Page, page};
use crate::web::request_context::{PageError, RequestContext};
use crate::web::ui::dates::Zone;
use crate::web::ui::notice::NoticeBox;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// The paths of this page's forms.
pub const FORM_PATHS: [&str; 11] = [
    InviteMember::PATH,
    InviteAgain::PATH,
    ChangeRole::PATH,
    RemoveMember::PATH,
    EndSession::PATH,
    EndOtherSessions::PATH,
    SetTimeZone::PATH,
    SetLowBalance::PATH,
    SetMails::PATH,
    MakeApiKey::PATH,
    RevokeApiKey::PATH,
];

/// All that the page shows.
pub struct Settings {
    pub viewer: Viewer,
    pub now: Instant,
    /// The shop's name.
    pub shop: String,
    pub feedback: Feedback,
    pub new_key: Option<NewKey>,
    pub members: Vec<people::Member>,
    pub sessions: Vec<sessions::SessionSummary>,
    pub emails: unsubscribe::AlertChoice,
    /// The low-balance mark of the plan.
    pub default_mark: Credits,
    pub keys: Vec<keys::KeySummary>,
    /// A new key is made of this; none if the viewer may not make one.
    pub key_seed: Option<String>,
}

/// `/settings`
#[component]
pub fn SettingsPage() -> impl IntoView {
    page(load)
}

async fn load(request: RequestContext) -> Result<Page, PageError> {
    let viewer = request.signed_in().await?;
    let app = &request.app;
    let new_key = api_keys::new_key(&request, &viewer).await?;
    let flash = request.take_flash();
    let outcome = flash.as_ref().and_then(|flash| SettingsOutcome::from_code(flash.code()));
    let value = |name| flash.as_ref().and_then(|flash| flash.value(name)).unwrap_or_default();
    // The box with the key says already that it was made.
    let outcome = outcome.filter(|_| new_key.is_none());
    let settings = Settings {
        now: app.clock.now(),
        shop: app.catalog.shop.name.clone(),
        feedback: outcome.map(|it| Feedback::new(it, value("card"), value("typed"))).unwrap_or_default(),
        new_key,
        members: people::list_members(app, viewer.customer_no).await?,
        sessions: sessions::list_sessions(app, &viewer).await?,
        emails: unsubscribe::alert_choice(app, &viewer).await?,
        default_mark: low_mark::default_mark(app, &viewer).await?,
        keys: keys::list_api_keys(app, viewer.customer_no).await?,
        key_seed: if viewer.role.may_manage() { Some(api_keys::new_seed()?) } else { None },
        viewer: viewer.clone(),
    };
    Ok(Page::new("Settings", Some(viewer), view! { <SettingsBody settings /> }))
}

fn auto_top_up_link() -> impl IntoView {
    view! {
        <section aria-labelledby="auto-top-up">
            <h2 id="auto-top-up">"Automatic top-up"</h2>
            <p class="card">
                "Buys a top-up when credits run low, up to a limit. "
                <a href="/auto-top-up">"Set up, change or switch off"</a>
            </p>
        </section>
    }
}

/// The page's content.
#[component]
pub fn SettingsBody(settings: Settings) -> impl IntoView {
    let Settings { viewer, now, shop, feedback, new_key, members, sessions, keys, key_seed, .. } = settings;
    let may_choose = viewer.role.may_manage();
    let zone = Zone::named(&viewer.timezone);
    view! {
        <h1>"Settings"</h1>
        {feedback.at_top().map(|notice| view! { <NoticeBox notice /> })}
        {members::section(&viewer, members, &feedback, zone)}
        {devices::section(&viewer, sessions, &feedback, &shop, zone)}
        {time_zone::section(&viewer, &feedback, now)}
        {emails::section(&settings.emails, settings.default_mark, &feedback, may_choose)}
        {auto_top_up_link()}
        {api_keys::section(keys, key_seed, new_key, &feedback, zone)}
    }
}
