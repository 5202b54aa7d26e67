//! Stripe's events as the inbox has them.

use crate::demo::actions;
use crate::demo::actions::Event;
use crate::web::page::{Page, page};
use crate::web::request_context::{PageError, RequestContext};
use crate::web::ui::dates::{When, Zone};
use leptos::prelude::*;

/// `/demo/events`
#[component]
pub fn Events() -> impl IntoView {
    page(load)
}

async fn load(request: RequestContext) -> Result<Page, PageError> {
    if !request.app.settings.demo {
        return Err(PageError::NotFound);
    }
    let viewer = request.viewer().await?;
    let zone = viewer.as_ref().map_or(Zone::UTC, |viewer| Zone::named(&viewer.timezone));
    let events = actions::events(&request.app).await?;
    let empty = events.is_empty();
    let row = |event: Event| {
        view! {
            <tr role="row">
                <th scope="row" role="rowheader" class="first">
                    <code>{event.kind}</code>
                </th>
                <td role="cell">
                    <code>{event.object}</code>
                </td>
                <td role="cell">
                    <When moment=zone.full(event.at) />
                </td>
                <td role="cell">{if event.done { "Done" } else { "Waiting" }}</td>
            </tr>
        }
    };
    let rows = events.into_iter().map(row).collect_view();
    let body = view! {
        <h1>"Stripe's events"</h1>
        <p class="note">
            "What the stand-in for Stripe has told by its webhook, newest first. Each is kept before it is acted on."
        </p>
        <p class="after"></p>
        {empty.then(|| view! { <p class="card empty">"No events yet. Buy something."</p> })}
        {(!empty)
            .then(|| {
                view! {
                    <table class="card log" role="table">
                        <caption class="sr-only">"Stripe's events, newest first"</caption>
                        <thead role="rowgroup">
                            <tr role="row">
                                <th scope="col" role="columnheader">"Event"</th>
                                <th scope="col" role="columnheader">"About"</th>
                                <th scope="col" role="columnheader">"Came"</th>
                                <th scope="col" role="columnheader">"State"</th>
                            </tr>
                        </thead>
                        <tbody role="rowgroup">{rows}</tbody>
                    </table>
                }
            })}
    };
    Ok(Page::new("Stripe's events", viewer, body))
}
