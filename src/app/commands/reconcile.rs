//! `topup reconcile`: every difference between Stripe and the ledger, and its repair. Runs beside `serve`.

use crate::app::build::with_app;
use crate::app::failure::Failure;
use crate::domain::Instant;
use crate::settings::{Settings, values};
use crate::usecases::App;
use crate::usecases::stripe_sync::differences::Difference;
use crate::usecases::stripe_sync::reconcile;
use chrono::TimeDelta;
use clap::Args;

/// The arguments of `reconcile`.
#[derive(Args, Debug)]
pub struct ReconcileSettings {
    /// The first day or instant; by default 30 days ago
    #[arg(long, value_name = "DAY", value_parser = values::word())]
    pub since: Option<String>,
    /// Repair differences where possible
    #[arg(long)]
    pub repair: bool,
    /// The settings of `serve`.
    #[command(flatten)]
    pub settings: Settings,
}

/// The default of `--since`, in days: Stripe keeps events for 30 days.
const DAYS: i64 = 30;

/// `topup reconcile`.
///
/// # Errors
/// [`Failure`]; also if a difference is left.
pub async fn run(args: &ReconcileSettings) -> Result<(), Failure> {
    args.settings.check_values(false)?;
    let since = args.since.as_deref().map(parse_since).transpose()?;
    with_app(&args.settings, async |app| {
        let since = since.unwrap_or_else(|| app.clock.now() - TimeDelta::days(DAYS));
        match compare(&app, since, args.repair).await?.len() {
            0 => Ok(()),
            1 => Err(Failure::Failed("1 difference".to_owned())),
            n => Err(Failure::Failed(format!("{n} differences"))),
        }
    })
    .await
}

async fn compare(app: &App, since: Instant, repair: bool) -> Result<Vec<Difference>, Failure> {
    let stopped = |e: crate::usecases::stripe_sync::differences::Stopped| Failure::Failed(e.to_string());
    let found = reconcile::compare_with_stripe(app, since).await.map_err(stopped)?;
    found.iter().for_each(|one| println!("{one}"));
    if found.is_empty() {
        println!("no difference since {}", since.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
    }
    if !repair || found.is_empty() {
        return Ok(found);
    }
    reconcile::repair_differences(app, &found).await?;
    let left = reconcile::compare_with_stripe(app, since).await.map_err(stopped)?;
    println!("{} repaired, {} left", found.len() - left.len().min(found.len()), left.len());
    Ok(left)
}

/// Parses a day or an instant.
fn parse_since(text: &str) -> Result<Instant, Failure> {
    let midnight = || format!("{text}T00:00:00Z").parse().ok();
    let bad = || Failure::Setting(format!("--since: {text:?} is not a day such as 2026-11-23, nor an instant"));
    text.parse().ok().or_else(midnight).ok_or_else(bad)
}
