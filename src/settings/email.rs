//! `SMTP_URL`, `MAIL_FROM`, `MAIL_DIR`: a server with a sender, or a folder, or neither.

use crate::domain::catalog::Shop;
use crate::email;
use crate::email::{Mailer, Sender, Smtp, Transport};
use crate::settings::Settings;
use crate::settings::error::{BadSetting, bad};

impl Settings {
    /// Checks the email settings.
    pub(super) fn check_email(&self) -> Result<(), BadSetting> {
        self.transport().map(|_| ())
    }

    /// The email transport. `MAIL_DIR` goes before a server.
    fn transport(&self) -> Result<Transport, BadSetting> {
        let from = match self.mail_from.as_deref() {
            Some(text) => match email::mailbox(text, "") {
                Some(mailbox) => Some(mailbox),
                None => {
                    return bad(
                        "MAIL_FROM",
                        "must be a sender such as billing@example.com or Shop <billing@example.com>",
                    );
                }
            },
            None => None,
        };
        let smtp = self.smtp_url.as_deref().map(|url| {
            let hello = from.as_ref().map_or("localhost", |from| from.email.domain());
            Smtp::new(url, hello).map_err(|reason| BadSetting { name: "SMTP_URL", reason })
        });
        let smtp = smtp.transpose()?;
        match (&self.mail_dir, smtp) {
            (Some(folder), _) => Ok(Transport::Files(folder.clone())),
            (None, Some(_)) if from.is_none() => bad("MAIL_FROM", "is missing, but SMTP_URL is set"),
            (None, Some(smtp)) => Ok(Transport::Smtp(Box::new(smtp))),
            (None, None) if from.is_some() => bad("SMTP_URL", "is missing, but MAIL_FROM is set"),
            (None, None) => Ok(Transport::Off),
        }
    }

    /// The shop's mailer. By default, the demo writes its emails into a folder beside its database.
    ///
    /// # Errors
    /// The first invalid setting, or an invalid support address of the catalogue.
    pub fn mailer(&self, shop: &Shop, demo: bool) -> Result<Mailer, BadSetting> {
        let transport = match self.transport()? {
            Transport::Off if demo => self.demo_folder().map_or(Transport::Off, Transport::Files),
            transport => transport,
        };
        let Some(reply_to) = email::mailbox(&shop.support_email, &shop.name) else {
            return bad("CATALOG", format!("support_email {:?} is not an email address", shop.support_email));
        };
        let from = self.mail_from.as_deref().and_then(|text| email::mailbox(text, &shop.name));
        if let Transport::Files(folder) = &transport {
            std::fs::create_dir_all(folder)
                .map_err(|e| BadSetting { name: "MAIL_DIR", reason: format!("{}: {e}", folder.display()) })?;
        }
        Ok(Mailer::new(transport, Sender { from: from.unwrap_or_else(|| reply_to.clone()), reply_to }))
    }

    /// `demo-mails` beside `demo.db`.
    fn demo_folder(&self) -> Option<std::path::PathBuf> {
        let file = std::path::PathBuf::from(self.database.database_url.strip_prefix("sqlite://")?);
        let stem = file.file_stem()?.to_string_lossy().into_owned();
        Some(file.with_file_name(format!("{stem}-mails")))
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::tests::refusal;

    fn check(args: &[&str], bad: Option<&str>) {
        assert_eq!(refusal(args).as_deref(), bad, "{args:?}");
    }

    #[test]
    fn a_server_needs_a_sender_and_a_sender_a_server() {
        check(&[], None);
        check(&["--smtp-url", "smtp://127.0.0.1:25", "--mail-from", "billing@gleaner.example"], None);
        check(&["--smtp-url", "smtp://127.0.0.1:25", "--mail-from", "Gleaner <billing@gleaner.example>"], None);
        check(&["--mail-dir", "mails"], None);
        check(&["--mail-dir", "mails", "--mail-from", "billing@gleaner.example"], None);
        check(&["--smtp-url", "smtp://127.0.0.1:25"], Some("MAIL_FROM"));
        check(&["--mail-from", "billing@gleaner.example"], Some("SMTP_URL"));
        check(&["--smtp-url", "", "--mail-from", "billing@gleaner.example"], Some("SMTP_URL"));
        check(&["--smtp-url", "http://mail.example", "--mail-from", "billing@gleaner.example"], Some("SMTP_URL"));
        check(&["--smtp-url", "smtp://127.0.0.1:25", "--mail-from", ""], Some("MAIL_FROM"));
        check(&["--smtp-url", "smtp://127.0.0.1:25", "--mail-from", "nobody"], Some("MAIL_FROM"));
    }
}
