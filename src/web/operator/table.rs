//! Tables and their cells. On a phone a row is a stack of its cells with their heads; a long log is scrolled sideways
//! instead. Times are in UTC.

use crate::domain::{Credits, Instant, Kind};
use crate::web::ui::badge::{Badge, BadgeText, Tone};
use crate::web::ui::copy::CopyButton;
use crate::web::ui::dates::{When, Zone};
use crate::web::ui::money::Amount;
use chrono::TimeDelta;
use leptos::prelude::*;

/// A row; its first cell is its heading.
pub type Cells = Vec<AnyView>;

/// Characters of an id that are shown whole.
const SHORT_ID: usize = 16;
/// The characters at its end that always show.
const ID_END: usize = 4;

/// `heads` are the columns' names; those that begin with `#` hold numbers.
#[component]
pub fn Table(
    caption: &'static str,
    heads: &'static [&'static str],
    rows: Vec<Cells>,
    #[prop(into)] empty: String,
    #[prop(optional)] is_log: bool,
) -> impl IntoView {
    if rows.is_empty() {
        return view! { <p class="card empty note">{empty}</p> }.into_any();
    }
    let number = |n: usize| heads.get(n).is_some_and(|head| head.starts_with('#')).then_some("number");
    let name = |n: usize| heads.get(n).map(|head| head.trim_start_matches('#'));
    let head = heads.iter().enumerate().map(|(n, _)| {
        view! {
            <th scope="col" role="columnheader" class=number(n)>
                {name(n)}
            </th>
        }
    });
    let cell = move |(n, cell): (usize, AnyView)| {
        if n == 0 {
            view! { <th scope="row" role="rowheader" data-label=name(n)>{cell}</th> }.into_any()
        } else {
            view! { <td role="cell" class=number(n) data-label=name(n)>{cell}</td> }.into_any()
        }
    };
    let row =
        move |cells: Cells| view! { <tr role="row">{cells.into_iter().enumerate().map(cell).collect_view()}</tr> };
    view! {
        <div class="card scroll" class:stack=!is_log role="region" aria-label=caption tabindex="0">
            <table role="table">
                <caption class="sr-only">{caption}</caption>
                <thead role="rowgroup">
                    <tr role="row">{head.collect_view()}</tr>
                </thead>
                <tbody role="rowgroup">{rows.into_iter().map(row).collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// A section with its list, and the link to older rows.
pub fn section(id: &'static str, title: &'static str, list: impl IntoView, more: Option<AnyView>) -> AnyView {
    view! {
        <section>
            <h2 id=id>{title}</h2>
            {list}
            {more}
        </section>
    }
    .into_any()
}

/// `28 Nov 2026, 14:03`
pub fn when(at: Instant) -> AnyView {
    view! { <When moment=Zone::UTC.minute(at) /> }.into_any()
}

/// A deadline; a badge says that it is near or over.
pub fn deadline(due: Instant, now: Instant) -> AnyView {
    let badge = match due - now {
        left if left < TimeDelta::zero() => Some(Badge::new(Tone::Bad, "Overdue")),
        left if left < TimeDelta::days(3) => Some(Badge::new(Tone::Bad, "Due soon")),
        _ => None,
    };
    view! { {when(due)} {badge.map(|badge| view! { " " <BadgeText badge /> })} }.into_any()
}

/// `28 Nov 2026`
pub fn day(at: Instant) -> AnyView {
    view! { <When moment=Zone::UTC.day(at) /> }.into_any()
}

pub fn amount(credits: Credits) -> AnyView {
    view! { <Amount credits /> }.into_any()
}

pub fn text(text: impl Into<String>) -> AnyView {
    let text: String = text.into();
    text.into_any()
}

pub fn badge(badge: Badge) -> AnyView {
    view! { <BadgeText badge /> }.into_any()
}

/// An id, shortened in its middle for the eye alone: selected, copied and read aloud it is whole.
pub fn code(id: impl Into<String>) -> AnyView {
    let id: String = id.into();
    let long = id.len() > SHORT_ID && id.is_ascii();
    match id.split_at_checked(id.len().saturating_sub(ID_END)).filter(|_| long) {
        Some((head, end)) => view! {
            <code class="id" title=id.clone()>
                <span>{head.to_owned()}</span>
                {end.to_owned()}
            </code>
        }
        .into_any(),
        None => view! { <code>{id}</code> }.into_any(),
    }
}

/// An id with a button that copies it.
pub fn copied(id: impl Into<String>) -> AnyView {
    let id: String = id.into();
    view! { {code(id.clone())} " " {copy_button(id)} }.into_any()
}

/// A button that copies `text`.
pub fn copy_button(text: String) -> AnyView {
    view! { <CopyButton about=text.clone() text class="link" /> }.into_any()
}

/// A customer by its name, or by its id where the name was erased.
pub fn customer_link(id: &str, name: &str) -> AnyView {
    let shown = if name.is_empty() { id } else { name };
    view! { <a href=format!("/operator/customers/{id}")>{shown.to_owned()}</a> }.into_any()
}

/// `28 Nov 2026, 14:03 UTC`
pub fn full(at: Instant) -> AnyView {
    view! { <When moment=Zone::UTC.full(at) /> }.into_any()
}

#[must_use]
pub const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Plan => "Plan",
        Kind::Courtesy => "Courtesy",
        Kind::TopUp => "Top-up",
    }
}
