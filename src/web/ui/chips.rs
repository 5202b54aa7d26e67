//! Links that switch something on or off.

use leptos::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chip {
    pub href: String,
    pub words: String,
    pub on: bool,
}

#[component]
pub fn Chips(chips: Vec<Chip>, label: &'static str) -> impl IntoView {
    let link = |chip: Chip| {
        view! {
            <a href=chip.href class="chip" aria-current=chip.on.then_some("true")>
                {chip.words}
            </a>
        }
    };
    view! {
        <nav class="chips" aria-label=label>
            {chips.into_iter().map(link).collect_view()}
        </nav>
    }
}
