//! "Mails": the low-balance mark, and whether the viewer gets emails about it.

use crate::domain::Credits;
use crate::usecases::notify::emails::unsubscribe;
use crate::usecases::notify::emails::unsubscribe::AlertChoice;
use crate::web::settings::form::change_settings;
use crate::web::settings::outcome::SettingsOutcome as Outcome;
use crate::web::ui::form::Form;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// The highest low-balance mark (R1).
const LOW_BALANCE_MAX: Credits = Credits::whole(1_000_000_000);

pub fn section(chosen: &AlertChoice, may_choose: bool) -> impl IntoView + use<> {
    let mark = if may_choose {
        view! { <Mark now=chosen.low_balance /> }.into_any()
    } else {
        let at = chosen.low_balance.map_or_else(|| "a tenth of the plan’s allowance".to_owned(), |at| at.grouped());
        view! { <p class="card">{format!("Running low at {at}")}</p> }.into_any()
    };
    view! {
        <section aria-labelledby="mails">
            <h2 id="mails">"Mails"</h2>
            {mark}
            {chosen.alerts.map(|on| view! { <Own on /> })}
            <p class="after">
                "With no number, running low is a tenth of the plan’s allowance. Receipts, and reminders that top-ups expire, come to every owner and admin."
            </p>
        </section>
    }
}

#[component]
fn Mark(now: Option<Credits>) -> impl IntoView {
    view! {
        <Form class="panel" action=SetLowBalance::PATH label="Running low">
            <label class="grow">
                "Running low at (credits)"
                <input
                    name="credits"
                    inputmode="decimal"
                    maxlength="20"
                    autocomplete="off"
                    value=now.map(|now| now.to_string())
                />
            </label>
            <button class="button">"Set" <span class="sr-only">" when credits are running low"</span></button>
        </Form>
    }
}

/// The switch of the viewer's own emails.
#[component]
fn Own(on: bool) -> impl IntoView {
    let (state, to, label) = if on {
        ("Mails about a low balance come to you.", "off", "Stop these mails")
    } else {
        ("Mails about a low balance do not come to you.", "on", "Send them again")
    };
    view! {
        <Form class="panel" action=SetMails::PATH>
            <input type="hidden" name="mails" value=to />
            <span class="grow">{state}</span>
            <button class="button">{label}</button>
        </Form>
    }
}

/// Sets the low-balance mark; empty is a tenth of the plan's allowance.
#[server(name = SetLowBalance, prefix = "/_fn", endpoint = "low-balance")]
pub async fn set_low_balance(credits: String) -> Result<String, ServerFnError> {
    change_settings("low balance", |request, viewer| async move {
        let to = match credits.trim() {
            "" => Ok(None),
            text => Credits::parse(text).map(Some),
        };
        let to = to.ok().filter(|to| to.is_none_or(|to| to.is_positive() && to <= LOW_BALANCE_MAX));
        let Some(to) = to else { return Ok(Outcome::BadLowBalance) };
        let changed = unsubscribe::choose_low_balance(&request.app, &viewer, to).await?;
        Ok(if changed { Outcome::LowBalanceSet } else { Outcome::NotAllowed })
    })
    .await
}

/// Switches the viewer's own emails about a low balance `on` or `off`.
#[server(name = SetMails, prefix = "/_fn", endpoint = "own-mails")]
pub async fn set_mails(mails: String) -> Result<String, ServerFnError> {
    change_settings("own mails", |request, viewer| async move {
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
