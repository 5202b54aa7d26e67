//! What stands around every page: header, main, footer with the theme switch.

use crate::usecases::access::sign_in::Choice;
use crate::web::actions::{SetTheme, SignOut, SwitchCustomer};
use crate::web::theme::Theme;
use crate::web::ui::form::Form;
use crate::web::view::settings::role_name;
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
    /// The customers that the person may go over to, this one among them.
    pub choices: Vec<Choice>,
    /// The chosen theme.
    pub theme: Theme,
    /// This page's path and query, to come back to.
    pub here: String,
}

/// The pages of the header, in its order: path and words.
const NAV: [(&str, &str); 4] =
    [("/billing", "Billing"), ("/usage", "Usage"), ("/history", "History"), ("/settings", "Settings")];

/// Header, `main`, footer.
#[component]
pub fn Frame(frame: FrameView, children: Children) -> impl IntoView {
    let choices = frame.choices.clone();
    let signed_in = frame.customer.clone().map(|customer| view! { <Person customer choices /> });
    let nav = frame.customer.is_some().then(|| view! { <Nav here=frame.here.clone() /> });
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
fn Nav(here: String) -> impl IntoView {
    let path = here.split('?').next().unwrap_or_default().to_owned();
    let link = |(to, words): (&'static str, &'static str)| {
        // A purchase's page belongs to Billing without being it.
        let current = match path.as_str() {
            path if path == to => Some("page"),
            path if to == "/billing" && path.starts_with("/purchases/") => Some("true"),
            _ => None,
        };
        view! {
            <a href=to aria-current=current>
                {words}
            </a>
        }
    };
    view! { <nav aria-label="Account">{NAV.map(link).collect_view()}</nav> }
}

#[component]
fn Person(customer: String, choices: Vec<Choice>) -> impl IntoView {
    let title = customer.clone();
    let name = view! {
        <span class="name truncate" title=title>
            {customer}
        </span>
    };
    let name =
        if choices.len() > 1 { view! { <Switch name=name.into_any() choices /> }.into_any() } else { name.into_any() };
    view! {
        <div class="person">
            {name}
            <Form action=SignOut::PATH>
                <button class="link">"Sign out"</button>
            </Form>
        </div>
    }
}

/// The accounts of a person who has several: a menu that needs no script.
#[component]
fn Switch(name: AnyView, choices: Vec<Choice>) -> impl IntoView {
    let choice = |choice: Choice| {
        let current = choice.current.then_some("true");
        view! {
            <li>
                <button name="customer" value=choice.customer aria-current=current>
                    <span>{choice.name}</span>
                    " "
                    <span class="note">{role_name(choice.role)}</span>
                </button>
            </li>
        }
    };
    view! {
        <details class="menu">
            <summary>{name} <span class="sr-only">", switch account"</span></summary>
            <Form class="card" action=SwitchCustomer::PATH>
                <ul aria-label="Your accounts">{choices.into_iter().map(choice).collect_view()}</ul>
            </Form>
        </details>
    }
}

#[component]
fn Footer(frame: FrameView) -> impl IntoView {
    let question = if frame.customer.is_some() { "Paid but no credits? " } else { "Questions? " };
    view! {
        <footer class="wide">
            <p>
                {question}
                <span class="together">
                    <a href=format!("mailto:{}", frame.support)>{frame.support.clone()}</a> " · "
                    <a href=frame.terms.clone()>"Terms"</a>
                </span>
            </p>
            <ThemeSwitch theme=frame.theme here=frame.here />
        </footer>
    }
}

/// Automatic, light or dark; the form comes back to `here`.
#[component]
pub fn ThemeSwitch(theme: Theme, here: String) -> impl IntoView {
    let chosen = theme;
    let switch = |theme: Theme| {
        let pressed = (theme == chosen).to_string();
        view! {
            <button class="link" name="theme" value=theme.name() aria-pressed=pressed>
                {theme.label()}
            </button>
        }
    };
    view! {
        <form method="post" action=SetTheme::PATH>
            <input type="hidden" name="back" value=here />
            <div class="switch" role="group" aria-label="Theme">
                {Theme::ALL.map(switch).collect_view()}
            </div>
        </form>
    }
}
