//! A purchase as it is stored, and its queries.

use crate::args;
use crate::domain::{Catalog, Credits, GrantId, Instant, Origin, PurchaseId, PurchaseState, Terms};
use crate::ledger::WriteTransaction;
use crate::store::db::{Connection, DbError, Row, corrupt};
use crate::usecases::notify::emails::PurchaseData;
use crate::usecases::notify::receipts::CreditedTerms;
use crate::usecases::{App, InternalError};
use chrono::TimeDelta;

/// Minutes that a purchase waits for its Checkout to open.
pub(crate) const OPEN_WITHIN_MINUTES: i64 = 10;

/// A purchase as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purchase {
    pub id: PurchaseId,
    /// The buyer's number.
    pub customer_no: i64,
    /// The SaaS's id of the buyer.
    pub customer: String,
    /// The buyer's name; empty where erased.
    pub customer_name: String,
    pub package: String,
    /// Who bought.
    pub origin: Origin,
    /// How many packages; credits and amount are those of all together.
    pub quantity: i64,
    /// The credits that were sold.
    pub credits: Credits,
    /// Its price, tax aside, in minor units.
    pub amount: i64,
    /// ISO 4217, lower case.
    pub currency: String,
    /// Months of validity as sold; `None` for a purchase older than the column.
    pub months: Option<i32>,
    /// Its state.
    pub state: PurchaseState,
    /// How often Stripe has definitely refused to open it.
    pub attempt: i64,
    /// The Checkout's id at Stripe; an automatic purchase has its invoice's.
    pub session_id: Option<String>,
    /// The Checkout's address; an automatic purchase has one while a person must confirm.
    pub url: Option<String>,
    /// The payment at Stripe.
    pub payment_intent: Option<String>,
    /// The charge at Stripe.
    pub charge: Option<String>,
    /// The amount of the charge, where a refund or a dispute has made us ask.
    pub charged: Option<i64>,
    /// The amount paid, tax included.
    pub amount_total: Option<i64>,
    /// The tax of it.
    pub amount_tax: Option<i64>,
    /// The invoice at Stripe.
    pub invoice: Option<String>,
    /// The invoice's number, where Stripe has said it.
    pub invoice_number: Option<String>,
    /// The refunded amount.
    pub refunded_amount: i64,
    /// How the dispute that matters most stands, in Stripe's words.
    pub dispute: Option<String>,
    /// Credits that refunds and lost disputes should have removed and that were spent (R13): of the grant as it is.
    pub shortfall: Credits,
    /// The reason for a review by a person.
    pub review_reason: Option<String>,
    /// When the buyer clicked.
    pub created_at: Instant,
    /// Until when its Checkout is open.
    pub checkout_expires_at: Instant,
    /// When its credits came.
    pub credited_at: Option<Instant>,
    /// When its credits expire.
    pub expires_at: Option<Instant>,
    pub grant: Option<GrantId>,
}

impl Purchase {
    /// The terms that it was sold on. Where its validity was not kept, it is the catalogue's.
    #[must_use]
    pub fn terms(&self, catalog: &Catalog) -> Terms {
        let months = self.months.unwrap_or(catalog.rules.top_up_months);
        Terms { credits: self.credits, amount: self.amount, currency: self.currency.clone(), months }
    }

    /// Data of the receipt beside the sale; none before crediting.
    #[must_use]
    pub fn credited_terms(&self) -> Option<CreditedTerms> {
        let (at, expires_at) = self.credited_at.zip(self.expires_at)?;
        Some(CreditedTerms { at, expires_at, total: self.amount_total, tax: self.amount_tax })
    }
}

impl From<&Purchase> for PurchaseData {
    fn from(p: &Purchase) -> Self {
        let (id, customer_no, credits, amount, created_at) = (p.id, p.customer_no, p.credits, p.amount, p.created_at);
        Self { id, customer_no, credits, amount, currency: p.currency.clone(), created_at, origin: p.origin }
    }
}

