//! The refusals of a customer's cards, by Stripe's fingerprint: across purchases, and off and on.

use crate::args;
use crate::domain::Instant;
use crate::domain::auto_top_up::{CardAnswer, CardHistory};
use crate::ledger::WriteTransaction;
use crate::store::db::{Connection, DbError};

/// What is known of a card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CardRecord {
    pub history: CardHistory,
    /// Since when a new consent needs another card, or a payment of a person with this one.
    pub barred_at: Option<Instant>,
}

/// What is known of a customer's card.
pub(crate) async fn card_record(
    db: &mut Connection,
    customer_no: i64,
    fingerprint: &str,
) -> Result<CardRecord, DbError> {
    let sql = "select declines, is_dead, barred_at from auto_cards where customer_no = $1 and fingerprint = $2";
    let Some(row) = db.fetch_optional(sql, args![customer_no, fingerprint]).await? else {
        return Ok(CardRecord::default());
    };
    let history = CardHistory { declines: row.int("declines")?, is_dead: row.flag("is_dead")? };
    Ok(CardRecord { history, barred_at: row.opt_at("barred_at")? })
}

/// Counts a card's answer; the history after it.
pub(crate) async fn note_answer(
    tx: &mut WriteTransaction,
    customer_no: i64,
    fingerprint: &str,
    answer: CardAnswer,
) -> Result<CardHistory, DbError> {
    let after = card_record(&mut tx.db, customer_no, fingerprint).await?.history.after(answer);
    let barred = after.is_spent().then(|| tx.now());
    let sql = "insert into auto_cards (customer_no, fingerprint, declines, is_dead, barred_at)
        values ($1, $2, $3, $4, $5)
        on conflict (customer_no, fingerprint) do update set declines = excluded.declines,
          is_dead = excluded.is_dead, barred_at = coalesce(excluded.barred_at, auto_cards.barred_at)";
    tx.db.execute(sql, args![customer_no, fingerprint, after.declines, after.is_dead, barred]).await?;
    Ok(after)
}

/// A new consent needs another card from now on, or a payment of a person with this one.
pub(super) async fn bar_card(tx: &mut WriteTransaction, customer_no: i64, fingerprint: &str) -> Result<(), DbError> {
    let sql = "insert into auto_cards (customer_no, fingerprint, declines, is_dead, barred_at)
        values ($1, $2, 0, 0, $3)
        on conflict (customer_no, fingerprint) do update set barred_at = excluded.barred_at";
    tx.db.execute(sql, args![customer_no, fingerprint, tx.now()]).await.map(drop)
}

/// A person has paid with a card: its refusals are over.
pub(crate) async fn clear_card(tx: &mut WriteTransaction, customer_no: i64, fingerprint: &str) -> Result<(), DbError> {
    let sql = "update auto_cards set declines = 0, is_dead = 0, barred_at = null, cleared_at = $1
        where customer_no = $2 and fingerprint = $3";
    tx.db.execute(sql, args![tx.now(), customer_no, fingerprint]).await.map(drop)
}

/// Puts a card on the list of those to be detached at Stripe.
pub(crate) async fn detach_later(
    tx: &mut WriteTransaction,
    customer_no: i64,
    payment_method: &str,
) -> Result<(), DbError> {
    let sql = "insert into card_detachments (payment_method, customer_no, attempts, due_at) values ($1, $2, 0, $3)
        on conflict (payment_method) do nothing";
    tx.db.execute(sql, args![payment_method, customer_no, tx.now()]).await.map(drop)
}
