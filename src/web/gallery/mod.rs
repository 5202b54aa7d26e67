//! `/_gallery`: every state of every page, for people, pictures and accessibility tests. Only the demo has it, no page
//! links to it, and its forms lead nowhere.
//!
//! Each state is hand-made data, drawn by the sections of the real pages.
//!
//! *Not here:* the demo's customers (`crate::demo`).

mod auto_top_up;
mod billing;
mod customers;
mod forecast;
mod history;
mod operator;
mod operator_keys;
mod purchase;
mod settings;
mod usage;

use crate::usecases::access::links::{Role, Viewer};
use crate::web::auto_top_up::{AutoTopUpBody, Sections as AutoTopUpSections};
use crate::web::billing::page::{BillingBody, Sections};
use crate::web::history::{History, HistoryBody};
use crate::web::operator::page::framed;
use crate::web::page::{Page, page};
use crate::web::purchase::{PurchaseBody, PurchaseDetails};
use crate::web::request_context::{PageError, RequestContext};
use crate::web::settings::{Settings, SettingsBody};
use crate::web::usage::UsageBody;
use crate::web::usage::sections::UsageSections;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

/// One state of one page.
pub enum Sample {
    /// `/billing`, and the customer's name.
    Billing(&'static str, Box<Sections>),
    /// `/auto-top-up`
    AutoTopUp(Box<AutoTopUpSections>),
    /// `/purchases/{id}`
    Purchase(Box<PurchaseDetails>),
    /// `/usage`, and the customer's name.
    Usage(&'static str, Box<UsageSections>),
    /// `/history`, likewise.
    History(&'static str, Box<History>),
    /// `/settings`
    Settings(Box<Settings>),
}

/// Every state by name, in the gallery's order.
fn all() -> Vec<(&'static str, Sample)> {
    let mut all = billing::all();
    all.extend(auto_top_up::all());
    all.extend(purchase::all());
    all.extend(usage::all());
    all.extend(history::all());
    all.extend(settings::all());
    all
}

/// The list, or one state by its name.
#[component]
pub fn Gallery() -> impl IntoView {
    let name = use_params_map().get().get("name");
    let drawn = name.as_ref().and_then(|name| operator::all().into_iter().find(|(n, _)| n == name));
    if let Some((_, draw)) = drawn {
        let request = RequestContext::current();
        let drawn = draw(&request);
        return framed(&request, Some(operator::OPERATOR.to_owned()), 2, drawn);
    }
    let page = page(move |_| async move {
        match name {
            None => Ok(Page::new("Gallery", None, list())),
            Some(name) => all().into_iter().find(|(n, _)| *n == name).map(show).ok_or(PageError::NotFound),
        }
    });
    page.into_any()
}

fn list() -> impl IntoView {
    let names = all().into_iter().map(|(name, _)| name);
    let names = names.chain(operator::all().into_iter().map(|(name, _)| name));
    let link = |name: &'static str| {
        view! {
            <li>
                <a href=format!("/_gallery/{name}")>{name}</a>
            </li>
        }
    };
    view! {
        <h1>"Gallery"</h1>
        <ul>{names.map(link).collect_view()}</ul>
    }
}

fn show((name, sample): (&'static str, Sample)) -> Page {
    match sample {
        Sample::Billing(customer, sections) => {
            Page::new("Billing", Some(viewer(customer)), view! { <BillingBody sections=*sections /> })
        }
        Sample::AutoTopUp(sections) => {
            Page::new("Automatic top-up", Some(viewer("Acme Data")), view! { <AutoTopUpBody sections=*sections /> })
        }
        Sample::Purchase(details) => {
            Page::new(name, Some(viewer("Acme Data")), view! { <PurchaseBody details=*details /> })
        }
        Sample::Usage(customer, usage) => {
            Page::new("Usage", Some(viewer(customer)), view! { <UsageBody usage=*usage /> })
        }
        Sample::History(customer, history) => {
            Page::new("History", Some(viewer(customer)), view! { <HistoryBody history=*history /> })
        }
        Sample::Settings(settings) => {
            Page::new("Settings", Some(viewer("Meridian")), view! { <SettingsBody settings=*settings /> })
        }
    }
}

fn viewer(name: &str) -> Viewer {
    Viewer {
        customer_no: 0,
        customer: String::new(),
        name: name.to_owned(),
        timezone: "UTC".to_owned(),
        email: None,
        role: Role::Viewer,
        proven: false,
        return_url: None,
        session: [0; 32],
    }
}

#[cfg(test)]
mod tests;
