//! `/history`: the filter, the lines, the way further back.

use crate::domain::Credits;
use crate::web::components::text::{Amount, When};
use crate::web::view::history::{Choice, FilterView, HistoryRow, HistoryView};
use leptos::prelude::*;

/// Everything between header and footer.
#[component]
pub fn HistoryBody(history: HistoryView) -> impl IntoView {
    let (available, csv) = (history.available, history.csv);
    let lines = (!history.rows.is_empty()).then(|| view! { <Lines rows=history.rows zone=history.zone /> });
    let note = history.note.map(|words| {
        view! {
            <p class="card empty note">{words}</p>
        }
    });
    let older = history.older.map(|href| view! { <a href=href>"Older"</a> " · " });
    let newest = history.newest.map(|href| view! { <a href=href>"Newest"</a> " · " });
    view! {
        <h1>"History"</h1>
        <Find filter=history.filter />
        <section aria-label="Lines" class="lines">
            {lines} {note} <p class="after">
                {newest} {older} <a href=csv>"Download as CSV"</a>
            </p>
        </section>
        <p class="note">
            "Available now: " <Amount credits=available />
            ". The balance in the table counts credits that running jobs hold, and top-ups that are paused or frozen."
        </p>
    }
}

#[component]
fn Find(filter: FilterView) -> impl IntoView {
    let bad = filter.bad.map(|words| {
        view! {
            <div class="notice warn" role="alert">
                <p>{words}</p>
            </div>
        }
    });
    let clear = filter.any.then(|| view! { <a class="button quiet" href="/history">"Clear"</a> });
    view! {
        {bad}
        <form class="find" method="get" action="/history" aria-label="Filter">
            <Pick name="show" label="Show" all="Everything" choices=filter.sorts />
            <Pick name="operation" label="Operation" all="Any" choices=filter.operations />
            <Pick name="top_up" label="Top-up" all="Any" choices=filter.top_ups />
            <label>
                "Source" <input name="source" value=filter.source maxlength="200" autocomplete="off" />
            </label>
            <label>"From" <input type="date" name="from" value=filter.from /></label>
            <label>"To" <input type="date" name="to" value=filter.to /></label>
            <div class="actions">
                <button class="button">"Show"</button>
                {clear}
            </div>
        </form>
    }
}

#[component]
fn Pick(name: &'static str, label: &'static str, all: &'static str, choices: Vec<Choice>) -> impl IntoView {
    let option = |choice: Choice| {
        view! {
            <option value=choice.value selected=choice.chosen>
                {choice.words}
            </option>
        }
    };
    view! {
        <label>
            {label}
            <select name=name>
                <option value="">{all}</option>
                {choices.into_iter().map(option).collect_view()}
            </select>
        </label>
    }
}

#[component]
fn Lines(rows: Vec<HistoryRow>, zone: Option<String>) -> impl IntoView {
    let when = zone.as_ref().map_or_else(|| "When".to_owned(), |zone| format!("When ({zone})"));
    let rows = rows.into_iter().map(|row| view! { <Row row zone=zone.clone() /> }).collect_view();
    view! {
        <table class="card history" role="table">
            <caption class="sr-only">"What happened to your credits, newest first"</caption>
            <thead role="rowgroup">
                <tr role="row">
                    <th scope="col" role="columnheader" class="at">{when}</th>
                    <th scope="col" role="columnheader">"What"</th>
                    <th scope="col" role="columnheader" class="number">"Credits"</th>
                    <th scope="col" role="columnheader" class="number">"Balance incl. held"</th>
                </tr>
            </thead>
            <tbody role="rowgroup">{rows}</tbody>
        </table>
    }
}

#[component]
fn Row(row: HistoryRow, zone: Option<String>) -> impl IntoView {
    let what = view! { {row.what} };
    let what = match row.href {
        Some(href) => view! { <a href=href>{what}</a> }.into_any(),
        None => what.into_any(),
    };
    let note = (!row.note.is_empty()).then(|| {
        view! {
            <span class="note">{row.note}</span>
        }
    });
    let change = row.change.map(|credits| view! { <Change credits /> });
    view! {
        <tr role="row">
            <td role="cell" class="at" data-zone=zone>
                <When moment=row.at />
            </td>
            <th scope="row" role="rowheader" class="first">
                {what} " " {note}
            </th>
            <td role="cell" class="number lead">{change}</td>
            <td role="cell" class="number of">
                <Amount credits=row.balance />
            </td>
        </tr>
    }
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
