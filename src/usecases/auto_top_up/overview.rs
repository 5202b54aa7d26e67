//! A rule as pages, the API and the console show it.

use crate::args;
use crate::domain::auto_top_up::{Agreement, AsleepReason, Decision, SuspendedReason, spent};
use crate::domain::{Account, Instant, PurchaseId};
use crate::store::db::{Connection, DbError, Row};
use crate::usecases::agreements::{Card, Consent, Rule, RuleState, consent_of_rule, load_rule};
use crate::usecases::auto_top_up::decision::{Facts, has_room, load_facts};
use crate::usecases::auto_top_up::steps::{Step, load_payment};
use crate::usecases::credits::accounts;
use crate::usecases::purchases::{PURCHASE, Purchase, purchase_of};
use crate::usecases::{App, InternalError};

/// The state of a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AutoState {
    #[default]
    Off,
    On,
    Asleep(AsleepReason),
    Suspended(SuspendedReason),
}

impl AutoState {
    /// Its name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::On => "on",
            Self::Asleep(_) => "asleep",
            Self::Suspended(_) => "suspended",
        }
    }

    /// The name of its reason, if it has one.
    #[must_use]
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Off | Self::On => None,
            Self::Asleep(reason) => Some(reason.into()),
            Self::Suspended(reason) => Some(reason.into()),
        }
    }
}

/// A rule and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AutoTopUp {
    pub state: AutoState,
    /// What is in force; none where it is off.
    pub agreed: Option<Agreement>,
    /// Minor units of the last 30 × 24 hours, as the cap counts.
    pub spent: i64,
    /// The cap leaves no room for one package.
    pub blocked: bool,
    pub card: Option<Card>,
    /// The consent in force, or the one that was suspended.
    pub consent: Option<Consent>,
    /// The automatic purchase that is not paid yet.
    pub in_progress: Option<Purchase>,
    /// Stripe's page, while a person has to confirm.
    pub confirm_url: Option<String>,
    /// When the card is tried again after a refusal.
    pub retry_at: Option<Instant>,
}

/// A try of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardTry {
    pub purchase: PurchaseId,
    /// Counted from 1.
    pub no: i64,
    pub at: Instant,
    /// `paid`, `soft_decline`, `hard_decline`, `authentication_required`, `unknown`; none while it is under way.
    pub answer: Option<String>,
    /// Stripe's word for it.
    pub code: Option<String>,
}

/// The rule of a customer as it stands.
pub async fn find_auto_top_up(app: &App, customer_no: i64) -> Result<AutoTopUp, InternalError> {
    let mut db = app.store.snapshot().await?;
    let now = app.clock.now();
    let facts = load_facts(&mut db, customer_no, None, now).await?;
    let in_progress = purchase_in_progress(&mut db, customer_no).await?;
    let sum = spent(&facts.purchases, now);
    let rule = load_rule(&mut db, customer_no).await?.filter(|rule| rule.state != RuleState::Off);
    let Some(rule) = rule else { return Ok(AutoTopUp { spent: sum, in_progress, ..AutoTopUp::default() }) };
    let state = match rule.state {
        RuleState::Off => AutoState::Off,
        RuleState::Suspended(reason) => AutoState::Suspended(reason),
        RuleState::On => match account_of(&mut db, app, customer_no).await? {
            Some(account) => state_now(app, &rule, &facts, &account),
            None => AutoState::Asleep(AsleepReason::CustomerClosed),
        },
    };
    let payment = match &in_progress {
        Some(purchase) => load_payment(&mut db, purchase.id).await?,
        None => None,
    };
    let consent = consent_of_rule(&mut db, rule.consent).await?;
    let step = payment.as_ref().map(|payment| payment.step);
    let confirm_url = in_progress.as_ref().filter(|_| step == Some(Step::Confirm)).and_then(|one| one.url.clone());
    Ok(AutoTopUp {
        state,
        spent: sum,
        blocked: !has_room(&rule, sum, &app.catalog),
        card: consent.as_ref().map(|consent| consent.card.clone()),
        confirm_url,
        retry_at: payment.filter(|payment| payment.step == Step::Wait).and_then(|payment| payment.due_at),
        agreed: Some(rule.agreed),
        consent,
        in_progress,
    })
}

