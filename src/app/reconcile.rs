//! `topup reconcile`: every difference between Stripe and the ledger, and its repair. Runs beside `serve`.

use crate::app::{Failure, Variant, read_catalog, services_on};
use crate::config::{ReconcileSettings, listen};
use crate::usecases::App;
use crate::usecases::stripe_sync::reconcile;
use crate::usecases::stripe_sync::reconcile::Difference;
use chrono::TimeDelta;
use std::sync::Arc;

/// What is compared where nobody says since when: as long as Stripe keeps its events.
const DAYS: i64 = 30;

/// `topup reconcile`.
///
/// # Errors
/// [`Failure`]; also where a difference is left.
pub async fn run(asked: &ReconcileSettings) -> Result<(), Failure> {
    let settings = &asked.settings;
    settings.check_values(false)?;
    let since = match asked.since.as_deref() {
        None => None,
        Some(text) => Some(day(text)?),
    };
    let catalog = Arc::new(read_catalog(&settings.database.catalog)?);
    let store = super::open_existing(&settings.database).await?;
    let public_url = settings.public_url.clone().unwrap_or_else(|| listen::url(settings.listen));
    let (app, engine) = services_on(settings, Variant::default(), store.clone(), catalog, public_url).await?;
    let since = since.unwrap_or_else(|| app.clock.now() - TimeDelta::days(DAYS));
    let left = compare(&app, since, asked.repair).await;
    drop(app);
    engine.await.map_err(|e| Failure::Failed(e.to_string()))?;
    store.close().await;
    match left?.len() {
        0 => Ok(()),
        1 => Err(Failure::Failed("1 difference".to_owned())),
        n => Err(Failure::Failed(format!("{n} differences"))),
    }
}

async fn compare(app: &App, since: crate::domain::Instant, repair: bool) -> Result<Vec<Difference>, Failure> {
    let stopped = |e: reconcile::Stopped| Failure::Failed(e.to_string());
    let found = reconcile::compare(app, since).await.map_err(stopped)?;
    found.iter().for_each(|one| println!("{one}"));
    if found.is_empty() {
        println!("no difference since {}", since.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
    }
    if !repair || found.is_empty() {
        return Ok(found);
    }
    reconcile::repair(app, &found).await?;
    let left = reconcile::compare(app, since).await.map_err(stopped)?;
    println!("{} repaired, {} left", found.len() - left.len().min(found.len()), left.len());
    Ok(left)
}

/// A day, or an instant.
fn day(text: &str) -> Result<crate::domain::Instant, Failure> {
    let midnight = || format!("{text}T00:00:00Z").parse().ok();
    let bad = || Failure::Setting(format!("--since: {text:?} is neither a day as 2026-11-23 nor an instant"));
    text.parse().ok().or_else(midnight).ok_or_else(bad)
}
