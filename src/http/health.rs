//! `/healthz`: the process runs. `/readyz`: it can do its work.

use super::problem::{Code, Problem};
use crate::usecases::{Fault, Services};
use axum::Router;
use axum::extract::State;
use axum::routing::get;

/// Routes.
pub fn routes() -> Router<Services> {
    Router::new().route("/healthz", get(|| async { "ok" })).route("/readyz", get(ready))
}

async fn ready(State(services): State<Services>) -> Result<&'static str, Problem> {
    let read = async { services.store.read().await?.one("select 1 as n from customers limit 1", Vec::new()).await };
    match read.await {
        Ok(_) => Ok("ok"),
        Err(e) => {
            tracing::warn!(error = %Fault::from(e), "not ready");
            Err(Problem::new(Code::Overloaded, "the database does not answer"))
        }
    }
}
