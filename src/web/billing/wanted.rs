//! The package that a customer wanted before its plan had top-ups: "Upgrade to buy" remembers it in a cookie, and Billing
//! offers it once the plan is larger. It works whichever site changes the plan.

use crate::domain::{Money, Package};
use crate::usecases::access::links;
use crate::usecases::access::links::Viewer;
use crate::usecases::{App, subscriptions};
use crate::web::billing::balance::plan_name;
use crate::web::cookies::Cookie;
use crate::web::flash::Flash;
use crate::web::outcome::Outcome;
use crate::web::request_context::RequestContext;
use crate::web::ui::badge::Tone;
use crate::web::ui::buy_form;
use crate::web::ui::notice::{Notice, NoticeAction};
use crate::web::ui::text::Text;
use crate::web::{demo, flash, return_to};
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

/// How long a package is remembered.
const SECONDS: i64 = 86_400;

/// The query of `/upgrade`.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    /// The catalogue's id.
    #[serde(default)]
    package: String,
}

/// `/upgrade?package=…`: to the page where plans are changed.
pub async fn upgrade(State(app): State<App>, headers: HeaderMap, Query(wanted): Query<Wanted>) -> Response {
    let https = app.settings.is_https();
    let viewer = match Cookie::Session.read(&headers, https) {
        Some(token) => links::find_viewer(&app, &token).await,
        None => Ok(None),
    };
    let viewer = match viewer {
        Ok(Some(viewer)) => viewer,
        Ok(None) => return Redirect::to(&return_to::sign_in("/plans")).into_response(),
        Err(fault) => {
            tracing::error!(error = %fault, "an upgrade failed");
            return flash::redirect(&app, "/billing", Flash::new(Outcome::InternalError));
        }
    };
    let to = Redirect::to(&upgrade_page(&app, &viewer));
    match app.catalog.package(&wanted.package) {
        Some(package) => {
            let cookie = Cookie::Wanted.set(&value(&viewer, package), SECONDS, https);
            ([(SET_COOKIE, cookie)], to).into_response()
        }
        None => to.into_response(),
    }
}

/// `You're on Starter. You can buy top-ups now. [Buy 1,200 for $9]`: the package that was wanted, for viewers who may buy
/// it on this plan.
#[must_use]
pub fn wanted_offer(request: &RequestContext, viewer: &Viewer, plan: &str) -> Option<Notice> {
    let app = &request.app;
    let may_buy = viewer.role.may_buy() && app.catalog.may_buy(plan) && app.stripe.is_some();
    let package = wanted(request, viewer).filter(|_| may_buy)?;
    let strong = format!("You're on {}. You can buy top-ups now.", plan_name(app, plan));
    let price = Money::new(package.amount, &app.catalog.shop.currency);
    let label = Text::from("Buy ").credits(package.grants()).text(" for ").money(price);
    let form = buy_form::buy(app, viewer, package);
    Some(Notice::new(Tone::Good, strong, "").with(NoticeAction::buy(label, form)))
}

/// The package that this customer wanted, if the shop still sells it.
#[must_use]
fn wanted<'a>(request: &'a RequestContext, viewer: &Viewer) -> Option<&'a Package> {
    let given = request.cookie(Cookie::Wanted)?;
    request.app.catalog.packages.iter().find(|package| value(viewer, package) == given)
}

/// The cookie's value: letters, digits and `-` only.
fn value(viewer: &Viewer, package: &Package) -> String {
    format!("{}-{}", viewer.customer_no, hex::encode(&package.id))
}

/// The page where plans are changed: ours where Stripe sells them, else the SaaS's, or its front page.
#[must_use]
pub fn upgrade_page(app: &App, viewer: &Viewer) -> String {
    let shop = &app.catalog.shop;
    if subscriptions::sells_subscriptions(app) {
        return "/plans".to_owned();
    }
    let customer: String = url::form_urlencoded::byte_serialize(viewer.customer.as_bytes()).collect();
    let at_the_shop = shop.upgrade_url.as_ref().map(|url| url.replace("{customer}", &customer));
    at_the_shop.or_else(|| demo::plans_page(app)).unwrap_or_else(|| shop.home_url.clone())
}
