//! The timeline of a purchase.

use crate::args;
use crate::domain::{Instant, PurchaseId};
use crate::store::db::{DbError, Row};
use crate::usecases::{App, InternalError};

/// An event in the life of a purchase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurchaseEvent {
    /// `chosen`, `checkout_opened`, `paid`, `credited`, `expired`, `failed`, `review`, …
    pub what: String,
    pub at: Instant,
    /// How far its emails are, where it is a reminder.
    pub delivery: Option<ReminderDelivery>,
}

/// How far the emails of a reminder are. One accepted email is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReminderDelivery {
    /// None was tried.
    Queued,
    /// A mail server has put it off; it is tried again.
    Deferred,
    /// A mail server took it.
    Accepted,
    /// All were turned away for good, or given up.
    Refused,
}

impl ReminderDelivery {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Deferred => "deferred",
            Self::Accepted => "accepted",
            Self::Refused => "refused",
        }
    }

    fn of_row(row: &Row) -> Result<Option<Self>, DbError> {
        let mails = row.int("mails")?;
        Ok(if mails == 0 {
            None
        } else if row.int("accepted")? > 0 {
            Some(Self::Accepted)
        } else if row.int("refused")? == mails {
            Some(Self::Refused)
        } else if row.int("deferred")? > 0 {
            Some(Self::Deferred)
        } else {
            Some(Self::Queued)
        })
    }
}

/// The timeline of a purchase, oldest first.
pub async fn purchase_timeline(app: &App, id: PurchaseId) -> Result<Vec<PurchaseEvent>, InternalError> {
    // A reminder is noted at the instant that its own row and its emails have.
    let sql = "select e.kind, e.at, count(o.no) as mails,
          coalesce(sum(case when o.state = 'accepted' then 1 else 0 end), 0) as accepted,
          coalesce(sum(case when o.state = 'deferred' then 1 else 0 end), 0) as deferred,
          coalesce(sum(case when o.state = 'refused' then 1 else 0 end), 0) as refused
        from purchase_events e
          left join grants g on g.purchase = e.purchase and e.kind = 'reminded'
          left join reminders r on r.grant_no = g.no and r.at = e.at
          left join outbox o on o.cause = r.mail
        where e.purchase = $1 group by e.no, e.kind, e.at order by e.no";
    let rows = app.store.read().await?.fetch_all(sql, args![id.bytes()]).await?;
    let event = |row: &Row| {
        Ok(PurchaseEvent { what: row.text("kind")?, at: row.at("at")?, delivery: ReminderDelivery::of_row(row)? })
    };
    rows.iter().map(event).collect::<Result<_, DbError>>().map_err(InternalError::from)
}
