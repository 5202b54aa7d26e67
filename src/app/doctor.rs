//! `topup doctor`: looks at settings, database, Stripe, mail, clock and worker, and says what to do. It changes
//! nothing, and runs beside `serve`.

use crate::app::stripe_checks::Finding;
use crate::app::{Failure, check_plans, opening, read_catalog, stripe_checks};
use crate::args;
use crate::clock::Clock;
use crate::config::Settings;
use crate::domain::time::from_millis;
use crate::domain::{Catalog, Instant};
use crate::store::db::DbError;
use crate::store::pg_session::SETTINGS;
use crate::store::{Opening, Store, commits};
use crate::stripe::{Endpoint, Right, Stripe, StripeError};
use crate::usecases::stripe_sync::inbox;
use crate::usecases::{alarms, jobs};
use chrono::TimeDelta;
use std::fmt::Display;
use std::time::Duration;

/// How far clocks may be apart before somebody should look.
const CLOCK_SECONDS: i64 = 30;

/// What selling needs of a key.
pub(super) const RIGHTS: [(&str, Right); 7] = [
    ("customers: write", Right::Write("/customers")),
    ("checkout sessions: write", Right::Write("/checkout/sessions")),
    ("refunds: write", Right::Write("/refunds")),
    ("charges: read", Right::Read("/charges")),
    ("disputes: read", Right::Read("/disputes")),
    ("invoices: read", Right::Read("/invoices")),
    ("events: read", Right::Read("/events")),
];

/// What following subscriptions needs beside it.
const SUBSCRIBING: [(&str, Right); 2] = [
    ("subscriptions: read", Right::Read("/subscriptions")),
    ("customer portal: write", Right::Write("/billing_portal/sessions")),
];

/// What was found, line by line.
#[derive(Default)]
struct Report {
    wrong: usize,
}

impl Report {
    fn take(&mut self, found: Finding) {
        match found {
            Finding::Good(what, words) => self.good(what, words),
            Finding::Note(what, words) => self.note(what, words),
            Finding::Wrong(what, words) => self.wrong(what, words),
        }
    }

    fn good(&mut self, what: &str, words: impl Display) {
        println!("ok     {what}: {words}");
    }

    fn note(&mut self, what: &str, words: impl Display) {
        println!("note   {what}: {words}");
    }

    fn wrong(&mut self, what: &str, words: impl Display) {
        self.wrong += 1;
        println!("wrong  {what}: {words}");
    }
}

/// `topup doctor`.
///
/// # Errors
/// [`Failure`], where anything is wrong: all of it has been printed.
pub async fn run(settings: &Settings) -> Result<(), Failure> {
    let mut report = Report::default();
    let well = settings.check(false);
    match &well {
        Ok(()) => report.good("settings", "can be read"),
        Err(bad) => report.wrong("settings", bad),
    }
    public_url(&mut report, settings);
    let catalog = read_catalog(&settings.database.catalog);
    match &catalog {
        Ok(catalog) => {
            let (plans, packages) = (catalog.plans.len(), catalog.packages.len());
            report.good("catalogue", format!("{plans} plans, {packages} packages"));
        }
        Err(failure) => report.wrong("catalogue", words(failure)),
    }
    database(&mut report, settings, catalog.as_ref().ok()).await;
    if well.is_ok() {
        stripe(&mut report, settings, catalog.as_ref().is_ok_and(Catalog::sells_plans)).await;
    }
    if let Ok(catalog) = &catalog {
        stripe_checks::limits(catalog).into_iter().for_each(|found| report.take(found));
        mail(&mut report, settings, catalog).await;
    }
    hook(&mut report, settings);
    match report.wrong {
        0 => Ok(()),
        1 => Err(Failure::Failed("1 thing is wrong".to_owned())),
        n => Err(Failure::Failed(format!("{n} things are wrong"))),
    }
}

fn words(failure: &Failure) -> &str {
    match failure {
        Failure::Setting(line) | Failure::Failed(line) => line,
    }
}

