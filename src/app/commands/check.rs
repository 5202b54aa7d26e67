//! `topup check`: verifies the whole ledger.

use crate::app::build::open_existing;
use crate::app::failure::Failure;
use crate::settings::DatabaseSettings;
use crate::usecases::upkeep::check as ledger_check;

/// `topup check`.
///
/// # Errors
/// [`Failure`] with the first broken row.
pub async fn run(settings: &DatabaseSettings) -> Result<(), Failure> {
    let store = open_existing(settings).await?;
    let report = ledger_check::check_all(&store).await?;
    store.close().await;
    match report {
        Ok(summary) => {
            println!("{summary}");
            Ok(())
        }
        Err(broken) => Err(Failure::Failed(broken)),
    }
}
