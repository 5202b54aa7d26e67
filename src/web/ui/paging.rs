//! Links between the pages of a long list.

use leptos::prelude::*;

/// Rows of a page, once a list is shown page by page.
pub const PAGE_ROWS: usize = 50;

/// `Page 2 of 3 · Previous · Next`
#[component]
pub fn PageLinks(list: &'static str, anchor: &'static str, page: usize, pages: usize) -> impl IntoView {
    let link = |to: usize, label: &'static str| {
        let href = format!("/billing?{list}=all&page={to}#{anchor}");
        view! {
            <a href=href>{label}</a>
            " · "
        }
    };
    (pages > 1).then(|| {
        view! {
            {format!("Page {page} of {pages} · ")}
            {(page > 1).then(|| link(page - 1, "Previous"))}
            {(page < pages).then(|| link(page + 1, "Next"))}
        }
    })
}
