//! Scoped keys of the operator API: made and revoked.

use crate::args;
use crate::domain::id::KeyId;
use crate::domain::text;
use crate::usecases::app::Scope;
use crate::usecases::operators::actions::request::{ActionOutcome, ActionRequest, AuditDetail, run_action_once};
use crate::usecases::operators::api_keys::{KEYS_MAX, NAME_MAX};
use crate::usecases::operators::audit::Action;
use crate::usecases::{App, InternalError};

/// Makes a key with this hash.
pub async fn make_key(
    app: &App,
    order: ActionRequest,
    name: &str,
    scope: Scope,
    hash: [u8; 32],
) -> Result<ActionOutcome, InternalError> {
    let name = name.trim().to_owned();
    if text::check_line(&name, NAME_MAX).is_err() {
        return Ok(ActionOutcome::BadInput);
    }
    let (id, by) = (KeyId(app.clock.mint()), order.operator.clone());
    run_action_once(app, order, move |tx| {
        Box::pin(async move {
            let sql = "select count(*) as n from scoped_keys where revoked_at is null";
            let living = tx.db.fetch_optional(sql, Vec::new()).await?.map_or(Ok(0), |row| row.int("n"))?;
            if living >= KEYS_MAX {
                return Ok(Err(ActionOutcome::LimitReached));
            }
            let now = tx.now();
            let sql = "insert into scoped_keys (id, name, scope, key_hash, made_by, created_at)
                values ($1, $2, $3, $4, $5, $6)";
            tx.db.execute(sql, args![id.bytes(), &name, scope.name(), hash, by, now]).await?;
            Ok(Ok(AuditDetail::new(Action::ApiKeyMade, None, id, format!("{name}, scope {}", scope.name()))))
        })
    })
    .await
}

/// Revokes a key: in this process at once, in others within seconds.
pub async fn revoke_key(app: &App, order: ActionRequest, id: KeyId) -> Result<ActionOutcome, InternalError> {
    let outcome = run_action_once(app, order, move |tx| {
        Box::pin(async move {
            let now = tx.now();
            let sql = "update scoped_keys set revoked_at = $1 where id = $2 and revoked_at is null";
            if tx.db.execute(sql, args![now, id.bytes()]).await? == 0 {
                return Ok(Err(ActionOutcome::Unknown));
            }
            let row = tx.db.fetch_optional("select name from scoped_keys where id = $1", args![id.bytes()]).await?;
            let name = row.map(|row| row.text("name")).transpose()?.unwrap_or_default();
            Ok(Ok(AuditDetail::new(Action::ApiKeyRevoked, None, id, name)))
        })
    })
    .await?;
    app.settings.scoped_keys.clear();
    Ok(outcome)
}
