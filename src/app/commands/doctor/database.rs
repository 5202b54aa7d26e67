//! The database: its tables, a write transaction, its standbys.

use crate::app::build::{check_plans, open_read_store, opening};
use crate::app::commands::doctor::report::DoctorReport;
use crate::app::commands::doctor::{clock, worker};
use crate::args;
use crate::domain::Catalog;
use crate::settings::{DatabaseSettings, Settings, Synchronous};
use crate::store::db::DbError;
use crate::store::postgres_sessions::SETTINGS;
use crate::store::{Opening, Store};
use crate::usecases::app::AGE_MAX;
use std::time::Duration;

/// Checks the tables, a write, the clock, standbys and the worker.
pub async fn check(report: &mut DoctorReport, settings: &Settings, catalog: Option<&Catalog>) {
    // A database that is down is reported at once.
    let opening = Opening { wait: Duration::ZERO, ..opening(&settings.database) };
    let store = match Store::open_existing_with(&settings.database.database_url, opening).await {
        Ok(store) => store,
        Err(e) => return report.wrong("database", e),
    };
    match try_write(&store).await {
        Ok(unset) if unset.is_empty() => {
            report.good("database", "the tables are of this version, and writes work");
        }
        Ok(unset) => report.wrong(
            "database",
            format!(
                "{}: a frozen process would block all other writes. Does a pooler or a role set it?",
                unset.join(", ")
            ),
        ),
        Err(e) => report.wrong("database", format!("no write is possible, so no charge is: {e}")),
    }
    if let Some(catalog) = catalog
        && let Err(failure) = check_plans(&store, catalog).await
    {
        report.wrong("catalogue", failure.text());
    }
    if let Err(e) = clock::check(report, &store, settings.wants_test_clock()).await {
        report.wrong("clock", e);
    }
    if let Err(e) = standbys(report, &store, settings.database.pg_synchronous).await {
        report.wrong("standbys", e);
    }
    if settings.database.read_database_url.is_some() {
        read_standby(report, &store, &settings.database).await;
    }
    if let Err(e) = worker::check(report, &store).await {
        report.wrong("worker", e);
    }
    store.close().await;
}

/// The standby that is read from: whether it answers, and has what the primary has.
async fn read_standby(report: &mut DoctorReport, store: &Store, settings: &DatabaseSettings) {
    let read_store = match open_read_store(settings, store).await {
        Ok(read_store) => read_store,
        Err(e) => return report.wrong("read standby", e),
    };
    let Some(standby) = read_store.standby() else { return };
    let places = async { Ok::<_, DbError>((store.place().await?, standby.place().await?)) };
    match places.await {
        Err(e) => report.wrong("read standby", format!("it does not answer, so all is read from DATABASE_URL: {e}")),
        Ok((_, there)) if !there.timeline.is_empty() => {
            report.note("read standby", "READ_DATABASE_URL leads to a server that takes writes, so it relieves nobody");
        }
        Ok((here, there)) => match here.bytes - there.bytes {
            ..=0 => report.good("read standby", "has all that the primary has"),
            bytes => report.note(
                "read standby",
                format!(
                    "is {bytes} bytes behind; pages say as of when they are, and beyond {} s the primary is read",
                    AGE_MAX.as_secs()
                ),
            ),
        },
    }
    read_store.close().await;
}

/// Begins a write transaction and rolls it back. Returns the session settings that differ from the required ones.
async fn try_write(store: &Store) -> Result<Vec<String>, DbError> {
    let mut db = store.begin_write().await?;
    // A read-only database refuses even this statement.
    db.execute("delete from write_probe where id = 0", Vec::new()).await?;
    let mut unset = Vec::new();
    let has_sessions = !db.is_sqlite();
    for (name, want) in SETTINGS.into_iter().filter(|_| has_sessions) {
        let row = db.fetch_optional("select current_setting($1) as value", args![name]).await?;
        let value = row.map_or(Ok(String::new()), |row| row.text("value"))?;
        if value != want {
            unset.push(format!("{name} is {value}, not {want}"));
        }
    }
    Ok(unset)
}

/// A failover to a standby that lags loses answered commits. Only the server can wait for a standby.
async fn standbys(report: &mut DoctorReport, store: &Store, synchronous: Synchronous) -> Result<(), DbError> {
    let mut db = store.read().await?;
    if db.is_sqlite() {
        return Ok(());
    }
    // A standby that is disconnected at the moment still has its slot.
    let sql = "select greatest(
           (select count(*) from pg_stat_replication where state is distinct from 'backup'),
           (select count(*) from pg_replication_slots where slot_type = 'physical')) as n,
         current_setting('synchronous_standby_names') as names";
    let Some(row) = db.fetch_optional(sql, Vec::new()).await? else { return Ok(()) };
    match (row.int("n")?, row.text("names")?.trim()) {
        (_, "") if synchronous == Synchronous::Required => report.wrong(
            "standbys",
            "PG_SYNCHRONOUS is required and synchronous_standby_names is empty: no write is answered. Set it on the server, or \
             leave the setting out (operations.md)",
        ),
        (0, _) => {}
        (n, "") => report.note(
            "standbys",
            format!(
                "{n} standby{} and no synchronous_standby_names: a failover loses answered charges. Set it, or \
                 synchronous_mode of Patroni (operations.md)",
                if n == 1 { "" } else { "s" }
            ),
        ),
        (_, names) => report.good("standbys", format!("commits wait for {names}")),
    }
    Ok(())
}
