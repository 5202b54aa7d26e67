//! Email and outgoing webhooks.

use crate::app::commands::doctor::report::DoctorReport;
use crate::domain::Catalog;
use crate::settings::Settings;

/// Checks the webhook settings. It sends nothing; `topup hooks test` does.
pub fn check_webhook(report: &mut DoctorReport, settings: &Settings) {
    match (settings.hook(), settings.hook_url.as_deref()) {
        (Ok(None), _) => report.note("webhooks", "HOOK_URL is not set: your backend gets no webhooks"),
        (Ok(Some(_)), Some(url)) if url.starts_with("http://") && !url.starts_with("http://127.0.0.1") => report.note(
            "webhooks",
            "HOOK_URL is http://: webhooks are signed but not encrypted. Use it only within a private network",
        ),
        (Ok(Some(_)), _) => report.good("webhooks", "HOOK_URL is set; `topup hooks test` sends a message"),
        // Reported under `settings`.
        (Err(_), _) => {}
    }
}

/// Connects to the email server.
pub async fn check_email(report: &mut DoctorReport, settings: &Settings, catalog: &Catalog) {
    match settings.mailer(&catalog.shop, false) {
        Err(bad) => report.wrong("email", bad),
        Ok(mailer) if mailer.is_off() => report.note(
            "email",
            if catalog.rules.require_notice {
                "SMTP_URL and MAIL_DIR are not set: nobody can sign in by email, and with require_notice no top-up expires"
            } else {
                "SMTP_URL and MAIL_DIR are not set: emails wait in the outbox, and nobody can sign in by email"
            },
        ),
        Ok(mailer) => match mailer.test().await {
            Ok(()) => report.good("email", "the server accepts a connection"),
            Err(reason) => report.wrong("email", format!("{reason}: check SMTP_URL")),
        },
    }
}
