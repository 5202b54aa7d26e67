//! Refunds and disputes of purchases and grants (R13, R14).

use crate::args;
use crate::domain::payment::DisputeStatus;
use crate::store::accounts::{GRANT_COLUMNS, GRANT_TABLES};
use crate::store::db::{Connection, DbError, Row};
use crate::store::{Store, accounts};
use crate::usecases::purchases;

/// Purchases that one snapshot is for.
const STEP: i64 = 100;

/// Each purchase says what its refunds and disputes add up to, its grant is claimed for just that, and of what is
/// there as much is taken. A purchase and all that is compared with it are read in one snapshot: a refund may come
/// between two.
pub(crate) async fn check_claims(store: &Store) -> Result<Result<(), String>, DbError> {
    let sql = "select count(*) as n from refunds_and_disputes x left join purchases p on p.id = x.purchase
        where p.id is null or p.charged is null";
    let lost = store
        .read()
        .await?
        .without_timeout()
        .fetch_optional(sql, Vec::new())
        .await?
        .map_or(Ok(0), |row| row.int("n"))?;
    if lost > 0 {
        return Ok(Err(format!("{lost} refunds or disputes without their purchase")));
    }
    let sql = "select count(*) as n from grant_clawbacks k join grants g on g.no = k.grant_no
         left join purchases p on p.id = g.purchase where p.charged is null";
    if store.read().await?.without_timeout().fetch_optional(sql, Vec::new()).await?.map_or(Ok(0), |row| row.int("n"))?
        > 0
    {
        return Ok(Err("a grant has a clawback without a payment".to_owned()));
    }
    let mut after = Vec::new();
    loop {
        let mut db = store.snapshot().await?.without_timeout();
        let sql = "select id from purchases where charged is not null and id > $1 order by id limit $2";
        let claimed = db.fetch_all(sql, args![after, STEP]).await?;
        let Some(last) = claimed.last() else { return Ok(Ok(())) };
        after = last.blob("id")?;
        if let Err(reason) = check_claims_of(&mut db, &claimed).await? {
            return Ok(Err(reason));
        }
    }
}

async fn check_claims_of(db: &mut Connection, claimed: &[Row]) -> Result<Result<(), String>, DbError> {
    for row in claimed {
        let id = crate::domain::PurchaseId(row.uuid("id")?);
        let Some(purchase) = purchases::load_purchase(db, id).await? else { continue };
        let payment = purchases::stored_payment(db, id).await?;
        let standing = payment.standing().map(DisputeStatus::name);
        if purchase.refunded_amount != payment.refunded() || purchase.dispute.as_deref() != standing {
            return Ok(Err(format!("{id}: differs from its refunds and disputes")));
        }
        let sql = format!("select {GRANT_COLUMNS} from {GRANT_TABLES} where g.purchase = $1");
        let Some(row) = db.fetch_optional(sql, args![id.bytes()]).await? else { continue };
        let grant = accounts::grant_of_row(&row)?;
        if grant.claim != payment.claims(purchase.credits, purchase.charged.unwrap_or(0)) {
            return Ok(Err(format!("grant {}: its clawback differs from {id}", grant.id)));
        }
        if !grant.claim_is_taken() {
            return Ok(Err(format!("grant {}: removed and frozen credits differ from its clawbacks", grant.id)));
        }
    }
    Ok(Ok(()))
}
