//! Moving the test clock, step by step: every job due by then has run at its own due instant.

use super::{Fault, Services, flat, outbox};
use crate::args;
use crate::domain::Instant;

/// The clock is never moved backwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backwards;

/// Moves the clock to `target`.
///
/// # Errors
/// [`Fault`].
pub async fn advance(services: &Services, target: Instant) -> Result<Result<(), Backwards>, Fault> {
    services.clock.refresh(&services.store).await?;
    if target < services.clock.now() {
        return Ok(Err(Backwards));
    }
    let never = tokio_util::sync::CancellationToken::new();
    loop {
        crate::jobs::run_due(services).await?;
        outbox::send_due(services, &never).await?;
        let next = crate::jobs::next_due(services).await?.filter(|next| *next < target);
        set(services, next.unwrap_or(target)).await?;
        if next.is_none() {
            crate::jobs::run_due(services).await?;
            outbox::send_due(services, &never).await?;
            return Ok(Ok(()));
        }
    }
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