fn state_now(app: &App, rule: &Rule, facts: &Facts, (account, at): &(Account, Instant)) -> AutoState {
    match facts.decide(rule, (account, *at), &app.catalog, app.stripe.is_some()) {
        Decision::Asleep(reason) => AutoState::Asleep(reason),
        Decision::Nothing | Decision::Buy(_) | Decision::Blocked => AutoState::On,
    }
}

async fn account_of(db: &mut Connection, app: &App, customer_no: i64) -> Result<Option<(Account, Instant)>, DbError> {
    let row = db.fetch_optional("select id from customers where no = $1", args![customer_no]).await?;
    let Some(id) = row.map(|row| row.text("id")).transpose()? else { return Ok(None) };
    accounts::account_now(db, &id, app).await
}

async fn purchase_in_progress(db: &mut Connection, customer_no: i64) -> Result<Option<Purchase>, DbError> {
    let sql = format!(
        "{PURCHASE} where p.customer_no = $1 and p.origin = 'automatic' and p.state in ('created', 'open', 'processing')"
    );
    db.fetch_optional(sql, args![customer_no]).await?.as_ref().map(purchase_of).transpose()
}

/// Automatic purchases of a customer, newest first.
pub async fn automatic_purchases(app: &App, customer_no: i64, limit: i64) -> Result<Vec<Purchase>, InternalError> {
    let sql = format!(
        "{PURCHASE} where p.customer_no = $1 and p.origin = 'automatic' order by p.created_at desc, p.id desc limit $2"
    );
    let rows = app.store.read().await?.fetch_all(sql, args![customer_no, limit]).await?;
    rows.iter().map(purchase_of).collect::<Result<_, _>>().map_err(InternalError::from)
}

/// What the customer's cards said, newest first.
pub async fn list_tries(app: &App, customer_no: i64, limit: i64) -> Result<Vec<CardTry>, InternalError> {
    let sql = "select t.purchase, t.no, t.at, t.code,
          coalesce(t.answer, case when y.step = 'done' then 'unknown' end) as answer
        from auto_payment_tries t left join auto_payments y on y.purchase = t.purchase
        where t.customer_no = $1 order by t.at desc, t.no desc limit $2";
    let rows = app.store.read().await?.fetch_all(sql, args![customer_no, limit]).await?;
    let one = |row: &Row| {
        Ok(CardTry {
            purchase: PurchaseId(row.uuid("purchase")?),
            no: row.int("no")?,
            at: row.at("at")?,
            answer: row.opt_text("answer")?,
            code: row.opt_text("code")?,
        })
    };
    rows.iter().map(one).collect::<Result<_, DbError>>().map_err(InternalError::from)
}

/// Why a rule would do nothing now, before anything is agreed to; none where it would work.
pub async fn would_sleep(app: &App, customer_no: i64) -> Result<Option<AsleepReason>, InternalError> {
    let mut db = app.store.snapshot().await?;
    let facts = load_facts(&mut db, customer_no, None, app.clock.now()).await?;
    let Some((account, _)) = account_of(&mut db, app, customer_no).await? else {
        return Ok(Some(AsleepReason::CustomerClosed));
    };
    let Some(package) = app.catalog.packages.first() else { return Ok(Some(AsleepReason::PackageGone)) };
    let terms = app.catalog.terms(package);
    let any = Agreement {
        package: package.id.clone(),
        price: terms.amount,
        currency: terms.currency,
        threshold: terms.credits,
        cap: terms.amount,
    };
    Ok(facts.asleep(&any, &account.plan, &app.catalog, app.stripe.is_some()))
}
