//! "Time zone": the zone of all dates.

use crate::domain::Instant;
use crate::usecases::access::links::Viewer;
use crate::usecases::customers;
use crate::web::settings::form::change_settings;
use crate::web::settings::outcome::{Card, Feedback, SettingsOutcome as Outcome};
use crate::web::ui::copy::ButtonScript;
use crate::web::ui::dates::{When, Zone};
use crate::web::ui::form::Form;
use chrono_tz::TZ_VARIANTS;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// The regions of the list. Other names of zones (`US/Pacific`, `GB`) are old ones for the same.
const REGIONS: [&str; 9] =
    ["Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"];

pub fn section(viewer: &Viewer, feedback: &Feedback, now: Instant) -> impl IntoView + use<> {
    let name = viewer.timezone.clone();
    let zone = Zone::named(&name);
    let choice = if viewer.role.may_manage() {
        view! { <Choice current=name at=now /> }.into_any()
    } else {
        view! { <p class="panel">{name}</p> }.into_any()
    };
    view! {
        <section aria-labelledby="zone">
            <h2 id="zone">"Time zone"</h2>
            <div class="card list">{feedback.in_card(Card::Zone)} {choice}</div>
            <p class="after">
                {format!("Used for dates on these pages and in emails, for everyone at {}. Now: ", viewer.name)}
                <When moment=zone.full(now) /> ". Usage days are UTC."
            </p>
        </section>
    }
}

#[component]
fn Choice(current: String, at: Instant) -> impl IntoView {
    let regions = regions(at);
    // The shop's own site may have set a name that is in no region.
    let is_listed = regions.iter().any(|(_, zones)| zones.iter().any(|(name, _)| *name == current));
    let other = (!is_listed).then(|| {
        view! {
            <option value=current.clone() selected>
                {current.clone()}
            </option>
        }
    });
    let group = |(region, zones): (&'static str, Vec<(&'static str, String)>)| {
        let option = |(name, label): (&'static str, String)| {
            view! {
                <option value=name selected=name == current>
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
            <button type="button" class="textual" data-zone hidden>
                "Use this computer's zone"
            </button>
            <ButtonScript />
        </Form>
    }
}

/// Regions with their zones: each zone's name, and its label: `Europe/Berlin (UTC+1)`.
fn regions(at: Instant) -> Vec<(&'static str, Vec<(&'static str, String)>)> {
    let label = |name: &str| format!("{} ({})", name.replace('_', " "), Zone::named(name).offset(at));
    let zones = |region: &str| {
        let is_inside = |name: &&str| name.strip_prefix(region).is_some_and(|rest| rest.starts_with('/'));
        let names = TZ_VARIANTS.iter().map(|zone| zone.name()).filter(is_inside);
        names.map(|name| (name, label(name))).collect()
    };
    let everywhere = ("Everywhere", vec![("UTC", "UTC".to_owned())]);
    std::iter::once(everywhere).chain(REGIONS.into_iter().map(|name| (name, zones(name)))).collect()
}

/// Sets the customer's time zone.
#[server(name = SetTimeZone, prefix = "/_fn", endpoint = "time-zone")]
pub async fn set_time_zone(zone: String) -> Result<String, ServerFnError> {
    change_settings(Card::Zone, "time zone", "", |request, viewer| async move {
        let Ok(zone) = zone.parse() else { return Ok(Outcome::BadZone) };
        let changed = customers::set_timezone(&request.app, &viewer, zone).await?;
        Ok(if changed { Outcome::ZoneChanged } else { Outcome::NotAllowed })
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::Tz;

    #[test]
    fn zones_are_chosen_by_place() {
        let regions = regions("2026-11-22T14:03:00Z".parse().expect("an instant"));
        let zones = |of: &str| &regions.iter().find(|(name, _)| *name == of).expect("a region").1;
        assert!(zones("Europe").contains(&("Europe/Berlin", "Europe/Berlin (UTC+1)".to_owned())));
        assert!(zones("America").contains(&("America/New_York", "America/New York (UTC−5)".to_owned())));
        assert!(zones("America").contains(&("America/Argentina/Salta", "America/Argentina/Salta (UTC−3)".to_owned())));
        assert!(regions.iter().flat_map(|(_, zones)| zones).all(|(name, _)| name.parse::<Tz>().is_ok()));
    }
}
