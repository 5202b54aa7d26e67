//! Writes that fail, as they would on a bad day of the database's.

use super::{Database, TestApp};

/// A write that is to fail: `insert` or `update`, the table, and which of its rows.
pub type BadWrite = (&'static str, &'static str, &'static str);

impl TestApp {
    /// From now on this write fails. On SQLite `how` is `abort` (the statement) or `rollback` (the whole transaction).
    pub async fn plant_fault(&self, how: &str, (what, table, when): BadWrite) {
        match self.home.database {
            Database::Sqlite => {
                let sql = format!(
                    "create trigger bad before {what} on {table} when {when} begin select raise({how}, 'bad day'); end"
                );
                self.tamper(&sql, Vec::new()).await.unwrap();
            }
            Database::Postgres => {
                let sql = "create or replace function bad() returns trigger as
                    $$ begin raise exception 'bad day'; end $$ language plpgsql";
                self.tamper(sql, Vec::new()).await.unwrap();
                let sql = format!(
                    "create trigger bad before {what} on {table} for each row when ({when}) execute function bad()"
                );
                self.tamper(&sql, Vec::new()).await.unwrap();
            }
        }
    }

    /// The database is well again.
    pub async fn remove_fault(&self, (_, table, _): BadWrite) {
        let sql = match self.home.database {
            Database::Sqlite => "drop trigger bad".to_owned(),
            Database::Postgres => format!("drop trigger bad on {table}"),
        };
        self.tamper(&sql, Vec::new()).await.unwrap();
    }
}
