//! What refunds and disputes have made of purchases and grants (R13, R14).

use crate::args;
use crate::domain::payment::DisputeStatus;
use crate::store::accounts::{self, GRANT, GRANTS};
use crate::store::db::{DbError, Link};
use crate::usecases::purchases;

/// Each purchase says what its refunds and disputes add up to, its grant is claimed for just that, and of what is
/// there as much is taken.
pub(super) async fn taken(link: &mut Link) -> Result<Result<(), String>, DbError> {
    let sql = "select count(*) as n from payment_parts x left join purchases p on p.id = x.purchase
        where p.id is null or p.charged is null";
    let lost = link.one(sql, Vec::new()).await?.map_or(Ok(0), |row| row.int("n"))?;
    if lost > 0 {
        return Ok(Err(format!("{lost} refunds or disputes of no purchase that knows of them")));
    }
    let sql = format!(
        "select {GRANT} from {GRANTS} left join purchases p on p.id = g.purchase
         where k.grant_no is not null and p.charged is null"
    );
    if !link.all(sql, Vec::new()).await?.is_empty() {
        return Ok(Err("a grant is claimed by no payment".to_owned()));
    }
    let claimed = link.all("select id from purchases where charged is not null order by id", Vec::new()).await?;
    for row in claimed {
        let id = crate::domain::PurchaseId(row.uuid("id")?);
        let Some(purchase) = purchases::load(link, id).await? else { continue };
        let payment = purchases::known(link, id).await?;
        let standing = payment.standing().map(DisputeStatus::name);
        if purchase.refunded_amount != payment.refunded() || purchase.dispute.as_deref() != standing {
            return Ok(Err(format!("{id}: says something else than its refunds and disputes")));
        }
        let sql = format!("select {GRANT} from {GRANTS} where g.purchase = $1");
        let Some(row) = link.one(sql, args![id.bytes()]).await? else { continue };
        let grant = accounts::grant_of(&row)?;
        if grant.claim != payment.claims(purchase.credits, purchase.charged.unwrap_or(0)) {
            return Ok(Err(format!("grant {}: is claimed for another amount than {id} says", grant.id)));
        }
        if !grant.claim_is_taken() {
            return Ok(Err(format!("grant {}: not as much is removed and frozen as is claimed and there", grant.id)));
        }
    }
    Ok(Ok(()))
}
