//! The tables: the same on both databases, with an append-only ledger.

use crate::app::{Database, Home, on_both};
use std::collections::BTreeMap;
use topup::store::Store;
use topup::store::db::Connection;

on_both!(entries_can_neither_be_changed_nor_taken_away, |app| {
    app.put_customer("acme", "starter").await;
    app.charge("acme", "1", "job-1").await.expect(201);
    let before = app.ledger("acme").await;
    let mut attempts = vec![
        "update entries set amount = 0",
        "update entries set amount = amount",
        "update entries set hash = grants.id from grants where grants.no = entries.grant_no",
        "delete from entries",
        "delete from entries where row_no = 1",
    ];
    if app.home.database == Database::Postgres {
        attempts.push("truncate entries");
    }
    for sql in attempts {
        let refused = app.tamper(sql, Vec::new()).await.expect_err(sql).to_string();
        assert!(refused.contains("append-only"), "{sql}: {refused}");
    }
    let again = "insert into entries select * from entries where row_no = 1";
    assert!(app.tamper(again, Vec::new()).await.is_err());
    assert_eq!(app.ledger("acme").await, before);
});

on_both!(a_second_grant_of_one_purchase_is_refused_by_the_database, |app| {
    app.put_customer("acme", "starter").await;
    app.buy("acme", "p1200", "buy-1").await;
    let columns =
        "customer_no, kind, amount, used, held, frozen, expired, refunded, disputed, voided, effective_at, expires_at,
        purchase, is_voided, is_open";
    let sql = format!(
        "insert into grants (no, id, {columns}) select no + 100, $1, {columns} from grants where purchase is not null"
    );
    assert!(app.tamper(&sql, topup::args![[9_u8; 16]]).await.is_err());
    let sql = "update grants set used = amount + 1";
    assert!(app.tamper(sql, Vec::new()).await.is_err(), "more used than there was");
    let sql = "update grants set used = -1";
    assert!(app.tamper(sql, Vec::new()).await.is_err(), "less than nothing");
});

/// Columns as name, type and "must be there", by table; named indexes with what they are on.
#[derive(Debug, Default, PartialEq)]
struct Tables {
    columns: BTreeMap<String, Vec<(String, String, bool)>>,
    keys: BTreeMap<String, Vec<String>>,
    indexes: BTreeMap<String, (String, bool, Vec<String>)>,
}

async fn texts(db: &mut Connection, sql: &str) -> Vec<(String, String, String, i64)> {
    let rows = db.fetch_all(sql, Vec::new()).await.unwrap();
    let row = |row: &topup::store::db::Row| {
        (row.text("a").unwrap(), row.text("b").unwrap(), row.text("c").unwrap(), row.int("n").unwrap())
    };
    rows.iter().map(row).collect()
}

/// Asks a database about its own tables: `columns` as (table, column, type, not null), `keys` as (table,
/// column, '', place), `indexes` as (name, table, column, unique), each in order.
async fn tables(db: &mut Connection, columns: &str, keys: &str, indexes: &str) -> Tables {
    let mut all = Tables::default();
    for (table, column, kind, must) in texts(db, columns).await {
        all.columns.entry(table).or_default().push((column, kind, must != 0));
    }
    for (table, column, _, _) in texts(db, keys).await {
        all.keys.entry(table).or_default().push(column);
    }
    for (name, table, column, unique) in texts(db, indexes).await {
        all.indexes.entry(name).or_insert_with(|| (table, unique != 0, Vec::new())).2.push(column);
    }
    all
}

async fn of_sqlite(db: &mut Connection) -> Tables {
    let from = "sqlite_master t join pragma_table_info(t.name) c
        where t.type = 'table' and t.name not like 'sqlite_%' and t.name not like '\\_sqlx%' escape '\\'";
    let columns = format!(
        "select t.name as a, c.name as b, lower(c.type) as c, c.\"notnull\" or c.pk > 0 as n from {from} order by t.name, c.cid"
    );
    let keys =
        format!("select t.name as a, c.name as b, '' as c, c.pk as n from {from} and c.pk > 0 order by t.name, c.pk");
    let indexes = "select i.name as a, i.tbl_name as b, coalesce(c.name, '?') as c, l.\"unique\" as n
        from sqlite_master i join pragma_index_list(i.tbl_name) l on l.name = i.name join pragma_index_info(i.name) c
        where i.type = 'index' and i.sql is not null order by i.name, c.seqno";
    tables(db, &columns, &keys, indexes).await
}

async fn of_postgres(db: &mut Connection) -> Tables {
    let columns = "select table_name::text as a, column_name::text as b,
        case data_type when 'bigint' then 'integer' when 'bytea' then 'blob' else data_type end::text as c,
        (is_nullable = 'NO')::int::bigint as n
        from information_schema.columns where table_schema = 'public' and table_name not like '\\_sqlx%'
        order by table_name collate \"C\", ordinal_position";
    let keys = "select k.table_name::text as a, k.column_name::text as b, '' as c, k.ordinal_position::bigint as n
        from information_schema.key_column_usage k join information_schema.table_constraints t
          on t.constraint_name = k.constraint_name and t.table_name = k.table_name
        where t.constraint_type = 'PRIMARY KEY' and k.table_schema = 'public' and k.table_name not like '\\_sqlx%'
        order by k.table_name collate \"C\", k.ordinal_position";
    let indexes =
        "select i.relname::text as a, t.relname::text as b, coalesce(a.attname::text, '?') as c, x.indisunique::int::bigint as n
        from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid
          join pg_namespace s on s.oid = t.relnamespace
          join lateral unnest(x.indkey) with ordinality k (no, place) on true
          left join pg_attribute a on a.attrelid = t.oid and a.attnum = k.no
        where s.nspname = 'public' and t.relname not like '\\_sqlx%'
          and not exists (select 1 from pg_constraint c where c.conindid = i.oid)
        order by i.relname collate \"C\", k.place";
    tables(db, columns, keys, indexes).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_databases_have_the_same_tables() {
    let (sqlite, postgres) = (Home::make(Database::Sqlite).await, Home::make(Database::Postgres).await);
    let (one, two) = (Store::open(&sqlite.url).await.unwrap(), Store::open(&postgres.url).await.unwrap());
    one.migrate().await.unwrap();
    two.migrate().await.unwrap();
    // Again is nothing.
    one.migrate().await.unwrap();
    two.migrate().await.unwrap();
    let here = of_sqlite(&mut one.read().await.unwrap()).await;
    let there = of_postgres(&mut two.read().await.unwrap()).await;
    assert!(here.columns.len() > 15 && here.columns.contains_key("entries"), "{here:?}");
    assert_eq!(here.columns.keys().collect::<Vec<_>>(), there.columns.keys().collect::<Vec<_>>());
    for (table, columns) in &here.columns {
        assert_eq!(columns, &there.columns[table], "{table}");
    }
    assert_eq!(here.keys, there.keys);
    assert_eq!(here.indexes, there.indexes);
    one.close().await;
    two.close().await;
    postgres.remove().await;
}

on_both!(ids_are_ordered_by_their_bytes, |app| {
    // The test server collates by language: an order of text in SQL would differ from SQLite's.
    for id in ["b", "A", "a", "B", "a-b", "aB", "a_b", "a.b", "ab"] {
        app.put_customer(id, "starter").await;
        app.charge(id, "1", "k").await.expect(201);
        let purchase = app.buy(id, "p1200", "k2").await;
        assert_eq!(app.purchase(purchase["id"].as_str().unwrap()).await["state"], "credited");
    }
    assert_eq!(app.check().await.customers, 9);
});
