//! `/live.js`, the script of live pages, and `/live`, what it listens to: server-sent events, each the number of the
//! customer's last entry. A page is complete without either.

use crate::usecases::App;
use crate::usecases::access::links;
use crate::usecases::app::LastEntry;
use crate::web::assets;
use crate::web::cookies::Cookie;
use axum::extract::{RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt as _, stream};
use leptos::prelude::*;
use std::convert::Infallible;
use std::sync::LazyLock;
use std::time::Duration;
use tokio::sync::watch::Receiver;

/// The length of a stream: the browser then connects again, and its session is read again.
const STREAM: Duration = Duration::from_secs(300);

/// The script without comments and indents.
static SCRIPT: LazyLock<String> = LazyLock::new(|| {
    let lines = include_str!("live.js").lines().map(str::trim).filter(|line| !line.starts_with("//"));
    // A line that ends like this needs no break.
    lines.flat_map(|line| [line, if line.ends_with([';', '{', '}', ',']) { "" } else { "\n" }]).collect()
});
static VERSION: LazyLock<String> = LazyLock::new(|| assets::version_of(SCRIPT.as_bytes()));
static ADDRESS: LazyLock<String> = LazyLock::new(|| format!("/live.js?v={}", *VERSION));

/// The script, at the end of a live page that shows the entries up to `last`; and the notice that it shows while it can't
/// renew the figures.
#[component]
pub fn LiveScript(last: i64) -> impl IntoView {
    view! {
        <div aria-live="polite" class="stale">
            <div class="notice warn" data-old hidden>
                <p>
                    <strong>"These figures may be old."</strong>
                    " We lost the connection. They'll update when it's back."
                </p>
                <div class="actions">
                    <a class="button" href="">
                        "Reload"
                    </a>
                </div>
            </div>
        </div>
        <script type="module" src=ADDRESS.as_str() data-last=last></script>
    }
}

/// The last entry that the page shows, if its script asks for it and not a person.
#[must_use]
pub fn background(headers: &HeaderMap) -> Option<i64> {
    headers.get("topup-live").and_then(|value| value.to_str().ok()?.parse().ok())
}

/// `/live.js`
pub async fn script(RawQuery(query): RawQuery) -> Response {
    let kept = assets::kept(query.as_deref(), Some(&VERSION));
    let head = [(CONTENT_TYPE, "text/javascript; charset=utf-8"), (CACHE_CONTROL, kept)];
    (head, SCRIPT.as_str()).into_response()
}

/// `/live`. After a 204 a browser does not connect again; the script does, ever more slowly.
pub async fn events(State(app): State<App>, headers: HeaderMap) -> Response {
    let Some(token) = Cookie::Session.read(&headers, app.settings.is_https()) else {
        return StatusCode::NO_CONTENT.into_response();
    };
    match links::find_idle_viewer(&app, &token).await {
        Ok(Some(viewer)) => match app.live_pages.follow(viewer.customer_no, viewer.session) {
            Some(page) => {
                let events = entries(page).take_until(tokio::time::sleep(STREAM));
                let unbuffered = [(HeaderName::from_static("x-accel-buffering"), "no")];
                (unbuffered, Sse::new(events).keep_alive(KeepAlive::new())).into_response()
            }
            None => StatusCode::NO_CONTENT.into_response(),
        },
        Ok(None) => StatusCode::NO_CONTENT.into_response(),
        Err(fault) => {
            tracing::warn!(error = %fault, "a page could not follow its customer");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

fn entries(page: Receiver<LastEntry>) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold((page, true), |(mut page, first)| async move {
        loop {
            // A known number is sent at once: the page compares later ones with it.
            let known = first && page.borrow_and_update().is_some();
            if !known {
                page.changed().await.ok()?;
            }
            let last = *page.borrow_and_update();
            if let Some(last) = last {
                return Some((Ok(Event::default().data(last.to_string())), (page, false)));
            }
        }
    })
}
