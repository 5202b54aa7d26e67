//! The lines of History in words, and their table.

use crate::domain::{Cause, Credits, EntryKind, Kind};
use crate::usecases::insight::history::{HistoryLine, HistoryPart, Slice};
use crate::web::ui::dates::{When, Zone};
use crate::web::ui::money::Amount;
use crate::web::ui::text::Text;
use leptos::prelude::*;

/// `scrape_page` as people read it.
#[must_use]
pub fn operation_words(operation: &str) -> String {
    let spaced = operation.replace(['_', '-'], " ");
    let mut letters = spaced.chars();
    letters.next().map_or_else(|| "Usage".to_owned(), |first| first.to_uppercase().chain(letters).collect())
}

/// The page of the purchase that a line is about.
fn purchase_link(line: &HistoryLine) -> Option<String> {
    let purchase = match line.cause {
        Cause::Purchase(id) => Some(id),
        Cause::Usage(_) | Cause::Hold(_) => None,
        _ => line.parts.first().and_then(|part| part.grant.purchase),
    };
    purchase.map(|id| format!("/purchases/{id}"))
}

/// Credits added or taken; nothing where the balance stays.
fn change(line: &HistoryLine) -> Option<Credits> {
    use EntryKind as E;
    let stays = matches!(line.kind, E::Held | E::Released | E::Frozen | E::Thawed | E::Extended);
    (!stays).then(|| line.change())
}

/// The event of a line.
fn title(line: &HistoryLine, zone: Zone) -> Text {
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
            Kind::Plan => Text::from("Unused plan credits expired"),
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
fn top_up(part: &HistoryPart, zone: Zone) -> Text {
    match part.grant.kind {
        Kind::Plan => Text::from("plan credits"),
        Kind::Courtesy => Text::from("bonus credits"),
        Kind::TopUp => Text::from("top-up of ").time(zone.day(part.grant.since)),
    }
}

/// `10 from plan, 2.5 from the top-up of 3 May 2026 · crawler-7`
fn note(line: &HistoryLine, zone: Zone) -> Text {
    let share = |part: &HistoryPart| match line.kind {
        EntryKind::Used => Some((-part.amount, " from ")),
        EntryKind::Voided if matches!(line.cause, Cause::Usage(_)) => Some((part.amount, " to ")),
        EntryKind::Held => Some((part.held, " from ")),
        EntryKind::Released => Some((-part.held, " to ")),
        EntryKind::Frozen => Some((part.frozen, " of ")),
        EntryKind::Thawed => Some((-part.frozen, " of ")),
        _ => None,
    };
    let mut text = Text::new();
    for part in &line.parts {
        let Some((credits, preposition)) = share(part) else { continue };
        let comma = if text.is_empty() { "" } else { ", " };
        text = text.text(comma).credits(credits).text(preposition);
        text = match part.grant.kind {
            Kind::Plan => text.text("plan"),
            Kind::Courtesy => text.text("bonus credits"),
            Kind::TopUp => text.text("the ").then(top_up(part, zone)),
        };
    }
    if let (EntryKind::Granted | EntryKind::Extended, Some(at)) =
        (line.kind, line.parts.first().and_then(|part| part.expires_at))
    {
        text = text.text("until ").time(zone.full(at));
    }
    if line.kind == EntryKind::Extended && !matches!(line.cause, Cause::Purchase(_)) {
        text = text.text(", because we couldn't reach you by email");
    }
    if let Some(source) = &line.source {
        let dot = if text.is_empty() { "" } else { " · " };
        text = text.text(format!("{dot}{source}"));
    }
    text
}

/// The sentence under a page that is not full of lines.
#[must_use]
pub fn end_note(slice: &Slice, is_filtered: bool, zone: Zone) -> Option<Text> {
    match (&slice.looked_to, slice.lines.is_empty()) {
        (Some(at), empty) => {
            let found = if empty { "No results" } else { "These are all results" };
            Some(
                Text::from(format!("{found} back to "))
                    .time(zone.full(*at))
                    .text(". Older lines haven't been searched yet."),
            )
        }
        (None, true) if is_filtered => Some(Text::from("No results.")),
        (None, true) => Some(Text::from("No history yet. Every change to your credits appears here.")),
        (None, false) => None,
    }
}

/// The table of lines.
#[component]
pub fn Lines(lines: Vec<HistoryLine>, zone: Zone) -> impl IntoView {
    let shared = zone.shared(lines.iter().map(|line| line.at));
    let when = shared.as_ref().map_or_else(|| "Time".to_owned(), |zone| format!("Time ({zone})"));
    let rows = lines.iter().map(|line| row_html(line, zone, shared.clone())).collect_view();
    view! {
        <table class="card history" role="table">
            <caption class="sr-only">"Changes to your credits, newest first"</caption>
            <thead role="rowgroup">
                <tr role="row">
                    <th scope="col" role="columnheader" class="at">{when}</th>
                    <th scope="col" role="columnheader">"Event"</th>
                    <th scope="col" role="columnheader" class="number">"Credits"</th>
                    <th scope="col" role="columnheader" class="number">"Balance (with held)"</th>
                </tr>
            </thead>
            <tbody role="rowgroup">{rows}</tbody>
        </table>
    }
}

fn row_html(line: &HistoryLine, zone: Zone, shared: Option<String>) -> AnyView {
    let at = if shared.is_some() { zone.minute(line.at) } else { zone.full(line.at) };
    let title = view! { {title(line, zone)} };
    let title = match purchase_link(line) {
        Some(href) => view! { <a href=href>{title}</a> }.into_any(),
        None => title.into_any(),
    };
    let note = note(line, zone);
    let note = (!note.is_empty()).then(|| view! { <span class="note">{note}</span> });
    let change = change(line).map(|credits| view! { <Change credits /> });
    view! {
        <tr role="row">
            <td role="cell" class="at" data-zone=shared>
                <When moment=at />
            </td>
            <th scope="row" role="rowheader" class="first">
                {title} " " {note}
            </th>
            <td role="cell" class="number lead">{change}</td>
            <td role="cell" class="number of">
                <Amount credits=line.balance />
            </td>
        </tr>
    }
    .into_any()
}

/// `+1,200` or `−12.5`.
#[component]
fn Change(credits: Credits) -> impl IntoView {
    let text = if credits.is_positive() {
        format!("+{}", credits.grouped())
    } else {
        credits.grouped().replacen('-', "\u{2212}", 1)
    };
    view! { <data value=credits.to_string()>{text}</data> }
}
