//! The bar marked "Demo": who one looks as, credits to use, the clock, the way to mails, events and plans.

use crate::demo::actions;
use crate::demo::actions::{Leap, Person};
use crate::domain::{Balance, PurchaseId};
use crate::usecases::InternalError;
use crate::usecases::access::portal::{Role, Viewer};
use crate::usecases::credits::accounts;
use crate::web::demo::actions::{DemoMove, DemoSwitch, DemoUse, Said};
use crate::web::request_context::RequestContext;
use crate::web::ui::dates::{Moment, Zone};
use crate::web::ui::form::Form;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// The bar around a page, where the demo has its customers. The gallery's pages are to be measured without it.
pub async fn bar(request: &RequestContext, viewer: Option<&Viewer>) -> Option<AnyView> {
    if request.path().starts_with("/_gallery") {
        return None;
    }
    let facts = match Facts::of(request, viewer).await {
        Ok(facts) => facts?,
        Err(fault) => {
            tracing::error!(error = %fault, "the demo's bar could not be drawn");
            return None;
        }
    };
    Some(view! { <Bar facts /> }.into_any())
}

struct Facts {
    people: Vec<(String, String, bool)>,
    now: Moment,
    /// Where the clock can be moved to: code, words.
    leaps: Vec<(&'static str, String)>,
    signed_in: bool,
    /// One form is one usage.
    key: String,
    back: String,
    said: Option<Said>,
    mails: i64,
}

impl Facts {
    async fn of(request: &RequestContext, viewer: Option<&Viewer>) -> Result<Option<Self>, InternalError> {
        let app = &request.app;
        if !actions::is_seeded(app).await? {
            return Ok(None);
        }
        let zone = Zone::named(viewer.map_or("UTC", |viewer| viewer.timezone.as_str()));
        let balance = match viewer {
            Some(viewer) => accounts::balance(app, &viewer.customer).await?,
            None => None,
        };
        let days = &app.catalog.rules.reminder_days;
        Ok(Some(Self {
            people: actions::people().into_iter().map(|person| choice(&person, viewer)).collect(),
            now: zone.full(app.clock.now()),
            leaps: balance
                .filter(|_| app.clock.is_test())
                .map(|balance| leaps(&balance, days, zone))
                .unwrap_or_default(),
            signed_in: viewer.is_some(),
            key: PurchaseId(app.clock.mint()).to_string(),
            back: request.path().to_owned(),
            said: request.query("demo").and_then(|code| Said::from_code(&code)),
            mails: actions::mails(app).await?,
        }))
    }
}

/// Value, words, whether one looks so now.
fn choice(person: &Person, viewer: Option<&Viewer>) -> (String, String, bool) {
    let words = match person.role {
        Role::Viewer => format!("{}, as a viewer", person.name),
        _ => person.name.to_owned(),
    };
    let now = viewer.is_some_and(|viewer| viewer.customer == person.customer && viewer.role == person.role);
    (format!("{}/{}", person.customer, person.email), words, now)
}

fn leaps(balance: &Balance, reminder_days: &[i64], zone: Zone) -> Vec<(&'static str, String)> {
    let words = |leap| match leap {
        Leap::Day => "a day on",
        Leap::Reset => "next reset",
        Leap::Reminder => "next reminder",
        Leap::Expiry => "next expiry",
    };
    let leap = |leap: Leap| {
        let to = leap.to(balance, reminder_days)?;
        Some((leap.code(), format!("{}, {}", words(leap), zone.day(to).text)))
    };
    Leap::ALL.into_iter().filter_map(leap).collect()
}

#[component]
fn Bar(facts: Facts) -> impl IntoView {
    let Facts { people, now, leaps, signed_in, key, back, said, mails } = facts;
    // What went wrong is put right there; else the page behind it is what one wants to see.
    let said = said.map(Said::words);
    let open = said.is_some_and(|(_, error)| error);
    let said = said.map(|(words, error)| {
        let role = if error { "alert" } else { "status" };
        view! { <p role=role>{words}</p> }
    });
    let nobody = !people.iter().any(|(.., now)| *now);
    let option = |(value, words, selected): (String, String, bool)| {
        view! {
            <option value=value selected=selected>
                {words}
            </option>
        }
    };
    let datetime = now.machine();
    // Types of views grow with what they hold; parts are boxed so that the compiler can name the whole.
    let who = view! {
        <form method="post" action=DemoSwitch::PATH>
            <select name="who" aria-label="Customer">
                {nobody.then(|| view! { <option value="">"Choose a customer"</option> })}
                {people.into_iter().map(option).collect_view()}
            </select>
            <button>"Switch"</button>
        </form>
    }
    .into_any();
    let used = signed_in.then(|| view! { <UseCredits key back=back.clone() /> }.into_any());
    let moved = (!leaps.is_empty()).then(|| view! { <MoveClock leaps back /> }.into_any());
    let ways = view! {
        <nav aria-label="Demo">
            {signed_in.then(|| view! { <a href="/demo/plans">"Plans"</a> })}
            <a href="/demo/mails">{format!("Mailbox ({mails})")}</a>
            <a href="/demo/events">"Stripe's events"</a>
        </nav>
    }
    .into_any();
    view! {
        <aside class="demo" aria-label="Demo">
            <div class="inside">
                {said}
                <details open=open>
                    <summary>
                        <strong>"Demo"</strong>
                        " "
                        <time datetime=datetime>{now.text}</time>
                    </summary>
                    <div class="tools">
                        {who} {used} {moved} {ways}
                    </div>
                </details>
            </div>
        </aside>
    }
}

#[component]
fn UseCredits(key: String, back: String) -> impl IntoView {
    view! {
        <Form action=DemoUse::PATH>
            <input type="hidden" name="key" value=key />
            <input type="hidden" name="back" value=back />
            <input name="credits" inputmode="decimal" aria-label="Credits to use" value="380" maxlength="20" autocomplete="off" />
            <button>"Use credits"</button>
        </Form>
    }
}

#[component]
fn MoveClock(leaps: Vec<(&'static str, String)>, back: String) -> impl IntoView {
    let option = |(code, words): (&'static str, String)| view! { <option value=code>{words}</option> };
    view! {
        <Form action=DemoMove::PATH>
            <input type="hidden" name="back" value=back />
            <select name="to" aria-label="Move the clock to">
                {leaps.into_iter().map(option).collect_view()}
            </select>
            <button>"Move the clock"</button>
        </Form>
    }
}
