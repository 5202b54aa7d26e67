//! A page of an operator: it authorises, loads and renders, as the customers' `page` does.

use crate::usecases::alarms;
use crate::usecases::operators::actions::ActionOutcome;
use crate::web::document::PageTitle;
use crate::web::operator::frame::OperatorFrame;
use crate::web::operator::outcome::notice;
use crate::web::request_context::{PageError, RequestContext};
use crate::web::return_to;
use crate::web::ui::notice::NoticeBox;
use axum::http::StatusCode;
use leptos::prelude::*;

/// Rows of a list.
pub const ROWS: i64 = 20;

/// The title and the content.
pub type OperatorPage = (String, AnyView);

/// Renders the page that `load` loads for an operator.
pub fn operator_page<F>(load: impl FnOnce(RequestContext) -> F + Send + 'static) -> impl IntoView
where
    F: Future<Output = Result<OperatorPage, PageError>> + Send + 'static,
{
    let request = RequestContext::current();
    Suspend::new(async move {
        match authorized(&request, load).await {
            Ok(page) => page,
            Err(PageError::SignIn) => {
                request.redirect(&return_to::operator_sign_in(&request.here()));
                ().into_any()
            }
            Err(PageError::Redirected) => ().into_any(),
            Err(PageError::NotFound) => {
                request.status(StatusCode::NOT_FOUND);
                let body = view! {
                    <h1>"Page not found"</h1>
                    <p>
                        "Check the address, or " <a href="/operator">"go back to Home"</a> "."
                    </p>
                };
                framed(&request, None, 0, ("Not found".to_owned(), body.into_any()))
            }
            Err(PageError::InternalError(fault)) => {
                request.failed(&fault);
                let body = view! { <NoticeBox notice=notice(ActionOutcome::InternalError, "") /> };
                framed(&request, None, 0, ("Error".to_owned(), body.into_any()))
            }
        }
    })
}

async fn authorized<F>(request: &RequestContext, load: impl FnOnce(RequestContext) -> F) -> Result<AnyView, PageError>
where
    F: Future<Output = Result<OperatorPage, PageError>> + Send,
{
    let operator = request.operator().await?.ok_or(PageError::SignIn)?;
    let page = load(request.clone()).await?;
    let alarms = alarms::open_alarms(&request.app.store).await?.len();
    Ok(framed(request, Some(operator.email), alarms, page))
}

pub fn framed(
    request: &RequestContext,
    operator: Option<String>,
    alarms: usize,
    (title, body): OperatorPage,
) -> AnyView {
    let shop = request.app.catalog.shop.clone();
    let title = format!("{title} · {} operator", shop.name);
    view! {
        <PageTitle text=title />
        <OperatorFrame shop operator alarms theme=request.theme() here=request.here()>
            {body}
        </OperatorFrame>
    }
    .into_any()
}

/// The notice after a form.
pub fn outcome_notice(request: &RequestContext) -> Option<AnyView> {
    let flash = request.take_flash()?;
    let outcome = ActionOutcome::from_code(flash.code())?;
    let act = flash.value("act").unwrap_or_default();
    Some(view! { <NoticeBox notice=notice(outcome, act) /> }.into_any())
}

/// A new form's key.
pub fn key(request: &RequestContext) -> String {
    request.app.clock.mint().to_string()
}

/// The list continues before this number, from the query.
pub fn before(request: &RequestContext, list: &str) -> i64 {
    request.query(list).and_then(|text| text.parse().ok()).unwrap_or(i64::MAX)
}

/// The link to older rows, if the list has more than [`ROWS`]; `rows` is cut to them.
pub fn older<T>(rows: &mut Vec<T>, list: &str, number: impl Fn(&T) -> i64) -> Option<AnyView> {
    let shown = usize::try_from(ROWS).unwrap_or(usize::MAX);
    let more = rows.len() > shown;
    rows.truncate(shown);
    let href = format!("?{list}={}#{list}", number(rows.last().filter(|_| more)?));
    Some(
        view! {
            <p class="after">
                <a href=href>"Older"</a>
            </p>
        }
        .into_any(),
    )
}
