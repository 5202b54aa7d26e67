//! Operators' pages: Home, a customer, the preview of a refund, Sales, Alarms.

use crate::domain::{Account, Balance, Credits, Money, PurchaseId, PurchaseState};
use crate::usecases::alarms::Alarm;
use crate::usecases::insight::sales::{Deferred, KINDS, Month, SalesFigures, SalesLine, SalesMoney, SalesReport};
use crate::usecases::operators::actions::RefundPreview;
use crate::usecases::operators::audit::{Action, AuditLine};
use crate::usecases::operators::home::{Home, RanOut};
use crate::usecases::operators::search::{NamedCustomer, WaitingEvent};
use crate::usecases::purchases::Purchase;
use crate::web::gallery::customers::{at, now};
use crate::web::gallery::operator_keys;
use crate::web::operator::audit_table::audit_table;
use crate::web::operator::page::{OperatorPage, key};
use crate::web::operator::purchase_table::own_purchase_table;
use crate::web::operator::search::search_form;
use crate::web::operator::table::section;
use crate::web::operator::{alarms, customer, customer_head, home, refund, sales};
use crate::web::request_context::RequestContext;
use crate::web::ui::purchase_badge::example;
use leptos::prelude::*;

const REFERENCE: &str = "pur_0192aaaabbbb7ccc8dddeeeeffff0001";
/// The operator who is signed in.
pub const OPERATOR: &str = "kim@gleaner.example";

/// A page of the request: forms need its signer.
type StatePage = fn(&RequestContext) -> OperatorPage;

/// Every state by name.
pub fn all() -> Vec<(&'static str, StatePage)> {
    let state = |name, draw: StatePage| (name, draw);
    vec![
        state("operator-home", |request| home_page(request, full_home())),
        state("operator-home-empty", |request| home_page(request, empty_home())),
        state("operator-customer", customer_page),
        state("operator-refund", |request| refund_page(request, Credits::ZERO)),
        state("operator-refund-used", |request| refund_page(request, Credits::whole(380))),
        state("operator-sales", |_| sales_page(&report())),
        state("operator-sales-empty", |_| sales_page(&SalesReport::default())),
        state("operator-alarms", |request| alarms_page(request, open_alarms(), events())),
        state("operator-alarms-none", |request| alarms_page(request, Vec::new(), Vec::new())),
        state("operator-keys", operator_keys::full),
        state("operator-keys-none", operator_keys::empty),
    ]
}

fn empty_home() -> Home {
    Home {
        sold: Vec::new(),
        purchases: 0,
        unused: None,
        open_alarms: 0,
        failed: 0,
        newest: Vec::new(),
        ran_out: Vec::new(),
        ran_out_cut: false,
    }
}

fn full_home() -> Home {
    let ran_out = |id: &str, name: &str, plan: &str, when: &str, balance| RanOut {
        id: id.to_owned(),
        name: name.to_owned(),
        plan: plan.to_owned(),
        at: at(when),
        balance: Credits::whole(balance),
    };
    Home {
        sold: vec![Money::new(54_300, "usd"), Money::new(9_000, "eur")],
        purchases: 9,
        unused: Some(Credits(74_412_500)),
        open_alarms: 2,
        failed: 1,
        newest: purchases(),
        ran_out: vec![
            ran_out("acme", "Acme Data", "starter", "2026-11-22T09:12:00Z", 0),
            ran_out("northwind-traders", "Northwind Traders", "builder", "2026-11-19T23:40:00Z", 18_200),
        ],
        ran_out_cut: true,
    }
}

