//! Replays the demo's story through the real engine, with a clock of its own and real runs through Checkout.

use crate::clock::Clock;
use crate::demo::auto_top_up;
use crate::demo::customers::{CUSTOMERS, VIEWER};
use crate::demo::rhythm;
use crate::demo::story::{self, StoryEvent, StoryStep};
use crate::domain::{Credits, GrantId, HoldId, PurchaseId};
use crate::ledger::{Charge, ChargeOutcome, Ledger, WriteTransaction};
use crate::usecases::auto_top_up::run_auto_payments;
use crate::usecases::customers;
use crate::usecases::customers::PutOutcome;
use crate::usecases::purchases::{PurchaseRequest, StartOutcome};
use crate::usecases::{App, AppParts, InternalError, purchases};
use chrono::TimeDelta;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use stripe_sandbox::Sandbox;

/// Makes the sample customers, unless they are there.
pub async fn run(app: &App, sandbox: &Sandbox, history_at: &AtomicI64) -> Result<(), InternalError> {
    if customers::customer_number(app, CUSTOMERS[0].id).await?.is_some() {
        return Ok(());
    }
    let now = app.clock.now();
    let clock = Clock::manual(now);
    // An engine of its own, gone before the real one has looked at anything.
    let (ledger, engine) = Ledger::start(app.store.clone(), clock.clone(), Arc::clone(&app.catalog));
    let past = App::new(AppParts { ledger, clock: clock.clone(), ..app.parts() });
    let mut replay =
        StoryReplay { past: &past, sandbox, history_at, clock: &clock, stretch: Vec::new(), underway: None };
    let mut result = Ok(());
    for (number, event) in story::events(now).into_iter().enumerate() {
        result = replay.event(number, event).await;
        if result.is_err() {
            break;
        }
    }
    if result.is_ok() {
        result = replay.catch_up().await;
    }
    drop(replay);
    history_at.store(0, Ordering::SeqCst);
    if result.is_ok() {
        clock.put(now);
        crate::jobs::run_due(&past).await?;
        viewer(&past).await?;
    }
    drop(past);
    engine.await.map_err(|e| InternalError::Broken(e.to_string()))?;
    result
}

/// The story as it is being told.
struct StoryReplay<'a> {
    past: &'a App,
    sandbox: &'a Sandbox,
    /// The stand-in's clock, while it is in the past.
    history_at: &'a AtomicI64,
    clock: &'a Clock,
    /// Steps of the ledger alone, which wait until another step needs them booked.
    stretch: Vec<(usize, StoryEvent)>,
    /// The Checkout whose money is on its way.
    underway: Option<(PurchaseId, String)>,
}

impl StoryReplay<'_> {
    async fn event(&mut self, number: usize, event: StoryEvent) -> Result<(), InternalError> {
        let (id, at) = (event.customer.id, event.at);
        if !event.step.is_of_app() {
            self.stretch.push((number, event));
            return Ok(());
        }
        self.catch_up().await?;
        self.clock.put(at);
        self.history_at.store(at.timestamp(), Ordering::SeqCst);
        match event.step {
            StoryStep::Buy(package) => {
                let (purchase, session) = open(self.past, id, package).await?;
                self.sandbox.pay(&session).await.map_err(InternalError::Broken)?;
                purchases::fulfill(self.past, purchase, None).await?;
            }
            StoryStep::BuyByBank(package) => {
                let (purchase, session) = open(&takes_bank_payments(self.past), id, package).await?;
                self.sandbox.pay_by_bank(&session).await.map_err(InternalError::Broken)?;
                purchases::fulfill(self.past, purchase, None).await?;
                self.underway = Some((purchase, session));
            }
            StoryStep::Bounce => {
                let underway = self.underway.take();
                let (purchase, session) =
                    underway.ok_or_else(|| InternalError::Broken("no money is on its way".to_owned()))?;
                self.sandbox.bounce(&session).await.map_err(InternalError::Broken)?;
                purchases::fulfill(self.past, purchase, None).await?;
            }
            StoryStep::AutoTopUp(package, threshold, cap) => {
                let terms = (package, Credits(threshold), cap);
                auto_top_up::switch_on(self.past, self.sandbox, event.customer, terms).await?;
                crate::jobs::run_due(self.past).await?;
                run_auto_payments(self.past).await?;
            }
            _ => crate::jobs::run_due(self.past).await?,
        }
        Ok(())
    }

    /// Books the steps that wait, in one transaction.
    async fn catch_up(&mut self) -> Result<(), InternalError> {
        let (stretch, clock) = (std::mem::take(&mut self.stretch), self.clock.clone());
        let job = self.past.write(move |tx| {
            Box::pin(async move {
                for (number, event) in stretch {
                    clock.put(event.at);
                    step(tx, event, number).await?;
                }
                Ok(())
            })
        });
        job.await
    }
}

