//! `/operator/keys`: scoped keys of the operator API. A new one is shown once.

use crate::usecases::InternalError;
use crate::usecases::operators::api_keys;
use crate::usecases::operators::api_keys::ScopedKey;
use crate::web::cookies::Cookie;
use crate::web::operator::action_form::{ActForm, Field};
use crate::web::operator::actions::Act;
use crate::web::operator::new_key::secret;
use crate::web::operator::page::{key, operator_page, outcome_notice};
use crate::web::operator::table::{Cells, Table, code, section, text, when};
use crate::web::request_context::RequestContext;
use crate::web::ui::copy::CopyButton;
use leptos::prelude::*;

const BACK: &str = "/operator/keys";
const SCOPES: &[(&str, &str)] = &[
    ("charge", "charge: usage, holds and balances"),
    ("read", "read: everything that only reads"),
    ("admin", "admin: everything"),
];

/// `/operator/keys`
#[component]
pub fn KeysPage() -> impl IntoView {
    operator_page(|request: RequestContext| async move {
        let made = made(&request).await?;
        let notice = made.or_else(|| outcome_notice(&request));
        let keys = api_keys::list_keys(&request.app).await?;
        Ok(("API keys".to_owned(), keys_page(&request, notice, keys)))
    })
}

/// The page's content.
pub fn keys_page(request: &RequestContext, notice: Option<AnyView>, keys: Vec<ScopedKey>) -> AnyView {
    let rows = keys.into_iter().map(|key| row(request, key)).collect();
    let heads = &["Created", "Name", "Scope", "ID", "Created by", "Last used", "Actions"];
    let list = view! { <Table caption="API keys" heads rows empty="No keys." /> };
    let fields = vec![Field::text("Name", ""), Field::choice("Scope", SCOPES)];
    view! {
        <h1>"API keys"</h1>
        <p class="note">
            "Your backend sends one of these keys, or one of OPERATOR_KEYS, which open everything. The last use is exact to the hour."
        </p>
        {notice}
        <ActForm act=Act::MakeKey about="keys" name="" key=key(request) back=BACK title="Create a key" button="Create key" fields />
        {section("keys", "Keys", list, None)}
    }
    .into_any()
}

fn row(request: &RequestContext, scoped: ScopedKey) -> Cells {
    let id = scoped.id.to_string();
    let revoke = view! { <ActForm act=Act::RevokeKey about=id.clone() name=scoped.name.clone() key=key(request) back=BACK title="Revoke" button="Revoke key" /> };
    vec![
        when(scoped.created_at),
        text(scoped.name),
        text(scoped.scope.name()),
        code(id),
        text(scoped.made_by),
        scoped.last_used_at.map_or_else(|| text("Never"), when),
        revoke.into_any(),
    ]
}

/// The key that the last form made. Its cookie is cleared, so that it is shown once.
async fn made(request: &RequestContext) -> Result<Option<AnyView>, InternalError> {
    let Some(form) = request.cookie(Cookie::OperatorLink) else { return Ok(None) };
    request.clear_cookie(Cookie::OperatorLink);
    let Some(operator) = request.operator().await? else { return Ok(None) };
    let secret = secret(&request.app, &operator, &form);
    let found = api_keys::find_key(&request.app, &secret).await?;
    Ok(found.map(|found| made_notice(&found, secret)))
}

pub fn made_notice(found: &ScopedKey, secret: String) -> AnyView {
    view! {
        <div class="notice good" role="status">
            <p>
                <strong>"Copy the key now."</strong>
                {format!(" You won't be able to see it again. {} has the scope {}.", found.name, found.scope.name())}
                <code class="secret">{secret.clone()}</code>
            </p>
            <CopyButton text=secret about="the new key" />
        </div>
    }
    .into_any()
}
