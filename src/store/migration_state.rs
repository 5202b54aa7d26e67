//! Which migrations have run on a database, beside those of this program.

use crate::store::db::{Connection, DbError};
use crate::store::migrations::{POSTGRES, SQLITE};
use std::collections::BTreeMap;

/// The tables that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tables {
    /// None of ours.
    None,
    /// Some migrations are still to run.
    Older {
        /// How many have run.
        ran: usize,
        /// Of how many.
        of: usize,
    },
    /// Just those of this program.
    Current,
    /// A migration has other words than when it ran, or was broken off: the migrator says which.
    Changed,
    /// A migration has run that this program does not know.
    Newer {
        /// The last that has run.
        theirs: i64,
        /// The last of this program.
        ours: i64,
    },
}

/// The tables of a database, by the migrations that have run.
pub(super) async fn tables(db: &mut Connection) -> Result<Tables, DbError> {
    let (is_there, migrations) = if db.is_sqlite() {
        ("select count(*) as n from sqlite_master where name = '_sqlx_migrations'", &SQLITE)
    } else {
        (
            "select count(*) as n from information_schema.tables
             where table_name = '_sqlx_migrations' and table_schema = any (current_schemas(false))",
            &POSTGRES,
        )
    };
    if db.fetch_optional(is_there, Vec::new()).await?.map_or(Ok(0), |row| row.int("n"))? == 0 {
        return Ok(Tables::None);
    }
    let sql = "select version, cast(case when success then 1 else 0 end as bigint) as done, checksum
        from _sqlx_migrations";
    let mut ran = BTreeMap::new();
    for row in db.fetch_all(sql, Vec::new()).await? {
        ran.insert(row.int("version")?, (row.flag("done")?, row.blob("checksum")?));
    }
    let ours: BTreeMap<i64, Vec<u8>> = migrations.iter().map(|it| (it.version, it.checksum.to_vec())).collect();
    if let Some(theirs) = ran.keys().rfind(|version| !ours.contains_key(version)) {
        let ours = ours.keys().last().copied().unwrap_or_default();
        return Ok(Tables::Newer { theirs: *theirs, ours });
    }
    if ran.len() < ours.len() {
        return Ok(Tables::Older { ran: ran.len(), of: ours.len() });
    }
    let is_same = ran.iter().all(|(version, (done, sum))| *done && ours.get(version) == Some(sum));
    Ok(if is_same { Tables::Current } else { Tables::Changed })
}
