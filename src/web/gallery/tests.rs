//! Rules that every page keeps in every state, checked on its HTML.

use crate::web::auto_top_up::AutoTopUpBody;
use crate::web::billing::page::BillingBody;
use crate::web::document::without_marks;
use crate::web::gallery::{Sample, all};
use crate::web::history::HistoryBody;
use crate::web::purchase::PurchaseBody;
use crate::web::settings::SettingsBody;
use crate::web::usage::UsageBody;
use leptos::prelude::*;

/// Every state's HTML by its name.
fn pages() -> Vec<(&'static str, String)> {
    let html = |sample| match sample {
        Sample::Billing(_, sections) => view! { <BillingBody sections=*sections /> }.to_html(),
        Sample::AutoTopUp(sections) => view! { <AutoTopUpBody sections=*sections /> }.to_html(),
        Sample::Purchase(details) => view! { <PurchaseBody details=*details /> }.to_html(),
        Sample::Usage(_, usage) => view! { <UsageBody usage=*usage /> }.to_html(),
        Sample::History(_, history) => view! { <HistoryBody history=*history /> }.to_html(),
        Sample::Settings(settings) => view! { <SettingsBody settings=*settings /> }.to_html(),
    };
    Owner::new_root(None)
        .with(|| all().into_iter().map(|(name, sample)| (name, without_marks(&html(sample)))).collect())
}

/// The text between the tags.
fn text(html: &str) -> String {
    html.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text).collect::<Vec<_>>().join(" ")
}

#[test]
fn no_page_carries_script_or_inline_style() {
    for (name, html) in pages() {
        let html = html.replace("<script type=\"module\" src=\"/buttons.js", "");
        for forbidden in ["<script", " style=", " onclick", "javascript:"] {
            assert!(!html.contains(forbidden), "{name} has {forbidden}");
        }
    }
}

#[test]
fn words_of_the_inside_are_never_read() {
    for (name, html) in pages() {
        let read = text(&html).to_lowercase();
        let mut words = read.split(|c: char| !c.is_alphanumeric());
        let inside = ["lot", "lots", "grant", "grants", "webhook", "session", "lapsed", "courtesy", "topup"];
        assert!(words.all(|word| !inside.contains(&word)), "{name}: {read}");
    }
}

#[test]
fn ids_are_unique_and_labels_lead_somewhere() {
    for (name, html) in pages() {
        let values = |attribute: &str| -> Vec<String> {
            let parts = html.split(attribute).skip(1).filter_map(|part| part.split_once('"'));
            parts.map(|(value, _)| value.to_owned()).collect()
        };
        let ids = values(" id=\"");
        let mut unique = ids.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), ids.len(), "{name}: {ids:?}");
        for label in values("aria-labelledby=\"") {
            assert!(ids.contains(&label), "{name}: nothing is called {label}");
        }
    }
}

#[test]
fn there_is_at_most_one_announcement() {
    for (name, html) in pages() {
        let announced = html.matches("role=\"alert\"").count() + html.matches("role=\"status\"").count();
        assert!(announced <= 1, "{name}: {announced}");
    }
}

#[test]
fn every_price_has_a_button_that_names_what_it_buys() {
    let (_, html) = pages().into_iter().find(|(name, _)| *name == "starter").expect("the sample");
    for name in [
        "Buy for $9, 1,200 credits",
        "Buy for $30, 5,000 credits",
        "Buy for $105, 20,000 credits",
        "Buy for $225, 50,000 credits",
    ] {
        assert!(html.contains(&format!("aria-label=\"{name}\"")), "{name}");
    }
    assert!(html.contains("aria-valuetext=\"4,820 used, 180 left of 5,000\""));
}
