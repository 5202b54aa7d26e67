//! The frame of an operator's page.

use crate::domain::catalog::Shop;
use crate::web::brand::ShopMark;
use crate::web::form_signature::{FIELD, FormSigner};
use crate::web::operator::session::SignOutOperator;
use crate::web::theme::Theme;
use crate::web::theme_switch::ThemeSwitch;
use crate::web::ui::copy::ButtonScript;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

const PAGES: [(&str, &str); 4] = [
    ("/operator", "Home"),
    ("/operator/alarms", "Alarms"),
    ("/operator/sales", "Sales"),
    ("/operator/keys", "API keys"),
];

/// Header, `main`, footer. `operator` is the viewer's email address, `alarms` the number of open alarms.
#[component]
pub fn OperatorFrame(
    shop: Shop,
    operator: Option<String>,
    alarms: usize,
    theme: Theme,
    here: String,
    children: Children,
) -> impl IntoView {
    let path = here.split('?').next().unwrap_or_default().to_owned();
    let link = move |(href, name): (&'static str, &'static str)| {
        let below =
            href == "/operator" && ["/operator/customers", "/operator/purchases"].iter().any(|p| path.starts_with(p));
        let current = if path == href { Some("page") } else { below.then_some("true") };
        let count = (href == "/operator/alarms" && alarms > 0).then(|| format!(" ({alarms})"));
        view! {
            <a href=href aria-current=current>
                {name}
                {count}
            </a>
        }
    };
    let nav = operator.is_some().then(|| view! { <nav aria-label="Operator">{PAGES.map(link).collect_view()}</nav> });
    let signature = use_context::<FormSigner>().map(|signer| signer.operator_signature());
    let person = operator.map(|email| {
        view! {
            <div class="person">
                <a class="name truncate" href="/operator/account">{email}</a>
                <form method="post" action=SignOutOperator::PATH>
                    <input type="hidden" name=FIELD value=signature />
                    <button class="link">"Sign out"</button>
                </form>
            </div>
        }
    });
    view! {
        <a class="skip" href="#main">
            "Skip to content"
        </a>
        <header class="top">
            <div class="wide">
                <a class="brand" href="/operator">
                    <ShopMark shop />
                    " · operator"
                </a>
                {nav}
                {person}
            </div>
        </header>
        <main id="main" class="wide">
            {children()}
        </main>
        <ButtonScript />
        <footer class="wide">
            <p>"All times are UTC."</p>
            <ThemeSwitch theme here />
        </footer>
    }
}
