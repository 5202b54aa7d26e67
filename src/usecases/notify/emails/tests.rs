//! Every email about credits, with names of 120 letters.

use super::*;
use crate::domain::advice::{Ahead, Basket, Choice, Verdict};
use crate::domain::auto_top_up::{Agreement, SuspendedReason};
use crate::domain::balance_alert::{AlertKind, BalanceAlert};
use crate::domain::forecast::TopUpForecast;
use crate::domain::time::from_millis;
use crate::domain::{Account, DisputeStatus, Payment, PurchaseState};
use crate::email::Rendered;
use crate::usecases::notify::emails::auto_top_up::RuleEvent;
use crate::usecases::notify::emails::balance::Outlook;
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
        origin: Origin::Person,
    }
}

fn rule_letters(catalog: &Catalog) -> Vec<Announcement> {
    let (purchase, until) = (purchase(), from_millis(AT));
    let (package, currency) = ("p1200".to_owned(), "usd".to_owned());
    let agreed = &Agreement { package, price: 900, currency, threshold: Credits::whole(500), cap: 5_000 };
    let card = "Visa ···· 4242";
    let events = [
        RuleEvent::On { agreed, card },
        RuleEvent::Changed { agreed },
        RuleEvent::Off { by_member: true },
        RuleEvent::Off { by_member: false },
        RuleEvent::Blocked { spent: 4_500, agreed },
        RuleEvent::Confirm { purchase: &purchase, url: "https://invoice.example/in_1", until },
        RuleEvent::Suspended { reason: SuspendedReason::Declined },
        RuleEvent::CardExpires { card, month: 2, year: 2027 },
    ];
    let letter = |event: &RuleEvent| auto_top_up::rule_letter(catalog, &shop(), &to(), "key".to_owned(), event);
    events.iter().map(letter).collect()
}

#[test]
fn an_email_about_automatic_top_up_says_what_it_does_and_what_to_do() {
    let letters = rule_letters(&catalog());
    let first = &letters[0].draft.lines[0];
    let want = "When you have fewer than 500 credits, we'll buy 1,200 credits for $9.00, at most $50.00 in any 30 days, on \
                Visa ···· 4242.";
    assert_eq!(first, want);
    let confirm = letters.iter().find(|letter| letter.kind == "auto_confirm").expect("a confirmation");
    assert_eq!(confirm.draft.button.as_ref().map(|(_, url)| url.as_str()), Some("https://invoice.example/in_1"));
    assert!(confirm.draft.lines[1].contains("Confirm it by 22 Nov 2026"), "{:?}", confirm.draft.lines);
}

fn alert_with(kind: AlertKind, catalog: &Catalog, plan: &str, left: i64, outlook: &Outlook) -> Option<Announcement> {
    let (mut account, _) = Account::open("acme", plan, from_millis(AT), from_millis(AT), catalog).expect("an account");
    account.grants.iter_mut().for_each(|grant| grant.used = grant.amount - Credits::whole(left));
    let alert = BalanceAlert { kind, at: from_millis(AT), credits: Credits::whole(1_000), seq: 1 };
    balance::balance_letter(catalog, &shop(), &to(), alert, &account, outlook)
}

fn alert(kind: AlertKind, catalog: &Catalog, plan: &str, left: i64) -> Option<Announcement> {
    let outlook = Outlook { low_mark: Credits::whole(500), ..Outlook::default() };
    alert_with(kind, catalog, plan, left, &outlook)
}

fn verdict(choice: Choice, packages: &[(&str, i64)]) -> Verdict {
    let packages = packages.iter().map(|(id, n)| ((*id).to_owned(), *n)).collect();
    let buy = Some(Basket { packages, ..Basket::default() });
    let ahead = Some(Ahead { months: 3, missing: Credits::whole(5_000), buy, upgrade: None });
    Verdict { choice, ahead, back: None }
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
    all.extend(rule_letters(catalog));
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
fn a_low_balance_email_says_the_pace_and_offers_the_package_of_billing() {
    let catalog = catalog();
    let out = from_millis(AT) + chrono::TimeDelta::days(1);
    let check = |kind, verdict: Option<Verdict>, is_advice_hidden, runs_out, line: &str, button: &str| {
        let left = if kind == AlertKind::Out { 0 } else { 180 };
        let outlook = Outlook { low_mark: Credits::whole(500), runs_out, verdict, is_advice_hidden };
        let draft = alert_with(kind, &catalog, "builder", left, &outlook).expect(button).draft;
        assert_eq!((draft.lines[0].as_str(), draft.button.expect(line).0.as_str()), (line, button));
    };
    let buy = || Some(verdict(Choice::TopUps, &[("p5000", 1), ("p1200", 1)]));
    let pro = || Some(verdict(Choice::Plan("pro".into()), &[("p5000", 1)]));
    let pace = "At this pace they run out around 23 Nov, 29 days before your reset. Your plan resets on 22 Dec 2026.";
    let plain = "Your plan resets on 22 Dec 2026.";
    check(AlertKind::Low, buy(), false, Some(out), pace, "Buy 5,000 for $30");
    check(AlertKind::Low, buy(), false, None, plain, "Buy 5,000 for $30");
    check(AlertKind::Low, pro(), false, None, plain, "See Pro");
    check(AlertKind::Low, pro(), true, None, plain, "Buy 5,000 for $30");
    check(AlertKind::Low, None, false, None, plain, "Buy 1,200 for $9");
    let wait = "Upgrade, buy a top-up, or wait for the reset on 22 Dec 2026.";
    check(AlertKind::Out, pro(), false, None, wait, "See Pro");
    let wait = "Buy a top-up, or wait for the reset on 22 Dec 2026.";
    check(AlertKind::Out, buy(), false, None, wait, "Buy 5,000 for $30");
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
