//! A database of the first edition migrates, passes the check, and accepts charges.

use crate::app::{Database, Home};
use crate::process::{call, start, topup};
use flate2::read::GzDecoder;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, SqliteConnection};
use std::fs::File;
use std::io::Read as _;
use xorf::BinaryFuse16;

/// The first edition's own `topup check` counted the same.
const COUNTED: &str = "ok: 8 customers, 71 grants, 808 entries, 1 open holds, 19 credited purchases\n";
const AFTER_A_CHARGE: &str = "ok: 8 customers, 71 grants, 809 entries, 1 open holds, 19 credited purchases\n";

/// Its database, as it was dumped.
pub async fn load(home: &Home) {
    let dump = match home.database {
        Database::Sqlite => "sqlite.sql.gz",
        Database::Postgres => "postgres.sql.gz",
    };
    let path = format!("{}/tests/fixtures/first_edition/{dump}", env!("CARGO_MANIFEST_DIR"));
    let mut sql = String::new();
    GzDecoder::new(File::open(path).unwrap()).read_to_string(&mut sql).unwrap();
    let statements = sqlx::raw_sql(AssertSqlSafe(sql));
    match home.database {
        Database::Sqlite => {
            // A dump writes rows before the rows that they refer to.
            let options: SqliteConnectOptions = home.url.parse().unwrap();
            let options = options.create_if_missing(true).foreign_keys(false);
            let mut connection = options.connect().await.unwrap();
            statements.execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
        Database::Postgres => {
            let mut connection = PgConnection::connect(&home.url).await.unwrap();
            statements.execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
    }
}

/// Its keys, sealed with a filter as it was stored before migration 24.
async fn seal_keys(home: &Home) {
    let keys = "select key_hash from idempotency_keys where segment = 0";
    let insert = "insert into key_segments (segment, until_row, filter) values (0, 808, $1)";
    let filter = |keys: Vec<(Vec<u8>,)>| {
        assert!(keys.len() > 100, "{} keys", keys.len());
        let digests: Vec<u64> = keys.iter().map(|(key,)| u64::from_be_bytes(key[..8].try_into().unwrap())).collect();
        serde_json::to_string(&BinaryFuse16::try_from(digests).unwrap()).unwrap()
    };
    match home.database {
        Database::Sqlite => {
            let mut db = SqliteConnection::connect(&home.url).await.unwrap();
            let filter = filter(sqlx::query_as(keys).fetch_all(&mut db).await.unwrap());
            sqlx::query(insert).bind(filter).execute(&mut db).await.unwrap();
            db.close().await.unwrap();
        }
        Database::Postgres => {
            let mut db = PgConnection::connect(&home.url).await.unwrap();
            let filter = filter(sqlx::query_as(keys).fetch_all(&mut db).await.unwrap());
            sqlx::query(insert).bind(filter).execute(&mut db).await.unwrap();
            db.close().await.unwrap();
        }
    }
}

async fn migrates_and_passes(database: Database) {
    let home = Home::make(database).await;
    load(&home).await;
    seal_keys(&home).await;
    let settings = [("DATABASE_URL", home.url.as_str()), ("TEST_CLOCK", "1"), ("WORKER", "off")];
    let run = |command: &str| {
        let output = topup(&[command], &settings[..1]).output().unwrap();
        assert!(output.status.success(), "topup {command}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    run("migrate");
    assert_eq!(run("check"), COUNTED);
    let mut server = start(topup(&["serve"], &settings)).unwrap_or_else(|output| panic!("{output:?}"));
    let charge = r#"{"credits":1,"operation":"scrape"}"#.to_owned();
    call(&server.base, "POST", "/v1/customers/acme/usage", "today", charge).await.unwrap().expect(201);
    assert_eq!(server.terminate().await, Some(0));
    assert_eq!(run("check"), AFTER_A_CHARGE);
    home.remove().await;
}

mod a_database_of_the_first_edition_migrates_and_passes_the_check {
    use super::{Database, migrates_and_passes};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn on_sqlite() {
        migrates_and_passes(Database::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn on_postgres() {
        migrates_and_passes(Database::Postgres).await;
    }
}
