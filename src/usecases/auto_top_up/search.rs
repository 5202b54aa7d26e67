//! The search, once a minute: rules whose credits are low although no look is due, and cards that expire soon.

use crate::args;
use crate::domain::auto_top_up::Watch;
use crate::domain::{Changes, Instant, Summary};
use crate::ledger::WriteTransaction;
use crate::store::accounts;
use crate::store::db::Row;
use crate::usecases::agreements::{consent_of_rule, look_now};
use crate::usecases::notify::emails::auto_top_up as mails;
use crate::usecases::{App, InternalError};
use chrono::{Datelike, TimeDelta};

/// How often.
const SEARCH_SECONDS: i64 = 60;
/// How many rules one step reads.
const STEP: i64 = 200;
/// How long before a card expires people are told.
const EXPIRES_DAYS: i64 = 30;
/// How many are told in one run.
const TOLD_MAX: i64 = 100;

/// Makes looks due that no write has made due.
pub(super) async fn find_missed(app: &App) -> Result<(), InternalError> {
    let now = app.clock.now();
    let sql = "select (select at from cursors where name = 'auto_top_ups') as at,
        (select min(customer_no) from auto_top_ups where state = 'on') as first";
    let row = app.store.read().await?.fetch_optional(sql, Vec::new()).await?;
    let Some(row) = row else { return Ok(()) };
    let searched = row.opt_at("at")?;
    if row.opt_int("first")?.is_none() || searched.is_some_and(|at| now - at < TimeDelta::seconds(SEARCH_SECONDS)) {
        return Ok(());
    }
    let mut after = 0;
    while let Some((last, low)) = low_accounts(app, after, now).await? {
        after = last;
        if !low.is_empty() {
            app.write(move |tx| {
                Box::pin(async move {
                    for no in low {
                        look_now(tx, no).await?;
                    }
                    Ok(())
                })
            })
            .await?;
        }
    }
    app.write(move |tx| Box::pin(async move { finish(tx, now).await })).await
}

/// The customers after `after` whose credits are low and who are not looked at, a step of them; nothing in the end.
async fn low_accounts(app: &App, after: i64, now: Instant) -> Result<Option<(i64, Vec<i64>)>, InternalError> {
    let mut db = app.store.read().await?;
    let sql = "select t.customer_no, c.id from auto_top_ups t join customers c on c.no = t.customer_no
        where t.state = 'on' and t.due_at is null and t.customer_no > $1 order by t.customer_no limit $2";
    let rows = db.fetch_all(sql, args![after, STEP]).await?;
    let Some(last) = rows.last() else { return Ok(None) };
    let last = last.int("customer_no")?;
    let ids = rows.iter().map(|row: &Row| row.text("id")).collect::<Result<Vec<_>, _>>()?;
    let mut low = Vec::new();
    for mut loaded in accounts::load_by_ids(&mut db, &ids).await? {
        let at = loaded.account.catch_up(now, &app.catalog, &mut Changes::default());
        let available = Summary::of(&loaded.account, at).available;
        let is_low = |watch: Watch| !watch.is_due && available < watch.threshold;
        if loaded.watch.is_some_and(is_low) {
            low.push(loaded.no);
        }
    }
    Ok(Some((last, low)))
}

/// Tells of cards that expire, and notes how far the search has come.
async fn finish(tx: &mut WriteTransaction, now: Instant) -> Result<(), InternalError> {
    let then = now + TimeDelta::days(EXPIRES_DAYS);
    let month = i64::from(then.year()) * 12 + i64::from(then.month());
    let sql = "select t.customer_no, t.consent from auto_top_ups t join auto_top_up_consents c on c.no = t.consent
        where t.state = 'on' and t.card_warned_at is null and c.exp_year * 12 + c.exp_month < $1
        order by t.customer_no limit $2";
    for row in tx.db.fetch_all(sql, args![month, TOLD_MAX]).await? {
        let (no, consent) = (row.int("customer_no")?, row.int("consent")?);
        tx.evict_account(no).await?;
        if let Some(consent) = consent_of_rule(&mut tx.db, consent).await? {
            let card = mails::card_words(&consent.card.brand, &consent.card.last4);
            let date = (consent.card.exp_month, consent.card.exp_year);
            mails::enqueue_card_expires(tx, no, consent.no, &card, date).await?;
        }
        tx.db.execute("update auto_top_ups set card_warned_at = $1 where customer_no = $2", args![now, no]).await?;
    }
    let sql = "insert into cursors (name, at) values ('auto_top_ups', $1)
        on conflict (name) do update set at = excluded.at";
    tx.db.execute(sql, args![now]).await?;
    Ok(())
}
