//! Reading usages.

use super::{Fault, Services};
use crate::args;
use crate::domain::{Credits, Draw, EntryKind, Instant, Kind, UsageId};
use crate::store::db::corrupt;
use crate::store::entries::ENTRY;

/// A usage as it is stored, with its draws.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The SaaS's id of the customer.
    pub customer: String,
    /// How much.
    pub credits: Credits,
    /// What was done.
    pub operation: Option<String>,
    /// The SaaS's own name of who did it.
    pub source: Option<String>,
    /// What it took from which grant.
    pub draws: Vec<Draw>,
    /// When.
    pub created_at: Instant,
}

/// A usage by its id.
///
/// # Errors
/// [`Fault`].
pub async fn find(services: &Services, id: UsageId) -> Result<Option<Usage>, Fault> {
    let mut link = services.store.snapshot().await?;
    let sql = "select u.credits, u.operation, u.source, u.created_at, u.first_row, u.lines, c.id as customer
        from usages u join customers c on c.no = u.customer_no where u.id = $1";
    let Some(row) = link.one(sql, args![id.bytes()]).await? else { return Ok(None) };
    let first = row.int("first_row")?;
    let lines = format!(
        "select {ENTRY} from entries e join grants g on g.no = e.grant_no
         where e.row_no >= $1 and e.row_no < $2 order by e.row_no"
    );
    let mut draws = Vec::new();
    for line in link.all(lines, args![first, first + row.int("lines")?]).await? {
        let entry = crate::store::entries::entry_of(&line)?;
        if entry.kind == EntryKind::Used {
            let kind = Kind::from_code(line.int("grant_kind")?).ok_or_else(|| corrupt("unknown kind of grant"))?;
            draws.push(Draw { grant: entry.grant, kind, credits: -entry.amount });
        }
    }
    Ok(Some(Usage {
        customer: row.text("customer")?,
        credits: row.credits("credits")?,
        operation: row.opt_text("operation")?,
        source: row.opt_text("source")?,
        draws,
        created_at: row.at("created_at")?,
    }))
}
