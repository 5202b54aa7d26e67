//! `topup migrate`: brings the tables up to date.

use crate::app::build::opening;
use crate::app::failure::Failure;
use crate::settings::DatabaseSettings;
use crate::store::Store;
use crate::usecases::upkeep::backfill;

/// `topup migrate`.
///
/// # Errors
/// [`Failure`].
pub async fn run(settings: &DatabaseSettings) -> Result<(), Failure> {
    let store = Store::open_with(&settings.database_url, opening(settings)).await?;
    store.migrate().await?;
    backfill::run_backfill(&store).await?;
    println!("the tables are up to date");
    store.close().await;
    Ok(())
}
