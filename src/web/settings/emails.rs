//! "Emails": the low-balance mark, and whether the viewer gets emails about it.

use crate::domain::Credits;
use crate::usecases::notify::emails::unsubscribe;
use crate::usecases::notify::emails::unsubscribe::AlertChoice;
use crate::web::low_mark;
use crate::web::low_mark::LowMarkChange;
use crate::web::settings::form::change_settings;
use crate::web::settings::outcome::{Card, Feedback, SettingsField, SettingsOutcome as Outcome};
use crate::web::ui::field::FieldError;
use crate::web::ui::form::Form;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

pub fn section(chosen: &AlertChoice, default: Credits, feedback: &Feedback, may_choose: bool) -> impl IntoView + use<> {
    let in_force = chosen.low_balance.unwrap_or(default);
    let mark = if may_choose {
        view! { <Mark in_force default_mark=default feedback=feedback.clone() /> }.into_any()
    } else {
        let text = format!("Owners and admins get an email when there are fewer than {}.", in_force.counted());
        view! { <p class="panel">{text}</p> }.into_any()
    };
    view! {
        <section aria-labelledby="emails">
            <h2 id="emails">"Emails"</h2>
            <div class="card list">
                {feedback.in_card(Card::Emails)} {mark} {chosen.alerts.map(|on| view! { <Own on /> })}
            </div>
            <p class="after">"Receipts and expiry reminders go to every owner and admin."</p>
        </section>
    }
}

/// The low-balance mark, with its field inside the sentence.
#[component]
fn Mark(in_force: Credits, default_mark: Credits, feedback: Feedback) -> impl IntoView {
    let error = feedback.error(SettingsField::LowBalance);
    let is_bad = error.is_some();
    let described = if is_bad { "low-balance-error low-balance-default" } else { "low-balance-default" };
    let value = feedback.value(SettingsField::LowBalance, in_force.to_string());
    view! {
        <Form class="panel" action=SetLowBalance::PATH label="Low balance">
            <label class="sentence">
                "Email me when I have fewer than "
                <input
                    name="credits"
                    inputmode="decimal"
                    maxlength="20"
                    autocomplete="off"
                    value=value
                    autofocus=is_bad
                    aria-invalid=is_bad.then_some("true")
                    aria-describedby=described
                /> " credits"
            </label>
            <button class="button">"Save" <span class="sr-only">" the low balance"</span></button>
            <p class="note" id="low-balance-default">
                {format!("Default: {}, a tenth of your plan", default_mark.grouped())}
            </p>
            {error.map(|error| view! { <FieldError id="low-balance-error" error /> })}
        </Form>
    }
}

/// The switch of the viewer's own emails.
#[component]
fn Own(on: bool) -> impl IntoView {
    let (state, to, label) = if on {
        ("You get low-balance emails.", "off", "Turn off")
    } else {
        ("You don't get low-balance emails.", "on", "Turn on")
    };
    view! {
        <Form class="panel" action=SetMails::PATH>
            <input type="hidden" name="mails" value=to />
            <span class="grow">{state}</span>
            <button class="button">{label} <span class="sr-only">" low-balance emails"</span></button>
        </Form>
    }
}

/// Sets the low-balance mark.
#[server(name = SetLowBalance, prefix = "/_fn", endpoint = "low-balance")]
pub async fn set_low_balance(credits: String) -> Result<String, ServerFnError> {
    change_settings(Card::Emails, "low balance", &credits.clone(), |request, viewer| async move {
        Ok(match low_mark::set_low_mark(&request.app, &viewer, &credits).await? {
            LowMarkChange::Set => Outcome::LowBalanceSet,
            LowMarkChange::Bad => Outcome::BadLowBalance,
            LowMarkChange::NotAllowed => Outcome::NotAllowed,
        })
    })
    .await
}

/// Switches the viewer's own emails about a low balance `on` or `off`.
#[server(name = SetMails, prefix = "/_fn", endpoint = "own-mails")]
pub async fn set_mails(mails: String) -> Result<String, ServerFnError> {
    change_settings(Card::Emails, "own mails", "", |request, viewer| async move {
        let (on, done) = match mails.as_str() {
            "on" => (true, Outcome::MailsOn),
            "off" => (false, Outcome::MailsOff),
            _ => return Ok(Outcome::FormStale),
        };
        let changed = unsubscribe::choose_alerts(&request.app, &viewer, on).await?;
        Ok(if changed { done } else { Outcome::NotAllowed })
    })
    .await
}
