//! A consent on its way, as it is stored: agreed to, the card not saved yet.

use crate::args;
use crate::domain::Instant;
use crate::domain::auto_top_up::Agreement;
use crate::store::db::{Connection, DbError, Row};
use crate::usecases::agreements::agreement_of;
use uuid::Uuid;

/// A consent on its way.
pub(super) struct Setup {
    pub id: Uuid,
    pub customer_no: i64,
    pub agreed_by: Option<i64>,
    pub text: String,
    pub agreed: Agreement,
    pub stripe_customer: String,
    pub url: Option<String>,
    pub ended_at: Option<Instant>,
}

pub(super) const SETUP: &str = "select id, customer_no, agreed_by, text, package, price, currency, threshold, cap,
    stripe_customer, url, ended_at from auto_top_up_setups";

pub(super) fn setup_of(row: &Row) -> Result<Setup, DbError> {
    Ok(Setup {
        id: row.uuid("id")?,
        customer_no: row.int("customer_no")?,
        agreed_by: row.opt_int("agreed_by")?,
        text: row.text("text")?,
        agreed: agreement_of(row)?,
        stripe_customer: row.text("stripe_customer")?,
        url: row.opt_text("url")?,
        ended_at: row.opt_at("ended_at")?,
    })
}

pub(super) async fn find_setup(db: &mut Connection, id: Uuid) -> Result<Option<Setup>, DbError> {
    let row = db.fetch_optional(format!("{SETUP} where id = $1"), args![id.into_bytes()]).await?;
    row.as_ref().map(setup_of).transpose()
}
