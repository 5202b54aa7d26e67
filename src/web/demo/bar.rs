//! The bar marked "Demo", at the lower edge of every window: the customer, the three steps, the demo's pages, the clock
//! and the way to the operator's pages and back.

use crate::demo::actions::{self, Leap, Person};
use crate::demo::steps::Steps;
use crate::domain::{Balance, PurchaseId};
use crate::usecases::access::links::{Role, Viewer};
use crate::usecases::credits::accounts;
use crate::usecases::{InternalError, customers};
use crate::web::demo::actions::{DemoOutcome, DemoSwitch};
use crate::web::demo::steps::StepList;
use crate::web::demo::tools::{Tools, UseAndMove};
use crate::web::operator::session::SignInAsDemoOperator;
use crate::web::request_context::RequestContext;
use crate::web::ui::dates::{Moment, Zone};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// The bar of the current page, if the demo's customers are there. The gallery has none.
pub fn bar() -> AnyView {
    let request = RequestContext::current();
    Suspend::new(async move {
        // The first poll comes before the page has loaded. A connection that it asked for would be granted and then wait,
        // unused, for the page, which itself may wait for a connection.
        tokio::task::yield_now().await;
        if request.path().starts_with("/_gallery") {
            return None;
        }
        load(&request).await.unwrap_or_else(|fault| {
            tracing::error!(error = %fault, "the demo's bar could not be drawn");
            None
        })
    })
    .into_any()
}

async fn load(request: &RequestContext) -> Result<Option<AnyView>, InternalError> {
    let app = &request.app;
    if !actions::is_seeded(app).await? {
        return Ok(None);
    }
    let viewer = request.viewer().await?;
    let customer = match &viewer {
        Some(viewer) => customers::find_customer(app, &viewer.customer).await?,
        None => None,
    };
    let steps = match &customer {
        Some(customer) => Some(Steps::of_customer(app, customer).await?),
        None => None,
    };
    let balance = match &viewer {
        Some(viewer) if app.clock.is_test() => accounts::customer_balance(app, &viewer.customer).await?,
        _ => None,
    };
    let zone = Zone::named(viewer.as_ref().map_or("UTC", |viewer| viewer.timezone.as_str()));
    let leaps = balance.map(|balance| leaps(&balance, &app.catalog.rules.reminder_days, zone)).unwrap_or_default();
    let people = actions::people().into_iter().map(|person| choice(&person, viewer.as_ref())).collect();
    let outcome = request.query("demo").and_then(|code| code.parse().ok());
    let key = || PurchaseId(app.clock.mint()).to_string();
    let tools = Tools { leaps, key: key(), back: request.here(), is_signed_in: viewer.is_some() };
    let bar = DemoBar {
        people,
        now: zone.full(app.clock.now()),
        steps: view! { <StepList steps key=key() can_move=app.clock.is_test() /> }.into_any(),
        tools,
        outcome,
        emails: actions::mails(app).await?,
        other_side: other_side(request.path(), viewer.as_ref()),
    };
    Ok(Some(bar.view()))
}

/// A choice of the customer's select.
struct PersonChoice {
    value: String,
    words: String,
    is_viewer: bool,
}

fn choice(person: &Person, viewer: Option<&Viewer>) -> PersonChoice {
    let words = match person.role {
        Role::Viewer => format!("{}, as a viewer", person.name),
        _ => person.name.to_owned(),
    };
    let is_viewer = viewer.is_some_and(|viewer| viewer.customer == person.customer && viewer.role == person.role);
    PersonChoice { value: format!("{}/{}", person.customer, person.email), words, is_viewer }
}

fn leaps(balance: &Balance, reminder_days: &[i64], zone: Zone) -> Vec<(&'static str, String)> {
    let words = |leap| match leap {
        Leap::Day => "A day later",
        Leap::Reset => "Next reset",
        Leap::Reminder => "Next reminder",
        Leap::Expiry => "Next expiry",
    };
    let leap = |leap: Leap| {
        let to = leap.to(balance, reminder_days)?;
        Some((leap.code(), format!("{}, {}", words(leap), zone.day(to).text)))
    };
    Leap::ALL.into_iter().filter_map(leap).collect()
}

/// From the customer's pages to the operator's, and back.
fn other_side(path: &str, viewer: Option<&Viewer>) -> AnyView {
    if !path.starts_with("/operator") {
        return view! {
            <form method="post" action=SignInAsDemoOperator::PATH class="side">
                <button>"Operator"</button>
            </form>
        }
        .into_any();
    }
    let (to, words) =
        if viewer.is_some() { ("/billing", "Back to Billing") } else { ("/sign-in", "Customers’ sign-in") };
    view! {
        <a class="side" href=to>
            {words}
        </a>
    }
    .into_any()
}

struct DemoBar {
    people: Vec<PersonChoice>,
    now: Moment,
    steps: AnyView,
    tools: Tools,
    outcome: Option<DemoOutcome>,
    emails: i64,
    other_side: AnyView,
}

impl DemoBar {
    /// The tools open by themselves only after an error.
    fn view(self) -> AnyView {
        let words = self.outcome.map(DemoOutcome::words);
        let open = words.is_some_and(|(_, error)| error);
        let message = words.map(|(words, error)| {
            let role = if error { "alert" } else { "status" };
            view! { <p role=role>{words}</p> }
        });
        let datetime = self.now.machine();
        let summary = view! {
            <summary>
                <time datetime=datetime>{self.now.text.clone()}</time>
                " "
                <span class="open">"More"</span>
            </summary>
        };
        // Parts are boxed: the type of a view grows with its parts, and the compiler must name the whole.
        let (who, pages) = (switch(self.people), pages(self.tools.is_signed_in, self.emails));
        view! {
            <aside class="demo" aria-label="Demo">
                <div class="inside">
                    {message} <strong class="mark">"Demo"</strong> {who} {self.steps}
                    <details open=open>
                        {summary}
                        <UseAndMove tools=self.tools now=self.now />
                    </details> {pages} {self.other_side}
                </div>
            </aside>
        }
        .into_any()
    }
}

fn switch(people: Vec<PersonChoice>) -> AnyView {
    let nobody = !people.iter().any(|choice| choice.is_viewer);
    let option = |PersonChoice { value, words, is_viewer }: PersonChoice| {
        view! {
            <option value=value selected=is_viewer>
                {words}
            </option>
        }
    };
    view! {
        <form method="post" action=DemoSwitch::PATH class="who">
            <select name="who" aria-label="Customer">
                {nobody.then(|| view! { <option value="">"Choose a customer"</option> })}
                {people.into_iter().map(option).collect_view()}
            </select>
            <button>"Switch"</button>
        </form>
    }
    .into_any()
}

fn pages(is_signed_in: bool, emails: i64) -> AnyView {
    view! {
        <nav aria-label="Demo">
            {is_signed_in.then(|| view! { <a href="/demo/plans">"Plans"</a> })}
            <a href="/demo/mails">{format!("Mailbox ({emails})")}</a>
            <a href="/demo/events">"Stripe's events"</a>
        </nav>
    }
    .into_any()
}
