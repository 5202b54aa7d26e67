//! The databases themselves: the same tables, and entries that nobody changes.

use crate::app::{Database, TestApp};
use std::collections::BTreeMap;

on_both!(entries_cannot_be_changed_or_deleted);

async fn entries_cannot_be_changed_or_deleted(app: TestApp) {
    app.customer("c", "starter").await;
    for sql in ["update entries set amount = 1", "delete from entries"] {
        let mut link = app.services.store.begin_turn().await.unwrap();
        let refused = link.run(sql, Vec::new()).await.unwrap_err().to_string();
        assert!(refused.contains("append-only"), "{refused}");
    }
    app.check().await;
}

/// Table → its columns with their types, in one language.
async fn tables(app: &TestApp) -> BTreeMap<String, Vec<(String, String)>> {
    let sql = match app.database {
        Database::Sqlite => {
            "select m.name as t, c.name as c, c.type as k from sqlite_master m, pragma_table_info(m.name) c
             where m.type = 'table' order by m.name, c.cid"
        }
        Database::Postgres => {
            "select cast(table_name as text) as t, cast(column_name as text) as c, cast(data_type as text) as k
             from information_schema.columns where table_schema = 'public' order by table_name, ordinal_position"
        }
    };
    let mut out: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for row in app.services.store.read().await.unwrap().all(sql, Vec::new()).await.unwrap() {
        let kind = row.text("k").unwrap().to_lowercase().replace("bigint", "integer").replace("bytea", "blob");
        out.entry(row.text("t").unwrap()).or_default().push((row.text("c").unwrap(), kind));
    }
    out.retain(|table, _| !table.starts_with("_sqlx") && !table.starts_with("sqlite_"));
    out
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_databases_have_the_same_tables() {
    let sqlite = tables(&TestApp::start(Database::Sqlite).await).await;
    let postgres = tables(&TestApp::start(Database::Postgres).await).await;
    assert!(sqlite.len() > 15);
    assert_eq!(sqlite, postgres);
}
