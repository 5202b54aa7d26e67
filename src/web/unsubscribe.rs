//! `/mails/{token}`: the unsubscribe link of an email. The page does nothing by itself, since mail scanners follow links;
//! its button's POST is `http::unsubscribe`.

use crate::usecases::notify::emails::unsubscribe;
use crate::web::page::{Page, page};
use crate::web::request_context::{PageError, RequestContext};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

/// `/mails/{token}`
#[component]
pub fn UnsubscribePage() -> impl IntoView {
    let token = use_params_map().get().get("token").unwrap_or_default();
    page(move |request| load(request, token))
}

async fn load(request: RequestContext, token: String) -> Result<Page, PageError> {
    let (_, on) = unsubscribe::find_subscription_switch(&request.app, &token).await?.ok_or(PageError::NotFound)?;
    let state = if on {
        "You get an email when plan credits are used up, when few credits are left and when none are left."
    } else {
        "You won't get low-balance emails. Receipts and reminders of expiring credits still come."
    };
    let (value, words) = if on { ("off", "Turn off") } else { ("on", "Turn on") };
    let body = view! {
        <div class="card narrow">
            <h1>"Low-balance emails"</h1>
            <p role="status">{state}</p>
            <form method="post" action=format!("/mails/{token}")>
                <input type="hidden" name="mails" value=value />
                <button class="button primary">{words}</button>
            </form>
        </div>
    };
    Ok(Page::new("Low-balance emails", request.viewer().await?, body))
}
