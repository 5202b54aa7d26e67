//! `/v1/catalog`, `/v1/customers/{id}` and its balance.

use crate::domain::{Balance, Kind, text};
use crate::http::json::{At, Num};
use crate::http::located::Id;
use crate::http::problem::{Code, Problem};
use crate::http::{call, json};
use crate::usecases::credits::accounts;
use crate::usecases::customers::{Customer, Put, PutOutcome};
use crate::usecases::{App, InternalError, customers, subscriptions};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;

/// The longest name of a customer, in characters.
const NAME_MAX: usize = 200;

/// Routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/v1/catalog", get(catalog))
        .route("/v1/customers/{id}", get(read).put(put))
        .route("/v1/customers/{id}/balance", get(balance))
}

#[derive(Serialize)]
struct CatalogJson<'a> {
    shop: ShopJson<'a>,
    plans: Vec<PlanJson<'a>>,
    packages: Vec<PackageJson<'a>>,
}

#[derive(Serialize)]
struct ShopJson<'a> {
    name: &'a str,
    currency: &'a str,
}

#[derive(Serialize)]
struct PlanJson<'a> {
    id: &'a str,
    name: &'a str,
    amount: i64,
    credits: i64,
    top_ups: bool,
}

#[derive(Serialize)]
struct PackageJson<'a> {
    id: &'a str,
    credits: i64,
    amount: i64,
}

async fn catalog(State(app): State<App>) -> Response {
    let catalog = &app.catalog;
    let plan = |p: &'_ crate::domain::Plan| (p.amount, p.credits, p.top_ups);
    json::ok(&CatalogJson {
        shop: ShopJson { name: &catalog.shop.name, currency: &catalog.shop.currency },
        plans: catalog
            .plans
            .iter()
            .map(|p| {
                let (amount, credits, top_ups) = plan(p);
                PlanJson { id: &p.id, name: &p.name, amount, credits, top_ups }
            })
            .collect(),
        packages: catalog
            .packages
            .iter()
            .map(|p| PackageJson { id: &p.id, credits: p.credits, amount: p.amount })
            .collect(),
    })
}

#[derive(Serialize)]
struct CustomerJson {
    id: String,
    email: String,
    name: String,
    plan: CustomerPlan,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription: Option<SubscriptionJson>,
    cycle: CycleJson,
    timezone: String,
    created_at: At,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_at: Option<At>,
}

#[derive(Serialize)]
struct CustomerPlan {
    id: String,
    name: String,
    next: Option<Next>,
}

/// The subscription at Stripe that decides the plan.
#[derive(Serialize)]
struct SubscriptionJson {
    id: String,
    status: String,
    /// Until when the plan is kept though it is not paid for.
    grace_until: Option<At>,
    ends_at: Option<At>,
}

/// A plan that acts later.
#[derive(Serialize)]
pub struct Next {
    id: String,
    at: At,
}

#[derive(Serialize)]
struct CycleJson {
    start: At,
    end: At,
}

fn plan_name(app: &App, id: &str) -> String {
    app.catalog.plan(id).map_or_else(|| id.to_owned(), |plan| plan.name.clone())
}

