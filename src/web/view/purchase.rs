//! A purchase's own page: what happened, when, what is left of it, and what can be done.

use crate::domain::{Credits, Grant, Instant, Money};
use crate::web::ui::badge::{Badge, Tone};
use crate::web::ui::dates::{Moment, Zone};
use crate::web::ui::text::Text;
use crate::web::view::notices::{Notice, NoticeAction, Voice};
use crate::web::view::offers::BuyForm;
use crate::web::view::status;

/// The page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurchaseView {
    /// `pur_…`
    pub reference: String,
    /// What was bought.
    pub credits: Credits,
    /// Its state.
    pub badge: Badge,
    /// How the visit came out, or what is going on.
    pub notice: Option<Notice>,
    /// What is left of it, once credited.
    pub left: Option<Text>,
    /// What happened, oldest first.
    pub timeline: Vec<Step>,
    /// Its price.
    pub price: Money,
    /// Tax on top, where it was computed.
    pub tax: Option<Money>,
    /// What was given back.
    pub refunded: Option<Money>,
    /// Where its invoice is asked for.
    pub invoice: Option<String>,
    /// A mail to support that names it.
    pub support: String,
}

/// One step of the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What happened.
    pub what: Text,
    /// When; the day only where it is another than the step before.
    pub at: Moment,
}

/// What happened, in the order of the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The form was sent.
    Chosen,
    /// Checkout opened.
    Opened,
    /// The bank said that the money is on its way.
    Processing,
    /// The money came.
    Paid,
    /// The credits came.
    Credited,
    /// The payment did not go through.
    Failed,
    /// The Checkout closed unpaid.
    Expired,
    /// It was set aside for a person.
    Review,
    /// A reminder of its expiry was mailed.
    Reminded,
    /// A reminder of its expiry waits to be sent.
    ReminderWaits,
    /// No mail server takes a reminder of its expiry yet.
    ReminderDelayed,
    /// A reminder of its expiry reached nobody.
    ReminderRefused,
    /// Money was given back.
    Refunded,
    /// The bank began a review.
    Disputed,
    /// A refund came back: the credits are there again.
    RefundFailed,
    /// The bank ended its review in our favour.
    DisputeWon,
    /// The bank took the money back.
    DisputeLost,
    /// Its credits ended.
    Ended,
}

impl What {
    /// From the timeline's name; what is not for customers has none.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "chosen" => Self::Chosen,
            "checkout_opened" => Self::Opened,
            "processing" => Self::Processing,
            "paid" => Self::Paid,
            "credited" => Self::Credited,
            "failed" => Self::Failed,
            "expired" => Self::Expired,
            "review" => Self::Review,
            "reminded" => Self::Reminded,
            "refunded" => Self::Refunded,
            "disputed" => Self::Disputed,
            "refund_failed" => Self::RefundFailed,
            "dispute_won" => Self::DisputeWon,
            "dispute_lost" => Self::DisputeLost,
            "ended" => Self::Ended,
            _ => return None,
        })
    }

    fn words(self, credits: Credits) -> Text {
        match self {
            Self::Chosen => return Text::from("You chose ").counted(credits, ""),
            Self::Opened => "Checkout opened",
            Self::Processing => "Bank payment started",
            Self::Paid => "Payment received",
            Self::Credited => "Credits added",
            Self::Failed => "Payment did not go through",
            Self::Expired => "Checkout expired, not paid",
            Self::Review => "Sent to support for review",
            Self::Reminded => "Reminder sent",
            Self::ReminderWaits => "Reminder on its way",
            Self::ReminderDelayed => "Reminder delayed, it is sent again",
            Self::ReminderRefused => "Reminder could not be delivered",
            Self::Refunded => "Refunded",
            Self::Disputed => "Bank review started",
            Self::RefundFailed => "Refund did not go through, credits given back",
            Self::DisputeWon => "Bank review ended, credits given back",
            Self::DisputeLost => "Bank review lost, credits removed",
            Self::Ended => "Credits expired",
        }
        .into()
    }
}

/// The timeline: the day is named where it changes, else the time alone.
#[must_use]
pub fn timeline(steps: &[(What, Instant)], credits: Credits, zone: Zone) -> Vec<Step> {
    let mut day: Option<Instant> = None;
    let mut step = |(what, at): &(What, Instant)| {
        let same = day.is_some_and(|before| zone.same_day(before, *at));
        day = Some(*at);
        Step { what: what.words(credits), at: if same { zone.clock(*at) } else { zone.full(*at) } }
    };
    steps.iter().map(&mut step).collect()
}

