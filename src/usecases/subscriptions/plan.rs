//! The plan of a customer from its subscriptions (R6).

use crate::args;
use crate::domain::time::from_millis;
use crate::domain::{Instant, Standing, Subscription, SubscriptionStatus};
use crate::ledger::WriteTransaction;
use crate::store::db::{Connection, DbError, Row, corrupt};
use crate::stripe::{Stripe, StripeError, SubscriptionState};
use crate::usecases::purchases::{Fulfillment, stripe_unanswered};
use crate::usecases::{App, InternalError, alarms};

/// How long one that names a customer whom nobody knows is looked at again: the SaaS may make its customer a little
/// later.
const AWAITED_MINUTES: i64 = 60;

/// How often a read that was overtaken begins again.
const LOOKS_MAX: usize = 4;

/// True if an event may tell of a subscription.
#[must_use]
pub fn is_told_by(kind: &str) -> bool {
    kind.starts_with("customer.subscription.") || matches!(kind, "invoice.paid" | "invoice.payment_failed")
}

/// A subscription at Stripe, with the data that needs questions of its own.
struct StripeSubscription {
    state: SubscriptionState,
    /// The oldest invoice that is to be paid, while it is past due.
    unpaid_invoice: Option<String>,
    customer_no: i64,
}

/// Looks at the subscription that an event's object is, or is an invoice of, and lets the plan follow.
pub async fn update_plan(app: &App, object_id: &str) -> Result<Fulfillment, InternalError> {
    if !app.catalog.sells_plans() {
        return Ok(Fulfillment::NotOurs);
    }
    let Some(stripe) = &app.stripe else { return Ok(Fulfillment::Retry) };
    let id = if object_id.starts_with("in_") {
        match stripe.subscription_of_invoice(object_id).await {
            Ok(Some(id)) => id,
            Ok(None) => return Ok(Fulfillment::NotOurs),
            Err(e) => return stripe_unanswered(app, &e).await,
        }
    } else {
        object_id.to_owned()
    };
    for _ in 0..LOOKS_MAX {
        let version = stored_version(&mut app.store.read().await?, &id).await?;
        let seen = match fetch(app, stripe, &id).await? {
            Ok(Fetched::Found(seen)) => *seen,
            Ok(Fetched::UnknownCustomer) => return Ok(Fulfillment::NotOurs),
            Ok(Fetched::TooEarly) => return Ok(Fulfillment::Retry),
            Err(e) => return stripe_unanswered(app, &e).await,
        };
        if app.write(move |tx| Box::pin(async move { apply_subscription(tx, &seen, version).await })).await? {
            return Ok(Fulfillment::Done);
        }
    }
    // So many look at once that one of them has the newest answer; this one comes again.
    Ok(Fulfillment::Retry)
}

/// The result of a look.
enum Fetched {
    /// All that is needed.
    Found(Box<StripeSubscription>),
    /// It is of nobody whom we know.
    UnknownCustomer,
    /// The same; but it is new, and bears a customer's name.
    TooEarly,
}

/// Asks Stripe.
async fn fetch(app: &App, stripe: &Stripe, id: &str) -> Result<Result<Fetched, StripeError>, InternalError> {
    let state = match stripe.subscription(id).await {
        Ok(state) => state,
        Err(e) => return Ok(Err(e)),
    };
    if state.livemode != stripe.livemode() {
        return Ok(Ok(Fetched::UnknownCustomer));
    }
    let customer_no = match owner_of(app, stripe, &state).await? {
        Ok(Some(no)) => no,
        Ok(None) => {
            let age = app.clock.now().timestamp().saturating_sub(state.created);
            let awaited = state.names.is_some() && age < AWAITED_MINUTES * 60;
            return Ok(Ok(if awaited { Fetched::TooEarly } else { Fetched::UnknownCustomer }));
        }
        Err(e) => return Ok(Err(e)),
    };
    let unpaid_invoice = if state.status == SubscriptionStatus::PastDue.name() {
        match stripe.oldest_unpaid(id).await {
            Ok(invoice) => invoice,
            Err(e) => return Ok(Err(e)),
        }
    } else {
        None
    };
    Ok(Ok(Fetched::Found(Box::new(StripeSubscription { state, unpaid_invoice, customer_no }))))
}

