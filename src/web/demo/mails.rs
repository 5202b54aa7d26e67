//! The mailbox: every email that was sent or waits.

use crate::demo::actions;
use crate::demo::actions::DemoEmail;
use crate::usecases::App;
use crate::usecases::delivery::outbox;
use crate::web::page::{Page, page};
use crate::web::request_context::{PageError, RequestContext};
use crate::web::ui::dates::{When, Zone};
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

/// `/demo/mails`
#[component]
pub fn Mailbox() -> impl IntoView {
    page(list)
}

async fn list(request: RequestContext) -> Result<Page, PageError> {
    let zone = zone(&request).await?;
    let mails = outbox::newest_emails(&request.app, actions::SHOWN_MAX).await?;
    let row = |mail: outbox::OutboxEmail| {
        let href = format!("/demo/mails/{}", mail.no);
        view! {
            <tr role="row">
                <th scope="row" role="rowheader" class="first">
                    <a href=href>{mail.subject}</a>
                </th>
                <td role="cell">{mail.recipient}</td>
                <td role="cell">
                    <When moment=zone.full(mail.created_at) />
                </td>
                <td role="cell">{said(&mail.state)}</td>
            </tr>
        }
    };
    let empty = mails.is_empty();
    let rows = mails.into_iter().map(row).collect_view();
    let body = view! {
        <h1>"Mailbox"</h1>
        {empty.then(|| view! { <p class="card empty">"No emails yet."</p> })}
        {(!empty)
            .then(|| {
                view! {
                    <table class="card log" role="table">
                        <caption class="sr-only">"Emails, newest first"</caption>
                        <thead role="rowgroup">
                            <tr role="row">
                                <th scope="col" role="columnheader">"Subject"</th>
                                <th scope="col" role="columnheader">"To"</th>
                                <th scope="col" role="columnheader">"Written"</th>
                                <th scope="col" role="columnheader">"State"</th>
                            </tr>
                        </thead>
                        <tbody role="rowgroup">{rows}</tbody>
                    </table>
                }
            })}
    };
    Ok(Page::new("Mailbox", request.viewer().await?, body))
}

fn said(state: &str) -> &'static str {
    match state {
        "accepted" => "Sent",
        "refused" => "Refused",
        _ => "Waiting",
    }
}

/// The viewer's time zone. Only the demo has this page.
async fn zone(request: &RequestContext) -> Result<Zone, PageError> {
    if !request.app.settings.demo {
        return Err(PageError::NotFound);
    }
    Ok(request.viewer().await?.map_or(Zone::UTC, |viewer| Zone::named(&viewer.timezone)))
}

/// `/demo/mails/{no}`
#[component]
pub fn MailPage() -> impl IntoView {
    let no = use_params_map().get().get("no").unwrap_or_default();
    page(move |request| one(request, no))
}

async fn one(request: RequestContext, no: String) -> Result<Page, PageError> {
    let zone = zone(&request).await?;
    let no: i64 = no.parse().map_err(|_| PageError::NotFound)?;
    let letter = actions::letter(&request.app, no).await?.ok_or(PageError::NotFound)?;
    let DemoEmail { recipient, subject, text, state, at, .. } = letter;
    // The email's own document is shown in a frame, which the policy of all other pages refuses.
    let images = request.app.catalog.shop.image_origins().join(" ");
    request.policy(&format!(
        "default-src 'none'; style-src 'self'; img-src 'self' data: {images}; frame-src 'self'; form-action 'self'; \
         frame-ancestors 'none'; base-uri 'none'"
    ));
    let title = subject.clone();
    let body = view! {
        <p class="crumb">
            <a href="/demo/mails">"Mailbox"</a>
        </p>
        <h1>{subject}</h1>
        <p class="note">"To " {recipient} " · " <When moment=zone.full(at) /> " · " {said(&state)}</p>
        <p class="after"></p>
        <iframe
            class="letter"
            src=format!("/demo/mails/{no}/html")
            title="The email as HTML"
            sandbox="allow-top-navigation-by-user-activation"
        ></iframe>
        <section aria-labelledby="plain">
            <h2 id="plain">"Plain text"</h2>
            <pre class="card" tabindex="0">
                {text}
            </pre>
        </section>
    };
    Ok(Page::new(title, request.viewer().await?, body))
}

/// `/demo/mails/{no}/html`: the email's own document, without script. Email programs need inline styles.
pub(super) async fn html(State(app): State<App>, Path(no): Path<i64>) -> Response {
    let letter = match actions::letter(&app, no).await {
        Ok(letter) if app.settings.demo => letter,
        Ok(_) => None,
        Err(fault) => {
            tracing::error!(error = %fault, "an email could not be shown");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let Some(letter) = letter else { return StatusCode::NOT_FOUND.into_response() };
    let images = app.catalog.shop.image_origins().join(" ");
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; img-src {images}; form-action 'none'; base-uri 'none'; \
         frame-ancestors 'self'; sandbox allow-top-navigation-by-user-activation"
    );
    // Its links lead out of the frame.
    let html = letter.html.replace("<a ", "<a target=\"_top\" ");
    let policy = HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    let headers =
        [(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")), (CONTENT_SECURITY_POLICY, policy)];
    (headers, html).into_response()
}
