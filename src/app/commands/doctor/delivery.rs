//! Email and outgoing webhooks.

use crate::app::commands::doctor::report::Report;
use crate::domain::Catalog;
use crate::settings::Settings;

/// Checks the webhook settings. It sends nothing; `topup hooks test` does.
pub fn check_webhook(report: &mut Report, settings: &Settings) {
    match (settings.hook(), settings.hook_url.as_deref()) {
        (Ok(None), _) => report.note("hook", "HOOK_URL is not set: your backend is not told when somebody has paid"),
        (Ok(Some(_)), Some(url)) if url.starts_with("http://") && !url.starts_with("http://127.0.0.1") => report.note(
            "hook",
            "HOOK_URL is http://: signed, and readable by whoever is in between. Within one network that may be meant",
        ),
        (Ok(Some(_)), _) => report.good("hook", "is set; `topup hooks test` sends a message"),
        // Reported under `settings`.
        (Err(_), _) => {}
    }
}

/// Connects to the email server.
pub async fn check_email(report: &mut Report, settings: &Settings, catalog: &Catalog) {
    match settings.mailer(&catalog.shop, false) {
        Err(bad) => report.wrong("mail", bad),
        Ok(mailer) if mailer.is_off() => report.note(
            "mail",
            if catalog.rules.require_notice {
                "SMTP_URL and MAIL_DIR are not set: nobody can sign in by mail, and with require_notice no top-up expires"
            } else {
                "SMTP_URL and MAIL_DIR are not set: mails wait in the outbox, and nobody can sign in by mail"
            },
        ),
        Ok(mailer) => match mailer.test().await {
            Ok(()) => report.good("mail", "would be taken"),
            Err(reason) => report.wrong("mail", format!("{reason}: check SMTP_URL")),
        },
    }
}