fn public_url(report: &mut Report, settings: &Settings) {
    match &settings.public_url {
        Some(url) => report.good("PUBLIC_URL", url),
        None => report.note(
            "PUBLIC_URL",
            "is not set: links in mails and the way back from Checkout lead to the address that is listened on. Set it \
             to the address that customers see",
        ),
    }
}

async fn database(report: &mut Report, settings: &Settings, catalog: Option<&Catalog>) {
    // What is down is said at once.
    let opening = Opening { wait: Duration::ZERO, ..opening(&settings.database) };
    let store = match Store::open_existing_with(&settings.database.database_url, opening).await {
        Ok(store) => store,
        Err(e) => return report.wrong("database", e),
    };
    match tx(&store).await {
        Ok(unset) if unset.is_empty() => {
            report.good("database", "the tables are of this version, and a turn can be taken");
        }
        Ok(unset) => report.wrong(
            "database",
            format!(
                "{}: a process that freezes would keep all others from writing. Does a pooler or a role set it?",
                unset.join(", ")
            ),
        ),
        Err(e) => report.wrong("database", format!("no turn can be taken, so nothing can be charged: {e}")),
    }
    if let Some(catalog) = catalog
        && let Err(failure) = check_plans(&store, catalog).await
    {
        report.wrong("catalogue", words(&failure));
    }
    if let Err(e) = clock(report, &store, settings.wants_test_clock()).await {
        report.wrong("clock", e);
    }
    if let Err(e) = standbys(report, &store).await {
        report.wrong("standbys", e);
    }
    if let Err(e) = worker(report, &store).await {
        report.wrong("worker", e);
    }
    store.close().await;
}

/// Takes a turn, writes nothing, and gives it back; which settings of the session are not as they must be.
async fn tx(store: &Store) -> Result<Vec<String>, DbError> {
    let mut link = store.begin_turn().await?;
    // A database that takes no writes refuses even this.
    link.run("delete from write_probe where id = 0", Vec::new()).await?;
    let mut unset = Vec::new();
    let has_sessions = !link.is_sqlite();
    for (name, want) in SETTINGS.into_iter().filter(|_| has_sessions) {
        let row = link.one("select current_setting($1) as value", args![name]).await?;
        let value = row.map_or(Ok(String::new()), |row| row.text("value"))?;
        if value != want {
            unset.push(format!("{name} is {value}, not {want}"));
        }
    }
    Ok(unset)
}

/// A failover to a standby that lags loses commits that were answered already. Only the server can wait for one.
async fn standbys(report: &mut Report, store: &Store) -> Result<(), DbError> {
    let mut link = store.read().await?;
    if link.is_sqlite() {
        return Ok(());
    }
    // One that is away just now has left a slot.
    let sql = "select greatest(
           (select count(*) from pg_stat_replication where state is distinct from 'backup'),
           (select count(*) from pg_replication_slots where slot_type = 'physical')) as n,
         current_setting('synchronous_standby_names') as names";
    let Some(row) = link.one(sql, Vec::new()).await? else { return Ok(()) };
    match (row.int("n")?, row.text("names")?.trim()) {
        (0, _) => {}
        (n, "") => report.note(
            "standbys",
            format!(
                "{n} standby{} and no synchronous_standby_names: a failover loses charges that were answered. Set it, or \
                 synchronous_mode where Patroni does (operations.md)",
                if n == 1 { "" } else { "s" }
            ),
        ),
        (_, names) => report.good("standbys", format!("commits wait for {names}")),
    }
    Ok(())
}

