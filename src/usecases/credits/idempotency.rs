//! Writes that a key binds (R4): the same key and content gives the same answer for ever.
//!
//! Invariant: what was refused has changed nothing and binds nothing. The answer that is kept holds no free
//! text, so that text can be erased; who answers adds it.

use crate::domain::{Account, Catalog, Credits, HoldState, Instant, Refusal, Summary};
use crate::ledger::WriteTransaction;
use crate::store::idempotency_keys::{BoundAnswer, KeyBinding, KeyHash};
use crate::usecases::{App, InternalError};
use futures::future::BoxFuture;

/// Which write of which customer.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub customer_no: i64,
    /// Of customer and key.
    pub key: KeyHash,
    /// Of method, path and body.
    pub content: [u8; 16],
}

/// Why a write was refused. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The customer is closed.
    Closed,
    /// Not enough to draw from.
    Insufficient {
        /// The whole amount asked.
        needed: Credits,
        balance: Summary,
        /// When plan credits reset.
        resets_at: Instant,
        /// True if the plan may buy top-ups.
        may_buy: bool,
    },
    /// The hold is not open any more.
    HoldClosed(HoldState),
    /// It was voided before.
    AlreadyVoided,
    /// The grant's life is over.
    GrantEnded,
    /// Only courtesy grants can be voided.
    GrantNotCourtesy,
    /// A limit of R1.
    LimitReached(&'static str),
    /// An instant that must be in the future is not.
    Past(&'static str),
    /// There is no such thing in the account.
    Unknown,
}

impl Refused {
    /// A refusal of the domain, with data for the answer.
    #[must_use]
    pub fn of(refusal: Refusal, account: &Account, at: Instant, catalog: &Catalog) -> Self {
        match refusal {
            Refusal::Insufficient { needed } => Self::Insufficient {
                needed,
                balance: Summary::of(account, at),
                resets_at: account.cycle.end,
                may_buy: catalog.may_buy(&account.plan),
            },
            Refusal::HoldClosed(state) => Self::HoldClosed(state),
            Refusal::GrantEnded => Self::GrantEnded,
            Refusal::AlreadyVoided => Self::AlreadyVoided,
            Refusal::GrantNotCourtesy => Self::GrantNotCourtesy,
            Refusal::LimitReached(what) => Self::LimitReached(what),
            Refusal::Unknown => Self::Unknown,
        }
    }
}

/// The result of a bound write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The answer's JSON, now or again.
    Answer {
        /// The JSON, without free text.
        json: String,
        /// True if it was given before.
        replayed: bool,
    },
    /// The key is bound to something else.
    KeyReused,
    /// The rules say no.
    Refused(Refused),
}

/// Does a write once: looks the key up, lets an open customer's `write` make the answer, binds the key to it,
/// all in one transaction.
pub async fn run_once<F>(app: &App, call: Call, status: i64, write: F) -> Result<Bound, InternalError>
where
    F: for<'a> FnOnce(&'a mut WriteTransaction) -> BoxFuture<'a, Result<Result<String, Refused>, InternalError>>
        + Send
        + 'static,
{
    app.write_ledger(call.customer_no, move |tx| {
        Box::pin(async move {
            if let Some(binding) = tx.find_key(call.key).await? {
                return replayed_answer(binding, call.content);
            }
            if tx.is_closed(call.customer_no).await? {
                return Ok(Bound::Refused(Refused::Closed));
            }
            let json = match write(tx).await? {
                Ok(json) => json,
                Err(refused) => return Ok(Bound::Refused(refused)),
            };
            let answer = BoundAnswer::Json(json.clone().into_bytes());
            tx.bind_key(call.key, KeyBinding { content: call.content, status, answer });
            Ok(Bound::Answer { json, replayed: false })
        })
    })
    .await
}

/// The stored answer of the call's key, if any: for a write that must ask Stripe before it can be done once.
pub async fn find_answer(app: &App, call: Call) -> Result<Option<Bound>, InternalError> {
    // In a write transaction, so that it waits for a standby as its first answer did.
    let job = app.write_ledger(call.customer_no, move |tx| {
        Box::pin(async move {
            let binding = tx.find_key(call.key).await?;
            binding.map(|binding| replayed_answer(binding, call.content)).transpose()
        })
    });
    job.await
}

/// The answer of a bound key to this content.
fn replayed_answer(binding: KeyBinding, content: [u8; 16]) -> Result<Bound, InternalError> {
    match binding.answer {
        BoundAnswer::Json(json) if binding.content == content => {
            let json = String::from_utf8(json).map_err(|e| InternalError::Broken(e.to_string()))?;
            Ok(Bound::Answer { json, replayed: true })
        }
        _ => Ok(Bound::KeyReused),
    }
}
