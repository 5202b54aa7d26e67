//! Tables and their cells. A table scrolls sideways if the page is too narrow. Times are in UTC.

use crate::domain::{Credits, Instant, Kind};
use crate::web::ui::badge::{Badge, BadgeText};
use crate::web::ui::dates::{When, Zone};
use crate::web::ui::money::Amount;
use leptos::prelude::*;

/// A row; its first cell is its heading.
pub type Cells = Vec<AnyView>;

/// `heads` are the columns' names; those that begin with `#` hold numbers.
#[component]
pub fn Table(
    caption: &'static str,
    heads: &'static [&'static str],
    rows: Vec<Cells>,
    #[prop(into)] empty: String,
) -> impl IntoView {
    if rows.is_empty() {
        return view! { <p class="card empty note">{empty}</p> }.into_any();
    }
    let number = |n: usize| heads.get(n).is_some_and(|head| head.starts_with('#')).then_some("number");
    let head = heads.iter().enumerate().map(|(n, head)| {
        view! {
            <th scope="col" class=number(n)>
                {head.trim_start_matches('#')}
            </th>
        }
    });
    let cell = move |(n, cell): (usize, AnyView)| {
        if n == 0 {
            view! { <th scope="row">{cell}</th> }.into_any()
        } else {
            view! { <td class=number(n)>{cell}</td> }.into_any()
        }
    };
    let row = move |cells: Cells| view! { <tr>{cells.into_iter().enumerate().map(cell).collect_view()}</tr> };
    view! {
        <div class="card scroll" role="region" aria-label=caption tabindex="0">
            <table>
                <caption class="sr-only">{caption}</caption>
                <thead>
                    <tr>{head.collect_view()}</tr>
                </thead>
                <tbody>{rows.into_iter().map(row).collect_view()}</tbody>
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

pub fn amount(credits: Credits) -> AnyView {
    view! { <Amount credits /> }.into_any()
}

pub fn code(text: impl Into<String>) -> AnyView {
    let text: String = text.into();
    view! { <code>{text}</code> }.into_any()
}

pub fn text(text: impl Into<String>) -> AnyView {
    let text: String = text.into();
    text.into_any()
}

pub fn badge(badge: Badge) -> AnyView {
    view! { <BadgeText badge /> }.into_any()
}

pub fn customer_link(id: &str) -> AnyView {
    let id = id.to_owned();
    view! { <a href=format!("/operator/customers/{id}")>{id.clone()}</a> }.into_any()
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