async fn clock(report: &mut Report, store: &Store, is_test: bool) -> Result<(), DbError> {
    if is_test {
        report.note("clock", "is the test clock, which stands still");
        return Ok(());
    }
    let now = Clock::system().real();
    let mut link = store.read().await?;
    if !link.is_sqlite() {
        let sql = "select cast(extract(epoch from clock_timestamp()) * 1000 as bigint) as n";
        let theirs = link.one(sql, Vec::new()).await?.map_or(Ok(0), |row| row.int("n"))?;
        let apart = (from_millis(theirs) - now).num_seconds();
        if apart.abs() > CLOCK_SECONDS {
            report.wrong("clock", format!("PostgreSQL's is {apart} seconds from ours: set both by NTP"));
        }
    }
    if let Some(refusal) = commits::clock_refusal(store, now).await? {
        report.wrong("clock", refusal);
        return Ok(());
    }
    let sql = "select count(*) as n, max(last_at) as last_at from accounts where last_at > $1";
    let row = link.one(sql, args![now + TimeDelta::seconds(CLOCK_SECONDS)]).await?;
    let accounts = row.as_ref().map_or(Ok(0), |row| row.int("n"))?;
    if accounts > 0 {
        let until = row.map(|row| row.opt_at("last_at")).transpose()?.flatten();
        let until = until.map_or_else(String::new, |at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
        let them = if accounts == 1 { "1 account is".to_owned() } else { format!("{accounts} accounts are") };
        report.wrong(
            "clock",
            format!(
                "{them} ahead of it, the furthest at {until}: a clock was ahead once. Nothing is reopened; what they \
                 book until then bears that instant"
            ),
        );
    }
    let sql = "select created_at from entries where row_no = (select max(row_no) from entries)";
    let last = link.one(sql, Vec::new()).await?.map(|row| row.at("created_at")).transpose()?;
    match last.map(|last: Instant| (last - now).num_seconds()) {
        Some(ahead) if ahead > CLOCK_SECONDS => report.wrong(
            "clock",
            format!(
                "is {ahead} seconds behind the ledger's last entry: nothing is reopened, but what is due comes late. \
                 Set it by NTP"
            ),
        ),
        _ => report.good("clock", now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)),
    }
    Ok(())
}

async fn worker(report: &mut Report, store: &Store) -> Result<(), crate::usecases::InternalError> {
    let runs = jobs::last_runs_of(store).await?;
    let failing: Vec<_> = runs.iter().filter(|run| run.failures > 0).collect();
    for run in &failing {
        let said = run.last_error.as_deref().unwrap_or("no reason given");
        report.wrong("worker", format!("{} failed {} times in a row: {said}", run.name, run.failures));
    }
    let newest = runs.iter().map(|run| run.started_at).max();
    match newest.map(|at| Clock::system().real() - at) {
        None => report.note("worker", "has not run yet: `serve` does its jobs, or `topup work`"),
        Some(ago) if ago > TimeDelta::minutes(10) => report.wrong(
            "worker",
            format!(
                "has done nothing for {} minutes: nobody is told of expiry, and no mail leaves. Is `serve` or `topup \
                 work` running?",
                ago.num_minutes()
            ),
        ),
        Some(_) if failing.is_empty() => report.good("worker", "its jobs do well"),
        Some(_) => {}
    }
    match alarms::open(store).await?.len() {
        0 => report.good("alarms", "none"),
        n => report.note("alarms", format!("{n} wait for a person: `topup alarms`")),
    }
    Ok(())
}

async fn stripe(report: &mut Report, settings: &Settings, subscribes: bool) {
    let Ok(Some(found)) = settings.stripe() else {
        return report.note("Stripe", "STRIPE_SECRET_KEY is not set: buying is switched off");
    };
    let stripe = match Stripe::new(&found.secret_key, found.api_base.as_deref()) {
        Ok(stripe) => stripe,
        Err(reason) => return report.wrong("Stripe", format!("STRIPE_API_BASE: {reason}")),
    };
    report.good("Stripe", if stripe.livemode() { "a live key: money moves" } else { "a key of test mode" });
    for refused in rights(&stripe, subscribes).await {
        report.wrong("Stripe", refused);
    }
    let store = Store::open_existing(&settings.database.database_url).await.ok();
    report.take(stripe_checks::checkout_origin(settings, store.as_ref(), &stripe).await);
    if let Some(store) = store {
        store.close().await;
    }
    report.take(stripe_checks::clock(found.api_base.as_deref()).await);
    match (stripe.endpoints().await, &settings.public_url) {
        (Err(StripeError::Unauthorized(_)), _) => report.note(
            "webhook",
            "the key may not read webhook endpoints, so that nobody can say whether events are sent here. Compare with \
             the page of webhooks at Stripe",
        ),
        (Err(e), _) => report.wrong("webhook", e),
        (Ok(_), None) => report.note("webhook", "not compared, since PUBLIC_URL is not set"),
        (Ok(all), Some(base)) => webhook(report, &all, &webhook_url(base)),
    }
}

