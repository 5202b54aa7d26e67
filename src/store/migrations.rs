//! The migrations of both databases: the files of `migrations/`, listed by `build.rs`.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use std::sync::LazyLock;

/// The migrations of SQLite.
pub static SQLITE: LazyLock<Migrator> =
    LazyLock::new(|| migrator(include!(concat!(env!("OUT_DIR"), "/sqlite_migrations.rs"))));

/// The migrations of PostgreSQL.
pub static POSTGRES: LazyLock<Migrator> =
    LazyLock::new(|| migrator(include!(concat!(env!("OUT_DIR"), "/postgres_migrations.rs"))));

fn migrator(files: &[(&'static str, &'static str)]) -> Migrator {
    Migrator::with_migrations(files.iter().filter_map(|(name, sql)| migration(name, sql)).collect())
}

/// A migration from a file such as `0001_ledger.sql`.
fn migration(name: &str, sql: &'static str) -> Option<Migration> {
    let (version, description) = name.strip_suffix(".sql")?.split_once('_')?;
    let description = description.replace('_', " ").into();
    Some(Migration::new(version.parse().ok()?, description, MigrationType::Simple, sql.into_sql_str(), false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_is_a_migration() {
        for (migrator, folder) in [(&SQLITE, "migrations/sqlite"), (&POSTGRES, "migrations/postgres")] {
            let files = std::fs::read_dir(folder).expect("a folder").count();
            assert_eq!(migrator.iter().count(), files, "{folder}");
        }
    }
}
