//! Files for spreadsheets: their head, their answer, and who may have them.

use crate::usecases::access::links;
use crate::usecases::access::links::Viewer;
use crate::usecases::{App, InternalError};
use crate::web::cookies::Cookie;
use axum::body::Body;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};

/// The mark of UTF-8 at the head of a file. Without it a spreadsheet reads the letters in its own country's encoding.
pub const MARK: &str = "\u{feff}";

/// A file that the browser saves. Only this answer names one: an ended session leads to the sign-in page, and an error to
/// a page about it. The links have no `download` attribute, because browsers would then save those pages.
pub fn file(name: &str, body: Body) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    let head =
        [(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    (head, body).into_response()
}

/// The signed-in viewer, or the redirect to the sign-in page.
///
/// # Errors
/// The answer instead of a file.
pub async fn viewer(app: &App, headers: &HeaderMap) -> Result<Viewer, Response> {
    let Some(token) = Cookie::Session.read(headers, app.settings.is_https()) else {
        return Err(Redirect::to("/sign-in").into_response());
    };
    let viewer = links::find_viewer(app, &token).await.map_err(|fault| failed(&fault))?;
    viewer.ok_or_else(|| Redirect::to("/sign-in").into_response())
}

pub fn failed(fault: &InternalError) -> Response {
    tracing::error!(error = %fault, "a file could not be written");
    Redirect::to("/billing?outcome=file_failed").into_response()
}

/// A text that no spreadsheet takes for a formula.
pub fn safe(text: Option<&str>) -> String {
    let text = text.unwrap_or_default();
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}
