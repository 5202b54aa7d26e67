//! `/portal/{id}`: the billing portal, where a customer changes or ends its subscriptions.

use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

use super::html::{self, escape};
use crate::actions::{due, subscriptions};
use crate::currencies;
use crate::error::{ApiError, Result};
use crate::objects::{id_of, is_living, number, text};
use crate::sandbox::Sandbox;
use crate::store::Transaction;

const MISSING: &str = "There is no such Checkout.";

/// The form of the page.
#[derive(Deserialize)]
pub(crate) struct Choice {
    subscription: String,
    /// `end`, `keep`, or the price to change to.
    to: String,
}

/// `GET /portal/{id}`
pub(crate) async fn show(State(sandbox): State<Sandbox>, Path(id): Path<String>) -> Response {
    let response = async {
        let mut tx = sandbox.begin().await?;
        due::catch_up(&mut tx).await?;
        let (portal, living) = find(&mut tx, &id).await?;
        let mut prices = tx.all("price").await?;
        prices.sort_by_key(|price| price["unit_amount"].as_i64());
        tx.commit().await?;
        let page = page(&sandbox.settings().shop_name, &portal, &living, &prices);
        Ok(html::respond(StatusCode::OK, "", page))
    };
    response.await.unwrap_or_else(|error: ApiError| html::failed(&sandbox, &error, MISSING))
}

/// `POST /portal/{id}`
pub(crate) async fn submit(
    State(sandbox): State<Sandbox>,
    Path(id): Path<String>,
    Form(Choice { subscription, to }): Form<Choice>,
) -> Response {
    let changed = sandbox.change(async |tx| {
        let (_, living) = find(tx, &id).await?;
        if !living.iter().any(|one| id_of(one) == subscription) {
            return Err(ApiError::no_such("subscription", &subscription));
        }
        match to.as_str() {
            "end" | "keep" => subscriptions::set_cancel_at_period_end(tx, &subscription, to == "end").await,
            price => subscriptions::change_price(tx, &subscription, price).await,
        }
    });
    match changed.await {
        Ok(()) => html::redirect(&format!("/portal/{id}")),
        Err(error) => html::failed(&sandbox, &error, MISSING),
    }
}

/// The portal and the living subscriptions of its customer.
async fn find(tx: &mut Transaction, id: &str) -> Result<(Value, Vec<Value>)> {
    let portal = tx.get("billing_portal.session", id).await?;
    let mut living = tx.all("subscription").await?;
    living.retain(|one| one["customer"] == portal["customer"] && is_living(one));
    Ok((portal, living))
}

fn page(shop: &str, portal: &Value, living: &[Value], prices: &[Value]) -> String {
    let button = |subscription: &Value, to: &str, label: &str| {
        format!(
            "<form method=\"post\" action=\"/portal/{}\"><input type=\"hidden\" name=\"subscription\" value=\"{}\">\
             <button type=\"submit\" name=\"to\" value=\"{}\">{}</button></form>",
            escape(id_of(portal)),
            escape(id_of(subscription)),
            escape(to),
            escape(label)
        )
    };
    let name = |price: &Value| {
        let amount = currencies::format(number(&price["unit_amount"]), text(&price["currency"]));
        format!("{} for {amount} a month", price["nickname"].as_str().unwrap_or("Plan"))
    };
    let mut main = "<h1>Your plan</h1>".to_owned();
    for one in living {
        let price = &one["items"]["data"][0]["price"];
        main.push_str(&format!("<p>{}</p>", escape(&name(price))));
        for other in prices.iter().filter(|other| other["id"] != price["id"]) {
            main.push_str(&button(one, id_of(other), &format!("Change to {}", name(other))));
        }
        main.push_str(&if one["cancel_at_period_end"] == true {
            button(one, "keep", "Keep the plan")
        } else {
            button(one, "end", "Cancel at the end of the period")
        });
    }
    if living.is_empty() {
        main.push_str("<p>There is none.</p>");
    }
    main.push_str(&html::back(shop, portal["return_url"].as_str()));
    main.push_str("<p class=\"hint\">Made by the sandbox: no money moves.</p>");
    html::document("Your plan", shop, &main)
}
