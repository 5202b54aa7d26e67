//! Sign-in by one click: a button for each of the demo's customers and for its operator. Loopback only, never part of a
//! release.

use crate::demo::customers::{CUSTOMERS, DemoCustomer};
use crate::usecases::{InternalError, customers};
use crate::web::operator::session::SignInAsDemoOperator;
use crate::web::request_context::RequestContext;
use crate::web::return_to;
use crate::web::sign_in::session::SignInAsDemo;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// A button for each of the demo's customers that exists, and for the operator.
pub async fn sign_in_people(request: &RequestContext) -> Result<Option<AnyView>, InternalError> {
    if !request.app.settings.demo {
        return Ok(None);
    }
    let to = request.query(return_to::FIELD);
    let mut buttons = Vec::new();
    for customer in CUSTOMERS {
        if customers::customer_number(&request.app, customer.id).await?.is_some() {
            buttons.push(button(customer, to.clone()));
        }
    }
    if buttons.is_empty() {
        return Ok(None);
    }
    let list = view! {
        <section class="people" aria-labelledby="demo">
            <h2 id="demo" class="label">
                "Demo: sign in as"
            </h2>
            <ul>{buttons} <li>{operator("Operator console", None)}</li></ul>
        </section>
    };
    Ok(Some(list.into_any()))
}

/// A button for the demo's operator.
pub fn sign_in_operator(request: &RequestContext) -> Option<AnyView> {
    let to = request.query(return_to::FIELD);
    request.app.settings.demo.then(|| {
        view! {
            <section class="people" aria-labelledby="demo">
                <h2 id="demo" class="label">
                    "Demo: no password"
                </h2>
                {operator("Sign in as the operator", to)}
            </section>
        }
        .into_any()
    })
}

fn operator(words: &'static str, to: Option<String>) -> AnyView {
    view! {
        <form method="post" action=SignInAsDemoOperator::PATH>
            <input type="hidden" name=return_to::FIELD value=to />
            <button class="button">{words}</button>
        </form>
    }
    .into_any()
}

/// It leads to the page `to` that asked for the sign-in.
fn button(customer: DemoCustomer, to: Option<String>) -> AnyView {
    view! {
        <li>
            <form method="post" action=SignInAsDemo::PATH>
                <input type="hidden" name="customer" value=customer.id />
                <input type="hidden" name="member" value=customer.email />
                <input type="hidden" name=return_to::FIELD value=to />
                <button class="button">{customer.short_name} " " <span class="note">{customer.shows}</span></button>
            </form>
        </li>
    }
    .into_any()
}
