//! Errors of the database by how long they last.
//!
//! A *passing* error is one of the connection, the server or the disk: the same statement may succeed later. A *lasting*
//! one is of the statement or of the data (a row that does not decode, a constraint, a missing table): it fails again
//! until a person mends it.

use sqlx::error::DatabaseError;
use sqlx::postgres::PgDatabaseError;
use sqlx::sqlite::SqliteError;

/// A database error.
pub type DbError = sqlx::Error;

/// An error for a row that no code of ours has written.
#[must_use]
pub fn corrupt(what: impl Into<String>) -> DbError {
    DbError::Decode(what.into().into())
}

/// Classes of PostgreSQL's SQLSTATE that pass: connection, transaction state (a read-only server, a session that timed
/// out), prepared statements that a pooler dropped, log-in, rollback (serialization, deadlock), savepoint of a lost
/// transaction, resources (disk full, too many connections), locks, operator intervention, the system's own I/O.
const PASSING_CLASSES: [&str; 10] = ["08", "25", "26", "28", "3B", "40", "53", "55", "57", "58"];

/// SQLite's primary codes that pass: PERM, ABORT, BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, FULL, CANTOPEN,
/// PROTOCOL, SCHEMA.
const PASSING_CODES: [i32; 12] = [3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 17];

/// True if an error stays until a person mends its cause.
#[must_use]
pub fn is_lasting(error: &DbError) -> bool {
    match error {
        DbError::Database(said) => is_lasting_answer(said.as_ref()),
        DbError::Configuration(_)
        | DbError::InvalidArgument(_)
        | DbError::RowNotFound
        | DbError::TypeNotFound { .. }
        | DbError::ColumnIndexOutOfBounds { .. }
        | DbError::ColumnNotFound(_)
        | DbError::ColumnDecode { .. }
        | DbError::Encode(_)
        | DbError::Decode(_)
        | DbError::Migrate(_) => true,
        // I/O, TLS, a garbled protocol, the pool, a thread that ended, a transaction that is no more.
        _ => false,
    }
}

/// True if PostgreSQL undid a transaction that may be done once more at once: a deadlock, or a failure to serialize.
#[must_use]
pub fn is_rolled_back(error: &DbError) -> bool {
    error.as_database_error().and_then(DatabaseError::code).is_some_and(|code| code == "40001" || code == "40P01")
}

/// True if somebody else kept a lock for too long.
#[must_use]
pub fn is_lock_timeout(error: &DbError) -> bool {
    error.as_database_error().and_then(DatabaseError::code).is_some_and(|code| code == "55P03")
}

fn is_lasting_answer(said: &dyn DatabaseError) -> bool {
    let code = said.code().unwrap_or_default();
    if said.try_downcast_ref::<PgDatabaseError>().is_some() {
        return !PASSING_CLASSES.iter().any(|class| code.starts_with(class));
    }
    if said.try_downcast_ref::<SqliteError>().is_some() {
        // SQLite undoes a transaction that met a full or broken disk; what is said of it after that is an echo.
        let echo = ["no transaction is active", "no such savepoint"].iter().any(|words| said.message().contains(words));
        // An extended code has its primary code in the last byte.
        return !echo && !code.parse::<i32>().is_ok_and(|code| PASSING_CODES.contains(&(code & 0xff)));
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_does_not_decode_lasts_and_a_lost_connection_passes() {
        let io = |kind| DbError::Io(std::io::Error::from(kind));
        for lasting in [
            corrupt("id has 3 bytes, not 16"),
            DbError::ColumnNotFound("a".to_owned()),
            DbError::RowNotFound,
            DbError::ColumnDecode { index: "a".to_owned(), source: "no number".into() },
        ] {
            assert!(is_lasting(&lasting), "{lasting}");
        }
        for passing in [
            io(std::io::ErrorKind::TimedOut),
            io(std::io::ErrorKind::ConnectionReset),
            DbError::PoolTimedOut,
            DbError::PoolClosed,
            DbError::WorkerCrashed,
            DbError::Protocol("an answer out of turn".to_owned()),
        ] {
            assert!(!is_lasting(&passing), "{passing}");
        }
    }
}
