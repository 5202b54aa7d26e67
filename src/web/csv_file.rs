//! Files for spreadsheets: their head, their answer, and who may have them.

use crate::usecases::access::links;
use crate::usecases::access::links::Viewer;
use crate::usecases::{App, InternalError};
use crate::web::cookies::Cookie;
use crate::web::flash::Flash;
use crate::web::outcome::Outcome;
use crate::web::{flash, return_to};
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

/// The signed-in viewer, or the redirect to the sign-in page; `here` is the page with the link to the file.
///
/// # Errors
/// The answer instead of a file.
pub async fn viewer(app: &App, headers: &HeaderMap, here: &str) -> Result<Viewer, Response> {
    let Some(token) = Cookie::Session.read(headers, app.settings.is_https()) else {
        return Err(sign_in(here));
    };
    let viewer = links::find_viewer(app, &token).await.map_err(|fault| failed(app, &fault))?;
    viewer.ok_or_else(|| sign_in(here))
}

/// The sign-in page leads to the page that the file is of.
fn sign_in(here: &str) -> Response {
    Redirect::to(&return_to::sign_in(here)).into_response()
}

pub fn failed(app: &App, fault: &InternalError) -> Response {
    tracing::error!(error = %fault, "a file could not be written");
    flash::redirect(app, "/billing", Flash::new(Outcome::FileFailed))
}

/// A text that no spreadsheet takes for a formula.
pub fn safe(text: Option<&str>) -> String {
    let text = text.unwrap_or_default();
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}
