//! Emails about credits: to whom they go, and what each says. All are written into the outbox in the transaction that
//! causes them, or in the transaction that takes their cause off its list.
//!
//! *Not here:* how email leaves (`delivery::outbox`, `email`); receipts (`receipts`).

pub mod auto_top_up;
pub mod balance;
pub mod payments;
pub mod refunds;
pub mod reminders;
pub mod unsubscribe;

use crate::args;
use crate::domain::{Catalog, Credits, Instant, Origin, PurchaseId};
use crate::email::Draft;
use crate::ledger::WriteTransaction;
use crate::store::db::DbError;
use crate::time_zone::Zone;
use crate::usecases::ShopSettings;
use crate::usecases::delivery::outbox;
use crate::usecases::delivery::outbox::NewEmail;

/// A purchase as emails and webhooks name it.
#[derive(Clone, Debug)]
pub struct PurchaseData {
    pub id: PurchaseId,
    /// The buyer's number.
    pub customer_no: i64,
    pub credits: Credits,
    /// Its price, tax aside, in minor units.
    pub amount: i64,
    /// ISO 4217, lower case.
    pub currency: String,
    pub created_at: Instant,
    pub origin: Origin,
}

/// A customer as its emails need it.
#[derive(Clone, Debug)]
pub struct Addressed {
    /// The store's number.
    pub no: i64,
    /// The SaaS's id.
    pub id: String,
    pub name: String,
    pub zone: Zone,
    pub created_at: Instant,
    /// Owners and admins: number, address, whether they want emails that may be switched off.
    people: Vec<(i64, String, bool)>,
}

/// An email before it has recipients.
pub struct Announcement {
    /// With the recipient the outbox's key.
    pub key: String,
    pub kind: &'static str,
    pub subject: String,
    pub draft: Draft,
    /// The id of what caused it.
    pub cause: Option<[u8; 16]>,
    pub reason: Reason,
}

/// Why people get an email, which its footer tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Low balances: each person can turn these off.
    Balance,
    /// Others, by their name. They can't be turned off.
    Always(&'static str),
}

/// Whom emails of a customer go to; nobody where it is closed.
pub async fn addressed(tx: &mut WriteTransaction, no: i64) -> Result<Option<Addressed>, DbError> {
    let sql = "select id, name, email, timezone, created_at from customers where no = $1 and closed_at is null";
    let Some(row) = tx.db.fetch_optional(sql, args![no]).await? else { return Ok(None) };
    let sql = "select no, email, alerts from members
        where customer_no = $1 and removed_at is null and role in ('owner', 'admin') order by no";
    let mut people = Vec::new();
    for person in tx.db.fetch_all(sql, args![no]).await? {
        people.push((person.int("no")?, person.text("email")?, person.flag("alerts")?));
    }
    if people.is_empty() {
        // Somebody must hear of it.
        people.push((0, row.text("email")?, true));
    }
    Ok(Some(Addressed {
        no,
        id: row.text("id")?,
        name: row.text("name")?,
        zone: Zone::named(&row.text("timezone")?),
        created_at: row.at("created_at")?,
        people,
    }))
}

/// Writes an email to every owner and admin; how many there are.
pub async fn write_announcement(
    tx: &mut WriteTransaction,
    shop: &ShopSettings,
    to: &Addressed,
    letter: Announcement,
) -> Result<usize, DbError> {
    let mut written = 0;
    let may_stop = letter.reason == Reason::Balance;
    for (member, email, alerts) in &to.people {
        if may_stop && !alerts {
            continue;
        }
        // Someone who is no member has no switch.
        let stop_url = (may_stop && *member != 0).then(|| unsubscribe::unsubscribe_address(shop, *member, email));
        let mut draft = letter.draft.clone();
        draft.reason = reason_words(letter.reason, &to.name);
        draft.stop = stop_url.clone().map(|url| ("Turn off low-balance emails", url));
        let mail = NewEmail {
            key: format!("{}:{email}", letter.key),
            customer_no: Some(to.no),
            recipient: email.clone(),
            kind: letter.kind,
            subject: letter.subject.clone(),
            body: draft.render(),
            cause: letter.cause,
            stop_url,
            urgent: false,
        };
        written += usize::from(outbox::enqueue_email(tx, mail).await?.is_some());
    }
    Ok(written)
}

fn reason_words(reason: Reason, customer: &str) -> String {
    match reason {
        Reason::Balance => format!("Low-balance emails go to the owners and admins of {customer}."),
        Reason::Always(emails) => {
            format!("{emails} go to every owner and admin of {customer}. They can't be turned off.")
        }
    }
}

/// An email about credits, with the button that leads to Billing.
fn announcement_draft(catalog: &Catalog, shop: &ShopSettings, heading: impl Into<String>) -> Draft {
    let button = Some(("Open Billing".to_owned(), format!("{}/billing", shop.site)));
    Draft { button, ..Draft::new(&catalog.shop, heading) }
}

/// The page where plans are changed: ours, or the SaaS's; Billing knows the way to others.
fn upgrade_address(catalog: &Catalog, shop: &ShopSettings, customer: &str) -> String {
    let customer: String = url::form_urlencoded::byte_serialize(customer.as_bytes()).collect();
    match &catalog.shop.upgrade_url {
        Some(url) => url.replace("{customer}", &customer),
        None if catalog.sells_plans() => format!("{}/plans", shop.site),
        None => format!("{}/billing", shop.site),
    }
}

#[cfg(test)]
mod tests;
