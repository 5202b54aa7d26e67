//! What is changed on Settings. Each answers with a code of `view::SettingsOutcome`.

use leptos::prelude::*;

/// Makes somebody a member; `role` is `owner`, `admin` or `viewer`.
///
/// # Errors
/// A fault only.
#[server(name = InviteMember, prefix = "/_fn", endpoint = "invite-member")]
pub async fn invite_member(email: String, role: String) -> Result<String, ServerFnError> {
    crate::web::forms::settings::invite(&email, &role).await
}

/// Changes what a member may do.
///
/// # Errors
/// A fault only.
#[server(name = ChangeRole, prefix = "/_fn", endpoint = "change-role")]
pub async fn change_role(email: String, role: String) -> Result<String, ServerFnError> {
    crate::web::forms::settings::change_role(&email, &role).await
}

/// Removes a member.
///
/// # Errors
/// A fault only.
#[server(name = RemoveMember, prefix = "/_fn", endpoint = "remove-member")]
pub async fn remove_member(email: String) -> Result<String, ServerFnError> {
    crate::web::forms::settings::remove_member(&email).await
}

/// Signs one device out, by the id that the list has.
///
/// # Errors
/// A fault only.
#[server(name = EndSession, prefix = "/_fn", endpoint = "sign-out-device")]
pub async fn end_session(id: String) -> Result<String, ServerFnError> {
    crate::web::forms::settings::end_session(&id).await
}

/// Signs the same person's other devices out.
///
/// # Errors
/// A fault only.
#[server(name = EndOtherSessions, prefix = "/_fn", endpoint = "sign-out-others")]
pub async fn end_other_sessions() -> Result<String, ServerFnError> {
    crate::web::forms::settings::end_other_sessions().await
}

/// Chooses the zone that dates are read in.
///
/// # Errors
/// A fault only.
#[server(name = SetTimeZone, prefix = "/_fn", endpoint = "time-zone")]
pub async fn set_time_zone(zone: String) -> Result<String, ServerFnError> {
    crate::web::forms::settings::set_time_zone(&zone).await
}

/// Sets from how much on little is left; nothing is a tenth of the plan's allowance.
///
/// # Errors
/// A fault only.
#[server(name = SetLowBalance, prefix = "/_fn", endpoint = "low-balance")]
pub async fn set_low_balance(credits: String) -> Result<String, ServerFnError> {
    crate::web::forms::settings::set_low_balance(&credits).await
}

/// Switches the reader's own mails about a low balance `on` or `off`.
///
/// # Errors
/// A fault only.
#[server(name = SetMails, prefix = "/_fn", endpoint = "own-mails")]
pub async fn set_mails(mails: String) -> Result<String, ServerFnError> {
    crate::web::forms::settings::set_mails(&mails).await
}

/// Makes an API key of the form's own seed: a form that is sent twice makes one.
///
/// # Errors
/// A fault only.
#[server(name = MakeApiKey, prefix = "/_fn", endpoint = "make-key")]
pub async fn make_api_key(name: String, seed: String) -> Result<String, ServerFnError> {
    crate::web::forms::settings::make_key(&name, &seed).await
}

/// Revokes an API key.
///
/// # Errors
/// A fault only.
#[server(name = RevokeApiKey, prefix = "/_fn", endpoint = "revoke-key")]
pub async fn revoke_api_key(id: String) -> Result<String, ServerFnError> {
    crate::web::forms::settings::revoke_key(&id).await
}

/// Where all of these are answered from.
pub const PATHS: [&str; 10] = {
    use leptos::server_fn::ServerFn;
    [
        InviteMember::PATH,
        ChangeRole::PATH,
        RemoveMember::PATH,
        EndSession::PATH,
        EndOtherSessions::PATH,
        SetTimeZone::PATH,
        SetLowBalance::PATH,
        SetMails::PATH,
        MakeApiKey::PATH,
        RevokeApiKey::PATH,
    ]
};
