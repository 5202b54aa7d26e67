//! Two kinds of links in a row: tabs, of which one is chosen, and switches, each on or off.

use leptos::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chip {
    pub href: String,
    pub words: String,
    pub on: bool,
}

/// One of these is chosen.
#[component]
pub fn Tabs(chips: Vec<Chip>, label: &'static str) -> impl IntoView {
    row(chips, label, "tabs", "tab")
}

/// Each of these is on or off; a check mark says which.
#[component]
pub fn Switches(chips: Vec<Chip>, label: &'static str) -> impl IntoView {
    row(chips, label, "chips", "chip")
}

fn row(chips: Vec<Chip>, label: &'static str, row: &'static str, each: &'static str) -> AnyView {
    let link = |chip: Chip| {
        view! {
            <a href=chip.href class=each aria-current=chip.on.then_some("true")>
                {chip.words}
            </a>
        }
    };
    view! {
        <nav class=row aria-label=label>
            {chips.into_iter().map(link).collect_view()}
        </nav>
    }
    .into_any()
}
