//! The worker: what happens because time passes. Each job is bounded and idempotent.
//!
//! Balances are right without it (R3): catch-up here only serves customers whom nobody writes to.

use crate::args;
use crate::domain::Instant;
use crate::usecases::{Fault, Services, flat, inbox, outbox, purchases};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How many customers one step of catch-up books.
const CATCH_UP_MAX: i64 = 200;
/// How often the worker looks.
const TICK: Duration = Duration::from_secs(5);

/// Runs the worker until it is told to stop. Mail has a loop of its own: a slow mail server holds up nothing else.
pub async fn run(services: Services, stop: CancellationToken) {
    tokio::join!(work(&services, &stop), mail(&services, &stop));
}

/// Sends what is due each tick, and at once when somebody waits for a mail.
async fn mail(services: &Services, stop: &CancellationToken) {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let due = async {
            tokio::select! {
                _ = tick.tick() => {}
                () = services.mailer.nudged() => {}
            }
        };
        if stop.run_until_cancelled(due).await.is_none() {
            return;
        }
        // Not cut off: a mail that the server took is marked, or it would be sent again.
        if let Err(e) = outbox::send_due(services, stop).await {
            tracing::error!(error = %e, "mails could not be sent; they are tried again");
        }
    }
}

async fn work(services: &Services, stop: &CancellationToken) {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        let work = async {
            services.clock.refresh(&services.store).await?;
            run_due(services).await?;
            inbox::sweep(services).await?;
            purchases::sweep(services).await
        };
        if let Some(Err(e)) = stop.run_until_cancelled(work).await {
            tracing::error!(error = %e, "a job failed; it is tried again");
        }
    }
}

/// Does all that is due by now and needs no network.
///
/// # Errors
/// [`Fault`].
pub async fn run_due(services: &Services) -> Result<(), Fault> {
    while catch_up(services).await? {}
    Ok(())
}

/// The next instant after now at which something is due.
///
/// # Errors
/// [`Fault`].
pub async fn next_due(services: &Services) -> Result<Option<Instant>, Fault> {
    let row = services.store.read().await?.one("select min(due_at) as due from accounts", Vec::new()).await?;
    let account = row.map(|row| row.opt_at("due")).transpose()?.flatten();
    Ok(account.into_iter().chain(outbox::next_due(services).await?).min())
}

/// Books what is due for some customers; says whether there may be more.
async fn catch_up(services: &Services) -> Result<bool, Fault> {
    let now = services.clock.now();
    let sql = "select customer_no from accounts where due_at <= $1 order by due_at limit $2";
    let rows = services.store.read().await?.all(sql, args![now, CATCH_UP_MAX]).await?;
    let nos = rows.iter().map(|row| row.int("customer_no")).collect::<Result<Vec<_>, _>>()?;
    let more = !nos.is_empty();
    flat(
        services
            .ledger
            .job(move |turn| {
                Box::pin(async move {
                    for no in nos {
                        turn.account(no).await?;
                    }
                    Ok(())
                })
            })
            .await,
    )?;
    Ok(more)
}
