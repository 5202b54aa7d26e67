//! The form above the lines of History, and its quick links.

use crate::domain::{Instant, Kind};
use crate::store::daily_usage;
use crate::store::db::{Connection, DbError};
use crate::usecases::credits::accounts;
use crate::usecases::insight::cycles::Cycles;
use crate::usecases::insight::history::Sort;
use crate::web::history::lines::operation_words;
use crate::web::history::query::{CycleFilter, FilterQuery, WrongField};
use crate::web::ui::chips::{Chip, Tabs};
use crate::web::ui::dates::Zone;
use crate::web::ui::field::FieldError;
use leptos::prelude::*;

/// Top-ups in the list.
const TOP_UPS: i64 = 50;

/// The form's data.
#[derive(Clone, Debug, Default)]
pub struct FilterForm {
    pub asked: FilterQuery,
    pub cycles: Vec<Chip>,
    pub sorts: Vec<FilterChoice>,
    /// Newest first.
    pub top_ups: Vec<FilterChoice>,
    /// Recent ones, suggested as one types.
    pub operations: Vec<FilterChoice>,
    pub sources: Vec<FilterChoice>,
}

/// An option of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterChoice {
    pub value: String,
    pub words: String,
    pub chosen: bool,
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

/// Links to the cycles, with the rest of the filter as it is; the link of the chosen one leads out of it.
#[must_use]
pub fn cycle_chips(asked: &FilterQuery, cycles: &Cycles) -> Vec<Chip> {
    let chip = |cycle: CycleFilter| {
        let on = asked.cycle == Some(cycle);
        let href = asked.in_cycle((!on).then_some(cycle)).address("/history", None);
        Chip { href, words: cycle.words().to_owned(), on }
    };
    CycleFilter::ALL.into_iter().filter(|cycle| cycle.of(cycles).is_some()).map(chip).collect()
}

/// The day of a top-up; with the time where several were bought on it.
fn bought_at(all: &[accounts::GrantRow], at: Instant, zone: Zone) -> String {
    let that_day = all.iter().filter(|row| zone.same_day(row.grant.effective_at, at)).count();
    if that_day > 1 { zone.full(at).text } else { zone.day(at).text }
}

/// The form, filled in as the URL asks.
///
/// # Errors
/// The store failed.
pub async fn filter_form(
    db: &mut Connection,
    (no, now): (i64, Instant),
    mut asked: FilterQuery,
    cycles: Option<&Cycles>,
    zone: Zone,
) -> Result<FilterForm, DbError> {
    let (chosen_sort, chosen_grant) = (asked.filter.sort, asked.filter.grant);
    let sort = |sort: Sort| FilterChoice {
        value: sort.name().to_owned(),
        words: sort_words(sort).to_owned(),
        chosen: chosen_sort == Some(sort),
    };
    let bought = accounts::load_grants(db, no, Some(Kind::TopUp), (i64::MAX, TOP_UPS), now).await?;
    let top_up = |row: &accounts::GrantRow| FilterChoice {
        value: row.grant.id.to_string(),
        words: format!("{} of {}", row.grant.amount.grouped(), bought_at(&bought, row.grant.effective_at, zone)),
        chosen: chosen_grant == Some(row.grant.id),
    };
    let today = daily_usage::day_number(now);
    let operations = daily_usage::recent_operations(db, no, today).await?;
    let sources = daily_usage::recent_sources(db, no, today).await?;
    asked.filter.operation = asked.filter.operation.map(|typed| operation_named(typed, &operations));
    Ok(FilterForm {
        cycles: cycles.map(|cycles| cycle_chips(&asked, cycles)).unwrap_or_default(),
        sorts: Sort::ALL.map(sort).into(),
        top_ups: bought.iter().map(top_up).collect(),
        operations: suggestions(operations, operation_words),
        sources: suggestions(sources, |_| String::new()),
        asked,
    })
}

/// The operation, also where it was typed as the lines have it: `Scrape page`.
fn operation_named(typed: String, known: &[String]) -> String {
    let same = |name: &&String| operation_words(name).eq_ignore_ascii_case(&typed);
    known.iter().find(same).cloned().unwrap_or(typed)
}

