//! `/_gallery`: every state of every page from hand-made facts, to be looked at and measured. Demo only,
//! linked from nowhere; its forms lead nowhere.

use crate::usecases::access::portal::{Role, Viewer};
use crate::web::components::{BillingBody, HistoryBody, PurchaseDetails, SettingsBody, UsageBody};
use crate::web::pages::{Page, page};
use crate::web::request_context::Stop;
use crate::web::samples;
use crate::web::samples::Sample;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

/// The list, or one state by its name.
#[component]
pub fn Gallery() -> impl IntoView {
    let name = use_params_map().get().get("name");
    page(move |_| async move {
        match name {
            None => Ok(Page::new("Gallery", None, list())),
            Some(name) => samples::all().into_iter().find(|(n, _)| *n == name).map(show).ok_or(Stop::NotFound),
        }
    })
}

fn list() -> impl IntoView {
    let link = |(name, _): (&'static str, Sample)| {
        view! {
            <li>
                <a href=format!("/_gallery/{name}")>{name}</a>
            </li>
        }
    };
    view! {
        <h1>"Gallery"</h1>
        <ul>{samples::all().into_iter().map(link).collect_view()}</ul>
    }
}

fn show((name, sample): (&'static str, Sample)) -> Page {
    match sample {
        Sample::Billing(customer, billing) => {
            Page::new("Billing", Some(viewer(customer)), view! { <BillingBody billing=*billing /> })
        }
        Sample::Purchase(purchase) => {
            Page::new(name, Some(viewer("Acme Data")), view! { <PurchaseDetails purchase=*purchase /> })
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
