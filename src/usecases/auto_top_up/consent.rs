//! Consenting: what was shown is stored, Stripe saves the card, and when the buyer is back the SetupIntent itself is
//! read. Only then the rule is on.

use crate::args;
use crate::domain::auto_top_up::{Agreement, AsleepReason};
use crate::domain::catalog::Tax;
use crate::domain::{Credits, Instant, PurchaseId};
use crate::ledger::WriteTransaction;
use crate::store::db::{Connection, DbError, Row};
use crate::stripe::{SavedCard, SetupOrder, Stripe, StripeError};
use crate::usecases::access::sessions;
use crate::usecases::access::sessions::Viewer;
use crate::usecases::agreements::{self, Card, EndedBy, NewConsent, RuleState, card_record, clear_card, load_rule};
use crate::usecases::auto_top_up::decision::load_facts;
use crate::usecases::auto_top_up::detach::detach_later;
use crate::usecases::notify::emails::auto_top_up as mails;
use crate::usecases::purchases::{forget_stripe_customer, stripe_customer};
use crate::usecases::{App, InternalError, alarms};
use uuid::Uuid;

/// The largest cap, in minor units.
const CAP_MAX: i64 = 100_000_000;
/// How many payments of a person are looked at for a card.
const PAYMENTS_MAX: i64 = 20;

/// A consent as it was posted: signed, and what was shown.
#[derive(Clone, Debug)]
pub struct ConsentRequest {
    /// Minted when the form was drawn.
    pub setup: Uuid,
    pub viewer: Viewer,
    pub agreed: Agreement,
    /// The sentence as it was shown.
    pub text: String,
}

/// The result of a consent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsentOutcome {
    /// To Stripe, which saves the card.
    At(String),
    /// The viewer may not.
    NotAllowed,
    /// This field: `package`, `threshold`, `cap`.
    Invalid(&'static str),
    /// The package costs something else now.
    PriceChanged,
    /// It would do nothing.
    Asleep(AsleepReason),
    /// This form has been completed before, or the rule was switched off since.
    Used,
    StripeUnavailable,
    StripeRefused,
}

/// The result of coming back from Stripe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompletedConsent {
    /// The rule is on.
    On,
    /// It was before: the page was loaded again.
    AlreadyOn,
    /// Stripe has saved no card, or it is no Checkout of this customer.
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

/// A consent on its way.
struct Setup {
    id: Uuid,
    customer_no: i64,
    agreed_by: Option<i64>,
    text: String,
    agreed: Agreement,
    stripe_customer: String,
    url: Option<String>,
    ended_at: Option<Instant>,
}

const SETUP: &str = "select id, customer_no, agreed_by, text, package, price, currency, threshold, cap,
    stripe_customer, url, ended_at from auto_top_up_setups";

fn setup_of(row: &Row) -> Result<Setup, DbError> {
    Ok(Setup {
        id: row.uuid("id")?,
        customer_no: row.int("customer_no")?,
        agreed_by: row.opt_int("agreed_by")?,
        text: row.text("text")?,
        agreed: Agreement {
            package: row.text("package")?,
            price: row.int("price")?,
            currency: row.text("currency")?,
            threshold: row.credits("threshold")?,
            cap: row.int("cap")?,
        },
        stripe_customer: row.text("stripe_customer")?,
        url: row.opt_text("url")?,
        ended_at: row.opt_at("ended_at")?,
    })
}

async fn find_setup(db: &mut Connection, id: Uuid) -> Result<Option<Setup>, DbError> {
    let row = db.fetch_optional(format!("{SETUP} where id = $1"), args![id.into_bytes()]).await?;
    row.as_ref().map(setup_of).transpose()
}

