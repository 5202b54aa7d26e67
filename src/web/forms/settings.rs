//! What is changed on Settings: members, devices, the time zone, API keys. Each goes back to the page with a code.

use crate::domain::{Credits, KeyId, Role};
use crate::usecases::access::portal::Viewer;
use crate::usecases::access::sessions;
use crate::usecases::customers::{api_keys, members};
use crate::usecases::notify::emails::unsubscribe;
use crate::usecases::{InternalError, customers};
use crate::web::cookies::Cookie;
use crate::web::forms::broken;
use crate::web::request_context::RequestContext;
use crate::web::seal;
use crate::web::view::SettingsOutcome as Outcome;
use leptos::prelude::ServerFnError;

/// How long the page that follows can show a new key.
const NEW_KEY_SECONDS: i64 = 120;

/// The most that a mark may be (R1).
const LOW_BALANCE_MAX: Credits = Credits::whole(1_000_000_000);

/// What every form of the page does: finds out who sends it, acts, goes back and says how it came out.
async fn settled<F>(what: &'static str, act: impl FnOnce(RequestContext, Viewer) -> F) -> Result<String, ServerFnError>
where
    F: Future<Output = Result<Outcome, InternalError>>,
{
    let visit = RequestContext::current();
    let viewer = visit.viewer().await.map_err(|fault| broken(what, &fault))?;
    let Some(viewer) = viewer else {
        visit.redirect("/sign-in");
        return Ok("sign_in".to_owned());
    };
    let outcome = act(visit.clone(), viewer).await.map_err(|fault| broken(what, &fault))?;
    visit.redirect(&outcome.page());
    Ok(outcome.code().to_owned())
}

fn of_member(changed: members::Changed, done: Outcome) -> Outcome {
    use members::Changed as C;
    match changed {
        C::Done => done,
        C::NotAllowed => Outcome::NotAllowed,
        C::BadAddress => Outcome::BadAddress,
        C::Already => Outcome::AlreadyMember,
        C::Unknown => Outcome::UnknownMember,
        C::LastOwner => Outcome::LastOwner,
        C::TooMany => Outcome::TooManyMembers,
    }
}

fn of_key(changed: api_keys::Changed, done: Outcome) -> Outcome {
    use api_keys::Changed as C;
    match changed {
        C::Done => done,
        C::NotAllowed => Outcome::NotAllowed,
        C::BadName => Outcome::BadKeyName,
        C::TooMany => Outcome::TooManyKeys,
        C::Unknown => Outcome::UnknownKey,
    }
}

/// Makes somebody a member.
///
/// # Errors
/// A fault, its cause in the log.
pub async fn invite(email: &str, role: &str) -> Result<String, ServerFnError> {
    let Some(role) = Role::from_name(role) else { return stale().await };
    let act = |visit: RequestContext, viewer: Viewer| async move {
        let changed = members::invite(&visit.app, &viewer, email, role).await?;
        let done = if visit.app.mailer.is_off() { Outcome::Added } else { Outcome::Invited };
        Ok(of_member(changed, done))
    };
    settled("invite member", act).await
}

/// Changes what a member may do.
///
/// # Errors
/// A fault, its cause in the log.
pub async fn change_role(email: &str, role: &str) -> Result<String, ServerFnError> {
    let Some(role) = Role::from_name(role) else { return stale().await };
    let act = |visit: RequestContext, viewer: Viewer| async move {
        let changed = members::change_role(&visit.app, &viewer, email, role).await?;
        Ok(of_member(changed, Outcome::RoleChanged))
    };
    settled("change role", act).await
}

/// Removes a member.
///
/// # Errors
/// A fault, its cause in the log.
pub async fn remove_member(email: &str) -> Result<String, ServerFnError> {
    let act = |visit: RequestContext, viewer: Viewer| async move {
        Ok(of_member(members::remove(&visit.app, &viewer, email).await?, Outcome::MemberRemoved))
    };
    settled("remove member", act).await
}

/// Signs one device out.
///
/// # Errors
/// A fault, its cause in the log.
pub async fn end_session(id: &str) -> Result<String, ServerFnError> {
    let act = |visit: RequestContext, viewer: Viewer| async move {
        let ended = sessions::revoke(&visit.app, &viewer, id).await?;
        Ok(if ended { Outcome::SignedOut } else { Outcome::UnknownDevice })
    };
    settled("sign a device out", act).await
}

/// Signs the same person's other devices out.
///
/// # Errors
/// A fault, its cause in the log.
pub async fn end_other_sessions() -> Result<String, ServerFnError> {
    let act = |visit: RequestContext, viewer: Viewer| async move {
        sessions::revoke_others(&visit.app, &viewer).await?;
        Ok(Outcome::OthersSignedOut)
    };
    settled("sign other devices out", act).await
}

/// Chooses the zone that dates are read in.
///
/// # Errors
/// A fault, its cause in the log.
pub async fn set_time_zone(zone: &str) -> Result<String, ServerFnError> {
    let act = |visit: RequestContext, viewer: Viewer| async move {
        let Ok(zone) = zone.parse() else { return Ok(Outcome::BadZone) };
        let changed = customers::set_timezone(&visit.app, &viewer, zone).await?;
        Ok(if changed { Outcome::ZoneChanged } else { Outcome::NotAllowed })
    };
    settled("time zone", act).await
}

/// Sets from how much on little is left.
///
/// # Errors
/// A fault, its cause in the log.
pub async fn set_low_balance(credits: &str) -> Result<String, ServerFnError> {
    let to = match credits.trim() {
        "" => Ok(None),
        text => Credits::parse(text).map(Some),
    };
    let to = to.ok().filter(|to| to.is_none_or(|to| to.is_positive() && to <= LOW_BALANCE_MAX));
    let act = |visit: RequestContext, viewer: Viewer| async move {
        let Some(to) = to else { return Ok(Outcome::BadLowBalance) };
        let changed = unsubscribe::choose_low_balance(&visit.app, &viewer, to).await?;
        Ok(if changed { Outcome::LowBalanceSet } else { Outcome::NotAllowed })
    };
    settled("low balance", act).await
}

/// Switches the reader's own mails on or off.
///
/// # Errors
/// A fault, its cause in the log.
pub async fn set_mails(mails: &str) -> Result<String, ServerFnError> {
    let (on, done) = match mails {
        "on" => (true, Outcome::MailsOn),
        "off" => (false, Outcome::MailsOff),
        _ => return stale().await,
    };
    let act = |visit: RequestContext, viewer: Viewer| async move {
        let changed = unsubscribe::choose_alerts(&visit.app, &viewer, on).await?;
        Ok(if changed { done } else { Outcome::NotAllowed })
    };
    settled("own mails", act).await
}

/// Makes an API key. The page that follows shows it once, by the seed in the cookie.
///
/// # Errors
/// A fault, its cause in the log.
pub async fn make_key(name: &str, seed: &str) -> Result<String, ServerFnError> {
    let act = |visit: RequestContext, viewer: Viewer| async move {
        let secret = &visit.app.settings.form_secret;
        let Some(key) = seal::api_key(secret, &viewer, seed) else { return Ok(Outcome::FormStale) };
        let changed = api_keys::make_own(&visit.app, &viewer, name, &key).await?;
        if changed == api_keys::Changed::Done {
            visit.set_cookie(Cookie::NewKey, seed, NEW_KEY_SECONDS);
        }
        Ok(of_key(changed, Outcome::KeyMade))
    };
    settled("make key", act).await
}

/// Revokes an API key.
///
/// # Errors
/// A fault, its cause in the log.
pub async fn revoke_key(id: &str) -> Result<String, ServerFnError> {
    let act = |visit: RequestContext, viewer: Viewer| async move {
        let Some(id) = KeyId::parse(id) else { return Ok(Outcome::UnknownKey) };
        Ok(of_key(api_keys::revoke(&visit.app, &viewer, id).await?, Outcome::KeyRevoked))
    };
    settled("revoke key", act).await
}

/// A form that no page of ours has drawn.
async fn stale() -> Result<String, ServerFnError> {
    settled("settings", |_, _| async { Ok(Outcome::FormStale) }).await
}
