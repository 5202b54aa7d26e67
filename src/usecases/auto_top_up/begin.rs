//! Beginning a consent: what was shown is stored, and Stripe's page saves the card.

use crate::args;
use crate::domain::auto_top_up::{Agreement, AsleepReason};
use crate::domain::catalog::Tax;
use crate::domain::{Credits, Instant};
use crate::ledger::WriteTransaction;
use crate::store::db::DbError;
use crate::stripe::{SetupOrder, Stripe, StripeError};
use crate::usecases::access::sessions;
use crate::usecases::access::sessions::Viewer;
use crate::usecases::auto_top_up::decision::load_facts;
use crate::usecases::auto_top_up::setup::{Setup, find_setup};
use crate::usecases::purchases::{forget_stripe_customer, stripe_customer};
use crate::usecases::{App, InternalError, alarms};
use uuid::Uuid;

/// The largest cap, in minor units.
const CAP_MAX: i64 = 100_000_000;

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
pub(super) async fn refusal(
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

pub(super) async fn refused(app: &App, error: &StripeError) -> Result<ConsentOutcome, InternalError> {
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
