//! The list of the worker's jobs.

use crate::args;
use crate::domain::Instant;
use crate::usecases::credits::accounts;
use crate::usecases::customers::erasure;
use crate::usecases::delivery::rounds;
use crate::usecases::delivery::{failed_items, outbox, webhooks};
use crate::usecases::notify::{EmailWriters, balance_alerts, reminders};
use crate::usecases::stripe_sync::{events, inbox};
use crate::usecases::upkeep::retention;
use crate::usecases::{App, InternalError, auto_top_up, purchases};
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

/// How many customers one step of catch-up books, and how many side by side.
const CATCH_UP_MAX: i64 = 200;
const AT_ONCE_MAX: usize = 50;

/// A running job.
type Doing<'a, T> = BoxFuture<'a, Result<T, InternalError>>;

/// A job.
pub struct Job {
    pub name: &'static str,
    /// Its purpose, in a line.
    pub about: &'static str,
    /// True if it speaks to other machines.
    pub network: bool,
    run: for<'a> fn(&'a App, &'a CancellationToken) -> Doing<'a, u64>,
    backlog: for<'a> fn(&'a App) -> Doing<'a, i64>,
    /// The next instant after the second argument at which it has something to do.
    due: for<'a> fn(&'a App, Instant) -> Doing<'a, Option<Instant>>,
}

/// All jobs, in the order in which one instant's work is done.
pub const ALL: [Job; 14] = [
    Job {
        name: "ledger",
        about: "books due resets, expiries and lapsed holds of customers without writes",
        network: false,
        run: |app, _| Box::pin(catch_up_accounts(app)),
        backlog: |app| Box::pin(fetch_count(app, "select count(*) as n from accounts where due_at <= $1")),
        due: |app, now| Box::pin(earliest_due(app, "select min(due_at) as due from accounts where due_at > $1", now)),
    },
    Job {
        name: "reminders",
        about: "writes the emails before top-ups expire",
        network: false,
        run: |app, _| Box::pin(reminders::send_reminders(app)),
        backlog: |app| Box::pin(reminders::reminder_backlog(app)),
        due: |app, now| Box::pin(reminders::next_reminder_due(app, now)),
    },
    Job {
        name: "news",
        about: "writes the emails about low balances",
        network: false,
        run: |app, _| Box::pin(balance_alerts::send_balance_alerts(app)),
        backlog: |app| Box::pin(balance_alerts::alert_backlog(app)),
        due: |_, _| Box::pin(async { Ok(None) }),
    },
    Job {
        name: "inbox",
        about: "handles Stripe's waiting events",
        network: true,
        run: |app, _| Box::pin(inbox::sweep_inbox(app)),
        backlog: |app| {
            Box::pin(fetch_count(app, "select count(*) as n from inbox where done_at is null and due_at <= $1"))
        },
        due: |app, now| {
            Box::pin(earliest_due(
                app,
                // One that has failed for long is no reason to stop a clock at each of its retries.
                "select min(due_at) as due from inbox where done_at is null and due_at > $1 and attempts < 24",
                now,
            ))
        },
    },
    Job {
        name: "purchases",
        about: "asks Stripe about waiting purchases",
        network: true,
        run: |app, _| Box::pin(purchases::sweep_purchases(app)),
        backlog: |app| Box::pin(purchases::unfinished_purchases(app)),
        due: |app, now| Box::pin(purchases::next_purchase_due(app, now)),
    },
    Job {
        name: "auto_top_ups",
        about: "decides automatic top-ups that are due, and makes their purchases",
        network: false,
        run: |app, _| Box::pin(auto_top_up::run_auto_top_ups(app)),
        backlog: |app| Box::pin(auto_top_up::auto_top_up_backlog(app)),
        due: |app, now| Box::pin(auto_top_up::next_auto_top_up_due(app, now)),
    },
    Job {
        name: "auto_payments",
        about: "pays automatic top-ups with the saved card, voids unpaid ones, detaches cards",
        network: true,
        run: |app, _| Box::pin(auto_top_up::run_auto_payments(app)),
        backlog: |app| Box::pin(auto_top_up::auto_payment_backlog(app)),
        due: |app, now| Box::pin(auto_top_up::next_auto_payment_due(app, now)),
    },
    Job {
        name: "customers",
        about: "updates changed emails and names at Stripe",
        network: true,
        run: |app, _| Box::pin(purchases::send_contact_changes(app)),
        backlog: |app| Box::pin(purchases::contact_changes_waiting(app)),
        due: |app, now| Box::pin(purchases::next_contact_change(app, now)),
    },
    Job {
        name: "events",
        about: "asks Stripe for missing events",
        network: true,
        run: |app, _| Box::pin(events::fetch_missed_events(app)),
        backlog: |_| Box::pin(async { Ok(0) }),
        // That Stripe is asked every ten minutes is no reason to stop a clock there.
        due: |_, _| Box::pin(async { Ok(None) }),
    },
    Job {
        name: "sign_in",
        about: "sends urgent emails: sign-in links and invitations",
        network: true,
        run: |app, stop| Box::pin(async move { outbox::send_urgent_emails(app, EmailWriters, stop).await.map(|()| 0) }),
        backlog: |app| {
            Box::pin(fetch_count(
                app,
                "select count(*) as n from outbox where done_at is null and urgent = 1 and due_at <= $1",
            ))
        },
        due: |app, now| Box::pin(outbox::next_email_due(app, now)),
    },
    Job {
        name: "mails",
        about: "sends all emails of the outbox",
        network: true,
        run: |app, stop| Box::pin(async move { outbox::send_due_emails(app, EmailWriters, stop).await.map(|()| 0) }),
        backlog: |app| {
            Box::pin(fetch_count(app, "select count(*) as n from outbox where done_at is null and due_at <= $1"))
        },
        due: |app, now| Box::pin(outbox::next_email_due(app, now)),
    },
    Job {
        name: "hooks",
        about: "sends webhooks about credited top-ups, low balances and alarms",
        network: true,
        run: |app, stop| Box::pin(webhooks::send_due_webhooks(app, stop)),
        backlog: |app| Box::pin(webhooks::webhook_backlog(app)),
        due: |app, now| Box::pin(webhooks::next_webhook_due(app, now)),
    },
    Job {
        name: "erasure",
        about: "blanks the personal data of closed customers",
        network: false,
        run: |app, _| Box::pin(erasure::run_erasure(app)),
        backlog: |app| Box::pin(erasure::erasure_backlog(app)),
        due: |_, _| Box::pin(async { Ok(None) }),
    },
    Job {
        name: "tidy",
        about: "deletes data after its time: links, sessions, Stripe's events, bodies of emails, old alerts",
        network: false,
        run: |app, _| Box::pin(retention::sweep_expired(app)),
        backlog: |app| Box::pin(retention::retention_backlog(app)),
        due: |_, _| Box::pin(async { Ok(None) }),
    },
];

