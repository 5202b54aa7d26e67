//! "Time zone": what dates are read in.

use crate::web::actions::SetTimeZone;
use crate::web::components::Form;
use crate::web::components::text::When;
use crate::web::view::settings::{Region, ZoneView};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// The region "Time zone".
#[component]
pub fn TimeZone(zone: ZoneView) -> impl IntoView {
    let choice = if zone.regions.is_empty() {
        view! { <p class="card">{zone.name}</p> }.into_any()
    } else {
        view! { <Choice regions=zone.regions now=zone.name /> }.into_any()
    };
    view! {
        <section aria-labelledby="zone">
            <h2 id="zone">"Time zone"</h2>
            {choice}
            <p class="after">
                {format!("Dates here and in mails are those of this zone, for everybody at {}. It is ", zone.customer)}
                <When moment=zone.now /> " there now. Usage is counted by days of UTC."
            </p>
        </section>
    }
}

#[component]
fn Choice(regions: Vec<Region>, now: String) -> impl IntoView {
    // A zone that the shop's own site has set may go by a name that is in no region.
    let is_listed = regions.iter().any(|region| region.zones.iter().any(|(name, _)| *name == now));
    let other = (!is_listed).then(|| {
        view! {
            <option value=now.clone() selected>
                {now.clone()}
            </option>
        }
    });
    let group = |region: Region| {
        let option = |(name, label): (&'static str, String)| {
            view! {
                <option value=name selected=name == now>
                    {label}
                </option>
            }
        };
        view! { <optgroup label=region.name>{region.zones.into_iter().map(option).collect_view()}</optgroup> }
    };
    let groups = regions.into_iter().map(group).collect_view();
    view! {
        <Form class="panel" action=SetTimeZone::PATH>
            <label class="grow">
                <span class="sr-only">"Time zone"</span>
                <select name="zone" autocomplete="off">
                    {other}
                    {groups}
                </select>
            </label>
            <button class="button">"Save" <span class="sr-only">" the time zone"</span></button>
        </Form>
    }
}
