//! The key of the operator API that a form makes: of the form's key and the operator's session, as a sign-in link is, so
//! that the page can show it once and no table holds it.

use crate::usecases::app::Scope;
use crate::usecases::operators::actions::{self, ActionOutcome, ActionRequest};
use crate::usecases::operators::api_keys;
use crate::usecases::operators::sign_in::Operator;
use crate::usecases::{App, InternalError};
use crate::web::form_signature::keyed;
use hmac::Mac;

/// Makes the key of a form that was sent.
pub async fn make(
    app: &App,
    action: ActionRequest,
    operator: &Operator,
    name: &str,
    scope: &str,
) -> Result<ActionOutcome, InternalError> {
    let Some(scope) = Scope::from_name(scope) else { return Ok(ActionOutcome::BadInput) };
    let hash = api_keys::key_hash(&secret(app, operator, &action.key.to_string()));
    actions::make_key(app, action, name, scope, hash).await
}

/// The key that a form with this key makes in this session.
pub fn secret(app: &App, operator: &Operator, key: &str) -> String {
    let mut code = keyed(&app.settings.form_secret);
    code.update(b"topup operator api key 1\0");
    code.update(&operator.session);
    code.update(key.as_bytes());
    api_keys::key_of(&code.finalize().into_bytes().into())
}
