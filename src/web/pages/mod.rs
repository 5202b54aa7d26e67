//! Pages: a component a page, which loads what it shows and hands it to `components`.
//!
//! Each page authorises on its own. It is rendered whole (`SsrMode::Async`), its data loaded by the
//! page itself and not by a `Resource`, which would be sent to the browser a second time.
//!
//! *Not here:* words (`view`), HTML (`components`), routes that take forms (`actions`).

mod mails;
mod missing;
mod onward;
mod operator;
mod plans;
mod settings;
mod sign_in;
#[cfg(feature = "demo")]
mod sign_in_demo;
/// Nobody signs in by one click outside the demo.
#[cfg(not(feature = "demo"))]
mod sign_in_demo {
    use crate::usecases::InternalError;
    use crate::web::request_context::RequestContext;
    use leptos::prelude::AnyView;

    /// Nobody.
    pub fn operator(_: &RequestContext) -> Option<AnyView> {
        None
    }

    /// Nobody.
    pub async fn people(_: &RequestContext) -> Result<Option<AnyView>, InternalError> {
        Ok(None)
    }
}

pub use missing::{Missing, Refused, Unreadable};
pub use onward::{LeadsTo, Onward};

use crate::usecases::access::portal::Viewer;
use crate::usecases::access::sign_in::Choice;
use crate::web::billing::BillingPage;
use crate::web::components::{Frame, FrameView};
use crate::web::demo;
use crate::web::document::PageTitle;
use crate::web::history::HistoryPage;
use crate::web::purchase::PurchasePage;
use crate::web::request_context::{RequestContext, Stop};
use crate::web::usage::UsagePage;
use leptos::prelude::*;
use leptos_meta::provide_meta_context;
use leptos_router::components::{FlatRoutes, Route, Router};
use leptos_router::{SsrMode, path};

/// All pages by their paths.
#[component]
pub fn Pages() -> impl IntoView {
    provide_meta_context();
    view! {
        <Router>
            <FlatRoutes fallback=missing::Missing>
                <Route path=path!("/billing") view=BillingPage ssr=SsrMode::Async />
                <Route path=path!("/purchases/:id") view=PurchasePage ssr=SsrMode::Async />
                <Route path=path!("/history") view=HistoryPage ssr=SsrMode::Async />
                <Route path=path!("/usage") view=UsagePage ssr=SsrMode::Async />
                <Route path=path!("/plans") view=plans::PlansPage ssr=SsrMode::Async />
                <Route path=path!("/settings") view=settings::SettingsPage ssr=SsrMode::Async />
                <Route path=path!("/sign-in") view=sign_in::SignInPage ssr=SsrMode::Async />
                <Route path=path!("/sign-in/:token") view=sign_in::LinkPage ssr=SsrMode::Async />
                <Route path=path!("/demo/plans") view=demo::Plans ssr=SsrMode::Async />
                <Route path=path!("/demo/mails") view=demo::Mailbox ssr=SsrMode::Async />
                <Route path=path!("/demo/mails/:no") view=demo::MailPage ssr=SsrMode::Async />
                <Route path=path!("/demo/events") view=demo::Events ssr=SsrMode::Async />
                <Route path=path!("/mails/:token") view=mails::MailsPage ssr=SsrMode::Async />
                <Route path=path!("/operator") view=operator::HomePage ssr=SsrMode::Async />
                <Route path=path!("/operator/sign-in") view=operator::SignInPage ssr=SsrMode::Async />
                <Route path=path!("/operator/customers/:id") view=operator::CustomerPage ssr=SsrMode::Async />
                <Route path=path!("/operator/purchases/:id") view=operator::PurchasePage ssr=SsrMode::Async />
                <Route path=path!("/operator/alarms") view=operator::AlarmsPage ssr=SsrMode::Async />
                <Route path=path!("/operator/second-factor") view=operator::SecondFactorPage ssr=SsrMode::Async />
                <Route path=path!("/operator/sales") view=operator::SalesPage ssr=SsrMode::Async />
                <Route path=path!("/_gallery") view=Gallery ssr=SsrMode::Async />
                <Route path=path!("/_gallery/:name") view=Gallery ssr=SsrMode::Async />
            </FlatRoutes>
        </Router>
    }
}

#[cfg(feature = "demo")]
use crate::web::gallery::Gallery;
/// There is no gallery outside the demo.
#[cfg(not(feature = "demo"))]
use missing::Missing as Gallery;

/// A page that was loaded.
pub struct Page {
    /// Its name, before the shop's.
    title: String,
    /// Who is signed in.
    viewer: Option<Viewer>,
    /// What it shows.
    body: AnyView,
}

impl Page {
    /// A page for `viewer`.
    pub(in crate::web) fn new(title: impl Into<String>, viewer: Option<Viewer>, body: impl IntoView + 'static) -> Self {
        Self { title: title.into(), viewer, body: body.into_any() }
    }
}

/// Renders what `load` loads, or why there is nothing.
pub(in crate::web) fn page<F>(load: impl FnOnce(RequestContext) -> F) -> impl IntoView
where
    F: Future<Output = Result<Page, Stop>> + Send + 'static,
{
    let visit = RequestContext::current();
    let loading = load(visit.clone());
    Suspend::new(async move {
        match loading.await {
            Ok(page) => framed(&visit, page).await,
            Err(stop) => stopped(&visit, &stop).await,
        }
    })
}

/// The page in its frame, under its title.
async fn framed(visit: &RequestContext, page: Page) -> AnyView {
    let bar = demo::bar(visit, page.viewer.as_ref()).await;
    let shop = &visit.app.catalog.shop;
    let choices = match &page.viewer {
        // A page is not lost for want of the way to another one.
        Some(viewer) if viewer.proven => choices_of(visit, viewer).await,
        _ => Vec::new(),
    };
    let frame = FrameView {
        shop: shop.name.clone(),
        home: page
            .viewer
            .as_ref()
            .and_then(|viewer| viewer.return_url.clone())
            .unwrap_or_else(|| shop.home_url.clone()),
        support: shop.support_email.clone(),
        terms: shop.terms_url.clone(),
        customer: page.viewer.map(|viewer| viewer.name),
        choices,
        theme: visit.theme(),
        here: visit.here(),
    };
    let title = format!("{} · {}", page.title, shop.name);
    view! {
        <PageTitle text=title />
        <Frame frame>{page.body}</Frame>
        {bar}
    }
    .into_any()
}

async fn choices_of(visit: &RequestContext, viewer: &Viewer) -> Vec<Choice> {
    crate::usecases::access::sign_in::choices(&visit.app, viewer).await.unwrap_or_else(|fault| {
        tracing::error!(error = %fault, "the customers of a person could not be read");
        Vec::new()
    })
}

async fn stopped(visit: &RequestContext, stop: &Stop) -> AnyView {
    match stop {
        Stop::SignIn => {
            visit.redirect("/sign-in");
            ().into_any()
        }
        Stop::NotFound => missing::show(visit).await,
        Stop::InternalError(fault) => {
            visit.failed(fault);
            framed(visit, Page::new("Error", None, missing::fault())).await
        }
    }
}
