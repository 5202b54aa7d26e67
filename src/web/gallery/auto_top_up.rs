//! Automatic top-up in every state.

use crate::domain::auto_top_up::{Agreement, AsleepReason, SuspendedReason};
use crate::domain::{Catalog, Credits, Money, Origin, PurchaseState};
use crate::usecases::auto_top_up::{AutoState, Card, Consent, Ending, LowerLimits};
use crate::usecases::purchases::Purchase;
use crate::web::auto_top_up::agree::Agreeing;
use crate::web::auto_top_up::choice::Choice;
use crate::web::auto_top_up::in_force::InForce;
use crate::web::auto_top_up::notices::Situation;
use crate::web::auto_top_up::outlook::{Outlook, Present};
use crate::web::auto_top_up::sentence::{Parties, consent};
use crate::web::auto_top_up::terms::{SentTerms, Terms};
use crate::web::auto_top_up::{AgreeForm, AutoOutcome, Choosing, Sections};
use crate::web::gallery::Sample;
use crate::web::gallery::customers::at;
use crate::web::gallery::forecast::{Forecast, catalog};
use crate::web::ui::dates::Zone;
use crate::web::ui::purchase_badge::example;
use AutoState::{Asleep, Off, On, Suspended};
use strum::IntoEnumIterator;

/// Every state by name.
pub fn all() -> Vec<(&'static str, Sample)> {
    let Some(catalog) = catalog() else { return Vec::new() };
    let page = |state: AutoState, vary: fn(&mut Variation)| {
        let mut v = Variation::new(state);
        vary(&mut v);
        Sample::AutoTopUp(Box::new(sections(&catalog, v)))
    };
    let mut all = vec![
        ("auto-off", page(Off, |_| ())),
        ("auto-off-plan-cheaper", page(Off, |v| v.forecast = Some(Forecast::Upgrade))),
        ("auto-off-mistakes", page(Off, |v| (v.below, v.cap) = (Some("none"), Some("5")))),
        ("auto-off-unticked", page(Off, |v| v.unticked = true)),
        ("auto-off-viewer", page(Off, |v| v.may_manage = false)),
        ("auto-on", page(On, |_| ())),
        ("auto-on-viewer", page(On, |v| v.may_manage = false)),
        ("auto-on-change", page(On, |v| v.changes = true)),
        ("auto-on-lower", page(On, |v| (v.changes, v.cap) = (true, Some("20")))),
        ("auto-buying", page(On, |v| v.buying = true)),
        ("auto-confirm", page(On, |v| (v.buying, v.confirms) = (true, true))),
        ("auto-retry", page(On, |v| v.retries = true)),
        ("auto-limit", page(On, |v| v.blocked = true)),
        ("auto-plan-cannot-buy", page(Asleep(AsleepReason::PlanCannotBuy), |_| ())),
        ("auto-buying-off", page(Asleep(AsleepReason::BuyingOff), |_| ())),
        ("auto-nobody", page(Asleep(AsleepReason::Nobody), |_| ())),
        ("auto-package-gone", page(Asleep(AsleepReason::PackageGone), |_| ())),
        ("auto-price-changed", page(Asleep(AsleepReason::PriceChanged), |_| ())),
        ("auto-tax-unknown", page(Asleep(AsleepReason::TaxUnknown), |_| ())),
        ("auto-declined", page(Suspended(SuspendedReason::Declined), |_| ())),
        ("auto-not-confirmed", page(Suspended(SuspendedReason::Authentication), |_| ())),
        ("auto-disputed", page(Suspended(SuspendedReason::Dispute), |_| ())),
        ("auto-refunded", page(Suspended(SuspendedReason::Refund), |_| ())),
        ("auto-review", page(Suspended(SuspendedReason::Review), |_| ())),
    ];
    let outcomes = AutoOutcome::iter().filter(|outcome| *outcome != AutoOutcome::Unticked);
    all.extend(outcomes.map(|outcome| {
        let state = match outcome {
            AutoOutcome::SwitchedOn | AutoOutcome::Lowered => On,
            _ => Off,
        };
        let v = Variation { outcome: Some(outcome), ..Variation::new(state) };
        (name(outcome), Sample::AutoTopUp(Box::new(sections(&catalog, v))))
    }));
    all
}

