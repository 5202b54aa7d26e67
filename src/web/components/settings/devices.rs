//! "Where you are signed in": devices, and how to sign them out.

use crate::web::actions::{EndOtherSessions, EndSession};
use crate::web::components::Form;
use crate::web::components::settings::About;
use crate::web::components::text::When;
use crate::web::view::settings::{DeviceRow, DevicesView};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// The region "Where you are signed in".
#[component]
pub fn Devices(devices: DevicesView) -> impl IntoView {
    let rows = devices.rows.into_iter().map(|row| view! { <Row row /> }).collect_view();
    let others = devices.others.then(|| {
        view! {
            <Form class="panel" action=EndOtherSessions::PATH>
                <button class="button">"Sign out my other devices"</button>
            </Form>
        }
    });
    view! {
        <section aria-labelledby="devices">
            <h2 id="devices">"Where you are signed in"</h2>
            <ul class="card rows">{rows}</ul>
            {others}
        </section>
    }
}

#[component]
fn Row(row: DeviceRow) -> impl IntoView {
    let is_this = row.seen.is_none();
    let about = row.who.as_ref().map_or_else(|| row.device.clone(), |who| format!("{} of {who}", row.device));
    let seen = match row.seen {
        None => view! { "Active now" }.into_any(),
        Some(seen) => view! { "Last used " <When moment=seen /> }.into_any(),
    };
    let end = (!is_this).then(|| {
        view! {
            <Form action=EndSession::PATH>
                <input type="hidden" name="id" value=row.id />
                <button class="link">"Sign out" <About what=about /></button>
            </Form>
        }
    });
    view! {
        <li>
            <p>
                <strong>{row.device}</strong>
                {is_this.then(|| view! { <span class="badge good">"This device"</span> })}
                {row.who.map(|who| view! { <span class="note">{who}</span> })}
                {row.at.map(|at| view! { <span class="note">{format!("at {at}")}</span> })}
            </p>
            <p class="note">"Signed in " <When moment=row.since /> " · " {seen}</p>
            {end}
        </li>
    }
}
