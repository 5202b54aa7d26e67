//! "Your top-ups": a table that becomes stacked rows on a phone. The roles are explicit, because a
//! browser forgets a table's semantics once its display changes.

use crate::web::components::text::{Amount, BadgeText, When};
use crate::web::ui::paging::PageLinks;
use crate::web::view::top_ups::More;
use crate::web::view::{TopUpRow, TopUpsView};
use leptos::prelude::*;

/// The region "Your top-ups".
#[component]
pub fn TopUps(top_ups: TopUpsView) -> impl IntoView {
    let more = top_ups.more;
    let body = match (top_ups.rows.is_empty(), more.ended) {
        (true, 0) => view! { <NoneYet /> }.into_any(),
        (true, ended) => view! {
            <p class="card empty">"All top-ups are used. " <ShowEnded ended /></p>
        }
        .into_any(),
        (false, _) => view! {
            <Table rows=top_ups.rows zone=top_ups.zone />
            <After more />
        }
        .into_any(),
    };
    view! {
        <section aria-labelledby="top-ups" data-live="top-ups">
            <h2 id="top-ups">"Your top-ups"</h2>
            {body}
        </section>
    }
}

#[component]
fn NoneYet() -> impl IntoView {
    view! {
        <div class="card empty">
            <p>
                <strong>"No top-ups yet."</strong>
            </p>
            <p class="note">
                "What you buy shows here with its expiry date. Unused top-ups carry over when your plan resets."
            </p>
        </div>
    }
}

#[component]
fn ShowEnded(ended: usize) -> impl IntoView {
    view! { <a href="/billing?top_ups=all#top-ups">{format!("Show used and expired ({ended})")}</a> }
}

#[component]
fn Table(rows: Vec<TopUpRow>, zone: Option<String>) -> impl IntoView {
    let expires = zone.as_ref().map_or_else(|| "Expires".to_owned(), |zone| format!("Expires ({zone})"));
    let rows = rows.into_iter().map(|row| view! { <Row row zone=zone.clone() /> }).collect_view();
    view! {
        <table class="card top-ups" role="table">
            <caption class="sr-only">"Your top-ups"</caption>
            <thead role="rowgroup">
                <tr role="row">
                    <th scope="col" role="columnheader">"Bought"</th>
                    <th scope="col" role="columnheader" class="number">"Left"</th>
                    <th scope="col" role="columnheader" class="number">"Of"</th>
                    <th scope="col" role="columnheader">{expires}</th>
                    <th scope="col" role="columnheader">"Status"</th>
                </tr>
            </thead>
            <tbody role="rowgroup">{rows}</tbody>
        </table>
    }
}

#[component]
fn Row(row: TopUpRow, zone: Option<String>) -> impl IntoView {
    let bought = match row.href {
        Some(href) => view! {
            <a href=href>
                <When moment=row.bought />
            </a>
        }
        .into_any(),
        None => view! { <When moment=row.bought /> }.into_any(),
    };
    let fate = row.fate.map(|words| {
        view! {
            " "
            <span class="note">{words}</span>
        }
    });
    view! {
        <tr role="row" class:ended=row.ended>
            <th scope="row" role="rowheader" class="first">{bought}</th>
            <td role="cell" class="number lead">
                <Amount credits=row.left />
            </td>
            <td role="cell" class="number of">
                <Amount credits=row.of />
            </td>
            <td role="cell" class="dated">
                <span class="until" data-zone=zone>
                    <When moment=row.expires />
                </span>
                {fate}
            </td>
            <td role="cell" class="state">
                <BadgeText badge=row.badge />
            </td>
        </tr>
    }
}

#[component]
fn After(more: More) -> impl IntoView {
    let rest = match (more.all, more.live, more.ended) {
        (true, ..) => view! { <Pages more /> <a href="/billing#top-ups">"Show only what is left"</a> }.into_any(),
        (false, 0, 0) => ().into_any(),
        (false, 0, ended) => view! { <ShowEnded ended /> }.into_any(),
        (false, live, ended) => view! {
            <a href="/billing?top_ups=all#top-ups">{format!("Show {} more", live + ended)}</a>
        }
        .into_any(),
    };
    view! { <p class="after">"Soonest to expire is used first. " {rest}</p> }
}

#[component]
fn Pages(more: More) -> impl IntoView {
    view! { <PageLinks list="top_ups" anchor="top-ups" page=more.page pages=more.pages /> }
}
