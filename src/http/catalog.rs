//! `/v1/catalog`: the plans and packages of the shop.

use crate::domain::{Package, Plan};
use crate::http::request::json;
use crate::usecases::App;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;

pub fn routes() -> Router<App> {
    Router::new().route("/v1/catalog", get(catalog))
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
    json::ok(&CatalogJson {
        shop: ShopJson { name: &catalog.shop.name, currency: &catalog.shop.currency },
        plans: catalog.plans.iter().map(plan_json).collect(),
        packages: catalog.packages.iter().map(package_json).collect(),
    })
}

fn plan_json(plan: &Plan) -> PlanJson<'_> {
    PlanJson { id: &plan.id, name: &plan.name, amount: plan.amount, credits: plan.credits, top_ups: plan.top_ups }
}

fn package_json(package: &Package) -> PackageJson<'_> {
    PackageJson { id: &package.id, credits: package.credits, amount: package.amount }
}
