//! `/history`: the customer's lines, filtered as the URL asks; `/history.csv` has them all.

pub mod csv_file;
pub mod filter;
pub mod lines;

use crate::domain::Credits;
use crate::usecases::credits::accounts;
use crate::usecases::insight::history;
use crate::usecases::insight::history::{Most, Slice};
use crate::web::history::filter::{FilterFields, FilterForm, FilterQuery, filter_form, query};
use crate::web::history::lines::{Lines, end_note};
use crate::web::page::{Page, page};
use crate::web::request_context::{PageError, RequestContext};
use crate::web::ui::dates::Zone;
use crate::web::ui::money::Amount;
use leptos::prelude::*;

/// The lines of a page, and the most that are read for it: some milliseconds.
const MOST: Most = Most { lines: 50, looked: 2_048 };

/// The page's data.
#[derive(Clone, Debug)]
pub struct History {
    pub filter: FilterForm,
    /// Newest first.
    pub slice: Slice,
    pub zone: Zone,
    /// The next page.
    pub older: Option<String>,
    /// The first page.
    pub newest: Option<String>,
    /// The file of all these lines.
    pub csv: String,
    /// The most that a charge could take now.
    pub available: Credits,
}

/// Everything between header and footer.
#[component]
pub fn HistoryBody(history: History) -> impl IntoView {
    let (available, csv, zone) = (history.available, history.csv, history.zone);
    let note = end_note(&history.slice, history.filter.any, zone);
    let lines = history.slice.lines;
    let lines = (!lines.is_empty()).then(|| view! { <Lines lines zone /> });
    let note = note.map(|text| {
        view! {
            <p class="card empty note">{text}</p>
        }
    });
    let older = history.older.map(|href| view! { <a href=href>"Older"</a> " · " });
    let newest = history.newest.map(|href| view! { <a href=href>"Newest"</a> " · " });
    view! {
        <h1>"History"</h1>
        <FilterFields filter=history.filter />
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

/// `/history`
#[component]
pub fn HistoryPage() -> impl IntoView {
    page(load)
}

async fn load(request: RequestContext) -> Result<Page, PageError> {
    let viewer = request.signed_in().await?;
    let (app, zone) = (&request.app, Zone::named(&viewer.timezone));
    let asked = FilterQuery::read(|name| request.query(name), zone);
    let before = request.query("before").and_then(|seq| seq.parse().ok()).filter(|seq| *seq > 0);
    let slice = history::history_slice(app, viewer.customer_no, &asked.filter, before, MOST).await?;
    let filter = filter_form(app, &viewer, &asked, zone).await?;
    let here = |before| match query(&filter, asked.filter.grant, before) {
        query if query.is_empty() => "/history".to_owned(),
        query => format!("/history?{query}"),
    };
    let history = History {
        older: slice.next.map(|seq| here(Some(seq))),
        newest: before.map(|_| here(None)),
        csv: here(None).replacen("/history", "/history.csv", 1),
        available: accounts::customer_balance(app, &viewer.customer).await?.ok_or(PageError::SignIn)?.available,
        zone,
        slice,
        filter,
    };
    Ok(Page::new("History", Some(viewer), view! { <HistoryBody history /> }))
}
