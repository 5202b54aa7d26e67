//! `SMTP_URL`, `MAIL_FROM`, `MAIL_DIR`: a server with a sender, or a folder instead, or neither.

use crate::config::{BadSetting, Settings, bad};
use crate::email;
use crate::email::{Mailer, Sender, Smtp, Transport};

impl Settings {
    /// Checks the settings of mail alone.
    pub(super) fn check_mail(&self) -> Result<(), BadSetting> {
        self.transport().map(|_| ())
    }

    /// How mail leaves. `MAIL_DIR` is instead of a server, also where both are there.
    fn transport(&self) -> Result<Transport, BadSetting> {
        let from = match self.mail_from.as_deref() {
            Some(text) => match email::mailbox(text, "") {
                Some(mailbox) => Some(mailbox),
                None => {
                    return bad("MAIL_FROM", "is no sender such as billing@example.com or Shop <billing@example.com>");
                }
            },
            None => None,
        };
        let smtp = match (self.smtp_url.as_deref(), &from) {
            (Some(url), from) => {
                let hello = from.as_ref().map_or("localhost", |from| from.email.domain());
                Some(Smtp::new(url, hello).map_err(|reason| BadSetting { name: "SMTP_URL", reason })?)
            }
            (None, _) => None,
        };
        match (&self.mail_dir, smtp) {
            (Some(folder), _) => Ok(Transport::Files(folder.clone())),
            (None, Some(_)) if from.is_none() => bad("MAIL_FROM", "is missing, while SMTP_URL is there"),
            (None, Some(smtp)) => Ok(Transport::Smtp(Box::new(smtp))),
            (None, None) if from.is_some() => bad("SMTP_URL", "is missing, while MAIL_FROM is there"),
            (None, None) => Ok(Transport::Off),
        }
    }

    /// The post office of a shop. The demo keeps its mails beside its database unless it is told where.
    ///
    /// # Errors
    /// The first setting that is empty or malformed, of the catalogue's support address too.
    pub fn mailer(&self, shop: &crate::domain::catalog::Shop, demo: bool) -> Result<Mailer, BadSetting> {
        let transport = match self.transport()? {
            Transport::Off if demo => self.demo_folder().map_or(Transport::Off, Transport::Files),
            transport => transport,
        };
        let Some(reply_to) = email::mailbox(&shop.support_email, &shop.name) else {
            return bad("CATALOG", format!("support_email {:?} is no address", shop.support_email));
        };
        let from = self.mail_from.as_deref().and_then(|text| email::mailbox(text, &shop.name));
        if let Transport::Files(folder) = &transport {
            std::fs::create_dir_all(folder)
                .map_err(|e| BadSetting { name: "MAIL_DIR", reason: format!("{}: {e}", folder.display()) })?;
        }
        Ok(Mailer::new(transport, Sender { from: from.unwrap_or_else(|| reply_to.clone()), reply_to }))
    }

    /// `demo.db` has `demo-mails`.
    fn demo_folder(&self) -> Option<std::path::PathBuf> {
        let file = std::path::PathBuf::from(self.database.database_url.strip_prefix("sqlite://")?);
        let stem = file.file_stem()?.to_string_lossy().into_owned();
        Some(file.with_file_name(format!("{stem}-mails")))
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::refusal;

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
