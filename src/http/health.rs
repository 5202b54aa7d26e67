//! `/healthz`: the process runs. `/readyz`: it can do its work, which is to read and to write.

use crate::http::problem::{Code, Problem};
use crate::usecases::{App, InternalError};
use axum::Router;
use axum::extract::State;
use axum::routing::get;

/// Routes.
pub fn routes() -> Router<App> {
    Router::new().route("/healthz", get(|| async { "ok" })).route("/readyz", get(ready))
}

/// Not ready where nothing can be read, where the last write failed and none has gone through since, and where the
/// clock is not followed.
async fn ready(State(app): State<App>) -> Result<&'static str, Problem> {
    let not_ready = |detail: &str| Err(Problem::new(Code::Overloaded, detail));
    if let Err(e) = app.store.try_read().await {
        tracing::warn!(error = %InternalError::from(e), "not ready");
        return not_ready("the database does not answer, or takes no writes");
    }
    if app.ledger.refuses_clock() {
        return not_ready("the clock is far ahead of the newest commit: set it, or run `topup clock accept`");
    }
    if app.ledger.failures() > 0 {
        return not_ready("the last write failed, and none has gone through since");
    }
    Ok("ok")
}
