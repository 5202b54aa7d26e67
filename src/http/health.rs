//! `/healthz`: the process runs. `/readyz`: it can read and write.

use crate::http::request::code::Code;
use crate::http::request::problem::Problem;
use crate::usecases::{App, InternalError};
use axum::Router;
use axum::extract::State;
use axum::routing::get;

pub fn routes() -> Router<App> {
    Router::new().route("/healthz", get(|| async { "ok" })).route("/readyz", get(ready))
}

/// 503 if the process is stopping, if the database cannot be read, if the last write failed, or if the ledger refuses the clock.
async fn ready(State(app): State<App>) -> Result<&'static str, Problem> {
    let not_ready = |detail: &str| Err(Problem::new(Code::Overloaded, detail));
    if app.settings.leaving.is_cancelled() {
        return not_ready("The process is stopping. Send requests to another one");
    }
    if let Err(e) = app.store.try_read().await {
        tracing::warn!(error = %InternalError::from(e), "not ready");
        return not_ready("The database does not answer, or accepts no writes");
    }
    if app.ledger.refuses_clock() {
        return not_ready("The clock is far ahead of the newest commit. Set it, or run `topup clock accept`");
    }
    if app.ledger.failures() > 0 {
        return not_ready("The last write failed, and none has succeeded since");
    }
    Ok("ok")
}