/// The customer of a subscription: by the stored Stripe customer, by its metadata, or by its payer's metadata.
pub(crate) async fn owner_of(
    app: &App,
    stripe: &Stripe,
    state: &SubscriptionState,
) -> Result<Result<Option<i64>, StripeError>, InternalError> {
    let number = |row: Option<Row>| row.map(|row| row.int("no")).transpose();
    let mut db = app.store.read().await?;
    let sql = "select no from customers where stripe_customer = $1
        union select customer_no as no from former_stripe_customers where stripe_customer = $1";
    if let Some(no) = number(db.fetch_optional(sql, args![&state.customer]).await?)? {
        return Ok(Ok(Some(no)));
    }
    let named = "select no from customers where id = $1";
    if let Some(id) = &state.names
        && let Some(no) = number(db.fetch_optional(named, args![id]).await?)?
    {
        return Ok(Ok(Some(no)));
    }
    drop(db);
    match stripe.named_by_customer(&state.customer).await {
        Ok(Some(id)) => Ok(Ok(number(app.store.read().await?.fetch_optional(named, args![id]).await?)?)),
        Ok(None) => Ok(Ok(None)),
        Err(e) => Ok(Err(e)),
    }
}

async fn stored_version(db: &mut Connection, id: &str) -> Result<i64, DbError> {
    let row = db.fetch_optional("select version from subscriptions where id = $1", args![id]).await?;
    row.map_or(Ok(0), |row| row.int("version"))
}

/// Takes over what was seen, unless somebody else has looked in between; says whether it did.
async fn apply_subscription(
    tx: &mut WriteTransaction,
    seen: &StripeSubscription,
    version_before: i64,
) -> Result<bool, InternalError> {
    let (state, no) = (&seen.state, seen.customer_no);
    if stored_version(&mut tx.db, &state.id).await? != version_before {
        return Ok(false);
    }
    let Some(status) = SubscriptionStatus::from_stripe(&state.status) else {
        let detail = format!("its status {:?} is unknown; nothing was changed", state.status);
        alarms::raise_alarm(tx, "subscription", &state.id, &detail).await?;
        return Ok(true);
    };
    if tx.is_closed(no).await? {
        if status.standing() != Standing::Over {
            let detail = "the subscription of a closed customer continues at Stripe";
            alarms::raise_alarm(tx, "subscription", &state.id, detail).await?;
        }
        return Ok(true);
    }
    write_subscription(tx, seen, status, version_before + 1).await?;
    let sql = "update customers set stripe_customer = $1 where no = $2 and stripe_customer is null
        and not exists (select 1 from customers where stripe_customer = $1)
        and not exists (select 1 from former_stripe_customers where stripe_customer = $1)";
    tx.db.execute(sql, args![&state.customer, no]).await?;
    let all = customer_subscriptions(&mut tx.db, no).await?;
    let living = all.iter().filter(|one| matches!(one.status.standing(), Standing::Live | Standing::PastDue));
    if living.clone().count() > 1 {
        let ids: Vec<&str> = living.map(|one| one.id.as_str()).collect();
        let detail = format!("a customer pays for several ({}); end all but one at Stripe", ids.join(", "));
        alarms::raise_alarm(tx, "subscription", &state.customer, &detail).await?;
    }
    tx.with_account(no, |account, at, catalog, changes| account.follow(&all, at, catalog, changes)).await?;
    Ok(true)
}

/// Writes the row of a subscription.
async fn write_subscription(
    tx: &mut WriteTransaction,
    seen: &StripeSubscription,
    status: SubscriptionStatus,
    version: i64,
) -> Result<(), InternalError> {
    let (state, now) = (&seen.state, tx.now());
    let sql = "select plan, price, unpaid_invoice, past_due_since from subscriptions where id = $1";
    let before = tx.db.fetch_optional(sql, args![&state.id]).await?;
    let known = |name: &str| before.as_ref().map(|row| row.opt_text(name)).transpose().map(Option::flatten);
    // Of several prices the one that gives the most is the plan's; others are for things that we do not sell.
    let plan_of = |price: &str| tx.catalog.plan_of_price(price).map(|plan| (plan.credits, plan.id.clone()));
    let priced = state.prices.iter().filter_map(|(price, end)| Some((plan_of(price)?, price.clone(), *end)));
    let priced = priced.max_by(|a, b| a.0.cmp(&b.0));
    let (plan, price, period_end) = match priced {
        Some(((_, plan), price, end)) => (Some(plan), Some(price), end),
        None => (known("plan")?, known("price")?, state.prices.iter().find_map(|(_, end)| *end)),
    };
    let unknown = status.standing() != Standing::Over
        && !state.prices.iter().any(|(price, _)| tx.catalog.plan_of_price(price).is_some());
    if unknown {
        let prices: Vec<&str> = state.prices.iter().map(|(price, _)| price.as_str()).collect();
        let detail = format!("no plan of the catalogue has its price ({}); the plan stays", prices.join(", "));
        alarms::raise_alarm(tx, "unknown_price", &state.id, &detail).await?;
    }
    let (unpaid, since) = unpaid_since(before.as_ref(), status, seen.unpaid_invoice.as_ref(), now)?;
    let millis = |seconds: i64| from_millis(seconds.saturating_mul(1_000));
    tx.db
        .execute(
            "insert into subscriptions (id, customer_no, stripe_customer, status, price, plan, created_at, anchor, period_end,
               ends_at, owes, unpaid_invoice, past_due_since, version, seen_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
             on conflict (id) do update set stripe_customer = excluded.stripe_customer, status = excluded.status,
               price = excluded.price, plan = excluded.plan, anchor = excluded.anchor,
               period_end = excluded.period_end, ends_at = excluded.ends_at, owes = excluded.owes,
               unpaid_invoice = excluded.unpaid_invoice, past_due_since = excluded.past_due_since,
               version = excluded.version, seen_at = excluded.seen_at",
            args![
                &state.id,
                seen.customer_no,
                &state.customer,
                status.name(),
                price,
                plan,
                millis(state.created),
                millis(state.anchor),
                period_end.map(millis),
                state.ends_at.map(millis),
                state.owes.map(i64::from),
                unpaid,
                since,
                version,
                now
            ],
        )
        .await?;
    Ok(())
}

