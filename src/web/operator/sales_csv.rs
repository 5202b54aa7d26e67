//! `/operator/sales.csv` and `/operator/money.csv`: the sales report as files.

use crate::usecases::insight::sales;
use crate::usecases::insight::sales::SalesReport;
use crate::usecases::operators::sign_in;
use crate::usecases::{App, InternalError};
use crate::web::cookies::Cookie;
use crate::web::flash::Flash;
use crate::web::{csv_file, flash, return_to};
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};

/// Credits by month and kind.
pub async fn credits(State(app): State<App>, headers: HeaderMap) -> Response {
    file(&app, &headers, "sales.csv", sales::sales_csv).await
}

/// Money by month.
pub async fn money(State(app): State<App>, headers: HeaderMap) -> Response {
    file(&app, &headers, "money.csv", sales::money_csv).await
}

async fn file(
    app: &App,
    headers: &HeaderMap,
    name: &str,
    written: fn(&SalesReport) -> Result<String, InternalError>,
) -> Response {
    let answer = async {
        let token = Cookie::Operator.read(headers, app.settings.is_https());
        let operator = match token {
            Some(token) => sign_in::find_operator(app, &token).await?,
            None => None,
        };
        if operator.is_none() {
            return Ok(Redirect::to(&return_to::operator_sign_in("/operator/sales")).into_response());
        }
        let report = sales::sales_report(app).await?;
        if !report.is_whole() {
            // The page says that the report is incomplete; a file cannot.
            return Ok(Redirect::to("/operator/sales").into_response());
        }
        let text = format!("{}{}", csv_file::MARK, written(&report)?);
        Ok::<_, InternalError>(csv_file::file(name, Body::from(text)))
    };
    answer.await.unwrap_or_else(|fault| {
        tracing::error!(error = %fault, file = name, "a report failed");
        flash::redirect(app, "/operator/sales", Flash::new("fault"))
    })
}
