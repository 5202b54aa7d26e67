//! `HOOK_URL`, `HOOK_SECRETS`: where the SaaS's backend is told, and what messages are signed with. Both or neither.

use crate::config::{BadSetting, Settings, bad};
use crate::webhooks;
use crate::webhooks::{Hook, HookSecret};

impl Settings {
    /// The address that messages go to, where there is one.
    ///
    /// # Errors
    /// The first setting that is missing, empty or malformed.
    pub fn hook(&self) -> Result<Option<Hook>, BadSetting> {
        let Some(url) = &self.hook_url else {
            return if self.hook_secrets.is_empty() {
                Ok(None)
            } else {
                bad("HOOK_URL", "is missing, while HOOK_SECRETS is there")
            };
        };
        let url = webhooks::address(url).map_err(|reason| BadSetting { name: "HOOK_URL", reason })?;
        if self.hook_secrets.is_empty() {
            return bad(
                "HOOK_SECRETS",
                "is missing, while HOOK_URL is there: make one by `echo whsec_$(openssl rand -base64 32)`",
            );
        }
        let secrets = self.hook_secrets.iter().map(|text| HookSecret::parse(text)).collect::<Result<Vec<_>, _>>();
        let secrets = secrets.map_err(|reason| BadSetting { name: "HOOK_SECRETS", reason })?;
        Ok(Some(Hook::new(url, secrets)))
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::refusal;

    #[test]
    fn an_address_needs_a_secret_and_a_secret_an_address() {
        let check = |args: &[&str], wrong: Option<&str>| {
            assert_eq!(refusal(args).as_deref(), wrong, "{args:?}");
        };
        let (url, secret) = ("https://api.gleaner.example/hooks", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let both = format!("{secret},whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX");
        check(&[], None);
        check(&["--hook-url", url, "--hook-secrets", secret], None);
        check(&["--hook-url", url, "--hook-secrets", &both], None);
        check(&["--hook-url", url], Some("HOOK_SECRETS"));
        check(&["--hook-secrets", secret], Some("HOOK_URL"));
        check(&["--hook-url", "", "--hook-secrets", secret], Some("HOOK_URL"));
        check(&["--hook-url", url, "--hook-secrets", ""], Some("HOOK_SECRETS"));
        check(&["--hook-url", url, "--hook-secrets", &format!("{secret},")], Some("HOOK_SECRETS"));
    }
}