/// The state's name: no other page has it.
fn name(outcome: AutoOutcome) -> &'static str {
    match outcome {
        AutoOutcome::SwitchedOn => "auto-outcome-on",
        AutoOutcome::SwitchedOff => "auto-outcome-off",
        AutoOutcome::Lowered => "auto-outcome-lowered",
        AutoOutcome::Cancelled => "auto-outcome-cancelled",
        AutoOutcome::Unticked => "auto-outcome-unticked",
        AutoOutcome::NotFinished => "auto-outcome-not-finished",
        AutoOutcome::CardRefused => "auto-outcome-card-refused",
        AutoOutcome::NotACard => "auto-outcome-no-card",
        AutoOutcome::PriceChanged => "auto-outcome-price",
        AutoOutcome::NotNow => "auto-outcome-not-now",
        AutoOutcome::NotAllowed => "auto-outcome-not-allowed",
        AutoOutcome::FormStale => "auto-outcome-stale",
        AutoOutcome::StripeUnavailable => "auto-outcome-stripe-down",
        AutoOutcome::StripeRefused => "auto-outcome-stripe-refused",
        AutoOutcome::InternalError => "auto-outcome-fault",
    }
}

/// How a page differs from its state's plain one.
struct Variation {
    state: AutoState,
    may_manage: bool,
    changes: bool,
    unticked: bool,
    below: Option<&'static str>,
    cap: Option<&'static str>,
    buying: bool,
    confirms: bool,
    retries: bool,
    blocked: bool,
    forecast: Option<Forecast>,
    outcome: Option<AutoOutcome>,
}

impl Variation {
    fn new(state: AutoState) -> Self {
        Self {
            state,
            may_manage: true,
            changes: false,
            unticked: false,
            below: None,
            cap: None,
            buying: false,
            confirms: false,
            retries: false,
            blocked: false,
            forecast: Some(Forecast::Buy),
            outcome: None,
        }
    }
}

fn sections(catalog: &Catalog, v: Variation) -> Sections {
    let zone = Zone::named("America/New_York");
    let is_off = v.state == Off;
    let chooses = v.may_manage && (is_off || v.changes || matches!(v.state, Suspended(_)));
    let price = Money::new(900, "usd");
    let situation = Situation {
        state: v.state,
        is_agreed: !is_off,
        blocked: v.blocked,
        cap: Money::new(5_000, "usd"),
        buying: v.buying.then(|| (Credits::whole(1_200), price.clone())),
        confirm_url: v.confirms.then(|| "https://invoice.stripe.com/i/example".to_owned()),
        retry_at: v.retries.then(|| zone.sentence(at("2026-11-22T14:05:00Z"))),
        upgrade: "/plans".to_owned(),
        may_manage: v.may_manage,
    };
    Sections {
        state: v.state,
        outcome: v.outcome.map(AutoOutcome::notice),
        notice: situation.notice(),
        in_force: (!is_off).then(|| in_force(&v, zone)),
        choosing: if chooses { choosing(catalog, &v, zone) } else { None },
        may_manage: v.may_manage,
        bought: if is_off { Vec::new() } else { bought(&v) },
        consents: if is_off { Vec::new() } else { consents(&v) },
        zone,
    }
}

fn in_force(v: &Variation, zone: Zone) -> InForce {
    let is_gone = v.state == Asleep(AsleepReason::PackageGone);
    InForce {
        credits: (!is_gone).then(|| Credits::whole(1_200)),
        price: Money::new(900, "usd"),
        threshold: Credits::whole(500),
        cap: Money::new(5_000, "usd"),
        spent: Money::new(if v.blocked { 4_500 } else { 1_800 }, "usd"),
        card: Some(card()),
        agreed_at: Some(zone.minute(at("2026-10-30T14:03:00Z"))),
        agreed_by: Some("ada@acme.example".to_owned()),
        is_suspended: matches!(v.state, Suspended(_)),
        may_manage: v.may_manage,
    }
}