/// Stores what was agreed to, and opens the Checkout that saves the card. The same form leads to the same Checkout.
pub async fn begin_consent(app: &App, request: ConsentRequest) -> Result<ConsentOutcome, InternalError> {
    let Some(stripe) = &app.stripe else { return Ok(ConsentOutcome::Asleep(AsleepReason::BuyingOff)) };
    if let Some(field) = invalid_field(&request.agreed) {
        return Ok(ConsentOutcome::Invalid(field));
    }
    let began = tokio::time::Instant::now();
    // Several calls may be needed; together they have the time of one, since a page waits.
    let in_time = || stripe.clone().with_deadline(stripe.deadline().saturating_sub(began.elapsed()));
    for round in 0..2 {
        let payer = match stripe_customer(app, &in_time(), request.viewer.customer_no).await? {
            Ok(payer) => payer,
            Err(error) => return refused(app, &error).await,
        };
        let setup = match store_setup(app, request.clone(), payer).await? {
            Ok(setup) => setup,
            Err(outcome) => return Ok(outcome),
        };
        match open_setup(app, &in_time(), &request.viewer, &setup).await? {
            Err(error) if error.lacks("customer") && round == 0 => {
                // Somebody deleted the customer at Stripe: another one is made, once.
                forget_stripe_customer(app, setup.customer_no, &setup.stripe_customer).await?;
            }
            Err(error) => return refused(app, &error).await,
            Ok(url) => return Ok(ConsentOutcome::At(url)),
        }
    }
    Ok(ConsentOutcome::StripeUnavailable)
}

/// The first field that is out of its bounds.
pub(super) fn invalid_field(agreed: &Agreement) -> Option<&'static str> {
    if agreed.threshold < Credits::whole(1) {
        Some("threshold")
    } else if !(agreed.price..=CAP_MAX.max(agreed.price)).contains(&agreed.cap) {
        Some("cap")
    } else {
        None
    }
}

/// The same terms are stored once; another payer at Stripe is the only thing that may change.
async fn store_setup(
    app: &App,
    request: ConsentRequest,
    payer: String,
) -> Result<Result<Setup, ConsentOutcome>, InternalError> {
    let idle = sessions::idle_since(app);
    app.write(move |tx| Box::pin(async move { store_setup_in(tx, &request, &payer, idle).await })).await
}

async fn store_setup_in(
    tx: &mut WriteTransaction,
    request: &ConsentRequest,
    payer: &str,
    idle: Instant,
) -> Result<Result<Setup, ConsentOutcome>, InternalError> {
    let (viewer, agreed, now) = (&request.viewer, &request.agreed, tx.now());
    if !sessions::may_manage(tx, viewer, idle).await? {
        return Ok(Err(ConsentOutcome::NotAllowed));
    }
    if let Some(known) = find_setup(&mut tx.db, request.setup).await? {
        let same = known.customer_no == viewer.customer_no && known.agreed == *agreed && known.ended_at.is_none();
        if !same {
            return Ok(Err(ConsentOutcome::Used));
        }
        if known.stripe_customer == payer {
            return Ok(Ok(known));
        }
    }
    if let Some(outcome) = refusal(tx, viewer.customer_no, agreed).await? {
        return Ok(Err(outcome));
    }
    let sql = "insert into auto_top_up_setups (id, customer_no, agreed_by, text, package, price, currency, threshold,
           cap, stripe_customer, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict (id) do update set stripe_customer = excluded.stripe_customer, url = null, session_id = null";
    let member = member_no(tx, viewer).await?;
    let values = args![
        request.setup.into_bytes(),
        viewer.customer_no,
        member,
        &request.text,
        &agreed.package,
        agreed.price,
        &agreed.currency,
        agreed.threshold,
        agreed.cap,
        payer,
        now
    ];
    tx.db.execute(sql, values).await?;
    let stored = find_setup(&mut tx.db, request.setup).await?;
    stored.map(Ok).ok_or_else(|| InternalError::Broken("a new consent is not there".to_owned()))
}

/// The number of the member who looks; none for a session of the SaaS's without a person.
pub(super) async fn member_no(tx: &mut WriteTransaction, viewer: &Viewer) -> Result<Option<i64>, DbError> {
    let Some(email) = &viewer.email else { return Ok(None) };
    let sql = "select no from members where customer_no = $1 and email = $2 and removed_at is null";
    let row = tx.db.fetch_optional(sql, args![viewer.customer_no, email]).await?;
    row.map(|row| row.int("no")).transpose()
}

/// Why these terms cannot be agreed to now.
async fn refusal(
    tx: &mut WriteTransaction,
    customer_no: i64,
    agreed: &Agreement,
) -> Result<Option<ConsentOutcome>, InternalError> {
    let (account, at) = tx.account(customer_no).await?;
    let plan = account.plan.clone();
    let facts = load_facts(&mut tx.db, customer_no, None, at).await?;
    let catalog = tx.catalog.clone();
    if catalog.package(&agreed.package).is_some_and(|package| package.amount != agreed.price)
        || agreed.currency != catalog.shop.currency
    {
        return Ok(Some(ConsentOutcome::PriceChanged));
    }
    Ok(match facts.asleep(agreed, &plan, &catalog, true) {
        Some(AsleepReason::PackageGone) => Some(ConsentOutcome::Invalid("package")),
        reason => reason.map(ConsentOutcome::Asleep),
    })
}

