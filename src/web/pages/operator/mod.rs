//! The operator's pages: each asks who it is, and shows nothing to anybody else.
//!
//! Operators read the words of the ledger (grant, usage, hold), and times in UTC.

mod alarms;
mod customer;
mod home;
mod lists;
mod purchase;
mod sales;
mod second_factor;
mod sign_in;

pub use alarms::AlarmsPage;
pub use customer::CustomerPage;
pub use home::HomePage;
pub use purchase::PurchasePage;
pub use sales::SalesPage;
pub use second_factor::SecondFactorPage;
pub use sign_in::SignInPage;

use crate::domain::{Credits, Instant};
use crate::usecases::alarms as alarm_cases;
use crate::usecases::operators::actions::Outcome;
use crate::usecases::operators::audit;
use crate::web::components::operator::{Cells, OperatorFrame, Table};
use crate::web::components::text::{Amount, When};
use crate::web::components::{BadgeText, NoticeBox};
use crate::web::document::PageTitle;
use crate::web::request_context::{RequestContext, Stop};
use crate::web::view::{Badge, Zone, operator as words};
use axum::http::StatusCode;
use leptos::prelude::*;

/// How many rows a list of a page shows.
const ROWS: i64 = 20;

/// A page that was loaded: its title, and what it shows.
type Loaded = (String, AnyView);

/// Renders what `load` loads for an operator.
fn page<F>(load: impl FnOnce(RequestContext) -> F + Send + 'static) -> impl IntoView
where
    F: Future<Output = Result<Loaded, Stop>> + Send + 'static,
{
    let visit = RequestContext::current();
    Suspend::new(async move {
        match shown(&visit, load).await {
            Ok(shown) => shown,
            Err(Stop::SignIn) => {
                visit.redirect("/operator/sign-in");
                ().into_any()
            }
            Err(Stop::NotFound) => {
                visit.status(StatusCode::NOT_FOUND);
                let body = view! {
                    <h1>"There is no such thing"</h1>
                    <p>
                        <a href="/operator">"Search"</a>
                    </p>
                };
                framed(&visit, None, 0, ("Not found".to_owned(), body.into_any()))
            }
            Err(Stop::InternalError(fault)) => {
                visit.failed(&fault);
                let body = view! { <NoticeBox notice=words::notice(Outcome::InternalError, "") /> };
                framed(&visit, None, 0, ("Error".to_owned(), body.into_any()))
            }
        }
    })
}

async fn shown<F>(visit: &RequestContext, load: impl FnOnce(RequestContext) -> F) -> Result<AnyView, Stop>
where
    F: Future<Output = Result<Loaded, Stop>> + Send,
{
    let operator = visit.operator().await?.ok_or(Stop::SignIn)?;
    let loaded = load(visit.clone()).await?;
    let alarms = alarm_cases::open(&visit.app.store).await?.len();
    Ok(framed(visit, Some(operator.email), alarms, loaded))
}

fn framed(visit: &RequestContext, operator: Option<String>, alarms: usize, (title, body): Loaded) -> AnyView {
    let shop = visit.app.catalog.shop.name.clone();
    let title = format!("{title} · {shop} operator");
    view! {
        <PageTitle text=title />
        <OperatorFrame shop operator alarms theme=visit.theme() here=visit.here()>
            {body}
        </OperatorFrame>
    }
    .into_any()
}

/// How a form came out, if one did.
fn outcome(visit: &RequestContext) -> Option<AnyView> {
    let outcome = Outcome::from_code(&visit.query("outcome")?)?;
    let act = visit.query("act").unwrap_or_default();
    Some(view! { <NoticeBox notice=words::notice(outcome, &act) /> }.into_any())
}

/// A key for a form that is being drawn.
fn key(visit: &RequestContext) -> String {
    visit.app.clock.mint().to_string()
}

/// Where a list goes on: the number in the query, or the end.
fn before(visit: &RequestContext, list: &str) -> i64 {
    visit.query(list).and_then(|text| text.parse().ok()).unwrap_or(i64::MAX)
}

/// The link to what is further back, where a list has more rows than it shows. `rows` is cut.
fn older<T>(rows: &mut Vec<T>, list: &str, number: impl Fn(&T) -> i64) -> Option<AnyView> {
    let shown = usize::try_from(ROWS).unwrap_or(usize::MAX);
    let more = rows.len() > shown;
    rows.truncate(shown);
    let href = format!("?{list}={}#{list}", number(rows.last().filter(|_| more)?));
    Some(
        view! {
            <p class="after">
                <a href=href>"Older"</a>
            </p>
        }
        .into_any(),
    )
}

fn when(at: Instant) -> AnyView {
    view! { <When moment=Zone::UTC.minute(at) /> }.into_any()
}

fn amount(credits: Credits) -> AnyView {
    view! { <Amount credits /> }.into_any()
}

fn code(text: impl Into<String>) -> AnyView {
    let text: String = text.into();
    view! { <code>{text}</code> }.into_any()
}

fn text(text: impl Into<String>) -> AnyView {
    let text: String = text.into();
    text.into_any()
}

fn badge(badge: Badge) -> AnyView {
    view! { <BadgeText badge /> }.into_any()
}

fn to_customer(id: &str) -> AnyView {
    let id = id.to_owned();
    view! { <a href=format!("/operator/customers/{id}")>{id.clone()}</a> }.into_any()
}

/// A section with its list, and the link to what is further back.
fn section(id: &'static str, title: &'static str, list: impl IntoView, more: Option<AnyView>) -> AnyView {
    view! {
        <section>
            <h2 id=id>{title}</h2>
            {list}
            {more}
        </section>
    }
    .into_any()
}

/// The audit's lines as a table.
fn audit_table(lines: Vec<audit::Line>) -> AnyView {
    let row = |line: audit::Line| -> Cells {
        vec![
            when(line.at),
            text(line.action.map_or("?", audit::Action::words)),
            code(line.about),
            text(line.detail),
            text(line.reason),
            text(line.operator),
        ]
    };
    let rows = lines.into_iter().map(row).collect();
    view! { <Table caption="Audit" heads=&["When", "What", "Of", "Result", "Reason", "Who"] rows empty="Nothing yet." /> }
        .into_any()
}
