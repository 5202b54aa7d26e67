//! `/history`: the customer's lines, filtered as the URL asks; `/history.csv` has them all.
//!
//! Live: the page's script asks for the lines since, and the page counts them. They are shown when the reader wants them.

pub mod csv_file;
pub mod filter;
pub mod lines;
pub mod query;

use crate::domain::{Credits, Instant};
use crate::store::db::Connection;
use crate::usecases::access::links::Viewer;
use crate::usecases::credits::accounts;
use crate::usecases::credits::dated::{Dated, ReadFrom, read_dated};
use crate::usecases::insight::cycles::cycles;
use crate::usecases::insight::history::{Most, Slice};
use crate::usecases::insight::{history, live};
use crate::web::history::filter::{FilterFields, FilterForm, filter_form};
use crate::web::history::lines::{Lines, end_note};
use crate::web::history::query::FilterQuery;
use crate::web::live::LiveScript;
use crate::web::page::{Page, page};
use crate::web::request_context::{PageError, RequestContext};
use crate::web::ui::as_of::AsOf;
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
    pub news: News,
    /// Where a standby is set: as of when the lines are.
    pub as_of: Option<Instant>,
}

/// The part of the page that changes while it is open.
#[derive(Clone, Debug)]
pub struct News {
    /// Lines that came since the page was shown; `MOST` or more are not counted further.
    pub lines: usize,
    /// The page with them.
    pub href: String,
    /// The most that a charge could take now.
    pub available: Credits,
}

/// Everything between header and footer.
#[component]
pub fn HistoryBody(history: History) -> impl IntoView {
    let History { filter, slice, zone, older, newest, csv, news, as_of } = history;
    let is_filtered = filter.asked.fields() > 0;
    let is_wrong = filter.asked.wrong.is_some();
    let note = end_note(&slice, is_filtered, zone).filter(|_| !is_wrong);
    let clear = is_filtered && slice.lines.is_empty() && slice.looked_to.is_none();
    let clear = clear.then(|| view! { <a href="/history">"Clear filters"</a> });
    let lines = (!slice.lines.is_empty()).then(|| view! { <Lines lines=slice.lines zone /> });
    let note = note.map(|text| {
        view! {
            <p class="card empty note">{text} " " {clear}</p>
        }
    });
    let newest = newest.map(|href| view! { <a href=href>"Newest"</a> });
    let older = older.map(|href| view! { <a href=href>"Older"</a> });
    view! {
        <div class="heading">
            <h1>"History"</h1>
            <NewLines count=news.lines href=news.href />
        </div>
        <FilterFields filter csv />
        <section aria-label="Lines" class="lines" data-live="lines">
            {lines} {note} <p class="after pages">{newest} {older}</p> <AsOf at=as_of zone />
        </section>
        <AvailableNow credits=news.available />
    }
}

/// `1 new line · Show`
#[component]
fn NewLines(count: usize, href: String) -> impl IntoView {
    let words = match count {
        0 => None,
        1 => Some("1 new line".to_owned()),
        _ if count >= MOST.lines => Some(format!("{} or more new lines", MOST.lines)),
        _ => Some(format!("{count} new lines")),
    };
    let words = words.map(|words| view! { {words} " · " <nav aria-label="New lines"><a href=href>"Show"</a></nav> });
    view! {
        <div class="news" aria-live="polite" tabindex="-1" data-live="news">
            {words}
        </div>
    }
}

#[component]
fn AvailableNow(credits: Credits) -> impl IntoView {
    view! {
        <p class="note" data-live="available">
            "Available now: " <Amount credits />
            ". The balance in the table includes held credits, and top-ups that are paused or frozen."
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
    let (app, no, zone) = (&request.app, viewer.customer_no, Zone::named(&viewer.timezone));
    let available = accounts::customer_balance(app, &viewer.customer).await?.ok_or(PageError::SignIn)?.available;
    if let Some(seen) = request.background() {
        return news_page(&request, viewer, (seen, available)).await;
    }
    let before = request.query("before").and_then(|seq| seq.parse().ok()).filter(|seq| *seq > 0);
    let (now, asks) = (app.clock.now(), &request);
    let read = read_dated(app, no, ReadFrom::Standby, |mut db: Connection| async move {
        let db = &mut db;
        let cycles = cycles(db, no).await?;
        let asked = FilterQuery::read(|name| asks.query(name), zone, cycles.as_ref());
        let filter = filter_form(db, (no, now), asked, cycles.as_ref(), zone).await?;
        let slice = match filter.asked.wrong {
            Some(_) => Slice::default(),
            None => history::history_slice(db, no, &filter.asked.filter, before, MOST).await?,
        };
        // Of the same state as the lines, so that later ones are announced.
        Ok((filter, slice, live::last_entry_of(db, no).await?))
    });
    let Dated { found: (filter, slice, last), as_of } = read.await?;
    let asked = &filter.asked;
    let history = History {
        older: slice.next.map(|seq| asked.address("/history", Some(seq))),
        newest: before.map(|_| asked.address("/history", None)),
        csv: asked.address("/history.csv", None),
        news: News { lines: 0, href: asked.address("/history", None), available },
        zone,
        slice,
        filter,
        as_of,
    };
    let body = view! {
        <HistoryBody history />
        <LiveScript last />
    };
    Ok(Page::new("History", Some(viewer), body))
}

/// What the page's script asks for. It was told of an entry that a standby may not have yet.
async fn news_page(
    request: &RequestContext,
    viewer: Viewer,
    (seen, credits): (i64, Credits),
) -> Result<Page, PageError> {
    let (no, zone) = (viewer.customer_no, Zone::named(&viewer.timezone));
    let read = read_dated(&request.app, no, ReadFrom::Primary, |mut db: Connection| async move {
        let db = &mut db;
        let asked = FilterQuery::read(|name| request.query(name), zone, cycles(db, no).await?.as_ref());
        let lines = history::count_lines_since(db, no, &asked.filter, seen, MOST).await?;
        Ok((asked.address("/history", None), lines))
    });
    let (href, count) = read.await?.found;
    let body = view! {
        <NewLines count href />
        <AvailableNow credits />
    };
    Ok(Page::new("History", Some(viewer), body))
}
