//! Reading what people look at and nobody decides by: from the standby of `READ_DATABASE_URL` where there is one, and with the
//! instant as of which it is.
//!
//! *Not here:* balances before a decision, sessions, purchases. They are read from the primary (`App::store`).

use crate::args;
use crate::domain::Instant;
use crate::metrics::METRICS;
use crate::store::db::{Connection, DbError};
use crate::usecases::credits::accounts;
use crate::usecases::{App, InternalError};

/// What was read.
pub struct Dated<T> {
    pub found: T,
    /// Everything before this instant is in it; none where no standby is set, since it is all of now.
    pub as_of: Option<Instant>,
}

/// Where to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadFrom {
    /// The standby, where there is one that will do.
    Standby,
    /// The primary: what is asked for has just been announced.
    Primary,
}

/// Reads about a customer in one snapshot, all that is due being booked. Where the standby fails, or lacks what is due, it is
/// read once more from the primary.
///
/// # Errors
/// The primary fails.
pub async fn read_dated<T, F>(
    app: &App,
    customer_no: i64,
    from: ReadFrom,
    read: impl Fn(Connection) -> F,
) -> Result<Dated<T>, InternalError>
where
    F: Future<Output = Result<T, InternalError>> + Send,
{
    if from == ReadFrom::Standby
        && let Some((db, as_of)) = app.read_store.snapshot().await
        && let Some(found) = from_standby(app, customer_no, db, &read).await
    {
        METRICS.database.count_dated_read("standby");
        return Ok(Dated { found, as_of: Some(as_of) });
    }
    accounts::catch_up_account(app, customer_no).await?;
    let as_of = app.read_store.is_set().then(|| app.clock.now());
    let found = read(app.store.snapshot().await?).await?;
    METRICS.database.count_dated_read("primary");
    Ok(Dated { found, as_of })
}

async fn from_standby<T, F>(
    app: &App,
    customer_no: i64,
    mut db: Connection,
    read: impl Fn(Connection) -> F,
) -> Option<T>
where
    F: Future<Output = Result<T, InternalError>> + Send,
{
    let error = match is_booked(app, customer_no, &mut db).await {
        Ok(false) => return None,
        Ok(true) => match read(db).await {
            Ok(found) => return Some(found),
            Err(error) => error,
        },
        Err(error) => error.into(),
    };
    tracing::warn!(error = %error, "the standby of READ_DATABASE_URL failed; the primary is asked");
    app.read_store.failed(match &error {
        InternalError::Db(error) => Some(error),
        _ => None,
    });
    None
}

/// True if nothing is due. A customer who is not there yet is too new.
async fn is_booked(app: &App, customer_no: i64, db: &mut Connection) -> Result<bool, DbError> {
    let row = db.fetch_optional("select due_at from accounts where customer_no = $1", args![customer_no]).await?;
    row.map_or(Ok(false), |row| Ok(row.at("due_at")? > app.clock.now()))
}