/// The shop as if its catalogue allowed payments that clear later.
fn takes_bank_payments(past: &App) -> App {
    let mut catalog = (*past.catalog).clone();
    catalog.shop.payment_methods.push("us_bank_account".to_owned());
    App::new(AppParts { catalog: Arc::new(catalog), ..past.parts() })
}

async fn step(tx: &mut WriteTransaction, event: StoryEvent, number: usize) -> Result<(), InternalError> {
    let (id, at) = (event.customer.id, event.at);
    let no = tx.customer_no(id).await?.unwrap_or_default();
    let done = match event.step {
        StoryStep::Join(plan) => join(tx, &event, plan).await?,
        StoryStep::Plan(plan) => {
            let put = customers::Put { plan: Some(plan.to_owned()), ..customers::Put::default() };
            customers::put_customer_in(tx, id, put).await? == PutOutcome::Changed
        }
        StoryStep::Use(used) => matches!(tx.charge(&charge(id, used, number)).await?, ChargeOutcome::Charged(_)),
        StoryStep::Buy(_) | StoryStep::BuyByBank(_) | StoryStep::Bounce | StoryStep::AutoTopUp(..) => false,
        StoryStep::Work => false,
        StoryStep::Hold(thousandths) => {
            let (hold, credits) = (HoldId(tx.clock.mint()), Credits(thousandths));
            let until = at + TimeDelta::hours(24);
            tx.with_account(no, |account, at, _, changes| account.hold(hold, credits, until, at, changes).is_ok())
                .await?
                .0
        }
        StoryStep::Bonus(thousandths, days) => {
            let (grant, credits) = (GrantId(tx.clock.mint()), Credits(thousandths));
            let until = at + TimeDelta::days(days);
            tx.with_account(no, |account, at, _, changes| {
                account.grant_courtesy(grant, credits, until, None, at, changes).is_ok()
            })
            .await?
            .0
        }
    };
    if done { Ok(()) } else { Err(InternalError::Broken(format!("step {number} of the story was refused: {event:?}"))) }
}

/// The anchor is the reset that the demo promises, counted from the real now.
async fn join(tx: &mut WriteTransaction, event: &StoryEvent, plan: &str) -> Result<bool, InternalError> {
    let customer = event.customer;
    let now = event.at + TimeDelta::days(customer.age_days);
    let put = customers::Put {
        email: Some(customer.email.to_owned()),
        name: Some(customer.name.to_owned()),
        plan: Some(plan.to_owned()),
        cycle_anchor: Some(now + TimeDelta::days(customer.resets_in_days)),
        timezone: Some(customer.time_zone.to_owned()),
    };
    Ok(customers::put_customer_in(tx, customer.id, put).await? == PutOutcome::Created)
}

fn charge(id: &str, used: rhythm::RhythmCharge, number: usize) -> Charge {
    Charge {
        customer: id.to_owned(),
        key: format!("story-{number}"),
        content: [0; 16],
        credits: Credits(used.credits),
        operation: Some(used.operation.to_owned()),
        quantities: Some(used.counts.json()),
        source: Some(used.source.to_owned()),
        metadata: None,
    }
}

/// Opens a Checkout as a click on Buy does; its purchase and its id at Stripe.
async fn open(past: &App, id: &str, package: &str) -> Result<(PurchaseId, String), InternalError> {
    let customer_no = customers::customer_number(past, id).await?.unwrap_or_default();
    let purchase = PurchaseId(past.clock.mint());
    let start = PurchaseRequest { purchase, customer_no, package: package.to_owned(), shown: None, member_email: None };
    match purchases::start_purchase(past, start).await? {
        StartOutcome::Open(open) => Ok((purchase, open.session_id.unwrap_or_default())),
        other => Err(InternalError::Broken(format!("the story's {package} for {id} ended as {other:?}"))),
    }
}

/// A member who sees everything and cannot buy.
async fn viewer(past: &App) -> Result<(), InternalError> {
    let (id, email) = VIEWER;
    let no = customers::customer_number(past, id).await?.unwrap_or_default();
    let job = past.write(move |tx| {
        Box::pin(async move {
            let now = tx.now();
            let sql = "insert into members (customer_no, email, role, created_at) values ($1, $2, 'viewer', $3)";
            tx.db.execute(sql, crate::args![no, email, now]).await?;
            Ok(())
        })
    });
    job.await
}
