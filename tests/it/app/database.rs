//! A test's own folder, and on PostgreSQL its own database.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use std::path::PathBuf;

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
}

/// A place for one test's data.
pub struct Home {
    pub database: Database,
    /// `DATABASE_URL`.
    pub url: String,
    /// Files of this test; gone with this value.
    pub folder: PathBuf,
    name: String,
}

impl Home {
    /// Makes an empty one.
    pub async fn make(database: Database) -> Self {
        let mut random = [0_u8; 8];
        getrandom::fill(&mut random).unwrap();
        let name = format!("topup_{}", hex::encode(random));
        let folder = std::env::temp_dir().join(&name);
        std::fs::create_dir(&folder).unwrap();
        let url = match database {
            Database::Sqlite => format!("sqlite://{}", folder.join("topup.db").display()),
            Database::Postgres => {
                run_on_server(&format!("create database {name}")).await;
                let mut url = url::Url::parse(&server()).unwrap();
                url.set_path(&name);
                url.to_string()
            }
        };
        Self { database, url, folder, name }
    }

    /// Takes the database away. A test that failed leaves it for who wants to look.
    pub async fn remove(&self) {
        if self.database == Database::Postgres {
            run_on_server(&format!("drop database {} with (force)", self.name)).await;
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _gone = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// The throw-away server of the tests.
fn server() -> String {
    std::env::var("TOPUP_TEST_POSTGRES").unwrap_or_else(|_| {
        panic!("TOPUP_TEST_POSTGRES is not set: run `make test`, or `scripts/with-postgres cargo test …`")
    })
}

async fn run_on_server(sql: &str) {
    let mut connection = PgConnection::connect(&server()).await.expect("the server of TOPUP_TEST_POSTGRES");
    sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}
