//! The audit of operators' actions: one append-only line each, chained like the ledger's.
//!
//! Invariants: a line is written in the transaction that does the thing; a key is written once, so that a form that is
//! sent twice does nothing twice; no line is changed or deleted (triggers), numbers have no gap, each hash covers the
//! line before. A closed customer's lines stay: whoever writes a reason is told to name no person in it.

use crate::args;
use crate::domain::Instant;
use crate::ledger::WriteTransaction;
use crate::store::db::{Connection, DbError, Row};
use crate::usecases::{App, InternalError};
use sha2::{Digest, Sha256};

/// The operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Action {
    /// Courtesy credits were given.
    CreditsGiven,
    /// A courtesy grant was taken back.
    GrantVoided,
    /// A usage was undone.
    UsageVoided,
    /// A refund is about to be asked of Stripe.
    RefundAsked,
    /// Stripe has taken a refund.
    RefundSent,
    /// Stripe has refused a refund.
    RefundRefused,
    /// A receipt was mailed again.
    ReceiptResent,
    /// An event was acted on again.
    EventRetried,
    /// Stripe was asked about a purchase.
    PurchaseRechecked,
    /// A customer was erased.
    CustomerErased,
    /// An alarm was acknowledged.
    AlarmAcknowledged,
    /// A one-time link to a customer's pages was made.
    SignInLinkMade,
    /// A scoped key of the API was made.
    ApiKeyMade,
    /// One was revoked.
    ApiKeyRevoked,
    /// A customer's automatic top-up was switched off.
    AutoTopUpEnded,
}

impl Action {
    /// Its name in the store.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::CreditsGiven => "Courtesy credits given",
            Self::GrantVoided => "Courtesy credits voided",
            Self::UsageVoided => "Usage voided",
            Self::RefundAsked => "Refund requested",
            Self::RefundSent => "Refund accepted by Stripe",
            Self::RefundRefused => "Refund declined by Stripe",
            Self::ReceiptResent => "Receipt resent",
            Self::EventRetried => "Event retried",
            Self::PurchaseRechecked => "Purchase refreshed from Stripe",
            Self::CustomerErased => "Customer erased",
            Self::AlarmAcknowledged => "Alarm acknowledged",
            Self::SignInLinkMade => "Sign-in link created",
            Self::ApiKeyMade => "API key created",
            Self::ApiKeyRevoked => "API key revoked",
            Self::AutoTopUpEnded => "Automatic top-up switched off",
        }
    }

    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        name.parse().ok()
    }
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditLine {
    /// Its number, gapless.
    pub no: i64,
    /// The form's key.
    pub key: String,
    pub at: Instant,
    pub operator: String,
    /// None if a newer version wrote it.
    pub action: Option<Action>,
    pub customer_no: Option<i64>,
    /// The id of what was acted on.
    pub about: String,
    pub reason: String,
    /// The result of it.
    pub detail: String,
}

/// A line to be written.
#[derive(Clone, Debug)]
pub struct NewAuditLine {
    /// The form's key.
    pub key: String,
    pub operator: String,
    pub action: Action,
    pub customer_no: Option<i64>,
    /// The id of what was acted on.
    pub about: String,
    pub reason: String,
    /// The result of it.
    pub detail: String,
}

const LINE: &str = "select no, key, at, operator, action, customer_no, about, reason, detail, hash from audit";

fn audit_line_of(row: &Row) -> Result<AuditLine, DbError> {
    Ok(AuditLine {
        no: row.int("no")?,
        key: row.text("key")?,
        at: row.at("at")?,
        operator: row.text("operator")?,
        action: Action::from_name(&row.text("action")?),
        customer_no: row.opt_int("customer_no")?,
        about: row.text("about")?,
        reason: row.text("reason")?,
        detail: row.text("detail")?,
    })
}

/// The line of a key, if it was written.
pub(crate) async fn find_audit_line(db: &mut Connection, key: &str) -> Result<Option<AuditLine>, DbError> {
    db.fetch_optional(format!("{LINE} where key = $1"), args![key]).await?.as_ref().map(audit_line_of).transpose()
}

