//! "API keys": the customer's own code reads balance and usage with them.
//!
//! A new key is made of a seed that its form brings: a form sent twice makes one key, and the next page shows it once
//! with nothing stored.

use crate::domain::KeyId;
use crate::usecases::InternalError;
use crate::usecases::access::links::Viewer;
use crate::usecases::customers::api_keys;
use crate::usecases::customers::api_keys::{KeyChange, KeySummary};
use crate::web::cookies::Cookie;
use crate::web::form_signature::keyed;
use crate::web::request_context::RequestContext;
use crate::web::settings::form::{About, change_settings};
use crate::web::settings::outcome::{Card, Feedback, SettingsField, SettingsOutcome as Outcome};
use crate::web::ui::copy::CopyButton;
use crate::web::ui::dates::{When, Zone};
use crate::web::ui::field::Field;
use crate::web::ui::form::Form;
use hmac::Mac;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// Bytes of a seed.
const SEED_BYTES: usize = 32;
/// How long the next page can show a new key.
const NEW_KEY_SECONDS: i64 = 120;

/// A key that was just made.
pub struct NewKey {
    pub name: String,
    pub key: String,
}

/// Random bytes, for the form and a short-lived cookie.
pub fn new_seed() -> Result<String, InternalError> {
    let mut seed = [0_u8; SEED_BYTES];
    getrandom::fill(&mut seed).map_err(|e| InternalError::Broken(format!("no random bytes: {e}")))?;
    Ok(hex::encode(seed))
}

/// The key that a seed becomes in this session; `None` if it is no seed.
fn api_key(secret: &[u8], viewer: &Viewer, seed: &str) -> Option<String> {
    let seed = hex::decode(seed).ok().filter(|seed| seed.len() == SEED_BYTES)?;
    let mut code = keyed(secret);
    code.update(b"topup api key 1\0");
    code.update(&viewer.customer_no.to_be_bytes());
    code.update(&viewer.session);
    code.update(&seed);
    Some(format!("tk_{}", hex::encode(code.finalize().into_bytes())))
}

/// The key that the last form made. Its cookie is cleared, so that it is shown once.
pub async fn new_key(request: &RequestContext, viewer: &Viewer) -> Result<Option<NewKey>, InternalError> {
    let Some(seed) = request.cookie(Cookie::NewKey) else { return Ok(None) };
    request.clear_cookie(Cookie::NewKey);
    let Some(key) = api_key(&request.app.settings.form_secret, viewer, &seed) else { return Ok(None) };
    let known = api_keys::find_made_key(&request.app, viewer.customer_no, &key).await?;
    Ok(known.filter(|_| viewer.role.may_manage()).map(|known| NewKey { name: known.name, key }))
}

#[component]
pub fn NewKeyBox(key: NewKey) -> impl IntoView {
    view! {
        <div>
            <div class="notice good" role="status">
            <p>
                <strong>"Copy your key now."</strong>
                " "
                {format!("You won't be able to see “{}” again.", key.name)}
                <code class="secret">{key.key.clone()}</code>
            </p>
            <CopyButton text=key.key about="the new key" />
            </div>
        </div>
    }
}

/// The section; with a seed the viewer may make and revoke keys.
pub fn section(
    keys: Vec<KeySummary>,
    seed: Option<String>,
    new_key: Option<NewKey>,
    feedback: &Feedback,
    zone: Zone,
) -> impl IntoView + use<> {
    let may_change = seed.is_some();
    let rows = if keys.is_empty() {
        view! { <p class="empty note">"No keys yet."</p> }.into_any()
    } else {
        let rows = keys.into_iter().map(|key| row(key, may_change, zone)).collect_view();
        view! { <ul class="rows">{rows}</ul> }.into_any()
    };
    view! {
        <section aria-labelledby="keys">
            <div class="heading">
                <h2 id="keys">"API keys"</h2>
                <p class="note">"Read your balance and usage from your own code."</p>
            </div>
            <div class="card list">
                {feedback.in_card(Card::Keys)} {new_key.map(|key| view! { <NewKeyBox key /> })} {rows} {seed.map(|seed| view! { <Make seed feedback=feedback.clone() /> })}
            </div>
        </section>
    }
}

