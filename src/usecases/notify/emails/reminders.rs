//! "1,000 credits expire on 28 Nov 2026": the amount and the date of the page, and how it will end at this pace.

use crate::domain::forecast::TopUpForecast;
use crate::domain::{Catalog, Credits, Instant};
use crate::usecases::ShopSettings;
use crate::usecases::notify::emails::{Addressed, Announcement, Reason, announcement_draft, upgrade_address};

/// Its kind in the outbox.
pub const KIND: &str = "reminder";

/// Top-ups that expire on one day of the customer's calendar.
#[derive(Clone, Debug)]
pub struct Expiring {
    /// Credits left, expiry, purchase date and size of each; the first to expire first.
    pub top_ups: Vec<(Credits, Instant, Instant, Credits)>,
    /// How they will end, where anything can be said.
    pub forecast: Option<TopUpForecast>,
    /// The plan on which they are paused.
    pub paused_on: Option<String>,
}

impl Expiring {
    /// The credits left in all of them.
    #[must_use]
    pub fn credits(&self) -> Credits {
        self.top_ups.iter().map(|(left, ..)| *left).sum()
    }

    fn first(&self) -> Option<Instant> {
        self.top_ups.first().map(|(_, expires_at, ..)| *expires_at)
    }
}

/// The reminder for a number of days before expiry; `mail` is its id.
#[must_use]
pub fn reminder_letter(
    catalog: &Catalog,
    shop: &ShopSettings,
    to: &Addressed,
    of: &Expiring,
    now: Instant,
    mail: [u8; 16],
) -> Option<Announcement> {
    let (credits, first, zone) = (of.credits(), of.first()?, to.zone);
    let expire = credits.plural("expires", "expire");
    let when = match zone.days_until(now, first) {
        i64::MIN..=0 => "today".to_owned(),
        1 => "tomorrow".to_owned(),
        days => format!("in {days} days"),
    };
    let heading = format!("{} {expire} {when}, on {}.", credits.counted_as("top-up"), zone.sentence(first));
    let mut draft = announcement_draft(catalog, shop, heading);
    draft.lines = match &of.paused_on {
        Some(plan) => {
            draft.button = Some(("Upgrade".to_owned(), upgrade_address(catalog, shop, &to.id)));
            let (paused, them) = (credits.plural("It's", "They're"), credits.plural("it", "them"));
            vec![format!("{paused} paused on {plan}. Upgrade to use {them} before {}.", zone.day(first))]
        }
        None => vec![format!("{}New purchases don't extend this date.", forecast_words(of.forecast, credits))],
    };
    draft.facts.push(("For", to.name.clone()));
    for (left, expires_at, bought_at, amount) in &of.top_ups {
        let bought = zone.day(*bought_at);
        draft.facts.push(("Left", format!("{} of {}, bought {bought}", left.grouped(), amount.grouped())));
        draft.facts.push(("Expires", zone.full(*expires_at)));
    }
    Some(Announcement {
        key: format!("reminder:{}", hex::encode(mail)),
        kind: KIND,
        subject: format!("{} {expire} on {}", credits.counted(), zone.day(first)),
        draft,
        cause: Some(mail),
        reason: Reason::Always("Expiry reminders"),
    })
}

/// The pace sentence of the page, ending in a space; empty where nothing can be said.
fn forecast_words(forecast: Option<TopUpForecast>, credits: Credits) -> String {
    match forecast {
        None => String::new(),
        Some(TopUpForecast::AllUsed) => format!("At this pace you'll use {}. ", credits.plural("it", "them all")),
        Some(TopUpForecast::Left(left)) => format!("At this pace about {} will be left. ", left.grouped()),
        Some(TopUpForecast::Untouched) => {
            let all = format!("all {}", credits.grouped());
            let all = credits.plural("it", &all);
            format!("We use plan credits first, so at this pace {all} will expire unused. ")
        }
    }
}
