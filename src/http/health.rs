//! `/healthz`: the process runs. `/readyz`: it can do its work, which is to read and to write.

use super::problem::{Code, Problem};
use crate::usecases::{Fault, Services};
use axum::Router;
use axum::extract::State;
use axum::routing::get;

/// Routes.
pub fn routes() -> Router<Services> {
    Router::new().route("/healthz", get(|| async { "ok" })).route("/readyz", get(ready))
}

/// Not ready where nothing can be read, where the last write failed and none has gone through since, and where the
/// clock is not followed.
async fn ready(State(services): State<Services>) -> Result<&'static str, Problem> {
    let not_ready = |detail: &str| Err(Problem::new(Code::Overloaded, detail));
    if let Err(e) = services.store.try_read().await {
        tracing::warn!(error = %Fault::from(e), "not ready");
        return not_ready("the database does not answer, or takes no writes");
    }
    if services.ledger.refuses_clock() {
        return not_ready("the clock is far ahead of the newest commit: set it, or run `topup clock accept`");
    }
    if services.ledger.failures() > 0 {
        return not_ready("the last write failed, and none has gone through since");
    }
    Ok("ok")
}
