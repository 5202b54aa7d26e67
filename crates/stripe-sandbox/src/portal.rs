//! The billing portal: where a customer changes or ends what it subscribes to. Plain HTML, no script.

use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::Call;
use super::error::ApiError;
use super::page::{self, escape};
use super::payments::id_of;
use super::subscriptions::{self, LIVING};
use super::{Sandbox, customers, objects, params, pay, payments, schema, store};
use crate::money::Money;

const KIND: &str = "billing_portal.session";

/// `POST /v1/billing_portal/sessions`
pub(super) async fn create(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let given = schema::check(params::PORTAL, &call.params)?;
    let customer = given["customer"].as_str().unwrap_or_default();
    customers::named(call.conn, customer).await?;
    let session = objects::id("bps_1", 23)?;
    let portal = json!({
        "url": call.portal_url(&session), "id": session, "object": KIND, "created": call.now,
        "configuration": objects::id("bpc_1", 23)?, "customer": customer, "customer_account": null, "flow": null,
        "livemode": false, "locale": null, "on_behalf_of": null, "return_url": given.get("return_url"),
    });
    store::insert(call.conn, KIND, None, &portal).await?;
    Ok(portal)
}

/// What its page sends.
#[derive(Debug, Deserialize)]
pub(super) struct Chosen {
    subscription: String,
    /// `end`, `keep`, or the price to change to.
    to: String,
}

/// `GET /portal/{id}`
pub(super) async fn show(State(sandbox): State<Sandbox>, Path(id): Path<String>) -> Response {
    answered(&sandbox, async {
        sandbox.advance().await?;
        let (portal, living, prices) = open(&sandbox, &id).await?;
        Ok(pay::html(StatusCode::OK, None, html(&sandbox, &portal, &living, &prices)))
    })
    .await
}

/// `POST /portal/{id}`
pub(super) async fn submit(
    State(sandbox): State<Sandbox>,
    Path(id): Path<String>,
    Form(chosen): Form<Chosen>,
) -> Response {
    answered(&sandbox, async {
        let (_, living, _) = open(&sandbox, &id).await?;
        let theirs = living.iter().any(|one| id_of(one) == chosen.subscription);
        if !theirs {
            return Err(ApiError::no_such("subscription", &chosen.subscription));
        }
        let (mut transaction, tell) = (sandbox.pool().begin().await?, sandbox.tell());
        match chosen.to.as_str() {
            "end" | "keep" => {
                let ends = chosen.to == "end";
                subscriptions::end_with_period(&mut transaction, &chosen.subscription, ends, tell).await?;
            }
            price => subscriptions::reprice(&mut transaction, &chosen.subscription, price, tell).await?,
        }
        transaction.commit().await?;
        sandbox.wake();
        Ok((StatusCode::SEE_OTHER, [(LOCATION, format!("/portal/{id}"))]).into_response())
    })
    .await
}

async fn answered(sandbox: &Sandbox, answer: impl Future<Output = Result<Response, ApiError>>) -> Response {
    answer.await.unwrap_or_else(|error| {
        let (status, words) = payments::in_words(&error);
        pay::html(status, None, page::message(None, &sandbox.settings().shop_name, &words))
    })
}

/// The portal, what its customer subscribes to, and all prices.
async fn open(sandbox: &Sandbox, id: &str) -> Result<(Value, Vec<Value>, Vec<Value>), ApiError> {
    let mut conn = sandbox.pool().acquire().await?;
    let portal = store::find(&mut conn, KIND, id).await?.ok_or_else(|| ApiError::no_such(KIND, id))?;
    let mut living = store::all(&mut conn, "subscription").await?;
    living.retain(|one| {
        one["customer"] == portal["customer"] && LIVING.contains(&one["status"].as_str().unwrap_or_default())
    });
    let mut prices = store::all(&mut conn, "price").await?;
    prices.sort_by_key(|price| price["unit_amount"].as_i64());
    Ok((portal, living, prices))
}

fn html(sandbox: &Sandbox, portal: &Value, living: &[Value], prices: &[Value]) -> String {
    let shop = &sandbox.settings().shop_name;
    let action = format!("/portal/{}", escape(id_of(portal)));
    let button = |one: &Value, to: &str, label: &str| {
        format!(
            "<form method=\"post\" action=\"{action}\"><input type=\"hidden\" name=\"subscription\" value=\"{}\">\
             <button type=\"submit\" name=\"to\" value=\"{}\">{}</button></form>",
            escape(id_of(one)),
            escape(to),
            escape(label)
        )
    };
    let named = |price: &Value| {
        let money = Money::new(
            price["unit_amount"].as_i64().unwrap_or_default(),
            price["currency"].as_str().unwrap_or_default(),
        );
        format!("{} for {} a month", price["nickname"].as_str().unwrap_or("Plan"), money.long())
    };
    let mut main = "<h1>Your plan</h1>".to_owned();
    for one in living {
        let price = &one["items"]["data"][0]["price"];
        main.push_str(&format!("<p>{}</p>", escape(&named(price))));
        for other in prices.iter().filter(|other| other["id"] != price["id"]) {
            main.push_str(&button(one, id_of(other), &format!("Change to {}", named(other))));
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
    if let Some(url) = portal["return_url"].as_str() {
        main.push_str(&format!("<p><a href=\"{}\">Back to {}</a></p>", escape(url), escape(shop)));
    }
    main.push_str("<p class=\"hint\">Made by the sandbox: no money moves.</p>");
    page::document("Your plan", shop, &main)
}
