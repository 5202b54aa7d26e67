//! Usages: one charge, many charges at once, the list, the void.

mod batch;
pub mod charge;
mod void;

use crate::usecases::App;
use axum::Router;

pub fn routes() -> Router<App> {
    Router::new().merge(charge::routes()).merge(batch::routes()).merge(void::routes())
}