/// One of each state.
fn purchases() -> Vec<Purchase> {
    let of = |n, customer: &str, name: &str, state, (credits, amount): (i64, i64), on: &str| Purchase {
        customer: customer.to_owned(),
        customer_name: name.to_owned(),
        invoice_number: (state == PurchaseState::Credited).then(|| format!("GLNR-000{n}")),
        payment_intent: Some(format!("pi_3QExample00000000000000{n}")),
        state,
        ..example(n, credits, amount, on)
    };
    vec![
        of(1, "acme", "Acme Data", PurchaseState::Credited, (1_200, 900), "2026-11-22T10:02:00Z"),
        of(2, "larch", "Larch Research", PurchaseState::Failed, (50_000, 22_500), "2026-11-21T16:30:00Z"),
        of(
            3,
            "meridian",
            "Meridian Retail Intelligence GmbH",
            PurchaseState::Processing,
            (20_000, 10_500),
            "2026-11-20T08:15:00Z",
        ),
        Purchase {
            refunded_amount: 900,
            ..of(4, "acme", "Acme Data", PurchaseState::Credited, (1_200, 900), "2026-11-03T10:02:00Z")
        },
        of(
            5,
            "old-customer-with-a-long-id-of-its-own",
            "",
            PurchaseState::Review,
            (5_000, 3_000),
            "2026-11-02T10:02:00Z",
        ),
    ]
}

fn home_page(request: &RequestContext, found: Home) -> OperatorPage {
    let lines = if found.purchases == 0 { Vec::new() } else { audit() };
    let body = view! {
        <h1>"Home"</h1>
        {search_form(String::new())}
        {home::overview_of(found, lines, None, &request.app.catalog)}
    };
    ("Home".to_owned(), body.into_any())
}

fn audit() -> Vec<AuditLine> {
    let line = |no, when: &str, action, about: &str, detail: &str, reason: &str| AuditLine {
        no,
        key: String::new(),
        at: at(when),
        operator: OPERATOR.to_owned(),
        action: Some(action),
        customer_no: None,
        about: about.to_owned(),
        reason: reason.to_owned(),
        detail: detail.to_owned(),
    };
    vec![
        line(2, "2026-11-22T11:40:00Z", Action::RefundSent, REFERENCE, "$9.00", "bought twice by mistake"),
        line(
            1,
            "2026-11-20T09:05:00Z",
            Action::CreditsGiven,
            "acme",
            "500 credits until 1 Mar 2027",
            "outage on 19 Nov",
        ),
    ]
}

fn customer_page(request: &RequestContext) -> OperatorPage {
    let catalog = &request.app.catalog;
    let one = NamedCustomer {
        no: 0,
        id: "acme".to_owned(),
        name: "Acme Data".to_owned(),
        email: "ada@acme.example".to_owned(),
        plan: "starter".to_owned(),
        stripe_customer: Some("cus_QExample000001".to_owned()),
        closed_at: None,
    };
    let balance = Account::open(&one.id, &one.plan, at("2026-10-04T11:00:00Z"), now(), catalog);
    let Ok((account, _)) = balance else { return ("Customer".to_owned(), ().into_any()) };
    let balance = Balance::of(&account, now());
    let own: Vec<Purchase> = purchases().into_iter().filter(|purchase| purchase.customer == one.id).collect();
    let known = (Some(one.email.clone()), None);
    let body = view! {
        <p class="crumb">
            <a href="/operator">"Home"</a>
        </p>
        <h1>{one.name.clone()}</h1>
        <p class="note">{one.email.clone()}</p>
        {customer_head::figures(&balance)}
        {customer_head::head_of(request, &one, &balance, own.first(), known)}
        {customer::actions(request, &one)}
        {section("purchases", "Purchases", own_purchase_table(&own), None)}
        {section("audit", "Audit", audit_table(audit()), None)}
    };
    (one.name, body.into_any())
}

