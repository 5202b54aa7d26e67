//! The timeline of a purchase: every step that a customer may know, oldest first.

use crate::domain::{Credits, Instant};
use crate::usecases::purchases::{PurchaseEvent, ReminderDelivery};
use crate::web::ui::badge::Tone;
use crate::web::ui::dates::{Moment, When, Zone};
use crate::web::ui::text::Text;
use leptos::prelude::*;

/// A step of the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimelineStep {
    /// The Buy form was sent.
    Chosen,
    /// Bought without a click.
    Automatic,
    /// Its invoice was made.
    Invoiced,
    /// The saved card was declined.
    Declined,
    /// The card's bank asks the cardholder.
    Confirmation,
    Opened,
    /// A delayed payment is on its way.
    Processing,
    Paid,
    Credited,
    Failed,
    /// Checkout closed unpaid.
    Expired,
    /// A person must look at it.
    Review,
    /// A reminder of its expiry was sent.
    Reminded,
    ReminderWaits,
    /// No mail server takes the reminder yet.
    ReminderDelayed,
    ReminderRefused,
    Refunded,
    Disputed,
    /// A refund failed: the credits are back.
    RefundFailed,
    DisputeWon,
    DisputeLost,
    /// Its credits expired.
    Ended,
}

impl TimelineStep {
    /// Reads an event's name. Some events are not for customers.
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "chosen" => Self::Chosen,
            "automatic" => Self::Automatic,
            "invoiced" => Self::Invoiced,
            "declined" => Self::Declined,
            "confirmation_required" => Self::Confirmation,
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
            Self::Automatic => return Text::new().counted(credits, "").text(" ordered automatically"),
            Self::Invoiced => "Invoice issued",
            Self::Declined => "Card declined",
            Self::Confirmation => "Bank asked for your confirmation",
            Self::Opened => "Checkout opened",
            Self::Processing => "Bank payment started",
            Self::Paid => "Payment received",
            Self::Credited => "Credits added",
            Self::Failed => "Payment didn't go through",
            Self::Expired => "Checkout expired, not paid",
            Self::Review => "Sent to support for review",
            Self::Reminded => "Reminder sent",
            Self::ReminderWaits => "Reminder on its way",
            Self::ReminderDelayed => "Reminder delayed, we're sending it again",
            Self::ReminderRefused => "Reminder couldn't be delivered",
            Self::Refunded => "Refunded",
            Self::Disputed => "Bank review started",
            Self::RefundFailed => "Refund failed, credits returned",
            Self::DisputeWon => "Bank review ended, credits returned",
            Self::DisputeLost => "Bank review lost, credits removed",
            Self::Ended => "Credits expired",
        }
        .into()
    }

    /// The rank of the last step.
    const fn tone(self) -> Tone {
        match self {
            Self::Credited | Self::RefundFailed | Self::DisputeWon => Tone::Good,
            Self::Processing | Self::Paid | Self::Reminded | Self::ReminderWaits | Self::Refunded => Tone::Info,
            Self::Review | Self::Disputed | Self::ReminderDelayed | Self::ReminderRefused => Tone::Warn,
            Self::Declined | Self::Confirmation => Tone::Warn,
            Self::Automatic | Self::Invoiced => Tone::Info,
            Self::Failed | Self::DisputeLost => Tone::Bad,
            Self::Chosen | Self::Opened | Self::Expired | Self::Ended => Tone::Quiet,
        }
    }

    /// The steps that are still to come.
    const fn coming(self) -> &'static [&'static str] {
        match self {
            Self::Chosen | Self::Opened | Self::Processing => &["Payment", "Credits added"],
            Self::Automatic | Self::Invoiced | Self::Declined | Self::Confirmation => &["Payment", "Credits added"],
            Self::Paid => &["Credits added"],
            _ => &[],
        }
    }

    /// Reads an event; a reminder says whether it has arrived.
    #[must_use]
    pub fn from_event(event: &PurchaseEvent) -> Option<(Self, Instant)> {
        let step = match (Self::named(&event.what)?, event.delivery) {
            (Self::Reminded, Some(ReminderDelivery::Queued)) => Self::ReminderWaits,
            (Self::Reminded, Some(ReminderDelivery::Deferred)) => Self::ReminderDelayed,
            (Self::Reminded, Some(ReminderDelivery::Refused)) => Self::ReminderRefused,
            (step, _) => step,
        };
        Some((step, event.at))
    }
}

/// Each step with its time; the day is named where it changes.
fn dated(steps: &[(TimelineStep, Instant)], credits: Credits, zone: Zone) -> Vec<(Text, Moment)> {
    let mut day: Option<Instant> = None;
    let mut step = |(step, at): &(TimelineStep, Instant)| {
        let same = day.is_some_and(|before| zone.same_day(before, *at));
        day = Some(*at);
        (step.words(credits), if same { zone.clock(*at) } else { zone.full(*at) })
    };
    steps.iter().map(&mut step).collect()
}

/// The timeline.
#[component]
pub fn Timeline(steps: Vec<(TimelineStep, Instant)>, credits: Credits, zone: Zone) -> impl IntoView {
    let last = steps.last().map(|(step, _)| *step);
    let is_last = |n: usize| n + 1 == steps.len();
    let row = |(n, (text, at)): (usize, (Text, Moment))| {
        let tone = last.filter(|_| is_last(n)).map(|step| step.tone().class());
        view! {
            <li class=tone>
                <span>{text}</span>
                " "
                <When moment=at />
            </li>
        }
    };
    let coming = |text: &'static str| {
        view! {
            <li class="coming note">
                <span>{text} <span class="sr-only">" (not yet)"</span></span>
            </li>
        }
    };
    let rows = dated(&steps, credits, zone).into_iter().enumerate().map(row).collect_view();
    let coming = last.map_or(&[][..], TimelineStep::coming).iter().copied().map(coming).collect_view();
    view! { <ol class="timeline">{rows} {coming}</ol> }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        text.parse().expect("an instant")
    }

    #[test]
    fn the_last_step_has_its_rank_and_what_is_to_come_is_named() {
        assert_eq!((TimelineStep::Credited.tone(), TimelineStep::Credited.coming()), (Tone::Good, &[][..]));
        assert_eq!((TimelineStep::Disputed.tone(), TimelineStep::Failed.tone()), (Tone::Warn, Tone::Bad));
        assert_eq!(TimelineStep::Processing.coming(), ["Payment", "Credits added"]);
        assert_eq!(TimelineStep::Paid.coming(), ["Credits added"]);
    }

    #[test]
    fn the_timeline_names_the_day_where_it_changes() {
        let steps = [
            (TimelineStep::Chosen, at("2025-11-28T13:01:00Z")),
            (TimelineStep::Opened, at("2025-11-28T13:01:02Z")),
            (TimelineStep::Paid, at("2025-11-28T13:03:00Z")),
            (TimelineStep::Credited, at("2025-11-28T13:03:01Z")),
            (TimelineStep::Reminded, at("2026-10-29T13:03:00Z")),
        ];
        let steps = dated(&steps, Credits::whole(1_200), Zone::named("Europe/Berlin"));
        let said: Vec<String> = steps.iter().map(|(text, at)| format!("{text} {}", at.text)).collect();
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
}