/// In the order of the alphabet.
fn suggestions(mut names: Vec<String>, words: impl Fn(&str) -> String) -> Vec<FilterChoice> {
    names.sort();
    names.into_iter().map(|name| FilterChoice { words: words(&name), value: name, chosen: false }).collect()
}

/// The quick links, and the form: folded on a phone, open where a field is wrong.
#[component]
pub fn FilterFields(filter: FilterForm, csv: String) -> impl IntoView {
    let FilterForm { asked, cycles, sorts, top_ups, operations, sources } = filter;
    let (wrong, fields) = (asked.wrong, asked.fields());
    let is_filtered = fields > 0 || wrong.is_some();
    let clear = is_filtered.then(|| view! { <a class="button quiet" href="/history">"Clear"</a> });
    let cycle = asked.cycle.map(|cycle| view! { <input type="hidden" name="cycle" value=cycle.name() /> });
    let summary = if fields > 0 { format!("Filter ({fields})") } else { "Filter".to_owned() };
    let text = |value: Option<String>| value.unwrap_or_default();
    view! {
        <div class="ranges">
            <Tabs chips=cycles label="Period" />
            <a class="csv" href=csv>
                "Download as CSV"
            </a>
        </div>
        <details class="filter" open=wrong.is_some()>
            <summary class="chip">{summary}</summary>
            <form class="find" method="get" action="/history" aria-label="Filter">
                {cycle} <Pick name="show" label="Show" all="Everything" choices=sorts wrong />
                <Suggest name="operation" label="Operation" value=text(asked.filter.operation) choices=operations />
                <Pick name="top_up" label="Top-up" all="Any" choices=top_ups wrong />
                <Suggest name="source" label="Source" value=text(asked.filter.source) choices=sources />
                <Day name="from" label="From" value=asked.from wrong />
                <Day name="to" label="To" value=asked.to wrong />
                <div class="actions">
                    <button class="button">"Show"</button>
                    {clear}
                </div>
            </form>
        </details>
    }
    .into_any()
}

/// A text whose known values are suggested.
#[component]
fn Suggest(name: &'static str, label: &'static str, value: String, choices: Vec<FilterChoice>) -> impl IntoView {
    let list = format!("{name}-list");
    let option = |choice: FilterChoice| {
        let words = (!choice.words.is_empty()).then_some(choice.words);
        view! { <option value=choice.value label=words></option> }
    };
    view! {
        <div>
            <label>
                {label} <input name=name value=value list=list.clone() placeholder="Any" maxlength="200" autocomplete="off" />
            </label>
            <datalist id=list>{choices.into_iter().map(option).collect_view()}</datalist>
        </div>
    }
    .into_any()
}

#[component]
fn Day(name: &'static str, label: &'static str, value: String, wrong: Option<WrongField>) -> impl IntoView {
    let (invalid, described, error) = mistake(name, wrong);
    view! {
        <div>
            <label>
                {label} <input type="date" name=name value=value aria-invalid=invalid aria-describedby=described />
            </label>
            {error}
        </div>
    }
    .into_any()
}

#[component]
fn Pick(
    name: &'static str,
    label: &'static str,
    all: &'static str,
    choices: Vec<FilterChoice>,
    wrong: Option<WrongField>,
) -> impl IntoView {
    let (invalid, described, error) = mistake(name, wrong);
    let option = |choice: FilterChoice| {
        view! {
            <option value=choice.value selected=choice.chosen>
                {choice.words}
            </option>
        }
    };
    view! {
        <div>
            <label>
                {label}
                <select name=name aria-invalid=invalid aria-describedby=described>
                    <option value="">{all}</option>
                    {choices.into_iter().map(option).collect_view()}
                </select>
            </label>
            {error}
        </div>
    }
    .into_any()
}

/// The attributes of a wrong field, and its message.
fn mistake(name: &'static str, wrong: Option<WrongField>) -> (Option<&'static str>, Option<String>, Option<AnyView>) {
    let Some(wrong) = wrong.filter(|wrong| wrong.name == name) else { return (None, None, None) };
    let id = format!("{name}-wrong");
    let described = id.clone();
    let error = view! { <FieldError id=id error=wrong.words.to_owned() /> };
    (Some("true"), Some(described), Some(error.into_any()))
}
