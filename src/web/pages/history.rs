//! `/history`: the customer's lines, filtered as the address says.

use crate::domain::{GrantId, Instant, Kind};
use crate::store::days;
use crate::usecases::access::portal::Viewer;
use crate::usecases::credits::accounts;
use crate::usecases::insight::history;
use crate::usecases::insight::history::{Filter, Most, Sort};
use crate::usecases::{App, InternalError};
use crate::web::components::HistoryBody;
use crate::web::pages::{Page, page};
use crate::web::request_context::{RequestContext, Stop};
use crate::web::view::history::{
    Choice, FilterView, HistoryView, {self as view},
};
use crate::web::view::{Text, Zone};
use chrono::{Days, NaiveDate};
use leptos::prelude::*;
use std::collections::BTreeSet;

/// What a page shows, and how many lines it looks at for it: some milliseconds.
const MOST: Most = Most { lines: 50, looked: 2_048 };
/// Top-ups in the list.
const TOP_UPS: i64 = 50;
/// Operations of so many days are in the list.
const OPERATION_DAYS: i64 = 90;

/// `/history`
#[component]
pub fn HistoryPage() -> impl IntoView {
    page(load)
}

async fn load(visit: RequestContext) -> Result<Page, Stop> {
    let viewer = visit.signed_in().await?;
    let (app, zone) = (&visit.app, Zone::named(&viewer.timezone));
    let asked = Asked::of(|name| visit.query(name), zone);
    let before = visit.query("before").and_then(|seq| seq.parse().ok()).filter(|seq| *seq > 0);
    let slice = history::slice(app, viewer.customer_no, &asked.filter, before, MOST).await?;
    let filter = form(app, &viewer, &asked, zone).await?;
    let here = |before| match view::query(&filter, asked.filter.grant, before) {
        query if query.is_empty() => "/history".to_owned(),
        query => format!("/history?{query}"),
    };
    let (rows, zone_name) = view::rows(&slice.lines, zone);
    let history = HistoryView {
        note: view::note_of(&slice, filter.any, zone),
        older: slice.next.map(|seq| here(Some(seq))),
        newest: before.map(|_| here(None)),
        csv: here(None).replacen("/history", "/history.csv", 1),
        available: accounts::balance(app, &viewer.customer).await?.ok_or(Stop::SignIn)?.available,
        zone: zone_name,
        rows,
        filter,
    };
    Ok(Page::new("History", Some(viewer), view! { <HistoryBody history /> }))
}

/// What an address asks for.
pub struct Asked {
    /// The filter.
    pub filter: Filter,
    /// The days, as they were written.
    from: String,
    to: String,
    /// What could not be read, and was left out.
    bad: Option<&'static str>,
}

impl Asked {
    /// Reads the address's values; days are the customer's.
    pub fn of(value: impl Fn(&str) -> Option<String>, zone: Zone) -> Self {
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

/// The day, and where several were bought on it, the time too.
fn bought_at(all: &[accounts::GrantRow], at: Instant, zone: Zone) -> String {
    let that_day = all.iter().filter(|row| zone.same_day(row.grant.effective_at, at)).count();
    if that_day > 1 { zone.minute(at).text } else { zone.day(at).text }
}

async fn form(app: &App, viewer: &Viewer, asked: &Asked, zone: Zone) -> Result<FilterView, InternalError> {
    let no = viewer.customer_no;
    let sort = |sort: Sort| Choice {
        value: sort.name().to_owned(),
        words: view::sort_words(sort).to_owned(),
        chosen: asked.filter.sort == Some(sort),
    };
    let bought = accounts::grants(app, no, Some(Kind::TopUp), i64::MAX, TOP_UPS).await?;
    let top_up = |row: &accounts::GrantRow| Choice {
        value: row.grant.id.to_string(),
        words: format!("{} of {}", row.grant.amount.grouped(), bought_at(&bought, row.grant.effective_at, zone)),
        chosen: asked.filter.grant == Some(row.grant.id),
    };
    let today = days::day_of(app.clock.now());
    let used = days::operations(&mut app.store.read().await?, no, today - OPERATION_DAYS, today).await?;
    let mut operations: BTreeSet<String> = used.into_iter().collect();
    operations.extend(asked.filter.operation.clone());
    let operation = |operation: String| Choice {
        words: view::operation_words(&operation),
        chosen: asked.filter.operation.as_ref() == Some(&operation),
        value: operation,
    };
    Ok(FilterView {
        sorts: Sort::ALL.map(sort).into(),
        operations: operations.into_iter().filter(|name| !name.is_empty()).map(operation).collect(),
        top_ups: bought.iter().map(top_up).collect(),
        source: asked.filter.source.clone().unwrap_or_default(),
        from: asked.from.clone(),
        to: asked.to.clone(),
        any: view::any(&asked.filter) || asked.bad.is_some(),
        bad: asked.bad.map(|what| Text::from(format!("{what} could not be read and was left out. Choose it again."))),
    })
}
