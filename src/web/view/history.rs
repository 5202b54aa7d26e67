//! History as plain data: each line in words, the filter as the address has it.

use crate::domain::{Cause, Credits, EntryKind, GrantId, Kind};
use crate::usecases::insight::history::{Filter, Line, Part, Slice, Sort};
use crate::web::ui::dates::{Moment, Zone};
use crate::web::ui::text::Text;

/// Everything that `/history` shows.
#[derive(Clone, Debug, Default)]
pub struct HistoryView {
    /// What is looked for.
    pub filter: FilterView,
    /// Newest first.
    pub rows: Vec<HistoryRow>,
    /// What stands where there are no rows, or under them.
    pub note: Option<Text>,
    /// The next page.
    pub older: Option<String>,
    /// Back to the newest.
    pub newest: Option<String>,
    /// The same lines, all of them, as a file.
    pub csv: String,
    /// What can be drawn now.
    pub available: Credits,
    /// `CET`, where all lines share it: else each date carries its own.
    pub zone: Option<String>,
}

/// The form above the lines.
#[derive(Clone, Debug, Default)]
pub struct FilterView {
    /// Value, words, whether it is chosen.
    pub sorts: Vec<Choice>,
    /// Operations that were seen of late.
    pub operations: Vec<Choice>,
    /// Top-ups, newest first.
    pub top_ups: Vec<Choice>,
    /// Who did it.
    pub source: String,
    /// The first day.
    pub from: String,
    /// The last day.
    pub to: String,
    /// Whether anything is looked for.
    pub any: bool,
    /// What of it could not be read.
    pub bad: Option<Text>,
}

/// One of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Its value.
    pub value: String,
    /// Its words.
    pub words: String,
    /// Whether it is chosen.
    pub chosen: bool,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRow {
    /// When.
    pub at: Moment,
    /// What happened.
    pub what: Text,
    /// Where more stands about it.
    pub href: Option<String>,
    /// From which credits, who did it.
    pub note: Text,
    /// What was added or taken; nothing where the balance stays.
    pub change: Option<Credits>,
    /// The balance after it, held credits included.
    pub balance: Credits,
}

/// The words of a sort in the list.
#[must_use]
pub const fn sort_words(sort: Sort) -> &'static str {
    match sort {
        Sort::Used => "Usage",
        Sort::Added => "Credits added",
        Sort::Expired => "Expired and reset",
        Sort::Refunds => "Refunds and disputes",
        Sort::Held => "Held by running jobs",
    }
}

/// `scrape_page` as people read it.
#[must_use]
pub fn operation_words(operation: &str) -> String {
    let spaced = operation.replace(['_', '-'], " ");
    let mut letters = spaced.chars();
    letters.next().map_or_else(|| "Usage".to_owned(), |first| first.to_uppercase().chain(letters).collect())
}

/// The rows of a page, and the zone that its heading names.
#[must_use]
pub fn rows(lines: &[Line], zone: Zone) -> (Vec<HistoryRow>, Option<String>) {
    let shared = zone.shared(lines.iter().map(|line| line.at));
    let at = |line: &Line| if shared.is_some() { zone.minute(line.at) } else { zone.full(line.at) };
    (lines.iter().map(|line| row(line, at(line), zone)).collect(), shared)
}

fn row(line: &Line, at: Moment, zone: Zone) -> HistoryRow {
    let change = line.change();
    let moved = matches!(
        line.kind,
        EntryKind::Held | EntryKind::Released | EntryKind::Frozen | EntryKind::Thawed | EntryKind::Extended
    );
    let purchase = match line.cause {
        Cause::Purchase(id) => Some(id),
        _ => line
            .parts
            .first()
            .and_then(|part| part.grant.purchase)
            .filter(|_| !matches!(line.cause, Cause::Usage(_) | Cause::Hold(_))),
    };
    HistoryRow {
        at,
        what: what(line, zone),
        href: purchase.map(|id| format!("/purchases/{id}")),
        note: note(line, zone),
        change: (!moved).then_some(change),
        balance: line.balance,
    }
}