/// What became of the credits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stand {
    /// What was bought.
    pub of: Credits,
    /// What can be used.
    pub left: Credits,
    /// What running jobs hold.
    pub held: Credits,
    /// What waits for the bank.
    pub frozen: Credits,
    /// What went with money given back.
    pub refunded: Credits,
    /// What went with a lost dispute.
    pub disputed: Credits,
    /// Its date.
    pub expires_at: Instant,
    /// Whether that is over.
    pub ended: bool,
}

impl Stand {
    /// Of a top-up at an instant.
    #[must_use]
    pub fn of(grant: &Grant, now: Instant) -> Self {
        let ended = !status::is_live(grant, now);
        Self {
            of: grant.amount,
            left: if ended { Credits::ZERO } else { grant.remaining() },
            held: grant.held,
            frozen: grant.frozen,
            refunded: grant.refunded,
            disputed: grant.disputed,
            expires_at: grant.expires_at,
            ended,
        }
    }

    /// `1,000 of 1,200 left · Expires 28 Nov 2026, 14:03 CET`
    #[must_use]
    pub fn words(&self, now: Instant, zone: Zone) -> Text {
        let words = Text::new().credits(self.left).text(" of ").credits(self.of).text(" left");
        let part = |words: Text, credits: Credits, what: &str| {
            if credits.is_positive() { words.text(" · ").credits(credits).text(what) } else { words }
        };
        let words = part(words, self.held, " held by running jobs");
        let words = part(words, self.frozen, " frozen while your bank reviews the payment");
        let words = part(words, self.refunded, " refunded");
        let words = part(words, self.disputed, " removed after the bank review");
        // What is gone before its time has no date any more.
        let is_gone = (self.left + self.held + self.frozen).is_zero();
        if is_gone && (self.refunded + self.disputed).is_positive() {
            return words;
        }
        if self.frozen.is_positive() && self.expires_at <= now {
            return words.text(" · Does not expire meanwhile");
        }
        let when = if self.expires_at <= now { " · Expired " } else { " · Expires " };
        words.text(when).time(zone.full(self.expires_at))
    }
}

/// "1,200 credits added.", on the way back from Checkout.
#[must_use]
pub fn added(credits: Credits, available: Credits, expires_at: Instant, zone: Zone, invoice: Option<&str>) -> Notice {
    let strong = Text::new().counted(credits, "").text(" added.");
    let text = Text::from("Available now: ").credits(available).text(". Valid until ");
    let notice = Notice::new(Tone::Good, strong, text.time(zone.full(expires_at)).text(".")).aloud(Voice::Status);
    let notice = match invoice {
        Some(href) => notice.with(NoticeAction::link("Invoice", href)),
        None => notice,
    };
    notice.with(NoticeAction::link("Back to Billing", "/billing"))
}

/// The same for a browser that is signed out: nothing of the account is shown.
#[must_use]
pub fn added_signed_out(credits: Credits) -> Notice {
    let strong = Text::new().counted(credits, "").text(" added.");
    Notice::new(Tone::Good, strong, "Sign in to see what is available.").aloud(Voice::Status)
}

/// A delayed payment on its way; `mailed` gets the receipt: an address, or `you` where none may be shown.
#[must_use]
pub fn processing(mailed: &str, here: &str) -> Notice {
    let text = format!("Credits are added when it clears, up to 5 days. We will mail {mailed}. Nothing to do.");
    let notice = Notice::new(Tone::Info, "Your bank payment is on its way.", text).aloud(Voice::Status);
    notice.with(NoticeAction::link("Check again", here))
}

/// Paid, and the credits not there yet.
#[must_use]
pub fn adding(here: &str) -> Notice {
    let strong = "Payment received. Your credits are being added.";
    let notice = Notice::new(Tone::Info, strong, "Usually under a minute.").aloud(Voice::Status);
    notice.with(NoticeAction::link("Check again", here))
}

/// Back from Checkout, and nobody could say yet whether it was paid: the redirect alone proves nothing (R8).
#[must_use]
pub fn checking(here: &str) -> Notice {
    let text = "Credits are added as soon as the payment is confirmed, usually under a minute.";
    let notice = Notice::new(Tone::Info, "We are checking your payment.", text).aloud(Voice::Status);
    notice.with(NoticeAction::link("Check again", here))
}

/// The payment did not go through; `again` is a fresh form for the same package.
#[must_use]
pub fn failed(again: Option<BuyForm>) -> Notice {
    let strong = "The payment did not go through. You were not charged.";
    match again {
        Some(form) => {
            let notice = Notice::new(Tone::Bad, strong, "Try again, or use another card.").aloud(Voice::Alert);
            notice.with(NoticeAction::Buy { label: "Try again".into(), form })
        }
        None => Notice::new(Tone::Bad, strong, "").aloud(Voice::Alert),
    }
}

