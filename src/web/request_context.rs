//! One request of a browser: its viewer, its query and cookies; the status, redirect and cookies of its response.

use crate::http::request::client_ip;
use crate::rate_limits::network;
use crate::usecases::access::client::Client;
use crate::usecases::access::links;
use crate::usecases::access::links::Viewer;
use crate::usecases::operators::sign_in;
use crate::usecases::operators::sign_in::Operator;
use crate::usecases::{App, InternalError};
use crate::web::cookies::Cookie;
use crate::web::flash;
use crate::web::flash::Flash;
use crate::web::form_signature::FormSigner;
use crate::web::theme::Theme;
use crate::web::{live, return_to, user_agent};
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use leptos::prelude::{ServerFnError, expect_context, use_context};
use leptos_axum::ResponseOptions;

#[derive(Clone)]
pub struct RequestContext {
    pub app: App,
    parts: Parts,
    response: ResponseOptions,
    signer: FormSigner,
    /// The viewer that a form was drawn for; none outside of forms.
    drawn_for: Option<DrawnFor>,
}

/// The viewer that a form was drawn for; none if signed out.
#[derive(Clone)]
pub struct DrawnFor(pub Option<Viewer>);

/// The reason for another page in place of the one asked for.
#[derive(Debug)]
pub enum PageError {
    /// Signed out: the sign-in page.
    SignIn,
    /// The response redirects already.
    Redirected,
    /// Unknown, or another customer's.
    NotFound,
    InternalError(InternalError),
}

impl From<InternalError> for PageError {
    fn from(fault: InternalError) -> Self {
        Self::InternalError(fault)
    }
}

/// Logs the cause of a form's error; the answer does not name it.
pub fn form_failed(form: &'static str, fault: &InternalError) -> ServerFnError {
    tracing::error!(error = %fault, what = form, "a form failed");
    ServerFnError::new("fault")
}

impl RequestContext {
    /// The current request. Call it before the first `await`.
    #[must_use]
    pub fn current() -> Self {
        Self {
            app: expect_context(),
            parts: expect_context(),
            response: expect_context(),
            signer: expect_context(),
            drawn_for: use_context(),
        }
    }

    /// The customer's session, if the browser is signed in.
    pub async fn viewer(&self) -> Result<Option<Viewer>, InternalError> {
        // A form acts for the viewer that it was compared with, also if the session changes meanwhile.
        if let Some(DrawnFor(viewer)) = &self.drawn_for {
            return Ok(viewer.clone());
        }
        let viewer = match self.cookie(Cookie::Session) {
            Some(token) if self.background().is_some() => links::find_idle_viewer(&self.app, &token).await,
            Some(token) => links::find_viewer(&self.app, &token).await,
            None => Ok(None),
        }?;
        viewer.iter().for_each(|viewer| self.signer.draws_for(viewer));
        Ok(viewer)
    }

    /// The last entry that the page shows, if its script asks for it and not a person.
    #[must_use]
    pub fn background(&self) -> Option<i64> {
        live::background(&self.parts.headers)
    }

    /// The viewer, or the sign-in page.
    pub async fn signed_in(&self) -> Result<Viewer, PageError> {
        self.viewer().await?.ok_or(PageError::SignIn)
    }

    /// The operator's session: another cookie than a customer's, and another table.
    pub async fn operator(&self) -> Result<Option<Operator>, InternalError> {
        let operator = match Cookie::Operator.read(&self.parts.headers, self.https()) {
            Some(token) => sign_in::find_operator(&self.app, &token).await?,
            None => None,
        };
        operator.iter().for_each(|operator| self.signer.draws_for_operator(operator));
        Ok(operator)
    }

