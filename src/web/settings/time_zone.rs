//! "Time zone": the zone of all dates.

use crate::domain::Instant;
use crate::usecases::access::links::Viewer;
use crate::usecases::customers;
use crate::web::settings::form::change_settings;
use crate::web::settings::outcome::SettingsOutcome as Outcome;
use crate::web::ui::dates::{When, Zone};
use crate::web::ui::form::Form;
use chrono_tz::{TZ_VARIANTS, Tz};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// The regions of the list. Other names of zones (`US/Pacific`, `GB`) are old ones for the same.
const REGIONS: [&str; 9] =
    ["Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"];

pub fn section(viewer: &Viewer, now: Instant) -> impl IntoView + use<> {
    let name = viewer.timezone.clone();
    let zone = Zone::named(&name);
    let choice = if viewer.role.may_manage() {
        view! { <Choice now=name /> }.into_any()
    } else {
        view! { <p class="card">{name}</p> }.into_any()
    };
    view! {
        <section aria-labelledby="zone">
            <h2 id="zone">"Time zone"</h2>
            {choice}
            <p class="after">
                {format!("Dates here and in mails are those of this zone, for everybody at {}. It is ", viewer.name)}
                <When moment=zone.full(now) /> " there now. Usage is counted by days of UTC."
            </p>
        </section>
    }
}

#[component]
fn Choice(now: String) -> impl IntoView {
    let regions = regions();
    // The shop's own site may have set a name that is in no region.
    let is_listed = regions.iter().any(|(_, zones)| zones.iter().any(|(name, _)| *name == now));
    let other = (!is_listed).then(|| {
        view! {
            <option value=now.clone() selected>
                {now.clone()}
            </option>
        }
    });
    let group = |(region, zones): (&'static str, Vec<(&'static str, String)>)| {
        let option = |(name, label): (&'static str, String)| {
            view! {
                <option value=name selected=name == now>
                    {label}
                </option>
            }
        };
        view! { <optgroup label=region>{zones.into_iter().map(option).collect_view()}</optgroup> }
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

/// Regions with their zones: each zone's name, and its label within the region.
fn regions() -> Vec<(&'static str, Vec<(&'static str, String)>)> {
    let zones = |region: &str| {
        let inside = |zone: &Tz| Some((zone.name(), zone.name().strip_prefix(region)?.strip_prefix('/')?));
        let named = TZ_VARIANTS.iter().filter_map(inside);
        named.map(|(name, rest)| (name, rest.replace('_', " ").replace('/', ", "))).collect()
    };
    let everywhere = ("Everywhere", vec![("UTC", "UTC".to_owned())]);
    std::iter::once(everywhere).chain(REGIONS.into_iter().map(|name| (name, zones(name)))).collect()
}

/// Sets the customer's time zone.
#[server(name = SetTimeZone, prefix = "/_fn", endpoint = "time-zone")]
pub async fn set_time_zone(zone: String) -> Result<String, ServerFnError> {
    change_settings("time zone", |request, viewer| async move {
        let Ok(zone) = zone.parse() else { return Ok(Outcome::BadZone) };
        let changed = customers::set_timezone(&request.app, &viewer, zone).await?;
        Ok(if changed { Outcome::ZoneChanged } else { Outcome::NotAllowed })
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_chosen_by_place() {
        let regions = regions();
        let zones = |of: &str| &regions.iter().find(|(name, _)| *name == of).expect("a region").1;
        assert!(zones("Europe").contains(&("Europe/Berlin", "Berlin".to_owned())));
        assert!(zones("America").contains(&("America/New_York", "New York".to_owned())));
        assert!(zones("America").contains(&("America/Argentina/Salta", "Argentina, Salta".to_owned())));
        assert!(regions.iter().flat_map(|(_, zones)| zones).all(|(name, _)| name.parse::<Tz>().is_ok()));
    }
}
