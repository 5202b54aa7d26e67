//! Replays the demo's story through the real engine, with a clock of its own and real runs through Checkout.

use super::{Failure, story};
use crate::clock::Clock;
use crate::domain::{Credits, GrantId, HoldId, Instant, PurchaseId};
use crate::ledger::{Charge, Ledger, Outcome, Turn};
use crate::sandbox::Sandbox;
use crate::usecases::customers::PutOutcome;
use crate::usecases::purchases::{self, Start, Started};
use crate::usecases::sample::CUSTOMERS;
use crate::usecases::{Fault, Services, customers, flat};
use chrono::TimeDelta;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use story::{Event, Step};

/// Makes the sample customers, unless they are there.
///
/// # Errors
/// [`Failure`].
pub async fn run(services: &Services, sandbox: &Sandbox, history_at: &AtomicI64) -> Result<(), Failure> {
    if customers::number(services, CUSTOMERS[0].0).await?.is_some() {
        return Ok(());
    }
    let now = services.clock.now();
    let clock = Clock::manual(now);
    // An engine of its own, gone before the real one has looked at anything.
    let (ledger, engine) = Ledger::start(services.store.clone(), clock.clone(), Arc::clone(&services.catalog));
    let past = Services { ledger, clock: clock.clone(), ..services.clone() };
    let mut result = Ok(());
    let mut stretch = Vec::new();
    for (number, event) in story::events().into_iter().enumerate() {
        let at = now - TimeDelta::minutes(event.minutes_ago);
        let Step::Buy(package) = event.step else {
            stretch.push((number, event, at));
            continue;
        };
        result = replay(&past, std::mem::take(&mut stretch)).await;
        if result.is_ok() {
            clock.put(at);
            history_at.store(at.timestamp(), Ordering::SeqCst);
            result = buy(&past, sandbox, event.customer, package).await;
        }
        if result.is_err() {
            break;
        }
    }
    if result.is_ok() {
        result = replay(&past, stretch).await;
    }
    history_at.store(0, Ordering::SeqCst);
    if result.is_ok() {
        clock.put(now);
        crate::jobs::run_due(&past).await?;
        viewer(&past).await?;
    }
    drop(past);
    engine.await.map_err(|e| Failure::Failed(e.to_string()))?;
    result
}

/// What lies between two purchases, in one transaction.
async fn replay(past: &Services, stretch: Vec<(usize, Event, Instant)>) -> Result<(), Failure> {
    let clock = past.clock.clone();
    let job = past.ledger.job(move |turn| {
        Box::pin(async move {
            for (number, event, at) in stretch {
                clock.put(at);
                step(turn, event, number, at).await?;
            }
            Ok::<_, Fault>(())
        })
    });
    Ok(flat(job.await)?)
}

async fn step(turn: &mut Turn, event: Event, number: usize, at: Instant) -> Result<(), Fault> {
    let id = event.customer;
    let no = turn.customer_no(id).await?.unwrap_or_default();
    let done = match event.step {
        Step::Join(plan) => join(turn, id, plan, event.minutes_ago).await?,
        Step::Plan(plan) => {
            let put = customers::Put { plan: Some(plan.to_owned()), ..customers::Put::default() };
            customers::put_in(turn, id, put).await? == PutOutcome::Changed
        }
        Step::Use(thousandths) => {
            let charge = charge(id, Credits(thousandths), number);
            matches!(turn.charge(&charge).await?, Outcome::Charged(_))
        }
        Step::Buy(_) => false,
        Step::Hold(thousandths) => {
            let (hold, credits) = (HoldId(turn.clock.mint()), Credits(thousandths));
            let until = at + TimeDelta::hours(24);
            turn.act(no, |account, at, _, changes| account.hold(hold, credits, until, at, changes).is_ok()).await?.0
        }
        Step::Bonus(thousandths, days) => {
            let (grant, credits) = (GrantId(turn.clock.mint()), Credits(thousandths));
            let until = at + TimeDelta::days(days);
            turn.act(no, |account, at, _, changes| {
                account.grant_courtesy(grant, credits, until, None, at, changes).is_ok()
            })
            .await?
            .0
        }
    };
    if done { Ok(()) } else { Err(Fault::Broken(format!("step {number} of the story was refused: {event:?}"))) }
}

/// The anchor is the reset that the demo promises, counted from the real now.
async fn join(turn: &mut Turn, id: &str, plan: &str, minutes_ago: i64) -> Result<bool, Fault> {
    let Some((_, name, email, zone)) = CUSTOMERS.into_iter().find(|(known, ..)| *known == id) else { return Ok(false) };
    let reset = story::RESETS_IN_DAYS.iter().find(|(known, _)| *known == id).map_or(0, |(_, days)| *days);
    let now = turn.now() + TimeDelta::minutes(minutes_ago);
    let put = customers::Put {
        email: Some(email.to_owned()),
        name: Some(name.to_owned()),
        plan: Some(plan.to_owned()),
        cycle_anchor: Some(now + TimeDelta::days(reset)),
        timezone: Some(zone.to_owned()),
    };
    Ok(customers::put_in(turn, id, put).await? == PutOutcome::Created)
}

fn charge(id: &str, credits: Credits, number: usize) -> Charge {
    Charge {
        customer: id.to_owned(),
        key: format!("story-{number}"),
        content: [0; 16],
        credits,
        operation: Some(["scrape", "crawl", "extract"][number % 3].to_owned()),
        quantities: Some(format!("{{\"requests\":{}}}", credits.0 / 2_000 + 1)),
        source: None,
        metadata: None,
    }
}

/// A run through Checkout: the sandbox is paid as a browser would pay it.
async fn buy(past: &Services, sandbox: &Sandbox, id: &str, package: &str) -> Result<(), Failure> {
    let customer_no = customers::number(past, id).await?.unwrap_or_default();
    let purchase = PurchaseId(past.clock.mint());
    let start = Start { purchase, customer_no, package: package.to_owned(), shown: None, member_email: None };
    let session = match purchases::start(past, start).await? {
        Started::Open(open) => open.session_id.unwrap_or_default(),
        other => return Err(Failure::Failed(format!("the story's {package} for {id} ended as {other:?}"))),
    };
    sandbox.pay(&session).await.map_err(Failure::Failed)?;
    purchases::settle(past, purchase, None).await?;
    Ok(())
}

/// A member who sees everything and cannot buy.
async fn viewer(past: &Services) -> Result<(), Failure> {
    let (id, email) = story::VIEWER;
    let no = customers::number(past, id).await?.unwrap_or_default();
    let job = past.ledger.job(move |turn| {
        Box::pin(async move {
            let now = turn.now();
            let sql = "insert into members (customer_no, email, role, created_at) values ($1, $2, 'viewer', $3)";
            turn.link.run(sql, crate::args![no, email, now]).await?;
            Ok::<_, Fault>(())
        })
    });
    Ok(flat(job.await)?)
}
