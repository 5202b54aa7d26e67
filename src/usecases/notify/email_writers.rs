//! The work that waits until an email leaves: adding the token of a sign-in link, and noting at a reminder's top-ups that
//! it was accepted.

use crate::email::Letter;
use crate::ledger::WriteTransaction;
use crate::usecases::InternalError;
use crate::usecases::access::{links, sign_in};
use crate::usecases::delivery::outbox::Writers;
use crate::usecases::notify::{emails, reminders};
use chrono::TimeDelta;
use futures::future::BoxFuture;

/// A link that somebody asked for is of no use much later.
const SIGN_IN_GIVE_UP_MINUTES: i64 = 60;

/// The writers of all emails.
#[derive(Clone, Copy, Debug)]
pub struct EmailWriters;

impl Writers for EmailWriters {
    fn complete<'a>(
        &'a self,
        tx: &'a mut WriteTransaction,
        letter: &'a mut Letter,
    ) -> BoxFuture<'a, Result<(), InternalError>> {
        Box::pin(async move {
            if letter.kind == sign_in::KIND {
                let token = links::create_sign_in_link(tx, &letter.recipient).await?;
                sign_in::put_token(letter, &token);
            }
            Ok(())
        })
    }

    fn useful_for(&self, kind: &str) -> Option<TimeDelta> {
        (kind == sign_in::KIND).then(|| TimeDelta::minutes(SIGN_IN_GIVE_UP_MINUTES))
    }

    fn follows(&self, kind: &str) -> bool {
        kind == emails::reminders::KIND
    }

    fn follow_up<'a>(&'a self, tx: &'a mut WriteTransaction, no: i64) -> BoxFuture<'a, Result<(), InternalError>> {
        Box::pin(reminders::reminder_delivered(tx, no))
    }
}
