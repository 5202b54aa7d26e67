//! What the demo's bar does: uses credits, moves the clock, changes the plan, all by the use-cases that the SaaS
//! itself would call; and what it looks into: mails, Stripe's events. Never part of a release.

use crate::args;
use crate::demo::customers::{CUSTOMERS, VIEWER};
use crate::domain::{Balance, Credits, Grant, Instant, Kind};
use crate::ledger::{Charge, ChargeOutcome};
use crate::store::db::{DbError, Row};
use crate::store::idempotency_keys::content_hash;
use crate::usecases::access::portal::Role;
use crate::usecases::credits::accounts;
use crate::usecases::jobs::test_clock;
use crate::usecases::{App, InternalError, customers};
use chrono::TimeDelta;

/// How many mails and events are shown.
pub const SHOWN_MAX: i64 = 200;

/// Somebody to look at the demo as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The customer's id.
    pub customer: &'static str,
    /// The customer's name.
    pub name: &'static str,
    /// The person's e-mail.
    pub email: &'static str,
    /// What the person may do.
    pub role: Role,
}

/// Everybody to look at the demo as.
#[must_use]
pub fn people() -> Vec<Person> {
    let owner = |(customer, name, email, _): (_, _, _, &str)| Person { customer, name, email, role: Role::Owner };
    let mut people: Vec<Person> = CUSTOMERS.into_iter().map(owner).collect();
    let name = people.iter().find(|person| person.customer == VIEWER.0).map_or("", |person| person.name);
    people.push(Person { customer: VIEWER.0, name, email: VIEWER.1, role: Role::Viewer });
    people
}

/// Whether the sample customers are there: the demo without them is the bare product with a stand-in for Stripe.
///
/// # Errors
/// [`InternalError`].
pub async fn is_seeded(app: &App) -> Result<bool, InternalError> {
    Ok(app.settings.demo && customers::number(app, CUSTOMERS[0].0).await?.is_some())
}

/// What became of a wish to use credits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Used {
    /// Used, now or by the same form before.
    Done,
    /// There are not so many.
    Short,
    /// No amount, or none that a request may name.
    BadAmount,
}

/// Uses credits as the SaaS's backend would; `key` makes the same form one usage however often it is sent.
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

/// Where the clock can be moved to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leap {
    /// A day on.
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

/// Moves the demo's clock for a customer, step by step; false where there is nowhere to go.
///
/// # Errors
/// [`InternalError`].
pub async fn leap(app: &App, customer: &str, leap: Leap) -> Result<bool, InternalError> {
    let Some(balance) = accounts::balance(app, customer).await? else { return Ok(false) };
    let to = leap.to(&balance, &app.catalog.rules.reminder_days).filter(|_| app.clock.is_test());
    match to {
        Some(to) => Ok(test_clock::advance(app, to).await?.is_ok()),
        None => Ok(false),
    }
}

/// A mail, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// To whom.
    pub recipient: String,
    /// Its subject.
    pub subject: String,
    /// Its words.
    pub text: String,
    /// The same as HTML.
    pub html: String,
    /// `queued`, `accepted`, `refused`.
    pub state: String,
    /// When it was caused.
    pub at: Instant,
}

/// A mail by its number.
///
/// # Errors
/// [`InternalError`].
pub async fn letter(app: &App, no: i64) -> Result<Option<Letter>, InternalError> {
    let sql = "select recipient, subject, body_text, body_html, state, created_at from outbox where no = $1";
    let row = app.store.read().await?.fetch_optional(sql, args![no]).await?;
    let letter = |row: Row| {
        Ok::<_, DbError>(Letter {
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

/// How many mails there are.
///
/// # Errors
/// [`InternalError`].
pub async fn mails(app: &App) -> Result<i64, InternalError> {
    let row = app.store.read().await?.fetch_optional("select count(*) as n from outbox", Vec::new()).await?;
    Ok(row.map_or(Ok(0), |row| row.int("n"))?)
}

/// An event of Stripe's, as the inbox has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// The object that it is about.
    pub object: String,
    /// When it came.
    pub at: Instant,
    /// Whether what it causes is done.
    pub done: bool,
}

/// The newest events, newest first.
///
/// # Errors
/// [`InternalError`].
pub async fn events(app: &App) -> Result<Vec<Event>, InternalError> {
    let sql = "select id, type, object_id, received_at, done_at from inbox order by received_at desc, id desc limit $1";
    let rows = app.store.read().await?.fetch_all(sql, args![SHOWN_MAX]).await?;
    let event = |row: &Row| {
        Ok(Event {
            id: row.text("id")?,
            kind: row.text("type")?,
            object: row.text("object_id")?,
            at: row.at("received_at")?,
            done: row.opt_at("done_at")?.is_some(),
        })
    };
    rows.iter().map(event).collect::<Result<_, DbError>>().map_err(InternalError::from)
}
