//! "Signed-in devices": the sessions that the viewer may end.

use crate::usecases::access::links::Viewer;
use crate::usecases::access::sessions;
use crate::usecases::access::sessions::SessionSummary;
use crate::web::settings::form::{About, change_settings};
use crate::web::settings::outcome::{Card, Feedback, SettingsOutcome as Outcome};
use crate::web::ui::dates::{When, Zone};
use crate::web::ui::form::Form;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

pub fn section(
    viewer: &Viewer,
    sessions: Vec<SessionSummary>,
    feedback: &Feedback,
    shop: &str,
    zone: Zone,
) -> impl IntoView + use<> {
    let others = sessions.iter().any(|session| session.own && !session.current).then(|| {
        view! {
            <Form class="panel" action=EndOtherSessions::PATH>
                <button class="button">"Sign out my other devices"</button>
            </Form>
        }
    });
    let rows = sessions.into_iter().map(|session| row(session, viewer, shop, zone)).collect_view();
    view! {
        <section aria-labelledby="devices">
            <h2 id="devices">"Signed-in devices"</h2>
            <div class="card list">
                {feedback.in_card(Card::Devices)}
                <ul class="rows">{rows}</ul>
                {others}
            </div>
        </section>
    }
}

fn row(session: SessionSummary, viewer: &Viewer, shop: &str, zone: Zone) -> impl IntoView + use<> {
    let SessionSummary { id, device, email, own, current, .. } = session;
    let person = (!own).then(|| email.unwrap_or_else(|| format!("someone from {shop}")));
    let elsewhere = Some(session.at).filter(|at| own && *at != viewer.name);
    let about = person.as_ref().map_or_else(|| device.clone(), |person| format!("{device} of {person}"));
    let seen = if current {
        view! { "Active now" }.into_any()
    } else {
        view! { "Last used " <When moment=zone.minute(session.seen_at) /> }.into_any()
    };
    let end = (!current).then(|| {
        view! {
            <Form action=EndSession::PATH>
                <input type="hidden" name="id" value=id />
                <button class="link">"Sign out" <About what=about /></button>
            </Form>
        }
    });
    view! {
        <li>
            <p>
                <strong>{device}</strong>
                {current.then(|| view! { <span class="badge good">"This device"</span> })}
                {person.map(|person| view! { <span class="note">{person}</span> })}
                {elsewhere.map(|at| view! { <span class="note">{format!("at {at}")}</span> })}
            </p>
            <p class="note">
                <span class="together">"Signed in " <When moment=zone.minute(session.created_at) /></span>
                <span class="dot">" · "</span>
                <span class="together">{seen}</span>
            </p>
            {end}
        </li>
    }
}

/// Signs one device out, by the id in the list.
#[server(name = EndSession, prefix = "/_fn", endpoint = "sign-out-device")]
pub async fn end_session(id: String) -> Result<String, ServerFnError> {
    change_settings(Card::Devices, "sign a device out", "", |request, viewer| async move {
        let ended = sessions::revoke_session(&request.app, &viewer, &id).await?;
        Ok(if ended { Outcome::SignedOut } else { Outcome::UnknownDevice })
    })
    .await
}

/// Signs the viewer's other devices out.
#[server(name = EndOtherSessions, prefix = "/_fn", endpoint = "sign-out-others")]
pub async fn end_other_sessions() -> Result<String, ServerFnError> {
    change_settings(Card::Devices, "sign other devices out", "", |request, viewer| async move {
        sessions::revoke_other_sessions(&request.app, &viewer).await?;
        Ok(Outcome::OthersSignedOut)
    })
    .await
}
