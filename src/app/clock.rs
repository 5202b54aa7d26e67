//! `topup clock accept`: a person says that the clock is right.

use crate::app::Failure;
use crate::clock::Clock;
use crate::config::ClockCommand;
use crate::domain::Instant;
use crate::store::db::DbError;
use crate::store::{Store, commits};
use crate::usecases::InternalError;
use chrono::SecondsFormat;

/// `topup clock …`.
///
/// # Errors
/// [`Failure`].
pub async fn run(command: &ClockCommand) -> Result<(), Failure> {
    let ClockCommand::Accept { database } = command;
    let store = super::open_existing(database).await?;
    let now = Clock::system().real();
    let said = accept(&store, now).await;
    store.close().await;
    println!("{}", said.map_err(InternalError::from)?);
    Ok(())
}

/// Nothing is noted of a clock that is followed anyway: it would only loosen the guard later.
async fn accept(store: &Store, now: Instant) -> Result<String, DbError> {
    let text = now.to_rfc3339_opts(SecondsFormat::Secs, true);
    if commits::clock_refusal(store, now).await?.is_none() {
        return Ok(format!("the clock says {text} and is followed; there is nothing to accept"));
    }
    let mut link = store.begin_turn().await?;
    commits::accept(&mut link, now).await?;
    link.commit().await?;
    Ok(format!("accepted: it is {text}. `topup serve` starts, and one that runs goes on"))
}

/// Refuses a clock that is far ahead of the newest commit; a test clock is moved by hand, and may be anywhere.
///
/// # Errors
/// [`Failure`], which says what to do.
pub(super) async fn check(store: &Store, clock: &Clock) -> Result<(), Failure> {
    if clock.is_test() {
        return Ok(());
    }
    let refusal = commits::clock_refusal(store, clock.real()).await.map_err(InternalError::from)?;
    refusal.map_or(Ok(()), |refusal| Err(Failure::Failed(refusal)))
}
