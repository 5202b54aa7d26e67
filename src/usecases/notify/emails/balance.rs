//! Emails of balance alerts: expired, plan credits used up, running low, out of credits.

use crate::domain::advice::{Fit, Offer, Verdict};
use crate::domain::balance_alert::{AlertKind, BalanceAlert};
use crate::domain::forecast::about;
use crate::domain::{Account, Catalog, Credits, Instant, Money, Summary};
use crate::time_zone::Zone;
use crate::usecases::ShopSettings;
use crate::usecases::notify::emails::{Addressed, Announcement, Reason, announcement_draft, upgrade_address};

/// The coming days of a customer, as Billing shows them.
#[derive(Clone, Debug, Default)]
pub struct Outlook {
    /// Few credits are left from here on.
    pub low_mark: Credits,
    /// When credits run out at the usage rate, if that is before the reset.
    pub runs_out: Option<Instant>,
    pub verdict: Option<Verdict>,
    /// Advice for a larger plan is hidden until the reset.
    pub is_advice_hidden: bool,
}

/// The email of an alert, unless the alert is no longer true.
#[must_use]
pub fn balance_letter(
    catalog: &Catalog,
    shop: &ShopSettings,
    to: &Addressed,
    alert: BalanceAlert,
    account: &Account,
    outlook: &Outlook,
) -> Option<Announcement> {
    let balance = Summary::of(account, account.last_at);
    let (zone, left) = (to.zone, balance.available + balance.held);
    let resets = zone.day(account.cycle.end);
    let way_out = way_out(catalog, &account.plan, outlook);
    let (subject, heading, line) = match alert.kind {
        AlertKind::Expired => {
            let heading = format!("{} {} expired", alert.credits.counted(), alert.credits.plural("has", "have"));
            (heading.clone(), heading, "Your other top-ups aren't affected.".to_owned())
        }
        AlertKind::Out if left.is_zero() => (
            "You're out of credits: requests fail".to_owned(),
            "You're out of credits. New requests will fail.".to_owned(),
            format!("{} for the reset on {resets}.", way_out.words()),
        ),
        AlertKind::PlanUsedUp if (balance.plan + balance.courtesy).is_zero() && left.is_positive() => (
            "Plan credits used up, top-ups in use".to_owned(),
            "Your plan credits are used up, so we're using your top-ups.".to_owned(),
            format!("Your plan resets on {resets}."),
        ),
        AlertKind::Low if left <= outlook.low_mark => {
            let about = format!("About {} left", few(left).counted());
            let pace = outlook.runs_out.map(|at| runs_out(zone, few(left), at, account.cycle.end)).unwrap_or_default();
            (about.clone(), about, format!("{pace}Your plan resets on {resets}."))
        }
        AlertKind::Out | AlertKind::PlanUsedUp | AlertKind::Low => return None,
    };
    let mut draft = announcement_draft(catalog, shop, heading);
    draft.lines.push(line);
    draft.facts.push(("For", to.name.clone()));
    if alert.kind == AlertKind::Expired {
        draft.facts.push(("Expired", zone.full(alert.at)));
    }
    draft.facts.push(("Available now", balance.available.grouped()));
    if alert.kind == AlertKind::PlanUsedUp {
        draft.facts.push(("Left in top-ups", balance.top_up.grouped()));
    }
    if matches!(alert.kind, AlertKind::Low | AlertKind::Out) {
        draft.button = way_out.button(catalog, shop, to).or(draft.button);
    }
    let is_expired = alert.kind == AlertKind::Expired;
    Some(Announcement {
        key: format!("news:{}:{}:{}", to.no, alert.kind.name(), alert.seq),
        kind: alert.kind.name(),
        subject,
        draft,
        cause: None,
        reason: if is_expired { Reason::Always("Emails about expired credits") } else { Reason::Balance },
    })
}

/// `At this pace they run out around 1 Dec, 11 days before your reset. ` An email is read later: it names the day.
fn runs_out(zone: Zone, left: Credits, at: Instant, resets_at: Instant) -> String {
    let verb = left.plural("it runs out", "they run out");
    format!("At this pace {verb} around {}, {}. ", zone.short_day(at), zone.before_reset(at, resets_at))
}

/// The way out for a customer who runs short: that of Billing's notice.
enum EmailOffer<'a> {
    /// The plan can't buy top-ups.
    Upgrade,
    Offer(Offer<'a>),
    /// Nothing is for sale.
    Wait,
}

fn way_out<'a>(catalog: &'a Catalog, plan: &str, outlook: &'a Outlook) -> EmailOffer<'a> {
    if !catalog.may_buy(plan) {
        return EmailOffer::Upgrade;
    }
    let offer = Offer::new(outlook.verdict.as_ref(), outlook.is_advice_hidden, catalog);
    offer.map_or(EmailOffer::Wait, EmailOffer::Offer)
}

impl EmailOffer<'_> {
    fn words(&self) -> &'static str {
        match self {
            Self::Upgrade => "Upgrade, or wait",
            Self::Offer(Offer::Plan(_)) => "Upgrade, buy a top-up, or wait",
            Self::Offer(Offer::Package(_)) => "Buy a top-up, or wait",
            Self::Wait => "Wait",
        }
    }

    fn button(&self, catalog: &Catalog, shop: &ShopSettings, to: &Addressed) -> Option<(String, String)> {
        match self {
            Self::Upgrade => Some(("Upgrade".to_owned(), upgrade_address(catalog, shop, &to.id))),
            Self::Offer(Offer::Plan(id)) => {
                let name = &catalog.plan(id)?.name;
                Some((format!("See {name}"), upgrade_address(catalog, shop, &to.id)))
            }
            Self::Offer(Offer::Package(Fit { package, .. })) => {
                let price = Money::new(package.amount, &catalog.shop.currency).short();
                let words = format!("Buy {} for {price}", package.grants().grouped());
                Some((words, format!("{}/billing#buy", shop.site)))
            }
            Self::Wait => None,
        }
    }
}

/// Two digits; less than half a credit as it is.
fn few(left: Credits) -> Credits {
    let few = about(left);
    if few.is_zero() { left } else { few }
}
