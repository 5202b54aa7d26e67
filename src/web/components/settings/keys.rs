//! "API keys": what the customer's own programs read balance and usage with.

use crate::web::actions::{MakeApiKey, RevokeApiKey};
use crate::web::components::Form;
use crate::web::components::settings::About;
use crate::web::components::text::When;
use crate::web::view::settings::{KeyRow, KeysView};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// The region "API keys".
#[component]
pub fn Keys(keys: KeysView) -> impl IntoView {
    let may_change = keys.seed.is_some();
    let rows = if keys.rows.is_empty() {
        view! { <p class="card empty note">"No keys yet."</p> }.into_any()
    } else {
        let rows = keys.rows.into_iter().map(|row| view! { <Row row may_change /> }).collect_view();
        view! { <ul class="card rows">{rows}</ul> }.into_any()
    };
    view! {
        <section aria-labelledby="keys">
            <div class="heading">
                <h2 id="keys">"API keys"</h2>
                <p class="note">"Your own programs read balance and usage with a key."</p>
            </div>
            {rows}
            {keys.seed.map(|seed| view! { <Make seed /> })}
        </section>
    }
}

#[component]
fn Row(row: KeyRow, may_change: bool) -> impl IntoView {
    let used = match row.used {
        None => view! { "Never used" }.into_any(),
        Some(used) => view! { "Last used " <When moment=used /> }.into_any(),
    };
    let (name, id) = (row.name.clone(), row.id);
    let revoke = may_change.then(|| {
        view! {
            <details>
                <summary class="link">"Revoke" <About what=name.clone() /></summary>
                <Form class="panel" action=RevokeApiKey::PATH>
                    <input type="hidden" name="id" value=id />
                    <button class="button danger">"Revoke key" <About what=name /></button>
                    <span class="note">"Programs that send it are refused at once."</span>
                </Form>
            </details>
        }
    });
    view! {
        <li>
            <p>
                <strong>{row.name}</strong>
            </p>
            <p class="note">"Made " <When moment=row.since /> " · " {used}</p>
            {revoke}
        </li>
    }
}

#[component]
fn Make(seed: String) -> impl IntoView {
    view! {
        <Form class="panel" action=MakeApiKey::PATH label="Make a key">
            <input type="hidden" name="seed" value=seed />
            <label class="grow">
                "Name of a new key"
                <input name="name" required maxlength="100" autocomplete="off" placeholder="nightly report" />
            </label>
            <button class="button">"Make key"</button>
        </Form>
    }
}
