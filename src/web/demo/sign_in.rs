//! Sign-in by one click: a button for each of the demo's customers. Loopback only, never part of a release.

use crate::usecases::{InternalError, customers};
use crate::web::operator::session::SignInAsDemoOperator;
use crate::web::request_context::RequestContext;
use crate::web::sign_in::session::SignInAsDemo;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// A button for each of the demo's customers that exists.
pub async fn sign_in_people(request: &RequestContext) -> Result<Option<AnyView>, InternalError> {
    if !request.app.settings.demo {
        return Ok(None);
    }
    let mut buttons = Vec::new();
    for (id, ..) in crate::demo::customers::CUSTOMERS {
        if let Some(customer) = customers::find(&request.app, id).await? {
            let plan = request.app.catalog.plan(&customer.plan).map(|plan| plan.name.clone()).unwrap_or_default();
            buttons.push(button(customer, &plan));
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
            <ul>{buttons}</ul>
        </section>
    };
    Ok(Some(list.into_any()))
}

/// A button for the demo's operator.
pub fn sign_in_operator(request: &RequestContext) -> Option<AnyView> {
    request.app.settings.demo.then(|| {
        view! {
            <section class="people" aria-labelledby="demo">
                <h2 id="demo" class="label">
                    "Demo: no password"
                </h2>
                <form method="post" action=SignInAsDemoOperator::PATH>
                    <button class="button">"Sign in as the operator"</button>
                </form>
            </section>
        }
        .into_any()
    })
}

fn button(customer: customers::Customer, plan: &str) -> AnyView {
    let plan = format!(" · {plan}");
    view! {
        <li>
            <form method="post" action=SignInAsDemo::PATH>
                <input type="hidden" name="customer" value=customer.id />
                <input type="hidden" name="member" value=customer.email />
                <button class="button">{customer.name} <span class="note">{plan}</span></button>
            </form>
        </li>
    }
    .into_any()
}
