//! The receipt of a top-up: mailed to every owner and admin, written in the transaction that credits.

use crate::args;
use crate::domain::{Instant, Money};
use crate::email::{Draft, Rendered};
use crate::ledger::WriteTransaction;
use crate::time_zone::Zone;
use crate::usecases::InternalError;
use crate::usecases::delivery::outbox;
use crate::usecases::delivery::outbox::NewEmail;
use crate::usecases::notify::emails::{PurchaseData, counted};
use uuid::Uuid;

/// What a receipt says beside the purchase as it was sold.
#[derive(Clone, Copy, Debug)]
pub struct CreditedTerms {
    /// When the credits came.
    pub at: Instant,
    pub expires_at: Instant,
    /// What was paid, tax included, where Stripe said so.
    pub total: Option<i64>,
    /// The tax of it.
    pub tax: Option<i64>,
}

/// Writes the receipts of a purchase that is being credited. `site` is the address that customers see.
pub async fn enqueue(
    tx: &mut WriteTransaction,
    purchase: &PurchaseData,
    credited: CreditedTerms,
    site: &str,
) -> Result<(), InternalError> {
    write(tx, purchase, credited, site, "").await?;
    Ok(())
}

/// Writes the receipts once more under this `key`; how many there are.
pub async fn resend(
    tx: &mut WriteTransaction,
    purchase: &PurchaseData,
    credited: CreditedTerms,
    site: &str,
    key: Uuid,
) -> Result<usize, InternalError> {
    write(tx, purchase, credited, site, &format!(":{key}")).await
}

async fn write(
    tx: &mut WriteTransaction,
    purchase: &PurchaseData,
    credited: CreditedTerms,
    site: &str,
    suffix: &str,
) -> Result<usize, InternalError> {
    let sql = "select m.email, c.name, c.timezone from members m join customers c on c.no = m.customer_no
        where m.customer_no = $1 and m.removed_at is null and m.role in ('owner', 'admin') order by m.no";
    let rows = tx.db.fetch_all(sql, args![purchase.customer_no]).await?;
    let written = rows.len();
    for row in rows {
        let draft = draft(tx, purchase, credited, site, &row.text("name")?, &row.text("timezone")?);
        let recipient = row.text("email")?;
        let mail = NewEmail {
            key: format!("receipt:{}:{recipient}{suffix}", purchase.id),
            customer_no: Some(purchase.customer_no),
            recipient,
            kind: "receipt",
            subject: format!("{} added: receipt", counted(purchase.credits, "")),
            body: draft,
            cause: Some(purchase.id.bytes()),
            stop_url: None,
            urgent: false,
        };
        outbox::enqueue(tx, mail).await?;
    }
    Ok(written)
}

fn draft(
    tx: &WriteTransaction,
    purchase: &PurchaseData,
    credited: CreditedTerms,
    site: &str,
    customer: &str,
    zone: &str,
) -> Rendered {
    let shop = &tx.catalog.shop;
    let zone = Zone::named(zone);
    let money = |minor| Money::new(minor, &purchase.currency).long();
    let mut facts =
        vec![("Credits", purchase.credits.grouped()), ("For", customer.to_owned()), ("Price", money(purchase.amount))];
    if let Some(tax) = credited.tax.filter(|tax| *tax != 0) {
        facts.push(("Tax", money(tax)));
        facts.push(("Paid", money(credited.total.unwrap_or_else(|| purchase.amount.saturating_add(tax)))));
    }
    facts.push(("Bought", zone.full(purchase.created_at)));
    facts.push(("Added", zone.full(credited.at)));
    facts.push(("Valid until", zone.full(credited.expires_at)));
    facts.push(("Reference", purchase.id.to_string()));
    Draft {
        shop: shop.name.clone(),
        support: shop.support_email.clone(),
        heading: format!("{} added", counted(purchase.credits, "")),
        lines: vec!["They are used after your plan credits.".to_owned()],
        facts,
        button: Some(("Open Billing".to_owned(), format!("{site}/billing"))),
        notes: vec![
            format!("Non-refundable. Terms: {}", shop.terms_url),
            format!("This purchase and its invoice: {site}/purchases/{}", purchase.id),
        ],
    }
    .render()
}
