//! A table of many columns: it scrolls sideways where the page is too narrow, and says its name.

use leptos::prelude::*;

/// A row's cells, the first its heading.
pub type Cells = Vec<AnyView>;

/// A table. `heads` are the columns' names; those that begin with `#` hold numbers.
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
