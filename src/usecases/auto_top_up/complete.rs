//! Completing a consent: when the buyer is back, the SetupIntent itself is read from Stripe. Only then the rule is on.

use crate::args;
use crate::domain::auto_top_up::AsleepReason;
use crate::domain::{Instant, PurchaseId};
use crate::ledger::WriteTransaction;
use crate::stripe::{SavedCard, Stripe, StripeError};
use crate::usecases::access::sessions;
use crate::usecases::access::sessions::Viewer;
use crate::usecases::agreements::{
    self, Card, EndedBy, NewConsent, RuleState, card_record, clear_card, detach_later, load_rule,
};
use crate::usecases::auto_top_up::begin::{ConsentOutcome, member_no, refusal, refused};
use crate::usecases::auto_top_up::setup::{SETUP, Setup, find_setup, setup_of};
use crate::usecases::notify::emails::auto_top_up as mails;
use crate::usecases::{App, InternalError};
use uuid::Uuid;

/// How many payments of a person are looked at for a card.
const PAYMENTS_MAX: i64 = 20;

/// The result of coming back from Stripe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompletedConsent {
    /// The rule is on.
    On,
    /// It was before: the page was loaded again.
    AlreadyOn,
    /// Stripe has saved no card, or it is no Checkout of this customer and person.
    NotFinished,
    PriceChanged,
    /// The card was refused before: another one, or a purchase by hand with it first.
    CardRefused,
    /// Another kind of payment method.
    NotACard,
    NotAllowed,
    /// It would do nothing.
    Asleep(AsleepReason),
    StripeUnavailable,
}

/// Somebody came back from Stripe: what its SetupIntent says decides, not the redirect. May be repeated.
pub async fn complete_consent(app: &App, viewer: &Viewer, session_id: &str) -> Result<CompletedConsent, InternalError> {
    let Some(stripe) = &app.stripe else { return Ok(CompletedConsent::StripeUnavailable) };
    let Some(setup) = own_setup(app, viewer, session_id).await? else { return Ok(CompletedConsent::NotFinished) };
    if setup.ended_at.is_some() {
        return already_on(app, stripe, &setup, session_id).await;
    }
    let card = match saved_card(stripe, &setup, session_id).await {
        Ok(Ok(card)) => card,
        Ok(Err(outcome)) => return Ok(outcome),
        Err(error) => {
            refused(app, &error).await?;
            let unknown = matches!(error, StripeError::Refused { .. });
            return Ok(if unknown { CompletedConsent::NotFinished } else { CompletedConsent::StripeUnavailable });
        }
    };
    let record = card_record(&mut app.store.read().await?, setup.customer_no, &card.fingerprint).await?;
    let paid_off = match record.barred_at {
        None => None,
        Some(since) => match has_paid_since(app, stripe, setup.customer_no, &card.fingerprint, since).await? {
            Ok(paid) => paid.then_some(since),
            Err(error) => {
                refused(app, &error).await?;
                return Ok(CompletedConsent::StripeUnavailable);
            }
        },
    };
    let (viewer, idle) = (viewer.clone(), sessions::idle_since(app));
    let id = setup.id;
    app.write(move |tx| {
        Box::pin(async move {
            if !sessions::may_manage(tx, &viewer, idle).await? {
                return Ok(CompletedConsent::NotAllowed);
            }
            let member = member_no(tx, &viewer).await?;
            complete(tx, (id, member), card, paid_off).await
        })
    })
    .await
}

/// The viewer's setup of a Checkout that a browser names.
async fn own_setup(app: &App, viewer: &Viewer, session_id: &str) -> Result<Option<Setup>, InternalError> {
    let sql = format!("{SETUP} where session_id = $1 and customer_no = $2");
    let row = app.store.read().await?.fetch_optional(sql, args![session_id, viewer.customer_no]).await?;
    Ok(row.as_ref().map(setup_of).transpose()?)
}

/// The form has ended: by switching on, or by switching off or a refusal since.
async fn already_on(
    app: &App,
    stripe: &Stripe,
    setup: &Setup,
    session_id: &str,
) -> Result<CompletedConsent, InternalError> {
    let sql = "select 1 as n from auto_top_ups t join auto_top_up_consents c on c.no = t.consent and c.customer_no = t.customer_no
        where c.setup = $1 and t.state = 'on'";
    let row = app.store.read().await?.fetch_optional(sql, args![setup.id.into_bytes()]).await?;
    if row.is_some() {
        return Ok(CompletedConsent::AlreadyOn);
    }
    let sql = "select 1 as n from auto_top_up_consents where setup = $1";
    let was_on = app.store.read().await?.fetch_optional(sql, args![setup.id.into_bytes()]).await?;
    if was_on.is_none()
        && let Ok(Ok(card)) = saved_card(stripe, setup, session_id).await
    {
        // Saved after it was switched off: nobody has agreed to keep it.
        let no = setup.customer_no;
        app.write(move |tx| Box::pin(async move { Ok(detach_later(tx, no, &card.id).await?) })).await?;
    }
    Ok(CompletedConsent::NotFinished)
}

