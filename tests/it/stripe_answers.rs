//! Stripe's definite answers: missing objects, refusals, foreign and open Checkouts.

mod customer_data;
mod foreign_checkouts;
mod missing_objects;
mod open_checkouts;
mod refusals;

use crate::app::{Browser, Database, Opened, SECRET_KEY, TestApp, on_both};
use futures::future::join_all;
use serde_json::{Value, json};
use stripe_sandbox::ApiFault;
use topup::domain::{PurchaseId, PurchaseState};
use topup::usecases::operators::actions;
use topup::usecases::operators::actions::{ActionOutcome, ActionRequest, RefundOrder};
use topup::usecases::purchases;
use topup::usecases::purchases::{Fulfillment, Purchase};

/// A request to Stripe's API, as its dashboard makes some.
pub async fn at_stripe(app: &TestApp, method: &str, path: &str, form: &[(&str, &str)]) -> Value {
    let base = app.stripe_settings().api_base.unwrap();
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let request = app.http.request(method, format!("{base}/v1{path}")).bearer_auth(SECRET_KEY);
    let request = if form.is_empty() { request } else { request.form(form) };
    app.send(request).await.expect(200).json()
}

async fn sessions(app: &TestApp) -> Vec<Value> {
    at_stripe(app, "GET", "/checkout/sessions?limit=100", &[]).await["data"].as_array().unwrap().clone()
}

async fn session(app: &TestApp, opened: &Opened) -> Value {
    at_stripe(app, "GET", &format!("/checkout/sessions/{}", opened.session), &[]).await
}

async fn stripe_customer(app: &TestApp, opened: &Opened) -> String {
    session(app, opened).await["customer"].as_str().unwrap().to_owned()
}

async fn stored(app: &TestApp, id: &str) -> Purchase {
    purchases::find_purchase(&app.inner(), PurchaseId::parse(id).unwrap()).await.unwrap().unwrap()
}

/// A shop without webhooks, with one customer.
async fn shop(app: &TestApp) {
    app.sandbox.faults().set_webhooks(false);
    app.put_customer("acme", "starter").await;
}

/// Another catalogue, from the next start.
fn catalogue(app: &TestApp, name: &str, change: impl Fn(&str) -> String) -> std::path::PathBuf {
    let sample = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/catalog.toml")).unwrap();
    let (file, changed) = (app.home.folder.join(name), change(&sample));
    assert_ne!(changed, sample);
    std::fs::create_dir_all(&app.home.folder).unwrap();
    std::fs::write(&file, changed).unwrap();
    file
}

pub async fn sells(app: &TestApp, change: impl Fn(&str) -> String) {
    let file = catalogue(app, "changed.toml", change);
    app.set(|settings| settings.database.catalog = file);
    app.restart().await;
}

async fn owner(app: &TestApp) -> Browser<'_> {
    let browser = Browser::new(app);
    browser.arrive("acme", "ada@acme.example", "owner").await;
    browser
}

/// The fields of the Buy form of a package, as Billing draws it now.
async fn buy_form(browser: &Browser<'_>, package: &str) -> Vec<(String, String)> {
    let page = browser.get("/billing").await.expect(200).text;
    // The first: one that goes on with an open purchase stands further down.
    let is_meant = |form: &&str| form.contains("/_fn/buy") && form.contains(&format!("\"{package}\""));
    let form = page.split("<form").find(is_meant).unwrap_or_else(|| panic!("no form for {package} in {page}"));
    let form = form.split("</form>").next().unwrap();
    let part = |input: &str, name: &str| {
        input.split_once(&format!("{name}=\"")).map(|(_, rest)| rest.split('"').next().unwrap().to_owned())
    };
    let field = |input: &str| Some((part(input, "name")?, part(input, "value").unwrap_or_default()));
    form.split("<input").skip(1).filter_map(field).collect()
}

fn borrowed(form: &[(String, String)]) -> Vec<(&str, &str)> {
    form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

async fn press(browser: &Browser<'_>, form: &[(String, String)]) -> String {
    browser.sent("buy", &borrowed(form)).await
}
