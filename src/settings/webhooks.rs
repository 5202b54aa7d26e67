//! `HOOK_URL`, `HOOK_SECRETS`: the endpoint for outgoing webhooks, and the secrets that sign them. Both or neither.

use crate::settings::Settings;
use crate::settings::error::{BadSetting, bad};
use crate::webhooks;
use crate::webhooks::{Hook, HookSecret};

impl Settings {
    /// The endpoint for outgoing webhooks.
    ///
    /// # Errors
    /// Only one of the two settings, or an invalid one.
    pub fn hook(&self) -> Result<Option<Hook>, BadSetting> {
        let Some(url) = &self.hook_url else {
            return if self.hook_secrets.is_empty() {
                Ok(None)
            } else {
                bad("HOOK_URL", "is missing, but HOOK_SECRETS is set")
            };
        };
        let url = webhooks::address(url).map_err(|reason| BadSetting { name: "HOOK_URL", reason })?;
        if self.hook_secrets.is_empty() {
            return bad(
                "HOOK_SECRETS",
                "is missing, but HOOK_URL is set: create one with `echo whsec_$(openssl rand -base64 32)`",
            );
        }
        let secrets = self.hook_secrets.iter().map(|text| HookSecret::parse(text)).collect::<Result<Vec<_>, _>>();
        let secrets = secrets.map_err(|reason| BadSetting { name: "HOOK_SECRETS", reason })?;
        Ok(Some(Hook::new(url, secrets)))
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::tests::refusal;

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