    /// An extension of the request.
    #[must_use]
    pub fn extension<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.parts.extensions.get::<T>().cloned()
    }

    #[must_use]
    pub fn theme(&self) -> Theme {
        self.cookie(Cookie::Theme).map(|name| Theme::named(&name)).unwrap_or_default()
    }

    #[must_use]
    pub fn cookie(&self, cookie: Cookie) -> Option<String> {
        cookie.read(&self.parts.headers, self.https())
    }

    /// The client's network.
    #[must_use]
    pub fn client(&self) -> Client {
        let trusted = &self.app.settings.trusted_proxies;
        let address = client_ip::address(&self.parts.extensions, &self.parts.headers, trusted);
        Client { network: address.map(network), device: None }
    }

    /// The client of an operator's password: a browser that was signed in with the account before is known by its cookie.
    pub fn client_of(&self, email: &str) -> Result<Client, InternalError> {
        let given = self.cookie(Cookie::OperatorDevice);
        let device = match given {
            Some(given) if sign_in::is_device(&self.app, email, &given)? => Some(given),
            _ => None,
        };
        Ok(Client { device, ..self.client() })
    }

    /// `Firefox on Windows`
    #[must_use]
    pub fn device(&self) -> String {
        let user_agent = self.parts.headers.get(axum::http::header::USER_AGENT);
        user_agent::describe(user_agent.and_then(|value| value.to_str().ok()).unwrap_or_default())
    }

    /// Whether a person opens this page in a browser that says so: no script, no frame, no prefetch, no HEAD.
    #[must_use]
    pub fn is_navigation(&self) -> bool {
        let headers = &self.parts.headers;
        let is = |name: &str, want: &str| headers.get(name).is_some_and(|value| value == want);
        let navigates = is("sec-fetch-mode", "navigate") && is("sec-fetch-dest", "document");
        self.parts.method == Method::GET && navigates && !flash::is_prefetch(headers)
    }

    /// Path and query of this page. The answer to a form is no page to come back to: then its first page stands here.
    #[must_use]
    pub fn here(&self) -> String {
        if !self.parts.method.is_safe() {
            let is_operators = self.path().starts_with("/_fn/operator");
            return if is_operators { "/operator" } else { "/billing" }.to_owned();
        }
        self.parts.uri.path_and_query().map_or_else(|| "/".to_owned(), |path| path.as_str().to_owned())
    }

    #[must_use]
    pub fn path(&self) -> &str {
        self.parts.uri.path()
    }

    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        let query = self.parts.uri.query()?;
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    pub fn status(&self, status: StatusCode) {
        self.response.set_status(status);
    }

    /// Logs a page's error. The status is 500 if the error is lasting, else 503.
    pub fn failed(&self, fault: &InternalError) {
        let is_lasting = fault.is_lasting();
        if !fault.is_logged() {
            tracing::error!(error = %fault, lasting = is_lasting, path = self.path(), "a page failed");
        }
        if is_lasting {
            return self.status(StatusCode::INTERNAL_SERVER_ERROR);
        }
        self.status(StatusCode::SERVICE_UNAVAILABLE);
        self.response.insert_header(axum::http::header::RETRY_AFTER, HeaderValue::from_static("5"));
    }

    /// Sets the content security policy.
    #[cfg(feature = "demo")]
    pub fn policy(&self, policy: &str) {
        if let Ok(policy) = HeaderValue::from_str(policy) {
            self.response.insert_header(axum::http::header::CONTENT_SECURITY_POLICY, policy);
        }
    }

    /// Redirects to a page of ours, or to Stripe.
    pub fn redirect(&self, to: &str) {
        if let Ok(to) = HeaderValue::from_str(to) {
            self.response.insert_header(axum::http::header::LOCATION, to);
            self.response.set_status(StatusCode::SEE_OTHER);
        }
    }

    /// Redirects to a page of ours that shows an outcome, once.
    pub fn redirect_with(&self, to: &str, flash: Flash) {
        self.add_cookie_header(&flash.cookie(to, self.https()));
        self.redirect(to);
    }

    /// The outcome that this page has to show.
    #[must_use]
    pub fn flash(&self) -> Option<Flash> {
        Flash::of(&self.parts, self.https())
    }

    /// The outcome that this page has to show. It is gone afterwards.
    #[must_use]
    pub fn take_flash(&self) -> Option<Flash> {
        let flash = self.flash()?;
        self.clear_cookie(Cookie::Flash);
        Some(flash)
    }

    /// Redirects to the sign-in page, which leads back here.
    pub fn redirect_to_sign_in(&self) {
        self.redirect(&return_to::sign_in(&self.here()));
    }

    pub fn set_cookie(&self, cookie: Cookie, value: &str, seconds: i64) {
        self.add_cookie_header(&cookie.set(value, seconds, self.https()));
    }

    pub fn clear_cookie(&self, cookie: Cookie) {
        self.add_cookie_header(&cookie.clear(self.https()));
    }

    fn add_cookie_header(&self, header: &str) {
        if let Ok(header) = HeaderValue::from_str(header) {
            self.response.append_header(SET_COOKIE, header);
        }
    }

    fn https(&self) -> bool {
        self.app.settings.is_https()
    }
}