fn webhook(report: &mut Report, all: &[Endpoint], url: &str) {
    let Some(ours) = all.iter().find(|endpoint| endpoint.url == url) else {
        return report
            .wrong("webhook", format!("no endpoint at Stripe leads to {url}: `topup stripe setup` makes one"));
    };
    let missing = ours.missing(&inbox::KINDS);
    if ours.status != "enabled" {
        report.wrong("webhook", format!("{} is {}: `topup stripe setup` switches it on", ours.id, ours.status));
    } else if missing.is_empty() {
        report.good("webhook", format!("{} sends its events to {url}", ours.id));
    } else {
        let missing = missing.join(", ");
        report.wrong("webhook", format!("{} does not send {missing}: `topup stripe setup` adds them", ours.id));
    }
}

/// Where Stripe sends events to.
pub(super) fn webhook_url(public_url: &str) -> String {
    format!("{}/webhooks/stripe", public_url.trim_end_matches('/'))
}

/// What the key may not do of what selling needs, in words; or that Stripe cannot be asked. `subscribes` says whether
/// plans follow subscriptions.
pub(super) async fn rights(stripe: &Stripe, subscribes: bool) -> Vec<String> {
    let mut refused = Vec::new();
    let subscribing = SUBSCRIBING.into_iter().filter(|_| subscribes);
    for (name, right) in RIGHTS.into_iter().chain(subscribing) {
        let key = format!("doctor:{}", Clock::system().mint());
        match stripe.may(&key, right).await {
            Ok(()) => {}
            Err(StripeError::Unauthorized(reason)) => {
                refused.push(format!("the key lacks {name} ({reason}): give it that right at Stripe"));
            }
            Err(e) => {
                refused.push(e.to_string());
                break;
            }
        }
    }
    refused
}

/// Nothing is sent: `topup hooks test` does that.
fn hook(report: &mut Report, settings: &Settings) {
    match (settings.hook(), settings.hook_url.as_deref()) {
        (Ok(None), _) => report.note("hook", "HOOK_URL is not set: your backend is not told when somebody has paid"),
        (Ok(Some(_)), Some(url)) if url.starts_with("http://") && !url.starts_with("http://127.0.0.1") => report.note(
            "hook",
            "HOOK_URL is http://: signed, and readable by whoever is in between. Within one network that may be meant",
        ),
        (Ok(Some(_)), _) => report.good("hook", "is set; `topup hooks test` sends a message"),
        // Said under `settings` already.
        (Err(_), _) => {}
    }
}

async fn mail(report: &mut Report, settings: &Settings, catalog: &Catalog) {
    match settings.mailer(&catalog.shop, false) {
        Err(bad) => report.wrong("mail", bad),
        Ok(mailer) if mailer.is_off() => report.note(
            "mail",
            if catalog.rules.require_notice {
                "SMTP_URL and MAIL_DIR are not set: nobody can sign in by mail, and with require_notice no top-up expires"
            } else {
                "SMTP_URL and MAIL_DIR are not set: mails wait in the outbox, and nobody can sign in by mail"
            },
        ),
        Ok(mailer) => match mailer.test().await {
            Ok(()) => report.good("mail", "would be taken"),
            Err(reason) => report.wrong("mail", format!("{reason}: check SMTP_URL")),
        },
    }
}