/// Opens the setup's Checkout, or finds it.
async fn open_setup(
    app: &App,
    stripe: &Stripe,
    viewer: &Viewer,
    setup: &Setup,
) -> Result<Result<String, StripeError>, InternalError> {
    if let Some(url) = &setup.url {
        return Ok(Ok(url.clone()));
    }
    let site = &app.settings.public_url;
    let order = SetupOrder {
        setup: setup.id.to_string(),
        customer: viewer.customer.clone(),
        stripe_customer: setup.stripe_customer.clone(),
        currency: setup.agreed.currency.clone(),
        success_url: format!("{site}/auto-top-up?session_id={{CHECKOUT_SESSION_ID}}"),
        cancel_url: format!("{site}/auto-top-up?outcome=cancelled"),
        needs_address: app.catalog.shop.tax == Tax::Stripe,
    };
    // The payer is in the key: for another one the parameters are others.
    let opened = match stripe.open_setup(&format!("setup-{}-{}", setup.id, setup.stripe_customer), &order).await {
        Ok(opened) => opened,
        Err(error) => return Ok(Err(error)),
    };
    let (id, url) = (setup.id.into_bytes(), opened.url.clone());
    app.write(move |tx| {
        Box::pin(async move {
            let sql = "update auto_top_up_setups set session_id = $1, url = $2 where id = $3";
            tx.db.execute(sql, args![opened.session_id, opened.url, id]).await?;
            Ok(())
        })
    })
    .await?;
    Ok(Ok(url))
}

async fn refused(app: &App, error: &StripeError) -> Result<ConsentOutcome, InternalError> {
    let Some(kind) = error.alarm() else {
        tracing::warn!(error = %error, "Stripe can't be reached about a saved card");
        return Ok(ConsentOutcome::StripeUnavailable);
    };
    let detail = error.to_string();
    app.write(move |tx| {
        Box::pin(async move {
            alarms::raise_alarm(tx, kind, "saved card", &detail).await?;
            Ok(())
        })
    })
    .await?;
    Ok(if error.is_definite() { ConsentOutcome::StripeRefused } else { ConsentOutcome::StripeUnavailable })
}

/// Somebody came back from Stripe: what its SetupIntent says decides, not the redirect. May be repeated.
pub async fn complete_consent(app: &App, viewer: &Viewer, session_id: &str) -> Result<CompletedConsent, InternalError> {
    let Some(stripe) = &app.stripe else { return Ok(CompletedConsent::StripeUnavailable) };
    let Some(setup) = own_setup(app, viewer, session_id).await? else { return Ok(CompletedConsent::NotFinished) };
    if setup.ended_at.is_some() {
        return already_on(app, &setup).await;
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
    let paid_since = match record.barred_at {
        None => false,
        Some(since) => match has_paid_since(app, stripe, setup.customer_no, &card.fingerprint, since).await? {
            Ok(paid) => paid,
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
            complete(tx, id, card, paid_since).await
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
async fn already_on(app: &App, setup: &Setup) -> Result<CompletedConsent, InternalError> {
    let sql = "select 1 as n from auto_top_ups t join auto_top_up_consents c on c.no = t.consent and c.customer_no = t.customer_no
        where c.setup = $1 and t.state = 'on'";
    let row = app.store.read().await?.fetch_optional(sql, args![setup.id.into_bytes()]).await?;
    Ok(if row.is_some() { CompletedConsent::AlreadyOn } else { CompletedConsent::NotFinished })
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

/// Switches the rule on, in the transaction that appends the consent.
async fn complete(
    tx: &mut WriteTransaction,
    id: Uuid,
    saved: SavedCard,
    paid_since: bool,
) -> Result<CompletedConsent, InternalError> {
    let Some(setup) = find_setup(&mut tx.db, id).await? else { return Ok(CompletedConsent::NotFinished) };
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
        None if is_barred && !paid_since => Some(CompletedConsent::CardRefused),
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
