//! `/operator/sales.csv` and `/operator/money.csv`: the sales report for a spreadsheet.

use crate::usecases::operators::sign_in;
use crate::usecases::sales::{self, Report};
use crate::usecases::{Fault, Services};
use crate::web::cookies::Cookie;
use crate::web::downloads;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};

/// Credits by month and kind.
pub async fn credits(State(services): State<Services>, headers: HeaderMap) -> Response {
    file(&services, &headers, "sales.csv", sales::csv).await
}

/// Money by month.
pub async fn money(State(services): State<Services>, headers: HeaderMap) -> Response {
    file(&services, &headers, "money.csv", sales::money_csv).await
}

async fn file(
    services: &Services,
    headers: &HeaderMap,
    name: &str,
    written: fn(&Report) -> Result<String, Fault>,
) -> Response {
    let told = async {
        let token = Cookie::Operator.read(headers, services.settings.is_https());
        let operator = match token {
            Some(token) => sign_in::operator(services, &token).await?,
            None => None,
        };
        if operator.is_none() {
            return Ok(Redirect::to("/operator/sign-in").into_response());
        }
        let report = sales::report(services).await?;
        if !report.is_whole() {
            // A file does not say that it is half of one; the page does.
            return Ok(Redirect::to("/operator/sales").into_response());
        }
        let text = format!("{}{}", downloads::MARK, written(&report)?);
        Ok::<_, Fault>(downloads::file(name, Body::from(text)))
    };
    told.await.unwrap_or_else(|fault| {
        tracing::error!(error = %fault, file = name, "a report failed");
        Redirect::to("/operator/sales?outcome=fault").into_response()
    })
}