/// The job of a name.
#[must_use]
pub fn job_named(name: &str) -> Option<&'static Job> {
    const JOBS: &[Job] = &ALL;
    JOBS.iter().find(|job| job.name == name)
}

impl Job {
    /// Does what is due; how many pieces of work that were, where the job counts.
    pub async fn run(&self, app: &App, stop: &CancellationToken) -> Result<u64, InternalError> {
        (self.run)(app, stop).await
    }

    /// How much is due and not done.
    pub async fn backlog(&self, app: &App) -> Result<i64, InternalError> {
        (self.backlog)(app).await
    }
}

/// Does all that is due by now, of the jobs that need no network.
///
/// # Errors
/// [`InternalError`] of a database that is away; a job that fails in another way keeps no other from running.
pub async fn run_due(app: &App) -> Result<(), InternalError> {
    run_each(app, |job| !job.network).await
}

/// Does all that is due by now, of some jobs; what one brings about, the next ones find.
pub(crate) async fn run_each(app: &App, which: impl Fn(&Job) -> bool) -> Result<(), InternalError> {
    let stop = CancellationToken::new();
    for job in ALL.iter().filter(|job| which(job)) {
        match job.run(app, &stop).await {
            Ok(_) => {}
            // Another machine's fault, or the job's own, is tried again at its next instant.
            Err(fault) if job.network || !failed_items::may_pass(&fault) => {
                tracing::warn!(job = job.name, error = %fault, "a job failed while the test clock moved");
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}

/// The next instant after now at which any job has something to do.
pub async fn next_job_due(app: &App) -> Result<Option<Instant>, InternalError> {
    next_due_of(app, |_| true).await
}

async fn next_due_of(app: &App, which: impl Fn(&Job) -> bool) -> Result<Option<Instant>, InternalError> {
    let (now, mut next) = (app.clock.now(), None);
    for job in ALL.iter().filter(|job| which(job)) {
        next = next.into_iter().chain((job.due)(app, now).await?).min();
    }
    // That what failed is tried again is no reason to stop a clock there: it is, wherever the clock stops.
    Ok(next)
}

/// Lets time pass on a clock that only this process knows, as far as `to`: whatever needs no network happens at its
/// own due instant. For replaying a history.
pub async fn pass_time(app: &App, to: Instant) -> Result<(), InternalError> {
    loop {
        run_due(app).await?;
        let (now, next) = (app.clock.now(), next_due_of(app, |job| !job.network).await?);
        match next.filter(|next| *next <= to) {
            Some(next) => app.clock.put(next),
            None => {
                app.clock.put(to.max(now));
                return Ok(());
            }
        }
    }
}

async fn fetch_count(app: &App, sql: &str) -> Result<i64, InternalError> {
    let row = app.store.read().await?.fetch_optional(sql, args![app.clock.now()]).await?;
    Ok(row.map_or(Ok(0), |row| row.int("n"))?)
}

async fn earliest_due(app: &App, sql: &str, after: Instant) -> Result<Option<Instant>, InternalError> {
    let row = app.store.read().await?.fetch_optional(sql, args![after]).await?;
    Ok(row.map(|row| row.opt_at("due")).transpose()?.flatten())
}

/// Books what is due; how many customers that were. One that fails is retried later, by itself.
async fn catch_up_accounts(app: &App) -> Result<u64, InternalError> {
    let act = |item: String| async move {
        accounts::catch_up_if_due(app, failed_items::customer_of_item(&item)?).await?;
        Ok(1)
    };
    let mut run = rounds::ItemRun::new(app, failed_items::LEDGER, AT_ONCE_MAX);
    let mut served = run.retry(act).await?;
    let sql = format!(
        "select customer_no from accounts where due_at <= $1 and {} order by due_at limit $2",
        failed_items::LEDGER.without_failed("accounts.customer_no")
    );
    loop {
        let rows = app.store.read().await?.fetch_all(sql.as_str(), args![app.clock.now(), CATCH_UP_MAX]).await?;
        let nos = failed_items::customer_items(&rows)?;
        if nos.is_empty() {
            return Ok(served);
        }
        served += run.serve(nos, act).await?;
    }
}