fn what(line: &Line, zone: Zone) -> Text {
    let Some(part) = line.parts.first() else { return Text::new() };
    let kind = part.grant.kind;
    let of = |words: &str| Text::from(words).then(top_up(part, zone));
    match line.kind {
        EntryKind::Granted => match kind {
            Kind::Plan => Text::from("Plan credits"),
            Kind::Courtesy => Text::from("Bonus credits"),
            Kind::TopUp => Text::new().counted(part.amount, "").text(" topped up"),
        },
        EntryKind::Used => Text::from(operation_words(line.operation.as_deref().unwrap_or_default())),
        EntryKind::Voided if matches!(line.cause, Cause::Usage(_)) => {
            let done = operation_words(line.operation.as_deref().unwrap_or_default());
            Text::from(format!("{done}, undone"))
        }
        EntryKind::Voided => Text::from(match kind {
            Kind::Plan => "Plan credits ended",
            Kind::Courtesy => "Bonus credits taken back",
            Kind::TopUp => "Top-up taken back",
        }),
        EntryKind::Expired => match kind {
            Kind::Plan => Text::from("Plan credits not used by the reset"),
            Kind::Courtesy => Text::from("Bonus credits expired"),
            Kind::TopUp => of("Expired: "),
        },
        EntryKind::Refunded => of("Refund of the "),
        EntryKind::Disputed => of("Dispute lost: "),
        EntryKind::Restored => of("Given back: "),
        EntryKind::Held => Text::from("Held for a running job"),
        EntryKind::Released => Text::from("No longer held"),
        EntryKind::Frozen => of("Frozen while a bank reviews the payment: "),
        EntryKind::Thawed => of("No longer frozen: "),
        EntryKind::Extended => of("New expiry date: "),
    }
}

/// `the top-up of 3 May 2026`
fn top_up(part: &Part, zone: Zone) -> Text {
    match part.grant.kind {
        Kind::Plan => Text::from("plan credits"),
        Kind::Courtesy => Text::from("bonus credits"),
        Kind::TopUp => Text::from("top-up of ").time(zone.day(part.grant.since)),
    }
}

/// `10 from plan, 2.5 from the top-up of 3 May 2026 · crawler-7`
fn note(line: &Line, zone: Zone) -> Text {
    let share = |part: &Part| match line.kind {
        EntryKind::Used => Some((-part.amount, " from ")),
        EntryKind::Voided if matches!(line.cause, Cause::Usage(_)) => Some((part.amount, " to ")),
        EntryKind::Held => Some((part.held, " from ")),
        EntryKind::Released => Some((-part.held, " to ")),
        EntryKind::Frozen => Some((part.frozen, " of ")),
        EntryKind::Thawed => Some((-part.frozen, " of ")),
        _ => None,
    };
    let mut words = Text::new();
    for part in &line.parts {
        let Some((credits, preposition)) = share(part) else { continue };
        let comma = if words.is_empty() { "" } else { ", " };
        words = words.text(comma).credits(credits).text(preposition);
        words = match part.grant.kind {
            Kind::Plan => words.text("plan"),
            Kind::Courtesy => words.text("bonus credits"),
            Kind::TopUp => words.text("the ").then(top_up(part, zone)),
        };
    }
    if let (EntryKind::Granted | EntryKind::Extended, Some(at)) =
        (line.kind, line.parts.first().and_then(|part| part.expires_at))
    {
        words = words.text("until ").time(zone.full(at));
    }
    if line.kind == EntryKind::Extended && !matches!(line.cause, Cause::Purchase(_)) {
        words = words.text(", as reminders could not be delivered in time");
    }
    if let Some(source) = &line.source {
        let dot = if words.is_empty() { "" } else { " · " };
        words = words.text(format!("{dot}{source}"));
    }
    words
}

/// What stands where a page is not full of lines.
#[must_use]
pub fn note_of(slice: &Slice, any: bool, zone: Zone) -> Option<Text> {
    match (&slice.looked_to, slice.lines.is_empty()) {
        (Some(at), empty) => {
            let found = if empty { "Nothing found so far" } else { "That is all" };
            Some(
                Text::from(format!("{found} back to "))
                    .time(zone.full(*at))
                    .text(". Older lines were not looked at yet."),
            )
        }
        (None, true) if any => Some(Text::from("Nothing matches. Take something out of the filter.")),
        (None, true) => Some(Text::from("Nothing has happened yet. What your credits are used for shows here.")),
        (None, false) => None,
    }
}

/// The filter as an address says it, and where the page begins.
#[must_use]
pub fn query(filter: &FilterView, grant: Option<GrantId>, before: Option<i64>) -> String {
    let chosen = |choices: &[Choice]| choices.iter().find(|c| c.chosen).map(|c| c.value.clone()).unwrap_or_default();
    let mut out = url::form_urlencoded::Serializer::new(String::new());
    let fields = [
        ("show", chosen(&filter.sorts)),
        ("operation", chosen(&filter.operations)),
        ("top_up", grant.map(|id| id.to_string()).unwrap_or_default()),
        ("source", filter.source.clone()),
        ("from", filter.from.clone()),
        ("to", filter.to.clone()),
        ("before", before.map(|seq| seq.to_string()).unwrap_or_default()),
    ];
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
        out.append_pair(name, value);
    }
    out.finish()
}

/// Whether a filter looks for anything.
#[must_use]
pub fn any(filter: &Filter) -> bool {
    *filter != Filter::default()
}