/// The result of asking Stripe about an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fulfillment {
    /// Our data agrees with Stripe's.
    Done,
    /// Stripe could not be asked: retry later.
    Retry,
    /// The object belongs to no purchase of ours.
    NotOurs,
}

/// The columns of [`purchase_of`].
pub(crate) const PURCHASE: &str =
    "select p.id, p.customer_no, c.id as customer, c.name as customer_name, p.package, p.origin, p.quantity, p.credits, p.amount, p.currency, p.months, p.state,
    p.attempt, p.session_id, p.url, p.payment_intent, p.amount_total, p.amount_tax, p.invoice,
    p.invoice_number, p.refunded_amount,
    p.dispute, p.charge, p.charged, p.review_reason, p.created_at, p.checkout_expires_at, p.credited_at,
    coalesce(g.expires_at, p.expires_at) as expires_at,
    g.id as grant_id, case when k.to_refund + k.to_dispute > g.amount - g.used
      then k.to_refund + k.to_dispute - (g.amount - g.used) else 0 end as shortfall
  from purchases p join customers c on c.no = p.customer_no left join grants g on g.purchase = p.id
    left join grant_clawbacks k on k.grant_no = g.no";

pub(crate) fn purchase_of(row: &Row) -> Result<Purchase, DbError> {
    let (state, origin) = (row.text("state")?, row.text("origin")?);
    Ok(Purchase {
        id: PurchaseId(row.uuid("id")?),
        customer_no: row.int("customer_no")?,
        customer: row.text("customer")?,
        customer_name: row.text("customer_name")?,
        package: row.text("package")?,
        origin: Origin::from_name(&origin).ok_or_else(|| corrupt(format!("origin {origin:?} of a purchase")))?,
        quantity: row.int("quantity")?,
        credits: row.credits("credits")?,
        amount: row.int("amount")?,
        currency: row.text("currency")?,
        months: row.opt_int("months")?.and_then(|months| i32::try_from(months).ok()),
        state: PurchaseState::from_name(&state).ok_or_else(|| corrupt(format!("state {state:?} of a purchase")))?,
        attempt: row.int("attempt")?,
        session_id: row.opt_text("session_id")?,
        url: row.opt_text("url")?,
        payment_intent: row.opt_text("payment_intent")?,
        charge: row.opt_text("charge")?,
        charged: row.opt_int("charged")?,
        amount_total: row.opt_int("amount_total")?,
        amount_tax: row.opt_int("amount_tax")?,
        invoice: row.opt_text("invoice")?,
        invoice_number: row.opt_text("invoice_number")?,
        refunded_amount: row.int("refunded_amount")?,
        dispute: row.opt_text("dispute")?,
        shortfall: row.credits("shortfall")?,
        review_reason: row.opt_text("review_reason")?,
        created_at: row.at("created_at")?,
        checkout_expires_at: row.at("checkout_expires_at")?,
        credited_at: row.opt_at("credited_at")?,
        expires_at: row.opt_at("expires_at")?,
        grant: row.opt_blob("grant_id")?.as_deref().and_then(GrantId::from_bytes),
    })
}

/// A purchase by its id, on any connection.
pub(crate) async fn load_purchase(db: &mut Connection, id: PurchaseId) -> Result<Option<Purchase>, DbError> {
    let row = db.fetch_optional(format!("{PURCHASE} where p.id = $1"), args![id.bytes()]).await?;
    row.as_ref().map(purchase_of).transpose()
}

/// A purchase by its id, for somebody who acts on it: the standbys have what it says, where they must.
pub async fn find_purchase(app: &App, id: PurchaseId) -> Result<Option<Purchase>, InternalError> {
    let found = load_purchase(&mut app.store.read().await?, id).await?;
    app.store.wait_for_standbys().await?;
    Ok(found)
}