/// Checkout is still open.
#[must_use]
pub fn unfinished(until: Moment, resume: Option<BuyForm>) -> Notice {
    let text = Text::from("You were not charged. Checkout is open until ").time(until).text(".");
    let notice = Notice::new(Tone::Info, "This is not paid yet.", text).aloud(Voice::Status);
    match resume {
        Some(form) => notice.with(NoticeAction::Buy { label: "Continue".into(), form }),
        None => notice,
    }
}

/// Its Checkout closed unpaid.
#[must_use]
pub fn expired(again: Option<BuyForm>) -> Notice {
    let notice = Notice::new(Tone::Quiet, "That Checkout has expired.", "You were not charged.").aloud(Voice::Status);
    match again {
        Some(form) => notice.with(NoticeAction::Buy { label: "Buy again".into(), form }),
        None => notice,
    }
}

/// A payment that does not match: a person looks.
#[must_use]
pub fn review(reference: &str) -> Notice {
    let text = format!("Support has been told. Reference {reference}");
    Notice::new(Tone::Warn, "We received a payment that does not match.", text).aloud(Voice::Alert)
}

/// A mail to support that names the purchase.
#[must_use]
pub fn support_link(address: &str, reference: &str) -> String {
    format!("mailto:{address}?subject=Purchase%20{reference}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        text.parse().expect("an instant")
    }

    #[test]
    fn the_timeline_names_the_day_where_it_changes() {
        let steps = [
            (What::Chosen, at("2025-11-28T13:01:00Z")),
            (What::Opened, at("2025-11-28T13:01:02Z")),
            (What::Paid, at("2025-11-28T13:03:00Z")),
            (What::Credited, at("2025-11-28T13:03:01Z")),
            (What::Reminded, at("2026-10-29T13:03:00Z")),
        ];
        let steps = timeline(&steps, Credits::whole(1_200), Zone::named("Europe/Berlin"));
        let said: Vec<String> = steps.iter().map(|step| format!("{} {}", step.what, step.at.text)).collect();
        assert_eq!(
            said,
            [
                "You chose 1,200 credits 28 Nov 2025, 14:01 CET",
                "Checkout opened 14:01",
                "Payment received 14:03",
                "Credits added 14:03",
                "Reminder sent 29 Oct 2026, 14:03 CET",
            ]
        );
    }

    #[test]
    fn success_says_what_is_available_and_until_when() {
        let berlin = Zone::named("Europe/Berlin");
        let notice = added(Credits::whole(1_200), Credits::whole(1_380), at("2027-11-22T13:03:00Z"), berlin, None);
        assert_eq!(notice.strong.to_string(), "1,200 credits added.");
        assert_eq!(notice.text.to_string(), "Available now: 1,380. Valid until 22 Nov 2027, 14:03 CET.");
    }

    #[test]
    fn the_page_says_what_became_of_the_credits() {
        let (none, all) = (Credits::ZERO, Credits::whole(1_200));
        let (held, frozen, refunded, disputed, ended) = (none, none, none, none, false);
        let expires_at = at("2026-11-28T13:03:00Z");
        let whole = Stand { of: all, left: all, held, frozen, refunded, disputed, expires_at, ended };
        let said = |stand: Stand| stand.words(at("2026-11-22T13:03:00Z"), Zone::named("Europe/Berlin")).to_string();
        assert_eq!(said(whole), "1,200 of 1,200 left · Expires 28 Nov 2026, 14:03 CET");
        assert_eq!(
            said(Stand { left: none, frozen: all, ..whole }),
            "0 of 1,200 left · 1,200 frozen while your bank reviews the payment · Expires 28 Nov 2026, 14:03 CET"
        );
        let (part, rest) = (Credits::whole(200), Credits::whole(1_000));
        assert_eq!(
            said(Stand { left: rest, refunded: part, ..whole }),
            "1,000 of 1,200 left · 200 refunded · Expires 28 Nov 2026, 14:03 CET"
        );
        assert_eq!(said(Stand { left: none, refunded: all, ..whole }), "0 of 1,200 left · 1,200 refunded");
        assert_eq!(
            said(Stand { left: none, disputed: all, ..whole }),
            "0 of 1,200 left · 1,200 removed after the bank review"
        );
        assert_eq!(
            said(Stand { left: none, held: part, ..whole }),
            "0 of 1,200 left · 200 held by running jobs · Expires 28 Nov 2026, 14:03 CET"
        );
    }
}
