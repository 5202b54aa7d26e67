//! `topup doctor`: checks settings, database, clock, worker, Stripe, email and webhooks, and names the next step for each
//! error. It changes nothing and may run beside `serve`.

mod checkout;
mod clock;
mod database;
mod delivery;
mod report;
pub mod stripe;
mod worker;

use crate::app::build::read_catalog;
use crate::app::commands::doctor::report::DoctorReport;
use crate::app::failure::Failure;
use crate::domain::Catalog;
use crate::settings::Settings;

/// `topup doctor`.
///
/// # Errors
/// [`Failure`] if anything is wrong.
pub async fn run(settings: &Settings) -> Result<(), Failure> {
    let mut report = DoctorReport::default();
    let checked = settings.check(false);
    match &checked {
        Ok(()) => report.good("settings", "are valid"),
        Err(bad) => report.wrong("settings", bad),
    }
    public_url(&mut report, settings);
    let catalog = read_catalog(&settings.database.catalog);
    match &catalog {
        Ok(catalog) => {
            let (plans, packages) = (catalog.plans.len(), catalog.packages.len());
            report.good("catalogue", format!("{plans} plans, {packages} packages"));
        }
        Err(failure) => report.wrong("catalogue", failure.text()),
    }
    database::check(&mut report, settings, catalog.as_ref().ok()).await;
    if checked.is_ok() {
        stripe::check(&mut report, settings, catalog.as_ref().is_ok_and(Catalog::sells_plans)).await;
    }
    if let Ok(catalog) = &catalog {
        checkout::catalog_limits(catalog).into_iter().for_each(|finding| report.add(finding));
        delivery::check_email(&mut report, settings, catalog).await;
    }
    delivery::check_webhook(&mut report, settings);
    match report.wrong {
        0 => Ok(()),
        1 => Err(Failure::Failed("1 thing is wrong".to_owned())),
        n => Err(Failure::Failed(format!("{n} things are wrong"))),
    }
}

fn public_url(report: &mut DoctorReport, settings: &Settings) {
    match &settings.public_url {
        Some(url) => report.good("PUBLIC_URL", url),
        None => report.note(
            "PUBLIC_URL",
            "is not set: links in emails and the return from Checkout lead to the LISTEN address. Set it \
             to the address that customers see",
        ),
    }
}
