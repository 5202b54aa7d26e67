//! The frame of a customer's page: header, main, footer with the theme switch.

use crate::domain::catalog::Shop;
use crate::usecases::access::sign_in::CustomerChoice;
use crate::web::brand::ShopMark;
use crate::web::sign_in::session::{SignOut, SwitchCustomer};
use crate::web::theme::Theme;
use crate::web::theme_switch::ThemeSwitch;
use crate::web::ui::form::Form;
use crate::web::ui::role::role_name;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// The links of the header: path and label.
const NAV: [(&str, &str); 4] =
    [("/billing", "Billing"), ("/usage", "Usage"), ("/history", "History"), ("/settings", "Settings")];

/// Header, `main`, footer. `home` is the shop's page to go back to; `here` is this page's path and query.
#[component]
pub fn Frame(
    shop: Shop,
    home: String,
    customer: Option<String>,
    choices: Vec<CustomerChoice>,
    theme: Theme,
    here: String,
    children: Children,
) -> impl IntoView {
    let is_signed_in = customer.is_some();
    let signed_in = customer.map(|customer| view! { <Person customer choices /> });
    let nav = is_signed_in.then(|| view! { <Nav here=here.clone() /> });
    let question = if is_signed_in { "Paid but no credits? " } else { "Questions? " };
    view! {
        <a class="skip" href="#main">
            "Skip to content"
        </a>
        <header class="top">
            <div class="wide">
                <a class="brand" href=home>
                    <ShopMark shop=shop.clone() />
                </a>
                {nav}
                {signed_in}
            </div>
        </header>
        <main id="main" class="wide">
            {children()}
        </main>
        <footer class="wide">
            <p>
                {question}
                <span class="together">
                    <a href=format!("mailto:{}", shop.support_email)>{shop.support_email.clone()}</a> " · "
                    <a href=shop.terms_url>"Terms"</a>
                </span>
            </p>
            <ThemeSwitch theme here />
        </footer>
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
fn Person(customer: String, choices: Vec<CustomerChoice>) -> impl IntoView {
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

/// The menu of a person with several accounts. It needs no script.
#[component]
fn Switch(name: AnyView, choices: Vec<CustomerChoice>) -> impl IntoView {
    let choice = |choice: CustomerChoice| {
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
