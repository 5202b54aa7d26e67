//! Search, and data that only operators see.

use crate::args;
use crate::domain::text::folded;
use crate::domain::{Credits, Instant};
use crate::store::db::{DbError, Row};
use crate::usecases::purchases::{Purchase, PurchaseMatches};
use crate::usecases::{App, InternalError, purchases};

/// How many of each are shown.
pub const FOUND_MAX: i64 = purchases::FOUND_MAX;

/// A customer by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedCustomer {
    /// The store's number.
    pub no: i64,
    /// The SaaS's id.
    pub id: String,
    /// The name; empty where erased.
    pub name: String,
    /// Its address; empty where erased.
    pub email: String,
    pub plan: String,
    /// Its id at Stripe.
    pub stripe_customer: Option<String>,
    /// Since when it is closed.
    pub closed_at: Option<Instant>,
}

/// The result of a search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchResult {
    pub customers: Vec<NamedCustomer>,
    /// True if there are more customers that match.
    pub customers_cut: bool,
    /// Purchases, newest first.
    pub purchases: Vec<Purchase>,
    /// True if there are more purchases that match.
    pub purchases_cut: bool,
}

const NAMED: &str = "select c.no, c.id, c.name, c.email, c.closed_at, c.stripe_customer, a.plan
    from customers c join accounts a on a.customer_no = c.no";

fn named_customer_of(row: &Row) -> Result<NamedCustomer, DbError> {
    Ok(NamedCustomer {
        no: row.int("no")?,
        id: row.text("id")?,
        name: row.text("name")?,
        email: row.text("email")?,
        plan: row.text("plan")?,
        stripe_customer: row.opt_text("stripe_customer")?,
        closed_at: row.opt_at("closed_at")?,
    })
}

/// Customers and purchases by email, customer id or name, `pur_`, `cs_`, `pi_`, `ch_`, `in_` or invoice number. A name
/// is found however its letters are written (`domain::text::folded`).
pub async fn search_customers(app: &App, text: &str) -> Result<SearchResult, InternalError> {
    let text = text.trim();
    if text.is_empty() || text.contains('\0') {
        return Ok(SearchResult::default());
    }
    let PurchaseMatches { purchases, cut: purchases_cut } = purchases::search_purchases(&app.store, text).await?;
    // Each way by an index of its own. What folds to nothing would be the name of all who were erased.
    let sql = format!(
        "{NAMED} where c.no in (
           select no from customers where id = $1 or stripe_customer = $1
           union select no from customers where folded_name = $2 and folded_name <> ''
           union select no from customers where lower(email) = $3
           union select customer_no from members where email = $3 and removed_at is null)
         order by c.no limit $4"
    );
    let values = args![text, folded(text), purchases::email_key(text), FOUND_MAX + 1];
    let rows = app.store.read().await?.fetch_all(sql, values).await?;
    let mut customers = rows.iter().map(named_customer_of).collect::<Result<Vec<_>, DbError>>()?;
    let most = usize::try_from(FOUND_MAX).unwrap_or(usize::MAX);
    let customers_cut = customers.len() > most;
    customers.truncate(most);
    if !customers_cut {
        for purchase in &purchases {
            if !customers.iter().any(|known| known.no == purchase.customer_no) {
                customers.extend(named_customer(app, &purchase.customer).await?);
            }
        }
    }
    Ok(SearchResult { customers, customers_cut, purchases, purchases_cut })
}

/// A customer by the SaaS's id, closed or not.
pub async fn named_customer(app: &App, id: &str) -> Result<Option<NamedCustomer>, InternalError> {
    let row = app.store.read().await?.fetch_optional(format!("{NAMED} where c.id = $1"), args![id]).await?;
    Ok(row.as_ref().map(named_customer_of).transpose()?)
}

/// The number of a customer's last entry.
pub async fn newest_seq(app: &App, customer_no: i64) -> Result<i64, InternalError> {
    let sql = "select seq from accounts where customer_no = $1";
    let row = app.store.read().await?.fetch_optional(sql, args![customer_no]).await?;
    Ok(row.map_or(Ok(0), |row| row.int("seq"))?)
}