fn card() -> Card {
    let (brand, last4) = ("visa".to_owned(), "4242".to_owned());
    Card { brand, last4, exp_month: 12, exp_year: 2034, fingerprint: "example".to_owned() }
}

fn agreement() -> Agreement {
    let (package, currency) = ("p1200".to_owned(), "usd".to_owned());
    Agreement { package, price: 900, currency, threshold: Credits::whole(500), cap: 5_000 }
}

fn parties() -> Parties {
    Parties { shop: "Gleaner".to_owned(), customer: "Acme Data".to_owned(), plus_tax: false }
}

fn choosing(catalog: &Catalog, v: &Variation, zone: Zone) -> Option<Choosing> {
    let terms = Terms::of_agreement(catalog, &agreement())?;
    let field = |name: &str| match name {
        "below" => v.below.map(str::to_owned),
        "cap" => v.cap.map(str::to_owned),
        _ => None,
    };
    let sent = SentTerms::read(catalog, &terms, field);
    let present = Present {
        available: Credits::whole(180),
        allowance: Credits::whole(5_000),
        per_day: Some(Credits::whole(280)),
        packages_max: 10,
        plan: "starter",
    };
    let rest = sent.terms.clone().map(|terms| {
        let advice = v.forecast.and_then(|forecast| forecast.advice(zone));
        (Outlook::new(catalog, &present, &terms, advice), agreeing(v, terms))
    });
    let (packages, currency) = (catalog.packages.clone(), "usd".to_owned());
    Some(Choosing { choice: Choice { sent, packages, currency, changes: v.changes }, rest })
}

fn agreeing(v: &Variation, terms: Terms) -> Agreeing {
    if v.changes && v.cap.is_some() {
        return Agreeing::Lower(terms);
    }
    let text = consent(&parties(), &terms);
    let form =
        AgreeForm { setup: uuid::Uuid::nil(), agreed: terms.agreement(), text: text.to_string(), mac: "0".repeat(32) };
    Agreeing::Consent { text, form, unticked: v.unticked }
}

fn bought(v: &Variation) -> Vec<Purchase> {
    let automatic = |n, state, on: &str| Purchase {
        state,
        origin: Origin::Automatic,
        credited_at: (state == PurchaseState::Credited).then(|| at(on)),
        ..example(n, 1_200, 900, on)
    };
    let mut all = vec![
        automatic(2, PurchaseState::Credited, "2026-11-14T09:12:00Z"),
        automatic(1, PurchaseState::Credited, "2026-11-02T16:40:00Z"),
    ];
    if v.buying {
        let url = v.confirms.then(|| "https://invoice.stripe.com/i/example".to_owned());
        let open = automatic(3, PurchaseState::Open, "2026-11-22T13:04:00Z");
        all.insert(0, Purchase { url, ..open });
    }
    all
}

fn consents(v: &Variation) -> Vec<Consent> {
    let Some(terms) = catalog().and_then(|catalog| Terms::of_agreement(&catalog, &agreement())) else {
        return Vec::new();
    };
    let lower = || LowerLimits { at: at("2026-08-20T07:15:00Z"), by: None, threshold: Credits::whole(300), cap: 4_000 };
    let consent = |no, on: &str, ended| Consent {
        no,
        at: at(on),
        by: Some("ada@acme.example".to_owned()),
        text: consent(&parties(), &terms).to_string(),
        text_hash: "0".repeat(64),
        agreed: agreement(),
        card: card(),
        lowered: if no == 2 { Vec::new() } else { vec![lower()] },
        ended,
    };
    let ending = |on: &str, why: &str, by: Option<&str>| {
        Some(Ending { at: at(on), why: why.to_owned(), by: by.map(str::to_owned) })
    };
    let suspended =
        if matches!(v.state, Suspended(_)) { ending("2026-11-22T13:04:00Z", "suspended", None) } else { None };
    vec![
        consent(2, "2026-10-30T14:03:00Z", suspended),
        consent(1, "2026-08-03T09:30:00Z", ending("2026-09-12T18:20:00Z", "member", Some("ada@acme.example"))),
    ]
}
