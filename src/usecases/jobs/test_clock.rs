//! Moving the test clock, step by step: every job due by then has run at its own due instant.

use crate::args;
use crate::domain::Instant;
use crate::usecases::jobs::list;
use crate::usecases::{App, InternalError};

/// The clock is never moved backwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backwards;

/// Moves the clock to `target`.
///
/// # Errors
/// [`InternalError`] of the database. What another machine's fault is (Stripe's, the mail server's) does not stop the
/// clock: such a job is tried again at its next instant.
pub async fn advance_clock(app: &App, target: Instant) -> Result<Result<(), Backwards>, InternalError> {
    app.clock.refresh(&app.store).await?;
    if target < app.clock.now() {
        return Ok(Err(Backwards));
    }
    loop {
        run_jobs(app).await?;
        let next = list::next_job_due(app).await?.filter(|next| *next < target);
        set_clock(app, next.unwrap_or(target)).await?;
        if next.is_none() {
            run_jobs(app).await?;
            return Ok(Ok(()));
        }
    }
}

/// All that is due at this instant.
async fn run_jobs(app: &App) -> Result<(), InternalError> {
    list::run_each(app, |_| true).await
}

async fn set_clock(app: &App, to: Instant) -> Result<(), InternalError> {
    app.write(move |tx| {
        Box::pin(async move {
            tx.db.execute("update test_clock set now = $1 where id = 1 and now < $1", args![to]).await?;
            Ok(())
        })
    })
    .await?;
    app.clock.refresh(&app.store).await?;
    Ok(())
}
