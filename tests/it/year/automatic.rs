//! Automatic top-ups of the year: rules on several cards, and each purchase beside a naive model of what was wanted.

use crate::app::TestApp;
use chrono::TimeDelta;
use std::sync::Arc;
use topup::args;
use topup::domain::auto_top_up::Agreement;
use topup::domain::{Catalog, Credits, Summary};
use topup::store::db::Row;
use topup::usecases::access::links::{self, NewLink, Role, Spent};
use topup::usecases::auto_top_up::{self, CompletedConsent, ConsentOutcome, ConsentRequest};
use topup::usecases::{App, InternalError, customers};

const PRICE: i64 = 900;
const PACKAGE: i64 = 1_200_000;
const WINDOW: i64 = 30 * 24 * 3_600_000;
/// The days of the year on which the package is dearer than agreed.
const DEAR: std::ops::Range<i64> = 150..210;
/// The day on which the good card is lost.
const LOST: i64 = 330;

/// A rule of the year: card, threshold in credits, cap in minor units.
type YearRule = (&'static str, i64, i64);
const RULES: [YearRule; 4] = [
    ("4242424242424242", 1_000, 30_000),
    ("4000000000000341", 1_000, 30_000),
    ("4000002760003184", 1_000, 30_000),
    // A card that pays here, under a cap that leaves two packages a month.
    ("4000000000009995", 2_500, 2_000),
];

/// The customers with a rule: each uses much, so that credits run low.
fn rules(people: i64) -> impl Iterator<Item = (i64, YearRule)> {
    let many = usize::try_from((people / 5).min(40)).unwrap();
    (0..people).filter(|who| who % 3 != 2).zip(RULES.into_iter().cycle()).take(many)
}

pub fn is_dear(passed: TimeDelta) -> bool {
    DEAR.contains(&passed.num_days())
}

pub fn catalogue(sample: &Arc<Catalog>, is_dear: bool) -> Arc<Catalog> {
    let mut catalog = Catalog::clone(sample);
    catalog.packages.iter_mut().filter(|package| package.id == "p1200" && is_dear).for_each(|it| it.amount = PRICE + 1);
    Arc::new(catalog)
}

/// What becomes of the cards by then.
pub fn cards_die(app: &TestApp, passed: TimeDelta) {
    if passed.num_days() >= LOST {
        app.sandbox.faults().set_card("4242", Some("lost_card"));
    }
}

async fn rows(inner: &App, sql: &str, no: i64) -> Vec<Row> {
    inner.store.read().await.unwrap().fetch_all(sql.to_owned(), args![no]).await.unwrap()
}

async fn number(inner: &App, who: i64) -> i64 {
    customers::customer_number(inner, &format!("c{who}")).await.unwrap().unwrap()
}

/// Each agrees in a browser and saves a card.
pub async fn switch_on(app: &TestApp, inner: &App, people: i64) {
    app.sandbox.faults().set_card("9995", Some("none"));
    for (who, (card, threshold, cap)) in rules(people) {
        let plan = customers::Put { plan: Some("starter".to_owned()), ..customers::Put::default() };
        customers::put_customer(inner, &format!("c{who}"), plan).await.unwrap();
        let link = NewLink {
            customer_no: number(inner, who).await,
            email: Some(format!("c{who}@acme.example")),
            role: Some(Role::Owner),
            path: "/billing".to_owned(),
            return_url: None,
        };
        let link = links::create_portal_link(inner, link).await.unwrap();
        let spent = links::spend_link(inner, link.url.rsplit('/').next().unwrap(), "a browser").await.unwrap();
        let Spent::Session { token, .. } = spent else { panic!("no session") };
        let viewer = links::find_viewer(inner, &token).await.unwrap().unwrap();
        let (package, currency) = ("p1200".to_owned(), "usd".to_owned());
        let agreed = Agreement { package, price: PRICE, currency, threshold: Credits::whole(threshold), cap };
        let (setup, text) = (inner.clock.mint(), "I agree".to_owned());
        let request = ConsentRequest { setup, viewer: viewer.clone(), agreed, text };
        let begun = auto_top_up::begin_consent(inner, request).await.unwrap();
        let ConsentOutcome::At(url) = begun else { panic!("{begun:?}") };
        let session = url.rsplit('/').next().unwrap();
        app.sandbox.pay_with(session, card).await.unwrap();
        assert_eq!(auto_top_up::complete_consent(inner, &viewer, session).await.unwrap(), CompletedConsent::On);
    }
}

/// At rest nothing that is wanted, allowed and affordable is left unbought.
pub async fn check_quiet(inner: &App, people: i64, is_dear: bool) {
    for (who, (_, threshold, cap)) in rules(people) {
        let no = number(inner, who).await;
        let job = inner.ledger.job(move |tx| {
            Box::pin(async move {
                let (account, at) = tx.account(no).await?;
                Ok::<_, InternalError>((Summary::of(account, at).available, account.plan.clone()))
            })
        });
        let (available, plan) = job.await.unwrap().unwrap();
        let is_on = !rows(inner, "select 1 as n from auto_top_ups where customer_no = $1 and state = 'on'", no)
            .await
            .is_empty();
        if !is_on || is_dear || plan == "free" || available >= Credits::whole(threshold) {
            continue;
        }
        let sql = "select created_at, amount, state from purchases where customer_no = $1 and origin = 'automatic'
            and state not in ('expired', 'failed')";
        let since = inner.clock.now().timestamp_millis() - WINDOW;
        let (mut spent, mut in_progress) = (0, false);
        for row in rows(inner, sql, no).await {
            in_progress |= row.text("state").unwrap() != "credited";
            let counts = row.int("created_at").unwrap() > since;
            spent += if counts { row.int("amount").unwrap() } else { 0 };
        }
        assert!(in_progress || spent + PRICE > cap, "c{who} has {available} and {spent} is spent: nothing is bought");
    }
}

/// What a purchase should have been, by the ledger's lines before it.
async fn wanted(inner: &App, no: i64, purchase: &Row, earlier: &[(i64, i64)], rule: YearRule) -> i64 {
    let (made, (_, threshold, cap)) = (purchase.int("created_at").unwrap(), rule);
    let credited = purchase.opt_int("first_seq").unwrap().unwrap_or(i64::MAX);
    let sql = "select seq, event_at, amount - held_change as change from entries where customer_no = $1";
    let (mut available, goal) = (0, threshold * 1_000);
    for line in rows(inner, sql, no).await {
        let is_before = line.int("seq").unwrap() < credited && line.int("event_at").unwrap() <= made;
        available += if is_before { line.int("change").unwrap() } else { 0 };
    }
    let spent: i64 = earlier.iter().filter(|(at, _)| *at > made - WINDOW).map(|(_, amount)| amount).sum();
    let mut packages = 0;
    while available + packages * PACKAGE < goal && spent + (packages + 1) * PRICE <= cap && packages < 10 {
        packages += 1;
    }
    packages
}

/// Each purchase is what the model wants; each card was charged as often as it may be. In words.
pub async fn check_purchases(app: &TestApp, people: i64) -> String {
    let inner = app.inner();
    let (mut credited, mut charges) = (0, 0);
    for (who, rule) in rules(people) {
        let no = number(&inner, who).await;
        let sql = "select p.created_at, p.quantity, p.amount, p.state, (select min(e.seq) from entries e join grants g
              on g.no = e.grant_no where g.purchase = p.id) as first_seq
            from purchases p where p.customer_no = $1 and p.origin = 'automatic' order by p.created_at, p.id";
        let mut paid = Vec::new();
        for purchase in rows(&inner, sql, no).await {
            let (made, amount) = (purchase.int("created_at").unwrap(), purchase.int("amount").unwrap());
            let quantity = purchase.int("quantity").unwrap();
            let is_model = (wanted(&inner, no, &purchase, &paid, rule).await, quantity * PRICE);
            assert_eq!((quantity, amount), is_model, "c{who} at {made}");
            if purchase.text("state").unwrap() == "credited" {
                paid.push((made, amount));
            }
        }
        let sql = "select answer from auto_payment_tries where customer_no = $1";
        let answers: Vec<_> = rows(&inner, sql, no).await.iter().map(|row| row.text("answer").unwrap()).collect();
        // After a kill nobody may know the answer.
        let answers: Vec<_> = answers.into_iter().filter(|answer| answer != "unknown").collect();
        let unpaid = answers.iter().filter(|answer| *answer != "paid").count();
        let most = [1, 3, 1, 0][RULES.iter().position(|it| *it == rule).unwrap()];
        assert!(unpaid <= most && answers.len() - unpaid == paid.len(), "c{who}: {answers:?}, {} paid", paid.len());
        credited += paid.len();
        charges += answers.iter().filter(|answer| *answer != "authentication_required").count();
    }
    let cards = app.sandbox.charges_by_card().await.unwrap();
    let charged: u32 = cards.iter().map(|card| card.paid + card.declined).sum();
    assert_eq!(usize::try_from(charged).unwrap(), charges, "{cards:?}");
    let blocked = app.count("select count(*) as n from outbox where kind = 'auto_blocked'").await;
    let suspended = app.count("select count(*) as n from auto_top_ups where state = 'suspended'").await;
    assert!(credited > 0 && suspended > 0, "too quiet: {credited} {blocked} {suspended} {cards:?}");
    format!("{credited} automatic purchases of {charges} charges, {blocked} blocks, {suspended} suspensions")
}