/// An email as far as its way is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerEmail {
    pub no: i64,
    pub kind: String,
    pub recipient: String,
    pub subject: String,
    /// `queued`, `accepted` or `refused`.
    pub state: String,
    /// How often it was tried.
    pub attempts: i64,
    /// The last answer of the mail server.
    pub last_error: Option<String>,
    /// When it was written.
    pub created_at: Instant,
    /// When its way ended.
    pub done_at: Option<Instant>,
}

/// Emails to a customer, newest first, below number `before`.
pub async fn customer_emails(
    app: &App,
    customer_no: i64,
    before: i64,
    limit: i64,
) -> Result<Vec<CustomerEmail>, InternalError> {
    let sql = "select no, kind, recipient, subject, state, attempts, last_error, created_at, done_at from outbox
        where customer_no = $1 and no < $2 order by no desc limit $3";
    let rows = app.store.read().await?.fetch_all(sql, args![customer_no, before, limit]).await?;
    let mail = |row: &Row| {
        Ok(CustomerEmail {
            no: row.int("no")?,
            kind: row.text("kind")?,
            recipient: row.text("recipient")?,
            subject: row.text("subject")?,
            state: row.text("state")?,
            attempts: row.int("attempts")?,
            last_error: row.opt_text("last_error")?,
            created_at: row.at("created_at")?,
            done_at: row.opt_at("done_at")?,
        })
    };
    rows.iter().map(mail).collect::<Result<_, DbError>>().map_err(InternalError::from)
}

/// A reminder that a top-up will expire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentReminder {
    pub kind: String,
    /// The date that it announced.
    pub expires_at: Instant,
    /// Its credits at first.
    pub credits: Credits,
    pub at: Instant,
    /// How many emails it is, to a person each.
    pub mails: i64,
    /// How many of them a mail server has accepted.
    pub accepted: i64,
    /// How many were refused.
    pub refused: i64,
}

/// A customer's reminders, newest first.
pub async fn sent_reminders(app: &App, customer_no: i64) -> Result<Vec<SentReminder>, InternalError> {
    let sql = "select r.kind, r.expires_at, g.amount, r.at, count(o.no) as mails,
          coalesce(sum(case when o.state = 'accepted' then 1 else 0 end), 0) as accepted,
          coalesce(sum(case when o.state = 'refused' then 1 else 0 end), 0) as refused
        from grants g join reminders r on r.grant_no = g.no
          left join outbox o on o.customer_no = g.customer_no and o.cause = r.mail
        where g.customer_no = $1 group by r.grant_no, r.kind, r.expires_at, g.amount, r.at
        order by r.at desc, r.grant_no desc limit $2";
    let rows = app.store.read().await?.fetch_all(sql, args![customer_no, FOUND_MAX]).await?;
    let reminder = |row: &Row| {
        Ok(SentReminder {
            kind: row.text("kind")?,
            expires_at: row.at("expires_at")?,
            credits: row.credits("amount")?,
            at: row.at("at")?,
            mails: row.int("mails")?,
            accepted: row.int("accepted")?,
            refused: row.int("refused")?,
        })
    };
    rows.iter().map(reminder).collect::<Result<_, DbError>>().map_err(InternalError::from)
}

/// An event of Stripe's that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingEvent {
    /// Stripe's id.
    pub id: String,
    pub kind: String,
    /// To which object.
    pub object_id: String,
    pub received_at: Instant,
    /// How often it was acted on in vain.
    pub attempts: i64,
    /// Why, a code.
    pub last_error: Option<String>,
}

/// Events that are not done, oldest first.
pub async fn waiting_events(app: &App) -> Result<Vec<WaitingEvent>, InternalError> {
    let sql = "select id, type, object_id, received_at, attempts, last_error from inbox
        where done_at is null order by due_at limit $1";
    let rows = app.store.read().await?.fetch_all(sql, args![FOUND_MAX]).await?;
    let event = |row: &Row| {
        Ok(WaitingEvent {
            id: row.text("id")?,
            kind: row.text("type")?,
            object_id: row.text("object_id")?,
            received_at: row.at("received_at")?,
            attempts: row.int("attempts")?,
            last_error: row.opt_text("last_error")?,
        })
    };
    rows.iter().map(event).collect::<Result<_, DbError>>().map_err(InternalError::from)
}
