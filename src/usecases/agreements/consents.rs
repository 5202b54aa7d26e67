//! Consents: rows that are only ever appended, each with what was shown, and its ending.

use crate::args;
use crate::domain::auto_top_up::Agreement;
use crate::domain::{Credits, Instant};
use crate::ledger::WriteTransaction;
use crate::store::db::{Connection, DbError, Row};
use crate::usecases::{App, InternalError};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// How many consents a list shows.
const LIST_MAX: i64 = 200;

/// A card as people know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    pub brand: String,
    pub last4: String,
    pub exp_month: i64,
    pub exp_year: i64,
    /// Stripe's name of the number.
    pub fingerprint: String,
}

/// How a consent ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    pub at: Instant,
    /// `member`, `operator`, `api`, `replaced`, `closed`, `suspended`
    pub why: String,
    /// The member's address, while the member is known, or the operator.
    pub by: Option<String>,
}

/// A consent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    pub no: i64,
    pub at: Instant,
    /// The member's address, while the member is known.
    pub by: Option<String>,
    /// As it was shown.
    pub text: String,
    /// SHA-256 of the text, in hex.
    pub text_hash: String,
    pub agreed: Agreement,
    pub card: Card,
    /// Lower limits since, oldest first.
    pub lowered: Vec<LowerLimits>,
    pub ended: Option<Ending>,
}

/// Limits that were lowered, which needs no new consent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LowerLimits {
    pub at: Instant,
    /// The member's address, while the member is known.
    pub by: Option<String>,
    pub threshold: Credits,
    /// Minor units.
    pub cap: i64,
}

const CONSENT: &str = "select c.*, m.email as agreed_email, e.at as ended_at, e.why,
    case when e.why = 'member' then n.email else e.ended_by end as ended_by
  from auto_top_up_consents c left join members m on m.no = c.agreed_by
    left join auto_top_up_endings e on e.consent = c.no
    left join members n on cast(n.no as text) = e.ended_by and n.customer_no = c.customer_no";

/// What was agreed to: the columns that consents, rules and consents on their way share.
pub(crate) fn agreement_of(row: &Row) -> Result<Agreement, DbError> {
    Ok(Agreement {
        package: row.text("package")?,
        price: row.int("price")?,
        currency: row.text("currency")?,
        threshold: row.credits("threshold")?,
        cap: row.int("cap")?,
    })
}

fn consent_of(row: &Row) -> Result<Consent, DbError> {
    let ended = match row.opt_at("ended_at")? {
        Some(at) => Some(Ending { at, why: row.text("why")?, by: row.opt_text("ended_by")? }),
        None => None,
    };
    Ok(Consent {
        no: row.int("no")?,
        at: row.at("at")?,
        by: row.opt_text("agreed_email")?,
        text: row.text("text")?,
        text_hash: hex::encode(row.blob("text_hash")?),
        agreed: agreement_of(row)?,
        card: Card {
            brand: row.text("brand")?,
            last4: row.text("last4")?,
            exp_month: row.int("exp_month")?,
            exp_year: row.int("exp_year")?,
            fingerprint: row.text("fingerprint")?,
        },
        lowered: Vec::new(),
        ended,
    })
}

/// All consents of a customer, newest first, ended ones too.
pub async fn list_consents(app: &App, customer_no: i64) -> Result<Vec<Consent>, InternalError> {
    let sql = format!("{CONSENT} where c.customer_no = $1 order by c.no desc limit $2");
    let mut db = app.store.read().await?;
    let rows = db.fetch_all(sql, args![customer_no, LIST_MAX]).await?;
    let mut consents = rows.iter().map(consent_of).collect::<Result<Vec<_>, _>>()?;
    let sql = "select l.*, m.email from auto_top_up_limits l
          left join members m on m.no = l.lowered_by and m.customer_no = l.customer_no
        where l.customer_no = $1 order by l.no limit $2";
    for row in db.fetch_all(sql, args![customer_no, LIST_MAX]).await? {
        let no = row.int("consent")?;
        if let Some(consent) = consents.iter_mut().find(|consent| consent.no == no) {
            consent.lowered.push(LowerLimits {
                at: row.at("at")?,
                by: row.opt_text("email")?,
                threshold: row.credits("threshold")?,
                cap: row.int("cap")?,
            });
        }
    }
    Ok(consents)
}

/// Appends lower limits of a consent in force.
pub(crate) async fn insert_lower_limits(
    tx: &mut WriteTransaction,
    (customer_no, consent): (i64, i64),
    member: Option<i64>,
    lower: &Agreement,
) -> Result<(), DbError> {
    let sql = "insert into auto_top_up_limits (consent, customer_no, at, lowered_by, threshold, cap)
        values ($1, $2, $3, $4, $5, $6)";
    tx.db.execute(sql, args![consent, customer_no, tx.now(), member, lower.threshold, lower.cap]).await.map(drop)
}

/// A consent by its number.
pub(crate) async fn consent_of_rule(db: &mut Connection, no: i64) -> Result<Option<Consent>, DbError> {
    let row = db.fetch_optional(format!("{CONSENT} where c.no = $1"), args![no]).await?;
    row.as_ref().map(consent_of).transpose()
}

/// A consent to be appended.
pub(crate) struct NewConsent<'a> {
    pub customer_no: i64,
    /// The form that was agreed to.
    pub setup: Uuid,
    /// The member's number.
    pub agreed_by: Option<i64>,
    pub text: &'a str,
    pub agreed: &'a Agreement,
    pub card: &'a Card,
    pub payment_method: &'a str,
    pub stripe_customer: &'a str,
}

/// Appends a consent; its number.
pub(crate) async fn insert_consent(tx: &mut WriteTransaction, new: NewConsent<'_>) -> Result<i64, InternalError> {
    let (agreed, card) = (new.agreed, new.card);
    let hash: [u8; 32] = Sha256::digest(new.text.as_bytes()).into();
    let sql = "insert into auto_top_up_consents (customer_no, setup, at, agreed_by, text, text_hash, package, price,
           currency, threshold, cap, brand, last4, exp_month, exp_year, fingerprint, payment_method, stripe_customer)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) returning no";
    let values = args![
        new.customer_no,
        new.setup.into_bytes(),
        tx.now(),
        new.agreed_by,
        new.text,
        hash,
        &agreed.package,
        agreed.price,
        &agreed.currency,
        agreed.threshold,
        agreed.cap,
        &card.brand,
        &card.last4,
        card.exp_month,
        card.exp_year,
        &card.fingerprint,
        new.payment_method,
        new.stripe_customer
    ];
    let row = tx.db.fetch_optional(sql, values).await?;
    Ok(row.ok_or_else(|| InternalError::Broken("no number for a consent".to_owned()))?.int("no")?)
}