fn refund_page(request: &RequestContext, used: Credits) -> OperatorPage {
    let credits = Credits::whole(1_200);
    let id = PurchaseId::parse(REFERENCE).unwrap_or(PurchaseId(uuid::Uuid::nil()));
    let purchase = Purchase {
        id,
        customer: "acme".to_owned(),
        customer_name: "Acme Data".to_owned(),
        amount_total: Some(900),
        payment_intent: Some("pi_3QExample000000000000001".to_owned()),
        charge: Some("ch_3QExample000000000000001".to_owned()),
        charged: Some(900),
        ..example(1, 1_200, 900, "2026-11-22T10:02:00Z")
    };
    let held = if used.is_zero() { Credits::ZERO } else { Credits::whole(20) };
    let preview = RefundPreview { credits, removed: credits - used - held, used, held };
    refund::preview_of(&purchase, 900, preview, key(request), String::new())
}

/// Twelve months, some without a sale.
fn report() -> SalesReport {
    let (mut month, mut report) = (Month { year: 2025, month: 12 }, SalesReport::default());
    let sold: [(i64, i128); 12] = [
        (1, 900),
        (0, 0),
        (0, 0),
        (2, 13_500),
        (1, 3_000),
        (0, 0),
        (4, 45_000),
        (3, 31_500),
        (5, 60_900),
        (0, 0),
        (6, 67_500),
        (9, 54_300),
    ];
    let mut outstanding = 0;
    for (purchases, money) in sold {
        outstanding += money * 400;
        for kind in KINDS {
            let figures = SalesFigures { granted: money * 1_333, used: money * 900, ..SalesFigures::default() };
            report.lines.push(SalesLine { month, kind, figures, outstanding });
        }
        if purchases > 0 {
            let currency = "usd".to_owned();
            let refunded = if purchases == 6 { 900 } else { 0 };
            report.money.push(SalesMoney { month, currency, purchases, sold: money, tax: money / 5, refunded });
        }
        month = month.next();
    }
    report.deferred = vec![Deferred { currency: "usd".to_owned(), minor: 35_541 }];
    report
}

fn sales_page(report: &SalesReport) -> OperatorPage {
    let body = view! {
        <h1>"Sales"</h1>
        {sales::report_of(report, Month::of(now()), "usd")}
    };
    ("Sales".to_owned(), body.into_any())
}

fn alarm(no: i64, kind: &str, subject: &str, detail: &str, due: Option<&str>) -> Alarm {
    Alarm {
        no,
        kind: kind.to_owned(),
        subject: subject.to_owned(),
        detail: detail.to_owned(),
        raised_at: at("2026-11-21T08:00:00Z"),
        times: no,
        due_at: due.map(at),
        acknowledged: None,
    }
}

fn open_alarms() -> Vec<Alarm> {
    vec![
        alarm(1, "dispute", REFERENCE, "du_1Example: the bank asks for evidence", Some("2026-11-24T23:59:59Z")),
        alarm(3, "review", REFERENCE, "paid 800 usd instead of 900 usd", None),
        alarm(2, "stripe_key", "stripe", "Stripe refuses the secret key", Some("2026-11-20T12:00:00Z")),
    ]
}

fn events() -> Vec<WaitingEvent> {
    vec![WaitingEvent {
        id: "evt_1Example0000000000000001".to_owned(),
        kind: "checkout.session.completed".to_owned(),
        object_id: "cs_test_a1Example0000000000000000000000000000000000000000".to_owned(),
        received_at: at("2026-11-22T12:58:00Z"),
        attempts: 4,
        last_error: Some("stripe_unavailable".to_owned()),
    }]
}

fn alarms_page(request: &RequestContext, open: Vec<Alarm>, events: Vec<WaitingEvent>) -> OperatorPage {
    let by = |name: &str| Some((name.to_owned(), at("2026-11-21T09:30:00Z")));
    let seen = Alarm { acknowledged: by(OPERATOR), ..alarm(4, "wrong_mode", "evt_1Example", "a test event", None) };
    let seen = if open.is_empty() { Vec::new() } else { vec![seen] };
    let body = view! {
        <h1>"Alarms"</h1>
        {alarms::lists(request, open, events, seen)}
    };
    ("Alarms".to_owned(), body.into_any())
}