/// The newest purchases of all customers, abandoned Checkouts aside, newest first.
pub async fn newest(app: &App, limit: i64) -> Result<Vec<Purchase>, InternalError> {
    let sql = format!(
        "{PURCHASE} where p.state in ('processing', 'credited', 'failed', 'review') and p.created_at <= $1
         order by p.created_at desc, p.id desc limit $2"
    );
    let rows = app.store.read().await?.fetch_all(sql, args![app.clock.now(), limit]).await?;
    rows.iter().map(purchase_of).collect::<Result<_, _>>().map_err(InternalError::from)
}

/// The newest failed payments of all customers since then, newest first.
pub async fn newest_failed(app: &App, since: Instant, limit: i64) -> Result<Vec<Purchase>, InternalError> {
    let sql = format!(
        "{PURCHASE} where p.state = 'failed' and p.created_at >= $1 order by p.created_at desc, p.id desc limit $2"
    );
    let rows = app.store.read().await?.fetch_all(sql, args![since, limit]).await?;
    rows.iter().map(purchase_of).collect::<Result<_, _>>().map_err(InternalError::from)
}

/// Purchases that were begun at `since` or later, oldest first.
pub async fn begun_since(app: &App, since: Instant) -> Result<Vec<PurchaseId>, InternalError> {
    let sql = "select id from purchases where created_at >= $1 order by created_at, id";
    let rows = app.store.read().await?.fetch_all(sql, args![since]).await?;
    rows.iter().map(|row| Ok(PurchaseId(row.uuid("id")?))).collect()
}

/// Purchases of a customer, newest first, made before `before` (an id, exclusive).
pub async fn list_purchases(
    app: &App,
    customer_no: i64,
    before: Option<PurchaseId>,
    limit: i64,
) -> Result<Vec<Purchase>, InternalError> {
    let mut db = app.store.read().await?;
    let (at, id) = match before {
        None => (i64::MAX, [0xff; 16]),
        Some(id) => {
            let row = db.fetch_optional("select created_at from purchases where id = $1", args![id.bytes()]).await?;
            (row.map_or(Ok(i64::MAX), |row| row.int("created_at"))?, id.bytes())
        }
    };
    let sql = format!(
        "{PURCHASE} where p.customer_no = $1 and (p.created_at < $2 or (p.created_at = $2 and p.id < $3))
         order by p.created_at desc, p.id desc limit $4"
    );
    let rows = db.fetch_all(sql, args![customer_no, at, id, limit]).await?;
    drop(db);
    app.store.wait_for_standbys().await?;
    rows.iter().map(purchase_of).collect::<Result<_, _>>().map_err(InternalError::from)
}

/// A session that could not be opened in time leaves the purchase expired; R8 still credits it if it is paid.
pub(crate) async fn expire_purchase(tx: &mut WriteTransaction, id: PurchaseId) -> Result<(), InternalError> {
    let sql = "update purchases set state = 'expired' where id = $1 and state in ('created', 'open')";
    if tx.db.execute(sql, args![id.bytes()]).await? > 0 {
        add_event(tx, id, "expired").await?;
    }
    Ok(())
}

/// Purchases that could not be opened in time.
pub(crate) fn open_deadline(now: Instant) -> Instant {
    now - TimeDelta::minutes(OPEN_WITHIN_MINUTES)
}

/// Stripe wants whole seconds and at least 30 minutes; a retry needs some of them.
pub(crate) fn checkout_expiry(at: Instant, catalog: &Catalog) -> Instant {
    let seconds = at.timestamp() + catalog.shop.open_minutes() * 60;
    crate::domain::time::from_millis(seconds * 1_000)
}

/// Adds an event to the timeline, in the transaction that causes it.
pub(crate) async fn add_event(tx: &mut WriteTransaction, id: PurchaseId, what: &str) -> Result<(), DbError> {
    let now = tx.now();
    let sql = "insert into purchase_events (purchase, kind, at) values ($1, $2, $3)";
    tx.db.execute(sql, args![id.bytes(), what, now]).await?;
    Ok(())
}