async fn customer_json(app: &App, c: Customer) -> Result<CustomerJson, InternalError> {
    let end = c.cycle.end;
    let subscription = subscriptions::followed(app, c.no, false).await?.map(|it| SubscriptionJson {
        id: it.id,
        status: it.status,
        grace_until: it.grace_until.map(At),
        ends_at: it.ends_at.map(At),
    });
    Ok(CustomerJson {
        subscription,
        plan: CustomerPlan {
            name: plan_name(app, &c.plan),
            id: c.plan,
            next: c.next_plan.map(|id| Next { id, at: At(end) }),
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
    call::customer_no(&app, &id).await?;
    let customer = customers::find(&app, &id).await?.ok_or_else(|| Problem::not_found("customer"))?;
    Ok(json::ok(&customer_json(&app, customer).await?))
}

async fn put(State(app): State<App>, Id(id): Id, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let mut fields = call::fields(&headers, body).await?;
    if !call::is_customer_id(&id) {
        fields.reject("id", "must be 1 to 128 of A–Z a–z 0–9 . _ : -");
    }
    let put = Put {
        email: call::email(&mut fields, "email"),
        name: fields.line("name", NAME_MAX).map(|name| text::composed(&name)),
        plan: fields.text("plan", "a plan of the catalogue", |plan| app.catalog.plan(plan).is_some()),
        cycle_anchor: fields.instant("cycle_anchor"),
        timezone: fields
            .text("timezone", "an IANA time zone such as Europe/Berlin", |zone| zone.parse::<chrono_tz::Tz>().is_ok()),
    };
    fields.finish()?;
    let status = match customers::put(&app, &id, put).await? {
        PutOutcome::Created => StatusCode::CREATED,
        PutOutcome::Changed => StatusCode::OK,
        PutOutcome::Missing(field) => {
            return Err(Problem::field(field, Code::MissingField, "is missing: a new customer needs it"));
        }
        PutOutcome::BadAnchor => return Err(Problem::field("cycle_anchor", Code::InvalidValue, "is too far away")),
        PutOutcome::Managed => {
            let detail = "a subscription at Stripe decides the plan and its cycle; change it there";
            return Err(Problem::new(Code::PlanManagedBySubscription, detail));
        }
        PutOutcome::Closed => return Err(Problem::new(Code::CustomerClosed, "a closed customer is not revived")),
    };
    let customer = customers::find(&app, &id).await?.ok_or_else(|| Problem::not_found("customer"))?;
    Ok(json::with(status, &customer_json(&app, customer).await?))
}

#[derive(Serialize)]
struct BalanceJson {
    as_of: At,
    available: Num,
    held: Num,
    plan: PlanBalanceJson,
    courtesy: CourtesyJson,
    top_up: TopUpJson,
    grants: Vec<GrantJson>,
}

#[derive(Serialize)]
struct PlanBalanceJson {
    id: String,
    name: String,
    allowance: Num,
    used: Num,
    held: Num,
    remaining: Num,
    resets_at: At,
    next: Option<Next>,
}

#[derive(Serialize)]
struct CourtesyJson {
    remaining: Num,
    held: Num,
}

#[derive(Serialize)]
struct TopUpJson {
    remaining: Num,
    held: Num,
    frozen: Num,
    paused: Num,
    next_expiry: Option<ExpiryJson>,
}

#[derive(Serialize)]
struct ExpiryJson {
    at: At,
    credits: Num,
}

/// A grant as the balance and the list show it.
#[derive(Serialize)]
pub struct GrantJson {
    id: String,
    kind: &'static str,
    amount: Num,
    remaining: Num,
    held: Num,
    frozen: Num,
    state: &'static str,
    effective_at: At,
    expires_at: At,
    purchase: Option<String>,
}

impl GrantJson {
    /// A grant in a state.
    pub fn new(grant: &crate::domain::Grant, state: crate::domain::GrantState) -> Self {
        Self {
            id: grant.id.to_string(),
            kind: grant.kind.name(),
            amount: Num(grant.amount),
            remaining: Num(grant.remaining()),
            held: Num(grant.held),
            frozen: Num(grant.frozen),
            state: state.name(),
            effective_at: At(grant.effective_at),
            expires_at: At(grant.expires_at),
            purchase: grant.purchase.filter(|_| grant.kind == Kind::TopUp).map(|id| id.to_string()),
        }
    }
}

async fn balance(State(app): State<App>, Id(id): Id) -> Result<Response, Problem> {
    if !call::is_customer_id(&id) {
        return Err(Problem::not_found("customer"));
    }
    let balance = accounts::balance(&app, &id).await?.ok_or_else(|| Problem::not_found("customer"))?;
    Ok(json::ok(&balance_json(&app, balance)))
}

fn balance_json(app: &App, b: Balance) -> BalanceJson {
    let next_expiry = b.next_expiry.map(|(at, credits)| ExpiryJson { at: At(at), credits: Num(credits) });
    BalanceJson {
        as_of: At(b.as_of),
        available: Num(b.available),
        held: Num(b.held),
        plan: PlanBalanceJson {
            name: plan_name(app, &b.plan_id),
            id: b.plan_id,
            allowance: Num(b.plan.allowance),
            used: Num(b.plan.used),
            held: Num(b.plan.held),
            remaining: Num(b.plan.remaining),
            resets_at: At(b.cycle.end),
            next: b.next_plan.map(|id| Next { id, at: At(b.cycle.end) }),
        },
        courtesy: CourtesyJson { remaining: Num(b.courtesy.remaining), held: Num(b.courtesy.held) },
        top_up: TopUpJson {
            remaining: Num(b.top_up.remaining),
            held: Num(b.top_up.held),
            frozen: Num(b.top_up.frozen),
            paused: Num(b.top_up.paused),
            next_expiry,
        },
        grants: b.grants.iter().map(|line| GrantJson::new(&line.grant, line.state)).collect(),
    }
}
