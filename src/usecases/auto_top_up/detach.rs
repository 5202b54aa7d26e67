//! Cards that are let go at Stripe, also where Stripe was away when their rule ended.

use crate::args;
use crate::store::db::{DbError, Row};
use crate::stripe::StripeError;
use crate::usecases::{App, InternalError, alarms};
use chrono::TimeDelta;

/// How many cards one run detaches.
const DETACH_MAX: i64 = 20;
/// How long one that Stripe did not answer about waits at most.
const WAIT_MINUTES_MAX: i64 = 60;

/// Detaches the cards of the list.
pub(super) async fn detach_cards(app: &App) -> Result<(), InternalError> {
    let Some(stripe) = &app.stripe else { return Ok(()) };
    // While its payment is on the way to be voided, the card stays: it may be what just paid.
    let sql = "select payment_method, attempts from card_detachments d where due_at <= $1
          and not exists (select 1 from auto_payments p where p.customer_no = d.customer_no
            and p.payment_method = d.payment_method and p.step <> 'done')
        order by due_at limit $2";
    let rows = app.store.read().await?.fetch_all(sql, args![app.clock.now(), DETACH_MAX]).await?;
    let card = |row: &Row| Ok::<_, DbError>((row.text("payment_method")?, row.int("attempts")?));
    for (card, attempts) in rows.iter().map(card).collect::<Result<Vec<_>, _>>()? {
        let result = stripe.detach_card(&card).await;
        if let Err(error) = &result {
            tracing::warn!(error = %error, "a card could not be detached");
        }
        app.write(move |tx| {
            Box::pin(async move {
                match result {
                    // Refused: it is gone, or was detached before.
                    Ok(()) | Err(StripeError::Refused { .. }) => {
                        let sql = "delete from card_detachments where payment_method = $1";
                        tx.db.execute(sql, args![&card]).await?;
                    }
                    Err(error) => {
                        let due = tx.now() + TimeDelta::minutes((attempts + 1).clamp(1, WAIT_MINUTES_MAX));
                        let sql = "update card_detachments set attempts = attempts + 1, due_at = $1
                            where payment_method = $2";
                        tx.db.execute(sql, args![due, &card]).await?;
                        if let Some(kind) = error.alarm() {
                            alarms::raise_alarm(tx, kind, "saved card", &error.to_string()).await?;
                        }
                    }
                }
                Ok(())
            })
        })
        .await?;
    }
    Ok(())
}
