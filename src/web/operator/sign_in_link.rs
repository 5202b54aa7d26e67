//! "Copy a sign-in link": an operator makes a one-time link to a customer's pages, which the next page shows once.
//!
//! The link's token is made of the form's key and of the operator's session, so that it stands in no address and in no
//! table; a cookie has the key for the next page.

use crate::usecases::access::links::{self, Role};
use crate::usecases::access::tokens::token_hash;
use crate::usecases::operators::actions::{self, ActionOutcome, ActionRequest};
use crate::usecases::operators::search::NamedCustomer;
use crate::usecases::operators::sign_in::Operator;
use crate::usecases::{App, InternalError};
use crate::web::cookies::Cookie;
use crate::web::form_signature::keyed;
use crate::web::request_context::RequestContext;
use crate::web::ui::copy::CopyButton;
use crate::web::ui::dates::{When, Zone};
use hmac::Mac;
use leptos::prelude::*;

/// How long the next page can show a new link.
const SHOWN_SECONDS: i64 = 120;

/// Makes the link of a form that was sent.
pub async fn make(
    app: &App,
    action: ActionRequest,
    operator: &Operator,
    customer: &str,
    role: &str,
) -> Result<ActionOutcome, InternalError> {
    let Some(role) = Role::from_name(role) else { return Ok(ActionOutcome::BadInput) };
    let hash = token_hash(&token(app, operator, &action.key.to_string()));
    actions::make_sign_in_link(app, action, customer, role, hash).await
}

/// Remembers the form for the next page.
pub fn remember(request: &RequestContext, key: &str) {
    request.set_cookie(Cookie::OperatorLink, key, SHOWN_SECONDS);
}

fn token(app: &App, operator: &Operator, key: &str) -> String {
    let mut code = keyed(&app.settings.form_secret);
    code.update(b"topup operator sign-in link 1\0");
    code.update(&operator.session);
    code.update(key.as_bytes());
    hex::encode(code.finalize().into_bytes())
}

/// The link that the last form made, while it works. Its cookie is cleared, so that it is shown once.
pub async fn made(request: &RequestContext, customer: &NamedCustomer) -> Result<Option<AnyView>, InternalError> {
    let Some(key) = request.cookie(Cookie::OperatorLink) else { return Ok(None) };
    request.clear_cookie(Cookie::OperatorLink);
    let Some(operator) = request.operator().await? else { return Ok(None) };
    let token = token(&request.app, &operator, &key);
    let found = links::unused(&request.app, &token).await?.filter(|link| link.customer_no == customer.no);
    Ok(found.map(|link| {
        let url = format!("{}/sign-in/{token}", request.app.settings.public_url);
        let who = format!(
            " You won't be able to see it again. It works once, as {} of {}, until ",
            link.role.name(),
            customer.name
        );
        view! {
            <div class="notice good" role="status">
                <p>
                    <strong>"Copy the sign-in link now."</strong>
                    {who}
                    <When moment=Zone::UTC.full(link.expires_at) />
                    "."
                    <code class="secret">{url.clone()}</code>
                </p>
                <CopyButton text=url about="the sign-in link" />
            </div>
        }
        .into_any()
    }))
}