fn row(key: KeySummary, may_change: bool, zone: Zone) -> impl IntoView {
    let used = match key.last_used_at {
        None => view! { "Never used" }.into_any(),
        Some(at) => view! { "Last used " <When moment=zone.minute(at) /> }.into_any(),
    };
    let (name, id) = (key.name.clone(), key.id.to_string());
    let revoke = may_change.then(|| {
        view! {
            <details>
                <summary class="link">"Revoke" <About what=name.clone() /></summary>
                <Form class="panel" action=RevokeApiKey::PATH>
                    <input type="hidden" name="id" value=id />
                    <button class="button danger">"Revoke key" <About what=name /></button>
                    <span class="note">"Requests with it are refused right away."</span>
                </Form>
            </details>
        }
    });
    view! {
        <li>
            <p>
                <strong>{key.name}</strong>
            </p>
            <p class="note">"Created " <When moment=zone.day(key.created_at) /> " · " {used}</p>
            {revoke}
        </li>
    }
}

#[component]
fn Make(seed: String, feedback: Feedback) -> impl IntoView {
    let (error, value) =
        (feedback.error(SettingsField::KeyName), feedback.value(SettingsField::KeyName, String::new()));
    view! {
        <Form class="panel" action=MakeApiKey::PATH label="Create a key">
            <input type="hidden" name="seed" value=seed />
            <Field label="Key name" name="name" id="key-name" value error maxlength=100 placeholder="nightly report" />
            <button class="button">"Create key"</button>
        </Form>
    }
}

/// Makes an API key of the form's seed. The next page shows it, by the seed in the cookie.
#[server(name = MakeApiKey, prefix = "/_fn", endpoint = "make-key")]
pub async fn make_api_key(name: String, seed: String) -> Result<String, ServerFnError> {
    change_settings(Card::Keys, "make key", &name.clone(), |request, viewer| async move {
        let secret = &request.app.settings.form_secret;
        let Some(key) = api_key(secret, &viewer, &seed) else { return Ok(Outcome::FormStale) };
        let changed = api_keys::create_own_api_key(&request.app, &viewer, &name, &key).await?;
        if changed == KeyChange::Done {
            request.set_cookie(Cookie::NewKey, &seed, NEW_KEY_SECONDS);
        }
        Ok(outcome(changed, Outcome::KeyMade))
    })
    .await
}

/// Revokes an API key.
#[server(name = RevokeApiKey, prefix = "/_fn", endpoint = "revoke-key")]
pub async fn revoke_api_key(id: String) -> Result<String, ServerFnError> {
    change_settings(Card::Keys, "revoke key", "", |request, viewer| async move {
        let Some(id) = KeyId::parse(&id) else { return Ok(Outcome::UnknownKey) };
        Ok(outcome(api_keys::revoke_key(&request.app, &viewer, id).await?, Outcome::KeyRevoked))
    })
    .await
}

fn outcome(changed: KeyChange, done: Outcome) -> Outcome {
    match changed {
        KeyChange::Done => done,
        KeyChange::NotAllowed => Outcome::NotAllowed,
        KeyChange::BadName => Outcome::BadKeyName,
        KeyChange::TooMany => Outcome::TooManyKeys,
        KeyChange::Unknown => Outcome::UnknownKey,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::form_signature::tests::viewer;

    #[test]
    fn a_seed_is_one_key_of_one_session() {
        let seed = "ab".repeat(SEED_BYTES);
        let key = api_key(b"secret", &viewer(1), &seed).expect("a key");
        assert!(key.starts_with("tk_") && key.len() == 67, "{key}");
        assert_eq!(api_key(b"secret", &viewer(1), &seed), Some(key.clone()));
        assert_ne!(api_key(b"secret", &viewer(2), &seed), Some(key.clone()));
        assert_ne!(api_key(b"other", &viewer(1), &seed), Some(key));
        for bad in ["", "ab", "no hex", &"ab".repeat(SEED_BYTES + 1)] {
            assert_eq!(api_key(b"secret", &viewer(1), bad), None, "{bad}");
        }
    }
}
