//! The standby of `READ_DATABASE_URL`: asked once a second, with an alarm while it will not do.

use crate::usecases::alarms::{end_alarm, raise_alarm};
use crate::usecases::app::StandbyFault;
use crate::usecases::{App, InternalError};
use std::time::Duration;
use tokio::time::Instant as Moment;
use tokio_util::sync::CancellationToken;

/// Time between two questions.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// How long the standby may fail before a person is told.
const PATIENCE: Duration = Duration::from_secs(60);
/// The kind and the subject of the alarm.
const ALARM: (&str, &str) = ("standby", "READ_DATABASE_URL");

/// How the standby was so far.
pub struct StandbyWatch {
    patience: Duration,
    failing_since: Option<Moment>,
    /// No alarm is open; one of an earlier process may be.
    is_quiet: bool,
    is_announced: bool,
}

/// Asks until `stop`; nothing without a standby.
pub async fn follow_standby(app: App, stop: CancellationToken) {
    if !app.read_store.is_set() {
        return;
    }
    let mut watch = StandbyWatch::new(PATIENCE);
    let asks = async {
        loop {
            if let Err(fault) = ask_standby(&app, &mut watch).await {
                tracing::warn!(error = %fault, "an alarm about the standby could not be written");
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    };
    let _stopped: Option<()> = stop.run_until_cancelled(asks).await;
}

/// Asks both servers where they are, once.
///
/// # Errors
/// The alarm could not be written or ended.
pub async fn ask_standby(app: &App, watch: &mut StandbyWatch) -> Result<(), InternalError> {
    let (at, taken) = (app.clock.now(), Moment::now());
    match app.store.place().await {
        Ok(place) => app.read_store.learn(place, at, taken),
        Err(error) => tracing::warn!(error = %error, "the primary did not say how far its log is"),
    }
    let fault = app.read_store.ask().await.err();
    if fault.is_some() != watch.failing_since.is_some() {
        match &fault {
            Some(fault) => tracing::warn!(error = %fault, "the standby of READ_DATABASE_URL is not read from"),
            None => tracing::info!("the standby of READ_DATABASE_URL is read from again"),
        }
    }
    watch.note(app, fault).await
}

impl StandbyWatch {
    /// Nothing is known yet.
    #[must_use]
    pub const fn new(patience: Duration) -> Self {
        Self { patience, failing_since: None, is_quiet: false, is_announced: false }
    }

    async fn note(&mut self, app: &App, fault: Option<StandbyFault>) -> Result<(), InternalError> {
        let (kind, subject) = ALARM;
        let Some(fault) = fault else {
            self.failing_since = None;
            if !self.is_quiet {
                app.write(move |tx| Box::pin(async move { Ok(end_alarm(tx, kind, subject).await?) })).await?;
                (self.is_quiet, self.is_announced) = (true, false);
            }
            return Ok(());
        };
        let since = *self.failing_since.get_or_insert_with(Moment::now);
        if !self.is_announced && since.elapsed() >= self.patience {
            let detail = format!("{fault}. History, Usage and files are read from DATABASE_URL meanwhile");
            app.write(move |tx| Box::pin(async move { Ok(raise_alarm(tx, kind, subject, &detail).await?) })).await?;
            (self.is_quiet, self.is_announced) = (false, true);
        }
        Ok(())
    }
}