/// Writes a line in the transaction that does the thing.
pub(crate) async fn write_audit_line(tx: &mut WriteTransaction, new: &NewAuditLine) -> Result<(), DbError> {
    let now = tx.now();
    let last = tx.db.fetch_optional("select no, hash from audit order by no desc limit 1", Vec::new()).await?;
    let (no, before) = last.map_or(Ok((0, Vec::new())), |row| Ok::<_, DbError>((row.int("no")?, row.blob("hash")?)))?;
    let no = no + 1;
    let hash = audit_hash(&before, no, now.timestamp_millis(), new.action.name(), new.customer_no, &hashed_texts(new));
    let sql = "insert into audit (no, key, at, operator, action, customer_no, about, reason, detail, hash)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let values = args![
        no,
        &new.key,
        now,
        &new.operator,
        new.action.name(),
        new.customer_no,
        &new.about,
        &new.reason,
        &new.detail,
        hash
    ];
    tx.db.execute(sql, values).await?;
    Ok(())
}

fn hashed_texts(new: &NewAuditLine) -> [&str; 5] {
    [&new.key, &new.operator, &new.about, &new.reason, &new.detail]
}

/// SHA-256 over the hash before and every column; texts with their length before them.
fn audit_hash(before: &[u8], no: i64, at: i64, action: &str, customer_no: Option<i64>, texts: &[&str; 5]) -> [u8; 32] {
    let mut hash = Sha256::new_with_prefix(b"topup audit 1\0");
    hash.update(before);
    for number in [no, at, customer_no.unwrap_or(-1)] {
        hash.update(number.to_be_bytes());
    }
    for text in std::iter::once(&action).chain(texts) {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    }
    hash.finalize().into()
}

/// Lines below number `before`, newest first: a customer's, or everybody's.
pub async fn list_audit(
    app: &App,
    customer_no: Option<i64>,
    before: i64,
    limit: i64,
) -> Result<Vec<AuditLine>, InternalError> {
    let mut db = app.store.read().await?;
    let rows = match customer_no {
        Some(no) => {
            let sql = format!("{LINE} where customer_no = $1 and no < $2 order by no desc limit $3");
            db.fetch_all(sql, args![no, before, limit]).await?
        }
        None => db.fetch_all(format!("{LINE} where no < $1 order by no desc limit $2"), args![before, limit]).await?,
    };
    rows.iter().map(audit_line_of).collect::<Result<_, DbError>>().map_err(InternalError::from)
}

/// Refunds of a purchase that were asked for and of which Stripe's answer is not known, newest first.
pub(crate) async fn unanswered_actions(db: &mut Connection, about: &str) -> Result<Vec<AuditLine>, DbError> {
    let sql = format!(
        "{LINE} where about = $1 and action = $2
           and not exists (select 1 from audit a where a.key = audit.key || '/end') order by no desc"
    );
    db.fetch_all(sql, args![about, Action::RefundAsked.name()]).await?.iter().map(audit_line_of).collect()
}

/// Lines that one step of the check reads.
const STEP: i64 = 1_000;

/// Verifies numbers and chain; names the first line that is not as it was written.
///
/// # Errors
/// [`InternalError`] where the database cannot be read.
pub async fn check_audit(store: &crate::store::Store) -> Result<Result<i64, String>, InternalError> {
    let (mut last, mut before) = (0, Vec::new());
    loop {
        let sql = format!("{LINE} where no > $1 order by no limit $2");
        let rows = store.read().await?.fetch_all(sql, args![last, STEP]).await?;
        if rows.is_empty() {
            return Ok(Ok(last));
        }
        for row in &rows {
            let (line, action, stored) = (audit_line_of(row)?, row.text("action")?, row.blob("hash")?);
            let texts = [&*line.key, &*line.operator, &*line.about, &*line.reason, &*line.detail];
            let want = audit_hash(&before, line.no, line.at.timestamp_millis(), &action, line.customer_no, &texts);
            if line.no != last + 1 || stored != want {
                return Ok(Err(format!("audit line {} was changed", last + 1)));
            }
            (last, before) = (line.no, stored);
        }
    }
}
