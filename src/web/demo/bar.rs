//! The bar marked "Demo": a customer to sign in as, credits to use, the clock, links to emails, events and plans.

use crate::demo::actions;
use crate::demo::actions::{Leap, Person};
use crate::domain::{Balance, PurchaseId};
use crate::usecases::InternalError;
use crate::usecases::access::portal::{Role, Viewer};
use crate::usecases::credits::accounts;
use crate::web::demo::actions::{DemoMove, DemoOutcome, DemoSwitch, DemoUse};
use crate::web::request_context::RequestContext;
use crate::web::ui::dates::{Moment, Zone};
use crate::web::ui::form::Form;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// The bar of a page, once the demo's customers are there. The gallery has none.
pub async fn bar(request: &RequestContext, viewer: Option<&Viewer>) -> Option<AnyView> {
    if request.path().starts_with("/_gallery") {
        return None;
    }
    load(request, viewer).await.unwrap_or_else(|fault| {
        tracing::error!(error = %fault, "the demo's bar could not be drawn");
        None
    })
}

async fn load(request: &RequestContext, viewer: Option<&Viewer>) -> Result<Option<AnyView>, InternalError> {
    let app = &request.app;
    if !actions::is_seeded(app).await? {
        return Ok(None);
    }
    let zone = Zone::named(viewer.map_or("UTC", |viewer| viewer.timezone.as_str()));
    let balance = match viewer {
        Some(viewer) => accounts::balance(app, &viewer.customer).await?,
        None => None,
    };
    let balance = balance.filter(|_| app.clock.is_test());
    let leaps = balance.map(|balance| leaps(&balance, &app.catalog.rules.reminder_days, zone)).unwrap_or_default();
    let people: Vec<_> = actions::people().into_iter().map(|person| choice(&person, viewer)).collect();
    let now = zone.full(app.clock.now());
    let key = PurchaseId(app.clock.mint()).to_string();
    let back = request.path().to_owned();
    let outcome = request.query("demo").and_then(|code| code.parse().ok());
    let (is_signed_in, emails) = (viewer.is_some(), actions::mails(app).await?);
    Ok(Some(view! { <Bar people now leaps is_signed_in key back outcome emails /> }.into_any()))
}

/// An option: its value, its words, and whether the viewer is this person.
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

/// `key` makes one form one usage. The bar opens by itself only after an error.
#[component]
fn Bar(
    people: Vec<(String, String, bool)>,
    now: Moment,
    leaps: Vec<(&'static str, String)>,
    is_signed_in: bool,
    key: String,
    back: String,
    outcome: Option<DemoOutcome>,
    emails: i64,
) -> impl IntoView {
    let words = outcome.map(DemoOutcome::words);
    let open = words.is_some_and(|(_, error)| error);
    let message = words.map(|(words, error)| {
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
    // Parts are boxed: the type of a view grows with its parts, and the compiler must name the whole.
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
    let used = is_signed_in.then(|| view! { <UseCredits key back=back.clone() /> }.into_any());
    let moved = (!leaps.is_empty()).then(|| view! { <MoveClock leaps back /> }.into_any());
    let ways = view! {
        <nav aria-label="Demo">
            {is_signed_in.then(|| view! { <a href="/demo/plans">"Plans"</a> })}
            <a href="/demo/mails">{format!("Mailbox ({emails})")}</a>
            <a href="/demo/events">"Stripe's events"</a>
        </nav>
    }
    .into_any();
    view! {
        <aside class="demo" aria-label="Demo">
            <div class="inside">
                {message}
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