/// The card that the Checkout has saved, attached to the payer that it was opened for.
async fn saved_card(
    stripe: &Stripe,
    setup: &Setup,
    session_id: &str,
) -> Result<Result<SavedCard, CompletedConsent>, StripeError> {
    let state = stripe.setup_state(session_id).await?;
    let is_own = state.setup.as_deref() == Some(setup.id.to_string().as_str())
        && state.customer.as_deref() == Some(setup.stripe_customer.as_str());
    let Some(method) = state.payment_method.filter(|_| is_own) else { return Ok(Err(CompletedConsent::NotFinished)) };
    let Some(card) = stripe.saved_card(&method).await? else { return Ok(Err(CompletedConsent::NotACard)) };
    let is_theirs = card.customer.as_deref() == Some(setup.stripe_customer.as_str());
    Ok(if is_theirs { Ok(card) } else { Err(CompletedConsent::NotFinished) })
}

/// True if a person has paid a purchase with this card since it was refused.
async fn has_paid_since(
    app: &App,
    stripe: &Stripe,
    customer_no: i64,
    fingerprint: &str,
    since: Instant,
) -> Result<Result<bool, StripeError>, InternalError> {
    let sql = "select id, payment_intent from purchases where customer_no = $1 and origin <> 'automatic'
          and state = 'credited' and credited_at > $2 and payment_intent is not null
        order by credited_at desc limit $3";
    let rows = app.store.read().await?.fetch_all(sql, args![customer_no, since, PAYMENTS_MAX]).await?;
    for row in &rows {
        match stripe.paying_card(&row.text("payment_intent")?).await {
            Ok(Some(paid)) if paid == fingerprint => return Ok(Ok(true)),
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(purchase = %PurchaseId(row.uuid("id")?), error = %error, "its card could not be read");
                return Ok(Err(error));
            }
        }
    }
    Ok(Ok(false))
}

/// Switches the rule on, in the transaction that appends the consent; `paid_off` is the bar of the card that a person's
/// payment has ended.
async fn complete(
    tx: &mut WriteTransaction,
    (id, member): (Uuid, Option<i64>),
    saved: SavedCard,
    paid_off: Option<Instant>,
) -> Result<CompletedConsent, InternalError> {
    // Who agreed comes back. Another member's visit to this address agrees to nothing.
    let setup = find_setup(&mut tx.db, id).await?.filter(|setup| setup.agreed_by == member);
    let Some(setup) = setup else { return Ok(CompletedConsent::NotFinished) };
    if setup.ended_at.is_some() {
        // Another request was quicker.
        return Ok(CompletedConsent::AlreadyOn);
    }
    let no = setup.customer_no;
    let record = card_record(&mut tx.db, no, &saved.fingerprint).await?;
    let is_barred = record.barred_at.is_some() || !record.history.may_be_agreed(false);
    let refusal = match refusal(tx, no, &setup.agreed).await? {
        Some(ConsentOutcome::Asleep(reason)) => Some(CompletedConsent::Asleep(reason)),
        Some(_) => Some(CompletedConsent::PriceChanged),
        // A refusal since the payment was looked for bars it anew.
        None if is_barred && (paid_off.is_none() || paid_off != record.barred_at) => {
            Some(CompletedConsent::CardRefused)
        }
        None => None,
    };
    let sql = "update auto_top_up_setups set ended_at = $1 where id = $2";
    tx.db.execute(sql, args![tx.now(), id.into_bytes()]).await?;
    if let Some(refusal) = refusal {
        detach_later(tx, no, &saved.id).await?;
        return Ok(refusal);
    }
    if is_barred {
        clear_card(tx, no, &saved.fingerprint).await?;
    }
    // What was agreed to before ends with it, its card and its unpaid purchase too.
    if load_rule(&mut tx.db, no).await?.is_some_and(|rule| rule.state != RuleState::Off) {
        agreements::end_rule(tx, no, EndedBy::Replaced).await?;
    }
    switch_on(tx, &setup, &saved).await?;
    Ok(CompletedConsent::On)
}

async fn switch_on(tx: &mut WriteTransaction, setup: &Setup, saved: &SavedCard) -> Result<(), InternalError> {
    let (no, now, agreed) = (setup.customer_no, tx.now(), &setup.agreed);
    let card = Card {
        brand: saved.brand.clone(),
        last4: saved.last4.clone(),
        exp_month: saved.exp_month,
        exp_year: saved.exp_year,
        fingerprint: saved.fingerprint.clone(),
    };
    let new = NewConsent {
        customer_no: no,
        setup: setup.id,
        agreed_by: setup.agreed_by,
        text: &setup.text,
        agreed,
        card: &card,
        payment_method: &saved.id,
        stripe_customer: &setup.stripe_customer,
    };
    let consent = agreements::insert_consent(tx, new).await?;
    let sql = "insert into auto_top_ups (customer_no, state, consent, package, price, currency, threshold, cap,
           payment_method, fingerprint, changed_at, due_at)
         values ($1, 'on', $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
         on conflict (customer_no) do update set state = 'on', consent = excluded.consent, package = excluded.package,
           price = excluded.price, currency = excluded.currency, threshold = excluded.threshold, cap = excluded.cap,
           payment_method = excluded.payment_method, fingerprint = excluded.fingerprint, reason = null,
           changed_at = excluded.changed_at, due_at = excluded.due_at, needed = null, unit_total = null,
           tax_unknown_at = null, not_before = null, card_warned_at = null, blocked_at = null";
    let values = args![
        no,
        consent,
        &agreed.package,
        agreed.price,
        &agreed.currency,
        agreed.threshold,
        agreed.cap,
        &saved.id,
        &saved.fingerprint,
        now
    ];
    tx.db.execute(sql, values).await?;
    mails::enqueue_on(tx, no, consent, agreed, &mails::card_words(&card.brand, &card.last4)).await?;
    Ok(tx.evict_account(no).await?)
}
