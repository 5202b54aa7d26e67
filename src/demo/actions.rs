//! The actions of the demo's bar: using credits and moving the clock by the use-cases that the SaaS itself would call;
//! and its views of emails and Stripe's events. Never part of a release.

use crate::args;
use crate::demo::customers::{CUSTOMERS, DemoCustomer, VIEWER, by_id};
use crate::domain::{Balance, Credits, Grant, Instant, Kind};
use crate::ledger::{Charge, ChargeOutcome};
use crate::store::db::{DbError, Row};
use crate::store::idempotency_keys::content_hash;
use crate::usecases::access::links::Role;
use crate::usecases::credits::accounts;
use crate::usecases::jobs::test_clock;
use crate::usecases::{App, InternalError, customers};
use chrono::TimeDelta;

/// The newest emails and events that are shown.
pub const SHOWN_MAX: i64 = 200;

/// A person to sign in as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The customer's id.
    pub customer: &'static str,
    /// The customer's name.
    pub name: &'static str,
    /// The person's email address.
    pub email: &'static str,
    pub role: Role,
}

/// All people to sign in as.
#[must_use]
pub fn people() -> Vec<Person> {
    let owner = |c: DemoCustomer| Person { customer: c.id, name: c.name, email: c.email, role: Role::Owner };
    let mut people: Vec<Person> = CUSTOMERS.into_iter().map(owner).collect();
    let name = by_id(VIEWER.0).map_or("", |customer| customer.name);
    people.push(Person { customer: VIEWER.0, name, email: VIEWER.1, role: Role::Viewer });
    people
}

/// True if the sample customers exist. The demo without them is the bare product with a stand-in for Stripe.
///
/// # Errors
/// [`InternalError`].
pub async fn is_seeded(app: &App) -> Result<bool, InternalError> {
    Ok(app.settings.demo && customers::customer_number(app, CUSTOMERS[0].id).await?.is_some())
}

/// The outcome of using credits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Used {
    /// Used, now or by the same form before.
    Done,
    /// There are too few.
    Short,
    /// Not an amount, or one that no request may name.
    BadAmount,
}

/// Uses credits as the SaaS's backend would. `key` makes the same form one usage, however often it is sent.
///
/// # Errors
/// [`InternalError`].
pub async fn use_credits(app: &App, customer: &str, amount: &str, key: &str) -> Result<Used, InternalError> {
    let plain: String = amount.chars().filter(|c| !matches!(c, ',' | ' ')).collect();
    let credits = Credits::parse(&plain).ok().filter(|n| n.is_positive() && *n <= Credits::MAX_REQUEST);
    let Some(credits) = credits else { return Ok(Used::BadAmount) };
    let charge = Charge {
        customer: customer.to_owned(),
        key: format!("demo-{}", key.chars().filter(char::is_ascii_alphanumeric).take(40).collect::<String>()),
        content: content_hash("demo", customer, &credits.to_string()),
        credits,
        operation: Some("scrape".to_owned()),
        quantities: None,
        source: Some("demo".to_owned()),
        metadata: None,
    };
    Ok(match app.ledger.charge(charge).await? {
        ChargeOutcome::Charged(_) | ChargeOutcome::Replayed(..) => Used::Done,
        ChargeOutcome::Insufficient { .. } | ChargeOutcome::KeyReused => Used::Short,
        ChargeOutcome::UnknownCustomer | ChargeOutcome::Closed | ChargeOutcome::Nothing => Used::BadAmount,
    })
}

/// An instant that the clock can be moved to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leap {
    /// A day later.
    Day,
    /// The customer's next reset.
    Reset,
    /// When the next reminder of an expiry is due.
    Reminder,
    /// When the customer's next top-up expires.
    Expiry,
}

impl Leap {
    /// Every leap, in the order of the bar.
    pub const ALL: [Self; 4] = [Self::Day, Self::Reset, Self::Reminder, Self::Expiry];

