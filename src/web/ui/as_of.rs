//! The line of a page that may have been read from a standby.

use crate::domain::Instant;
use crate::web::ui::dates::{When, Zone};
use leptos::prelude::*;

/// `As of 12:04:31 CET`; nothing where no standby is set.
#[component]
pub fn AsOf(at: Option<Instant>, zone: Zone) -> impl IntoView {
    at.map(|at| {
        view! {
            <p class="note">"As of " <When moment=zone.second(at) /></p>
        }
    })
}
