//! A request of an operator, its outcome and its audit line.

use crate::ledger::WriteTransaction;
use crate::usecases::credits::idempotency::Refused;
use crate::usecases::operators::audit;
use crate::usecases::operators::audit::{Action, NewAuditLine};
use crate::usecases::{App, InternalError};
use futures::future::BoxFuture;
use uuid::Uuid;

/// How long a reason may be, in characters.
pub const REASON_MAX: usize = 500;

/// The operator, the reason, and the key of the form.
#[derive(Clone, Debug)]
pub struct ActionRequest {
    /// Minted when the form was drawn.
    pub key: Uuid,
    pub operator: String,
    pub reason: String,
}

/// Every way in which an order can come out. It travels as a code, in the cookie of `web/flash.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::EnumString)]
#[cfg_attr(test, derive(strum::EnumIter))]
#[strum(serialize_all = "snake_case")]
pub enum ActionOutcome {
    Done,
    /// This form was sent before: nothing was done a second time.
    Again,
    /// A field is not what it must be.
    BadInput,
    /// No reason was given.
    NoReason,
    /// There is no such thing.
    Unknown,
    /// The customer is closed.
    Closed,
    /// It was voided before.
    AlreadyVoided,
    /// The grant's life is over.
    GrantEnded,
    /// Only courtesy credits can be taken back.
    NotCourtesy,
    /// A limit of the ledger.
    LimitReached,
    /// The instant is not in the future.
    Past,
    /// The purchase has no payment that could be refunded, or not so much.
    NothingToRefund,
    /// Stripe takes amounts of this currency in larger steps only.
    BetweenSteps,
    /// An earlier refund of it has no answer yet: that one comes first.
    RefundOpen,
    /// An earlier refund has no answer and is too old to be asked for again.
    RefundTooOld,
    /// Stripe has said no.
    StripeRefused,
    /// Stripe could not be asked; the same form may be sent again.
    StripeUnavailable,
    /// Nobody to send it to, or nothing to send.
    NoReceipt,
    /// The event was done in the meantime.
    NotWaiting,
    /// The typed text is not the customer's id.
    NotConfirmed,
    /// The form was drawn for another session or another thing.
    FormStale,
    /// A fault of ours; the cause is in the log.
    #[strum(serialize = "fault")]
    InternalError,
}

impl ActionOutcome {
    #[must_use]
    pub fn code(self) -> &'static str {
        self.into()
    }

    /// From a code; anything else says nothing.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        code.parse().ok()
    }

    pub(super) fn from_refusal(refused: &Refused) -> Self {
        match refused {
            Refused::Closed => Self::Closed,
            Refused::AlreadyVoided => Self::AlreadyVoided,
            Refused::GrantEnded => Self::GrantEnded,
            Refused::GrantNotCourtesy => Self::NotCourtesy,
            Refused::LimitReached(_) => Self::LimitReached,
            Refused::Past(_) => Self::Past,
            _ => Self::Unknown,
        }
    }
}

/// The data of an action for its audit line.
pub(super) struct AuditDetail {
    action: Action,
    customer_no: Option<i64>,
    about: String,
    detail: String,
}

impl AuditDetail {
    pub(super) fn new(
        action: Action,
        customer_no: impl Into<Option<i64>>,
        about: impl ToString,
        detail: impl Into<String>,
    ) -> Self {
        Self { action, customer_no: customer_no.into(), about: about.to_string(), detail: detail.into() }
    }

    pub(super) fn line(self, key: String, order: &ActionRequest) -> NewAuditLine {
        let Self { action, customer_no, about, detail } = self;
        let (operator, reason) = (order.operator.clone(), order.reason.clone());
        NewAuditLine { key, operator, action, customer_no, about, reason, detail }
    }
}

/// Does an order once: `write` does it and says what it did, or why not; the line is written beside.
pub(super) async fn run_action_once<F>(
    app: &App,
    order: ActionRequest,
    write: F,
) -> Result<ActionOutcome, InternalError>
where
    F: for<'a> FnOnce(
            &'a mut WriteTransaction,
        ) -> BoxFuture<'a, Result<Result<AuditDetail, ActionOutcome>, InternalError>>
        + Send
        + 'static,
{
    app.write(move |tx| {
        Box::pin(async move {
            let key = order.key.to_string();
            if audit::find_audit_line(&mut tx.db, &key).await?.is_some() {
                return Ok(ActionOutcome::Again);
            }
            Ok(match write(tx).await? {
                Ok(note) => {
                    audit::write_audit_line(tx, &note.line(key, &order)).await?;
                    ActionOutcome::Done
                }
                Err(outcome) => outcome,
            })
        })
    })
    .await
}

/// Writes one more line of an order, under the order's key and `suffix`, once.
pub(super) async fn add_audit_line(
    app: &App,
    order: &ActionRequest,
    suffix: &'static str,
    note: AuditDetail,
) -> Result<(), InternalError> {
    let order = order.clone();
    app.write(move |tx| {
        Box::pin(async move {
            let key = format!("{}{suffix}", order.key);
            if audit::find_audit_line(&mut tx.db, &key).await?.is_none() {
                audit::write_audit_line(tx, &note.line(key, &order)).await?;
            }
            Ok(())
        })
    })
    .await
}
