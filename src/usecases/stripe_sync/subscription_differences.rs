//! Subscriptions at Stripe beside what is known of them: what `topup reconcile` compares.

use crate::args;
use crate::domain::{Instant, Standing, Subscription, SubscriptionStatus, subscription};
use crate::store::db::DbError;
use crate::stripe::{Stripe, StripeError, SubscriptionState};
use crate::usecases::stripe_sync::differences::{Difference, Repair, Stopped, Subject};
use crate::usecases::subscriptions::{customer_subscriptions, owner_of};
use crate::usecases::{App, InternalError};
use std::collections::BTreeSet;

/// Compares every subscription that is known and not over, and every one that was made at `since` or later.
///
/// # Errors
/// [`Stopped`]: then nothing may be concluded.
pub async fn compare_subscriptions(app: &App, since: Instant) -> Result<Vec<Difference>, Stopped> {
    let Some(stripe) = app.stripe.as_ref().filter(|_| app.catalog.sells_plans()) else {
        return Ok(Vec::new());
    };
    let known = known_subscriptions(app, since).await.map_err(InternalError::from)?;
    let there = stripe.subscriptions_since(since.timestamp()).await?;
    let mut found = Vec::new();
    for id in known.iter().cloned().chain(there.into_iter().filter(|id| !known.contains(id))) {
        let (kind, detail, repair) = match stripe.subscription(&id).await {
            Ok(state) => match compare_subscription(app, stripe, &state).await? {
                Some(difference) => difference,
                None => continue,
            },
            Err(StripeError::Refused { status: 404, .. }) => {
                ("unknown_subscription", "Stripe does not have it".to_owned(), Repair::Person)
            }
            Err(e) => return Err(e.into()),
        };
        found.push(Difference { kind, subject: Subject::Subscription(id), detail, repair });
    }
    Ok(found)
}

/// Those of closed customers are nobody's to mend: an alarm tells of one that lives on.
async fn known_subscriptions(app: &App, since: Instant) -> Result<BTreeSet<String>, DbError> {
    let sql = "select s.id from subscriptions s join customers c on c.no = s.customer_no
      where c.closed_at is null and (s.created_at >= $1 or s.status not in ('canceled', 'incomplete_expired'))";
    let rows = app.store.read().await?.fetch_all(sql, args![since]).await?;
    rows.iter().map(|row| row.text("id")).collect()
}

/// The kind, the words and the repair of a difference.
type FoundDifference = (&'static str, String, Repair);

async fn compare_subscription(
    app: &App,
    stripe: &Stripe,
    state: &SubscriptionState,
) -> Result<Option<FoundDifference>, Stopped> {
    let Some(status) = SubscriptionStatus::from_stripe(&state.status) else {
        return Ok(Some(("subscription", format!("its status {:?} is unknown", state.status), Repair::Person)));
    };
    // Of nobody whom we know: none of ours.
    let Some(no) = owner_of(app, stripe, state).await?? else { return Ok(None) };
    let Some((customer, all)) = stored_subscriptions(app, no).await.map_err(InternalError::from)? else {
        return Ok(None);
    };
    let lives = status.standing() != Standing::Over;
    let Some(row) = all.iter().find(|row| row.id == state.id) else {
        // One that came and went unseen has changed nothing.
        let detail = format!("{} for {customer}, unknown here", state.status);
        return Ok(lives.then_some(("subscription", detail, Repair::Follow)));
    };
    if let Some(detail) = subscription_difference(app, state, status, row) {
        return Ok(Some(("subscription", detail, Repair::Follow)));
    }
    let known = state.prices.iter().any(|(price, _)| app.catalog.plan_of_price(price).is_some());
    if lives && !known {
        let detail = format!("no plan of the catalogue has the price of {customer}");
        return Ok(Some(("unknown_price", detail, Repair::Person)));
    }
    // The account must follow from the rows.
    let controlling = subscription::controlling_subscription(&all, &app.catalog).filter(|one| one.id == row.id);
    let Some(controlling) = controlling else { return Ok(None) };
    let followed = crate::usecases::subscriptions::followed_subscription(app, no, false).await?;
    let ended = controlling.ends_at.is_some_and(|at| at <= app.clock.now());
    let is_so = ended || followed.is_some_and(|followed| followed.id == controlling.id);
    let detail = || format!("the plan of {customer} does not follow it");
    Ok((!is_so).then(|| ("plan", detail(), Repair::Follow)))
}

/// The customer, unless it is closed, with all of its subscriptions.
async fn stored_subscriptions(app: &App, no: i64) -> Result<Option<(String, Vec<Subscription>)>, DbError> {
    let mut db = app.store.read().await?;
    let row = db.fetch_optional("select id from customers where no = $1 and closed_at is null", args![no]).await?;
    let Some(customer) = row.map(|row| row.text("id")).transpose()? else { return Ok(None) };
    Ok(Some((customer, customer_subscriptions(&mut db, no).await?)))
}

/// How the row differs from what Stripe says.
fn subscription_difference(
    app: &App,
    state: &SubscriptionState,
    status: SubscriptionStatus,
    row: &Subscription,
) -> Option<String> {
    if row.status != status {
        return Some(format!("{} at Stripe, {} here", state.status, row.status.name()));
    }
    let prices = state.prices.iter().filter_map(|(price, _)| app.catalog.plan_of_price(price));
    if let Some(plan) = prices.max_by_key(|plan| plan.credits).filter(|plan| row.plan.as_ref() != Some(&plan.id)) {
        return Some(format!("for {} at Stripe, {} here", plan.id, row.plan.as_deref().unwrap_or("no plan")));
    }
    let ends = row.ends_at.map(|at| at.timestamp());
    let same = ends == state.ends_at && row.anchor.timestamp() == state.anchor;
    (!same).then(|| "its end or its anchor differs at Stripe".to_owned())
}
