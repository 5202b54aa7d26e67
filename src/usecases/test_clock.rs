//! Moving the test clock, step by step: every job due by then has run at its own due instant.

use super::{Fault, Services, flat, jobs};
use crate::args;
use crate::domain::Instant;

/// The clock is never moved backwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backwards;

/// Moves the clock to `target`.
///
/// # Errors
/// [`Fault`] of the database. What another machine's fault is (Stripe's, the mail server's) does not stop the clock:
/// such a job is tried again at its next instant.
pub async fn advance(services: &Services, target: Instant) -> Result<Result<(), Backwards>, Fault> {
    services.clock.refresh(&services.store).await?;
    if target < services.clock.now() {
        return Ok(Err(Backwards));
    }
    loop {
        run(services).await?;
        let next = jobs::next_due(services).await?.filter(|next| *next < target);
        set(services, next.unwrap_or(target)).await?;
        if next.is_none() {
            run(services).await?;
            return Ok(Ok(()));
        }
    }
}

/// All that is due at this instant.
async fn run(services: &Services) -> Result<(), Fault> {
    jobs::run_each(services, |_| true).await
}

async fn set(services: &Services, to: Instant) -> Result<(), Fault> {
    flat(
        services
            .ledger
            .job(move |turn| {
                Box::pin(async move {
                    turn.link.run("update test_clock set now = $1 where id = 1 and now < $1", args![to]).await?;
                    Ok(())
                })
            })
            .await,
    )?;
    services.clock.refresh(&services.store).await?;
    Ok(())
}
