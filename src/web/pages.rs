//! All pages by their paths.

use crate::web::auto_top_up::AutoTopUpPage;
use crate::web::billing::page::BillingPage;
use crate::web::error_pages::Missing;
#[cfg(not(feature = "demo"))]
use crate::web::error_pages::Missing as Gallery;
#[cfg(feature = "demo")]
use crate::web::gallery::Gallery;
use crate::web::history::HistoryPage;
use crate::web::plans::PlansPage;
use crate::web::purchase::PurchasePage;
use crate::web::settings::SettingsPage;
use crate::web::sign_in::{LinkPage, SignInPage};
use crate::web::unsubscribe::UnsubscribePage;
use crate::web::usage::UsagePage;
use crate::web::{demo, operator};
use leptos::prelude::*;
use leptos_meta::provide_meta_context;
use leptos_router::components::{FlatRoutes, Route, Router};
use leptos_router::{SsrMode, path};

#[component]
pub fn Pages() -> impl IntoView {
    provide_meta_context();
    view! {
        <Router>
            <FlatRoutes fallback=Missing>
                <Route path=path!("/billing") view=BillingPage ssr=SsrMode::Async />
                <Route path=path!("/auto-top-up") view=AutoTopUpPage ssr=SsrMode::Async />
                <Route path=path!("/purchases/:id") view=PurchasePage ssr=SsrMode::Async />
                <Route path=path!("/history") view=HistoryPage ssr=SsrMode::Async />
                <Route path=path!("/usage") view=UsagePage ssr=SsrMode::Async />
                <Route path=path!("/plans") view=PlansPage ssr=SsrMode::Async />
                <Route path=path!("/settings") view=SettingsPage ssr=SsrMode::Async />
                <Route path=path!("/sign-in") view=SignInPage ssr=SsrMode::Async />
                <Route path=path!("/sign-in/:token") view=LinkPage ssr=SsrMode::Async />
                <Route path=path!("/demo/plans") view=demo::Plans ssr=SsrMode::Async />
                <Route path=path!("/demo/mails") view=demo::Mailbox ssr=SsrMode::Async />
                <Route path=path!("/demo/mails/:no") view=demo::MailPage ssr=SsrMode::Async />
                <Route path=path!("/demo/events") view=demo::Events ssr=SsrMode::Async />
                <Route path=path!("/mails/:token") view=UnsubscribePage ssr=SsrMode::Async />
                <Route path=path!("/operator") view=operator::HomePage ssr=SsrMode::Async />
                <Route path=path!("/operator/sign-in") view=operator::OperatorSignInPage ssr=SsrMode::Async />
                <Route path=path!("/operator/customers/:id") view=operator::CustomerPage ssr=SsrMode::Async />
                <Route path=path!("/operator/purchases/:id") view=operator::OperatorPurchasePage ssr=SsrMode::Async />
                <Route path=path!("/operator/purchases/:id/refund") view=operator::RefundPage ssr=SsrMode::Async />
                <Route path=path!("/operator/account") view=operator::AccountPage ssr=SsrMode::Async />
                <Route path=path!("/operator/alarms") view=operator::AlarmsPage ssr=SsrMode::Async />
                <Route path=path!("/operator/keys") view=operator::KeysPage ssr=SsrMode::Async />
                <Route path=path!("/operator/second-factor") view=operator::SecondFactorPage ssr=SsrMode::Async />
                <Route path=path!("/operator/sales") view=operator::SalesPage ssr=SsrMode::Async />
                <Route path=path!("/_gallery") view=Gallery ssr=SsrMode::Async />
                <Route path=path!("/_gallery/:name") view=Gallery ssr=SsrMode::Async />
            </FlatRoutes>
        </Router>
    }
}
