//! `/v1/customers/{id}`.

use crate::domain::{Instant, text};
use crate::http::request::body;
use crate::http::request::code::Code;
use crate::http::request::customer::customer_no;
use crate::http::request::customer::email;
use crate::http::request::customer::is_customer_id;
use crate::http::request::extract::Id;
use crate::http::request::json;
use crate::http::request::json::At;
use crate::http::request::problem::Problem;
use crate::usecases::customers::{Customer, Put, PutOutcome, erasure};
use crate::usecases::{App, InternalError, customers, subscriptions};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;

/// The longest name of a customer, in characters.
const NAME_MAX: usize = 200;

pub fn routes() -> Router<App> {
    Router::new().route("/v1/customers/{id}", get(read).put(put).delete(close))
}

#[derive(Serialize)]
struct CustomerJson {
    id: String,
    email: String,
    name: String,
    plan: CustomerPlanJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription: Option<SubscriptionJson>,
    cycle: CycleJson,
    timezone: String,
    created_at: At,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_at: Option<At>,
}

#[derive(Serialize)]
struct CustomerPlanJson {
    id: String,
    name: String,
    next: Option<NextPlanJson>,
}

/// The Stripe subscription that decides the plan.
#[derive(Serialize)]
struct SubscriptionJson {
    id: String,
    status: String,
    /// The end of the grace period after a failed payment.
    grace_until: Option<At>,
    ends_at: Option<At>,
}

/// The plan of the next cycle.
#[derive(Serialize)]
pub struct NextPlanJson {
    id: String,
    at: At,
}

#[derive(Serialize)]
struct CycleJson {
    start: At,
    end: At,
}

impl NextPlanJson {
    /// The plan `id`, from `at` on.
    pub fn new(id: String, at: Instant) -> Self {
        Self { id, at: At(at) }
    }
}

/// The name of a plan; its id if the catalogue does not have it any more.
pub fn plan_name(app: &App, id: &str) -> String {
    app.catalog.plan(id).map_or_else(|| id.to_owned(), |plan| plan.name.clone())
}

async fn customer_json(app: &App, c: Customer) -> Result<CustomerJson, InternalError> {
    let end = c.cycle.end;
    let subscription = subscriptions::followed_subscription(app, c.no, false).await?.map(|it| SubscriptionJson {
        id: it.id,
        status: it.status,
        grace_until: it.grace_until.map(At),
        ends_at: it.ends_at.map(At),
    });
    Ok(CustomerJson {
        subscription,
        plan: CustomerPlanJson {
            name: plan_name(app, &c.plan),
            id: c.plan,
            next: c.next_plan.map(|id| NextPlanJson::new(id, end)),
        },
        id: c.id,
        email: c.email,
        name: c.name,
        cycle: CycleJson { start: At(c.cycle.start), end: At(end) },
        timezone: c.timezone,
        created_at: At(c.created_at),
        closed_at: c.closed_at.map(At),
    })
}

async fn read(State(app): State<App>, Id(id): Id) -> Result<Response, Problem> {
    customer_no(&app, &id).await?;
    let customer = customers::find_customer(&app, &id).await?.ok_or_else(|| Problem::not_found("customer"))?;
    Ok(json::ok(&customer_json(&app, customer).await?))
}

async fn put(State(app): State<App>, Id(id): Id, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let mut fields = body::fields(&headers, body).await?;
    if !is_customer_id(&id) {
        fields.add_invalid("id", "must be 1 to 128 characters of A–Z a–z 0–9 . _ : -");
    }
    let put = Put {
        email: email(&mut fields, "email"),
        name: fields.line("name", NAME_MAX).map(|name| text::composed(&name)),
        plan: fields.text("plan", "a plan of the catalogue", |plan| app.catalog.plan(plan).is_some()),
        cycle_anchor: fields.instant("cycle_anchor"),
        timezone: fields
            .text("timezone", "an IANA time zone such as Europe/Berlin", |zone| zone.parse::<chrono_tz::Tz>().is_ok()),
    };
    fields.finish()?;
    let status = match customers::put_customer(&app, &id, put).await? {
        PutOutcome::Created => StatusCode::CREATED,
        PutOutcome::Changed => StatusCode::OK,
        PutOutcome::Missing(field) => {
            return Err(Problem::field(field, Code::MissingField, "is missing, which a new customer needs"));
        }
        PutOutcome::BadAnchor => return Err(Problem::field("cycle_anchor", Code::InvalidValue, "is too far from now")),
        PutOutcome::Managed => {
            let detail = "A Stripe subscription controls the plan and its cycle. Change it at Stripe";
            return Err(Problem::new(Code::PlanManagedBySubscription, detail));
        }
        PutOutcome::Closed => {
            return Err(Problem::new(Code::CustomerClosed, "The customer is closed and can't be reopened"));
        }
    };
    let customer = customers::find_customer(&app, &id).await?.ok_or_else(|| Problem::not_found("customer"))?;
    Ok(json::with(status, &customer_json(&app, customer).await?))
}

async fn close(State(app): State<App>, Id(customer): Id) -> Result<Response, Problem> {
    let no = customer_no(&app, &customer).await?;
    erasure::close_customer(&app, no).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
