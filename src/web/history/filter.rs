//! The filter of History: the URL's query, the form, and back.

use crate::domain::{GrantId, Instant, Kind};
use crate::store::daily_usage;
use crate::usecases::access::links::Viewer;
use crate::usecases::credits::accounts;
use crate::usecases::insight::history::{Filter, Sort};
use crate::usecases::{App, InternalError};
use crate::web::history::lines::operation_words;
use crate::web::ui::dates::Zone;
use crate::web::ui::text::Text;
use chrono::{Days, NaiveDate};
use leptos::prelude::*;
use std::collections::BTreeSet;

/// Top-ups in the list.
const TOP_UPS: i64 = 50;
/// Operations of these last days are in the list.
const OPERATION_DAYS: i64 = 90;

/// The form's data.
#[derive(Clone, Debug, Default)]
pub struct FilterForm {
    pub sorts: Vec<Choice>,
    /// Recent ones.
    pub operations: Vec<Choice>,
    /// Newest first.
    pub top_ups: Vec<Choice>,
    pub source: String,
    pub from: String,
    pub to: String,
    /// Whether any field is set.
    pub any: bool,
    /// The value that could not be read.
    pub bad: Option<Text>,
}

/// An option of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
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

/// The filter in a URL's query.
pub struct FilterQuery {
    pub filter: Filter,
    /// The days as they were written.
    from: String,
    to: String,
    /// The value that could not be read, and was left out.
    bad: Option<&'static str>,
}

impl FilterQuery {
    /// Reads the query's values; days are the customer's.
    pub fn read(value: impl Fn(&str) -> Option<String>, zone: Zone) -> Self {
        let text = |name: &str| value(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let mut bad = None;
        let (from, to) = (text("from").unwrap_or_default(), text("to").unwrap_or_default());
        let mut day = |text: &str, which: &'static str, days: u64| -> Option<Instant> {
            if text.is_empty() {
                return None;
            }
            let day = text.parse::<NaiveDate>().ok().and_then(|day| day.checked_add_days(Days::new(days)));
            let start = day.and_then(|day| zone.day_start(day));
            if start.is_none() {
                bad = Some(which);
            }
            start
        };
        let (since, until) = (day(&from, "The first day", 0), day(&to, "The last day", 1));
        let sort = text("show");
        let grant = text("top_up");
        let filter = Filter {
            sort: sort.as_deref().and_then(Sort::named),
            operation: text("operation"),
            source: text("source"),
            from: since,
            until,
            grant: grant.as_deref().and_then(GrantId::parse),
        };
        if sort.is_some() && filter.sort.is_none() {
            bad = Some("What to show");
        }
        if grant.is_some() && filter.grant.is_none() {
            bad = Some("The top-up");
        }
        Self { filter, from, to, bad }
    }
}

/// The day of a top-up; with the time where several were bought on it.
fn bought_at(all: &[accounts::GrantRow], at: Instant, zone: Zone) -> String {
    let that_day = all.iter().filter(|row| zone.same_day(row.grant.effective_at, at)).count();
    if that_day > 1 { zone.minute(at).text } else { zone.day(at).text }
}

/// The form, filled in as the URL asks.
///
/// # Errors
/// The store failed.
pub async fn filter_form(
    app: &App,
    viewer: &Viewer,
    asked: &FilterQuery,
    zone: Zone,
) -> Result<FilterForm, InternalError> {
    let no = viewer.customer_no;
    let sort = |sort: Sort| Choice {
        value: sort.name().to_owned(),
        words: sort_words(sort).to_owned(),
        chosen: asked.filter.sort == Some(sort),
    };
    let bought = accounts::list_grants(app, no, Some(Kind::TopUp), i64::MAX, TOP_UPS).await?;
    let top_up = |row: &accounts::GrantRow| Choice {
        value: row.grant.id.to_string(),
        words: format!("{} of {}", row.grant.amount.grouped(), bought_at(&bought, row.grant.effective_at, zone)),
        chosen: asked.filter.grant == Some(row.grant.id),
    };
    let today = daily_usage::day_number(app.clock.now());
    let used = daily_usage::named_operations(&mut app.store.read().await?, no, today - OPERATION_DAYS, today).await?;
    let mut operations: BTreeSet<String> = used.into_iter().collect();
    operations.extend(asked.filter.operation.clone());
    let operation = |operation: String| Choice {
        words: operation_words(&operation),
        chosen: asked.filter.operation.as_ref() == Some(&operation),
        value: operation,
    };
    Ok(FilterForm {
        sorts: Sort::ALL.map(sort).into(),
        operations: operations.into_iter().filter(|name| !name.is_empty()).map(operation).collect(),
        top_ups: bought.iter().map(top_up).collect(),
        source: asked.filter.source.clone().unwrap_or_default(),
        from: asked.from.clone(),
        to: asked.to.clone(),
        any: asked.filter != Filter::default() || asked.bad.is_some(),
        bad: asked.bad.map(|what| Text::from(format!("{what} could not be read and was left out. Choose it again."))),
    })
}

/// The filter as a URL's query, with the line before which the page begins.
#[must_use]
pub fn query(filter: &FilterForm, grant: Option<GrantId>, before: Option<i64>) -> String {
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

/// The form above the lines.
#[component]
pub fn FilterFields(filter: FilterForm) -> impl IntoView {
    let bad = filter.bad.map(|text| {
        view! {
            <div class="notice warn" role="alert">
                <p>{text}</p>
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
