//! Every email about credits, with names of 120 letters.

use super::*;
use crate::domain::balance_alert::{AlertKind, BalanceAlert};
use crate::domain::forecast::TopUpForecast;
use crate::domain::time::from_millis;
use crate::domain::{Account, DisputeStatus, Payment, PurchaseState};
use crate::email::Rendered;
use crate::usecases::notify::receipts::{self, CreditedTerms};

const AT: i64 = 1_795_356_180_500;

fn long() -> String {
    "w".repeat(120)
}

fn catalog() -> Catalog {
    let text = include_str!("../../../../catalog.toml").replace("\"Gleaner\"", &format!("\"{}\"", long()));
    Catalog::parse(&text).expect("a catalogue")
}

fn shop() -> ShopSettings {
    ShopSettings { site: "https://pay.example".to_owned(), secret: b"secret".to_vec(), hooked: false }
}

fn to() -> Addressed {
    Addressed {
        no: 1,
        id: "acme/1".to_owned(),
        name: long(),
        zone: Zone::named("Europe/Berlin"),
        created_at: from_millis(0),
        people: Vec::new(),
    }
}

fn purchase() -> PurchaseData {
    PurchaseData {
        id: PurchaseId::from_bytes(&[9; 16]).expect("sixteen bytes"),
        customer_no: 1,
        credits: Credits::whole(1_200),
        amount: 900,
        currency: "usd".to_owned(),
        created_at: from_millis(AT),
    }
}

fn alert(kind: AlertKind, catalog: &Catalog, plan: &str, left: i64) -> Option<Announcement> {
    let (mut account, _) = Account::open("acme", plan, from_millis(AT), from_millis(AT), catalog).expect("an account");
    account.grants.iter_mut().for_each(|grant| grant.used = grant.amount - Credits::whole(left));
    let alert = BalanceAlert { kind, at: from_millis(AT), credits: Credits::whole(1_000), seq: 1 };
    balance::balance_letter(catalog, &shop(), &to(), alert, &account, Credits::whole(500))
}

fn reminder(
    catalog: &Catalog,
    credits: i64,
    forecast: Option<TopUpForecast>,
    paused_on: Option<String>,
) -> Announcement {
    let (left, now) = (Credits::whole(credits), from_millis(AT));
    let top_ups = vec![(left, now + chrono::TimeDelta::days(6), now, Credits::whole(1_200))];
    let expiring = reminders::Expiring { top_ups, forecast, paused_on };
    reminders::reminder_letter(catalog, &shop(), &to(), &expiring, now, [0; 16]).expect("a reminder")
}

fn receipt(catalog: &Catalog) -> Draft {
    let (at, expires_at) = (from_millis(AT), from_millis(AT) + chrono::TimeDelta::days(365));
    let credited = CreditedTerms { at, expires_at, total: Some(1_080), tax: Some(180) };
    receipts::receipt_draft(catalog, &purchase(), credited, "https://pay.example", &to())
}

fn disputed(status: DisputeStatus) -> Payment {
    let disputes = [("dp_1".to_owned(), (status, 900))].into();
    Payment { disputes, ..Payment::default() }
}

fn all(catalog: &Catalog) -> Vec<Announcement> {
    let outlooks = [
        None,
        Some(TopUpForecast::AllUsed),
        Some(TopUpForecast::Untouched),
        Some(TopUpForecast::Left(Credits::whole(640))),
    ];
    let mut all: Vec<Announcement> =
        outlooks.into_iter().map(|forecast| reminder(catalog, 1_000, forecast, None)).collect();
    all.push(reminder(catalog, 1_000, None, Some("Free".to_owned())));
    for (kind, left) in [(AlertKind::Expired, 0), (AlertKind::Out, 0), (AlertKind::Low, 180)] {
        all.extend(["free", "starter"].into_iter().filter_map(|plan| alert(kind, catalog, plan, left)));
    }
    for state in [PurchaseState::Processing, PurchaseState::Failed] {
        all.extend(payments::payment_failed_letter(catalog, &shop(), &to(), &purchase(), state));
    }
    for status in [DisputeStatus::NeedsResponse, DisputeStatus::Lost, DisputeStatus::Won] {
        let notices = refunds::notices(&purchase(), &disputed(DisputeStatus::UnderReview), &disputed(status));
        all.extend(
            notices
                .into_iter()
                .map(|notice| refunds::payment_notice_letter(catalog, &shop(), &to(), &purchase(), notice)),
        );
    }
    all
}

#[test]
fn subjects_and_buttons_are_those_of_the_pages() {
    let catalog = catalog();
    let check = |letter: Option<Announcement>, subject: &str, button: &str| {
        let letter = letter.expect(subject);
        assert_eq!(letter.subject, subject);
        assert_eq!(letter.draft.button.map(|(words, _)| words).as_deref(), Some(button), "{subject}");
    };
    check(alert(AlertKind::Out, &catalog, "starter", 0), "You're out of credits: requests fail", "Buy 1,200 for $9");
    check(alert(AlertKind::Out, &catalog, "free", 0), "You're out of credits: requests fail", "Upgrade");
    check(alert(AlertKind::Low, &catalog, "starter", 180), "About 180 credits left", "Buy 1,200 for $9");
    check(alert(AlertKind::Low, &catalog, "starter", 1), "About 1 credit left", "Buy 1,200 for $9");
    check(alert(AlertKind::Expired, &catalog, "starter", 0), "1,000 credits have expired", "Open Billing");
    check(Some(reminder(&catalog, 1_000, None, None)), "1,000 credits expire on 28 Nov 2026", "Open Billing");
    check(Some(reminder(&catalog, 1, None, None)), "1 credit expires on 28 Nov 2026", "Open Billing");
    assert_eq!(receipt(&catalog).button.map(|(words, _)| words).as_deref(), Some("View invoice"));
}

#[test]
fn every_email_has_a_preview_and_a_button_and_breaks_long_names() {
    let catalog = catalog();
    let drafts = all(&catalog).into_iter().map(|letter| letter.draft).chain([receipt(&catalog)]);
    for draft in drafts {
        let Rendered { text, html } = draft.render();
        assert!(!draft.lines.is_empty() && draft.button.is_some(), "{text}");
        assert!(text.contains(&long()) && html.contains(&long()), "{text}");
        // A long name stands only where it breaks, and in the hidden preview.
        for (before, _) in html.match_indices(&long()).map(|(at, name)| (&html[..at], name)) {
            let cell = before.rsplit("<td").next().unwrap_or_default();
            let is_head = !before.contains("<table");
            assert!(is_head || cell.contains("overflow-wrap:anywhere"), "{cell}");
        }
        for word in ["mail us", " mailed", "did not", "cannot", "You are ", "lapsed", "lot "] {
            assert!(!text.contains(word), "{word:?} in\n{text}");
        }
    }
}
