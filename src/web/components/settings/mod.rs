//! `/settings`: members, devices, the time zone, mails, API keys. Each list is rows that open to a small form.

mod devices;
mod keys;
mod mails;
mod members;
mod zone;

use crate::web::components::NoticeBox;
use crate::web::view::SettingsView;
use crate::web::view::settings::NewKeyView;
use leptos::prelude::*;

/// Everything that `/settings` shows.
#[component]
pub fn SettingsBody(settings: SettingsView) -> impl IntoView {
    view! {
        <h1>"Settings"</h1>
        {settings.notice.map(|notice| view! { <NoticeBox notice /> })}
        {settings.new_key.map(|key| view! { <NewKey key /> })}
        <members::Members members=settings.members />
        <devices::Devices devices=settings.devices />
        <zone::TimeZone zone=settings.zone />
        <mails::Mails mails=settings.mails />
        <keys::Keys keys=settings.keys />
    }
}

/// A key, once.
#[component]
fn NewKey(key: NewKeyView) -> impl IntoView {
    view! {
        <div class="notice good" role="status">
            <p>
                <strong>{format!("Copy the key “{}” now.", key.name)}</strong>
                " It is shown only this once."
                <code class="secret">{key.key}</code>
            </p>
        </div>
    }
}

/// What a button or a summary is about, for ears: "Remove" reads "Remove vi@acme.example".
#[component]
fn About(what: String) -> impl IntoView {
    view! { <span class="sr-only">{format!(" {what}")}</span> }
}
