//! What stands around every page: header, main, footer with the theme switch.

use crate::web::actions::{SetTheme, SignOut};
use crate::web::theme::Theme;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// What the frame needs to know.
#[derive(Clone, Debug)]
pub struct FrameView {
    /// The shop's name.
    pub shop: String,
    /// Its front page.
    pub home: String,
    /// Where customers ask for help.
    pub support: String,
    /// Its terms.
    pub terms: String,
    /// Who is signed in: the customer's name.
    pub customer: Option<String>,
    /// The chosen theme.
    pub theme: Theme,
    /// This page's path and query, to come back to.
    pub here: String,
}

/// Header, `main`, footer.
#[component]
pub fn Frame(frame: FrameView, children: Children) -> impl IntoView {
    let signed_in = frame.customer.clone().map(|customer| view! { <Person customer /> });
    let current = if frame.here.starts_with("/billing") { "page" } else { "true" };
    let nav = frame.customer.is_some().then(|| {
        view! {
            <nav aria-label="Account">
                <a href="/billing" aria-current=current>
                    "Billing"
                </a>
            </nav>
        }
    });
    view! {
        <a class="skip" href="#main">
            "Skip to content"
        </a>
        <header class="top">
            <div class="wide">
                <a class="brand" href=frame.home.clone()>
                    {frame.shop.clone()}
                </a>
                {nav}
                {signed_in}
            </div>
        </header>
        <main id="main" class="wide">
            {children()}
        </main>
        <Footer frame />
    }
}

#[component]
fn Person(customer: String) -> impl IntoView {
    let title = customer.clone();
    view! {
        <div class="person">
            <span class="name truncate" title=title>
                {customer}
            </span>
            <form method="post" action=SignOut::PATH>
                <button class="link">"Sign out"</button>
            </form>
        </div>
    }
}

#[component]
fn Footer(frame: FrameView) -> impl IntoView {
    let question = if frame.customer.is_some() { "Paid but no credits? " } else { "Questions? " };
    let switch = |theme: Theme| {
        let pressed = (theme == frame.theme).to_string();
        view! {
            <button class="link" name="theme" value=theme.name() aria-pressed=pressed>
                {theme.label()}
            </button>
        }
    };
    view! {
        <footer class="wide">
            <p>
                {question}
                <span class="together">
                    <a href=format!("mailto:{}", frame.support)>{frame.support.clone()}</a> " · "
                    <a href=frame.terms.clone()>"Terms"</a>
                </span>
            </p>
            <form method="post" action=SetTheme::PATH>
                <input type="hidden" name="back" value=frame.here.clone() />
                <div class="switch" role="group" aria-label="Theme">
                    {Theme::ALL.map(switch).collect_view()}
                </div>
            </form>
        </footer>
    }
}
