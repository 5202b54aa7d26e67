//! The last writer of the ledger on PostgreSQL: a cache is valid if this process wrote last.

use crate::args;
use crate::store::db::{Connection, DbError, corrupt};
use uuid::Uuid;

/// Notes that `writer` writes; returns the number of this write, and whether the write before was by the same writer.
/// One statement suffices: the advisory lock keeps all others away.
///
/// # Errors
/// The database's.
pub async fn note_write(db: &mut Connection, writer: Uuid) -> Result<(i64, bool), DbError> {
    let sql = "with before as (select writer, number from last_writer where id = 1)
        insert into last_writer (id, writer, number) values (1, $1, coalesce((select number from before), 0) + 1)
        on conflict (id) do update set writer = excluded.writer, number = excluded.number
        returning number, (select writer from before) as writer";
    let row = db.fetch_optional(sql, args![*writer.as_bytes()]).await?;
    let row = row.ok_or_else(|| corrupt("no number of the last writer"))?;
    Ok((row.int("number")?, row.opt_blob("writer")?.as_deref() == Some(writer.as_bytes())))
}