/// The unpaid invoice of a subscription and the instant since which it is past due.
fn unpaid_since(
    before: Option<&Row>,
    status: SubscriptionStatus,
    unpaid: Option<&String>,
    now: Instant,
) -> Result<(Option<String>, Option<Instant>), DbError> {
    let known = before.map(|row| row.opt_text("unpaid_invoice")).transpose()?.flatten();
    // One unpaid invoice is one grace, however often it is tried again; when it failed goes by our clock.
    let since = before.map(|row| row.opt_at("past_due_since")).transpose()?.flatten();
    Ok(match status {
        SubscriptionStatus::PastDue => match unpaid {
            Some(invoice) if known.as_ref() != Some(invoice) => (Some(invoice.clone()), Some(now)),
            Some(invoice) => (Some(invoice.clone()), since.or(Some(now))),
            None => (known, since.or(Some(now))),
        },
        // Kept while it is over, for who asks whether it was paid; a paid one begins again.
        SubscriptionStatus::Canceled | SubscriptionStatus::Unpaid => (known, since),
        _ => (None, None),
    })
}

const SUBSCRIPTION: &str = "select s.id, s.status, s.plan, s.created_at, s.anchor, s.ends_at, s.owes, s.past_due_since
  from subscriptions s";

fn subscription_of(row: &Row) -> Result<Subscription, DbError> {
    let status = row.text("status")?;
    Ok(Subscription {
        id: row.text("id")?,
        status: SubscriptionStatus::from_stripe(&status)
            .ok_or_else(|| corrupt(format!("status {status:?} of a subscription")))?,
        plan: row.opt_text("plan")?,
        created_at: row.at("created_at")?,
        anchor: row.at("anchor")?,
        ends_at: row.opt_at("ends_at")?,
        owes: row.opt_int("owes")?.map(|owes| owes != 0),
        past_due_since: row.opt_at("past_due_since")?,
    })
}

/// All subscriptions that are known of a customer.
pub(crate) async fn customer_subscriptions(
    db: &mut Connection,
    customer_no: i64,
) -> Result<Vec<Subscription>, DbError> {
    let rows = db.fetch_all(format!("{SUBSCRIPTION} where s.customer_no = $1"), args![customer_no]).await?;
    rows.iter().map(subscription_of).collect()
}

/// The subscription that a customer's plan follows, as people and machines are told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowedSubscription {
    /// `sub_…`
    pub id: String,
    /// `cus_…`: who pays.
    pub stripe_customer: String,
    /// In Stripe's word.
    pub status: String,
    /// Until when the plan is kept though it is not paid for.
    pub grace_until: Option<Instant>,
    pub ends_at: Option<Instant>,
}

/// The subscription that a customer's plan follows; else the newest that there was, where `any` asks for it.
pub async fn followed_subscription(
    app: &App,
    customer_no: i64,
    any: bool,
) -> Result<Option<FollowedSubscription>, InternalError> {
    let sql = "select s.id, s.stripe_customer, s.status, m.grace_until, s.ends_at
      from subscriptions s left join controlling_subscriptions m on m.subscription = s.id and m.customer_no = s.customer_no
      where s.customer_no = $1 and (m.customer_no is not null or $2 = 1)
      order by case when m.customer_no is null then 1 else 0 end, s.created_at desc limit 1";
    let row = app.store.read().await?.fetch_optional(sql, args![customer_no, any]).await?;
    let found = row.map(|row| {
        Ok::<_, DbError>(FollowedSubscription {
            id: row.text("id")?,
            stripe_customer: row.text("stripe_customer")?,
            status: row.text("status")?,
            grace_until: row.opt_at("grace_until")?,
            ends_at: row.opt_at("ends_at")?,
        })
    });
    Ok(found.transpose()?)
}