    /// Its code in the form.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Reset => "reset",
            Self::Reminder => "reminder",
            Self::Expiry => "expiry",
        }
    }

    /// From its code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|leap| leap.code() == code)
    }

    /// Where it leads for a customer with this balance; nowhere where nothing of the kind lies ahead.
    #[must_use]
    pub fn to(self, balance: &Balance, reminder_days: &[i64]) -> Option<Instant> {
        match self {
            Self::Day => Some(balance.as_of + TimeDelta::days(1)),
            Self::Reset => Some(balance.cycle.end),
            Self::Reminder => next_reminder(balance, reminder_days),
            Self::Expiry => balance.next_expiry.map(|(at, _)| at),
        }
    }
}

fn next_reminder(balance: &Balance, reminder_days: &[i64]) -> Option<Instant> {
    let bought = |grant: &&Grant| grant.kind == Kind::TopUp && grant.remaining().is_positive();
    let grants = balance.grants.iter().map(|line| &line.grant).filter(bought);
    let due = grants.flat_map(|grant| reminder_days.iter().map(|days| grant.expires_at - TimeDelta::days(*days)));
    due.filter(|at| *at > balance.as_of).min()
}

/// Moves the demo's clock for a customer; false if nothing of the kind lies ahead.
///
/// # Errors
/// [`InternalError`].
pub async fn leap(app: &App, customer: &str, leap: Leap) -> Result<bool, InternalError> {
    let Some(balance) = accounts::customer_balance(app, customer).await? else { return Ok(false) };
    let to = leap.to(&balance, &app.catalog.rules.reminder_days).filter(|_| app.clock.is_test());
    match to {
        Some(to) => Ok(test_clock::advance_clock(app, to).await?.is_ok()),
        None => Ok(false),
    }
}

/// An email.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoEmail {
    pub recipient: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    /// `queued`, `accepted`, `refused`.
    pub state: String,
    pub at: Instant,
}

/// An email by its number.
///
/// # Errors
/// [`InternalError`].
pub async fn letter(app: &App, no: i64) -> Result<Option<DemoEmail>, InternalError> {
    let sql = "select recipient, subject, body_text, body_html, state, created_at from outbox where no = $1";
    let row = app.store.read().await?.fetch_optional(sql, args![no]).await?;
    let letter = |row: Row| {
        Ok::<_, DbError>(DemoEmail {
            recipient: row.text("recipient")?,
            subject: row.text("subject")?,
            text: row.text("body_text")?,
            html: row.text("body_html")?,
            state: row.text("state")?,
            at: row.at("created_at")?,
        })
    };
    Ok(row.map(letter).transpose()?)
}

/// The number of emails.
///
/// # Errors
/// [`InternalError`].
pub async fn mails(app: &App) -> Result<i64, InternalError> {
    let row = app.store.read().await?.fetch_optional("select count(*) as n from outbox", Vec::new()).await?;
    Ok(row.map_or(Ok(0), |row| row.int("n"))?)
}

/// An event of Stripe's in the inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxEvent {
    pub id: String,
    /// Stripe's type, such as `charge.refunded`.
    pub kind: String,
    /// The id of the object that it is about.
    pub object: String,
    pub at: Instant,
    pub done: bool,
    /// The purchase of a Checkout: its credits, its customer's name, and whether the money is there.
    pub purchase: Option<(Credits, String, bool)>,
}

/// The newest events, newest first.
///
/// # Errors
/// [`InternalError`].
pub async fn events(app: &App) -> Result<Vec<InboxEvent>, InternalError> {
    let sql = "select i.id, i.type, i.object_id, i.created_at, i.done_at, p.credits, p.credited_at, c.name
               from inbox i left join purchases p on p.session_id = i.object_id left join customers c on c.no = p.customer_no
               order by i.created_at desc, i.id desc limit $1";
    let rows = app.store.read().await?.fetch_all(sql, args![SHOWN_MAX]).await?;
    let event = |row: &Row| {
        let purchase = match row.opt_text("name")? {
            Some(name) => Some((row.credits("credits")?, name, row.opt_at("credited_at")?.is_some())),
            None => None,
        };
        Ok(InboxEvent {
            id: row.text("id")?,
            kind: row.text("type")?,
            object: row.text("object_id")?,
            at: row.at("created_at")?,
            done: row.opt_at("done_at")?.is_some(),
            purchase,
        })
    };
    rows.iter().map(event).collect::<Result<_, DbError>>().map_err(InternalError::from)
}
