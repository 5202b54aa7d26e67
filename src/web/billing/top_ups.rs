//! "Your top-ups": credits left of each top-up, its expiry date, its place in line.
//!
//! The table becomes stacked rows on a phone. Its roles are explicit, because a browser forgets a table's semantics once
//! its display changes.

use crate::domain::forecast::TopUpForecast;
use crate::domain::{Credits, Grant, GrantId, Instant};
use crate::web::billing::top_up_badge::{DrawOrder, top_up_badge};
use crate::web::ui::badge::{Badge, BadgeText};
use crate::web::ui::dates::{Moment, When, Zone};
use crate::web::ui::money::Amount;
use crate::web::ui::paging::{PAGE_ROWS, PageLinks};
use crate::web::ui::text::Text;
use leptos::prelude::*;
use std::ops::Range;

/// How many living top-ups show before "Show all".
const SHOWN: usize = 10;

/// The section's data.
#[derive(Clone, Debug)]
pub struct TopUpList {
    /// Every top-up with something left, held or frozen.
    pub live: Vec<Grant>,
    /// The ended ones of this page ([`window`]), latest first.
    pub ended: Vec<Grant>,
    pub ended_total: usize,
    pub now: Instant,
    pub zone: Zone,
    /// Top-ups wait for a paid plan.
    pub paused: bool,
    /// True if the next charge draws from top-ups.
    pub in_use: bool,
    /// The end of each top-up at the customer's usage rate, where it is known.
    pub forecasts: Vec<(GrantId, TopUpForecast)>,
    /// The page of all top-ups, ended ones too; without it the list is short.
    pub page: Option<usize>,
}

/// A row of the table.
struct TopUpRow<'a> {
    grant: &'a Grant,
    place: DrawOrder,
    ended: bool,
}

/// The rows of a page: living top-ups come first, then the ended ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    pub live: Range<usize>,
    pub ended: Range<usize>,
    pub more: More,
}

/// The rows that a page leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct More {
    pub live: usize,
    pub ended: usize,
    /// The list is shown page by page.
    pub all: bool,
    /// This page, from 1.
    pub page: usize,
    /// The last page.
    pub pages: usize,
}

/// The rows of a page, by the number of living and ended top-ups.
#[must_use]
pub fn window(live: usize, ended: usize, page: Option<usize>) -> Window {
    let Some(page) = page else {
        let shown = live.min(SHOWN);
        return Window { live: 0..shown, ended: 0..0, more: More { live: live - shown, ended, ..More::default() } };
    };
    let pages = (live + ended).div_ceil(PAGE_ROWS).max(1);
    let page = page.clamp(1, pages);
    let (from, to) = ((page - 1) * PAGE_ROWS, page * PAGE_ROWS);
    Window {
        live: from.min(live)..to.min(live),
        ended: from.saturating_sub(live).min(ended)..to.saturating_sub(live).min(ended),
        more: More { all: true, page, pages, ..More::default() },
    }
}

impl TopUpList {
    fn window(&self) -> Window {
        window(self.live.len(), self.ended_total, self.page)
    }

    /// Living top-ups in burn order, then the ended ones, latest first.
    fn rows(&self) -> Vec<TopUpRow<'_>> {
        let mut live: Vec<&Grant> = self.live.iter().collect();
        live.sort_by_key(|grant| grant.burn_key());
        let places = self.places(&live);
        let shown = self.window().live;
        let living = live.into_iter().zip(places).map(|(grant, place)| TopUpRow { grant, place, ended: false });
        let ended = self.ended.iter().map(|grant| TopUpRow { grant, place: DrawOrder::Later, ended: true });
        living.skip(shown.start).take(shown.len()).chain(ended).collect()
    }

    /// The first two top-ups that have something to draw stand at the head of the line.
    fn places(&self, live: &[&Grant]) -> Vec<DrawOrder> {
        let mut line = if self.in_use { vec![DrawOrder::Next, DrawOrder::InUse] } else { vec![DrawOrder::Next] };
        let drawable = |grant: &Grant| grant.lives(self.now) && grant.remaining().is_positive();
        let mut place =
            |grant: &&Grant| if drawable(grant) { line.pop().unwrap_or(DrawOrder::Later) } else { DrawOrder::Later };
        live.iter().map(&mut place).collect()
    }

    /// The zone of all dates, for the heading; none where summer and winter dates are mixed.
    fn shared_zone(&self) -> Option<String> {
        self.zone.shared(self.rows().iter().map(|row| row.grant.expires_at))
    }

    /// A date names its own zone where the heading does not.
    fn expiry(&self, grant: &Grant, is_zone_shared: bool) -> Moment {
        if is_zone_shared { self.zone.minute(grant.expires_at) } else { self.zone.full(grant.expires_at) }
    }

    fn badge(&self, row: &TopUpRow<'_>) -> Badge {
        top_up_badge(row.grant, row.place, self.paused, self.now, self.zone)
    }

    /// Credits that will expire unused at the customer's usage rate. Nothing is said where all will be used, or where the
    /// date may move.
    fn forecast(&self, row: &TopUpRow<'_>) -> Option<Text> {
        let grant = row.grant;
        if self.paused || row.ended || grant.is_kept(self.now) {
            return None;
        }
        let (_, outlook) = self.forecasts.iter().find(|(id, _)| *id == grant.id)?;
        match outlook {
            TopUpForecast::AllUsed => None,
            TopUpForecast::Left(about) => Some(Text::from("About ").credits(*about).text(" likely to expire unused")),
            TopUpForecast::Untouched => Some("Likely to expire unused".into()),
        }
    }
}

/// Credits left of a top-up: frozen ones are still the customer's, held ones are at work.
#[must_use]
pub fn left(grant: &Grant, ended: bool) -> Credits {
    if ended { Credits::ZERO } else { grant.remaining() + grant.frozen }
}

/// The region "Your top-ups".
#[component]
pub fn TopUps(list: TopUpList) -> impl IntoView {
    let more = list.window().more;
    let body = match (list.rows().is_empty(), more.ended) {
        (true, 0) => view! { <NoneYet /> }.into_any(),
        (true, ended) => view! {
            <p class="card empty">"All top-ups are used. " <ShowEnded ended /></p>
        }
        .into_any(),
        (false, _) => view! {
            <Table list />
            <After more />
        }
        .into_any(),
    };
    view! {
        <section aria-labelledby="top-ups" data-live="top-ups">
            <h2 id="top-ups">"Your top-ups"</h2>
            {body}
        </section>
    }
    .into_any()
}

#[component]
fn NoneYet() -> impl IntoView {
    view! {
        <div class="card empty">
            <p>
                <strong>"No top-ups yet."</strong>
            </p>
            <p class="note">
                "Credits you buy show up here with their expiry date. Unused top-ups carry over when your plan resets."
            </p>
        </div>
    }
}

#[component]
fn ShowEnded(ended: usize) -> impl IntoView {
    view! { <a href="/billing?top_ups=all#top-ups">{format!("Show used and expired ({ended})")}</a> }
}

#[component]
fn Table(list: TopUpList) -> impl IntoView {
    let zone = list.shared_zone();
    let expires = zone.as_ref().map_or_else(|| "Expires".to_owned(), |zone| format!("Expires ({zone})"));
    let rows = list.rows().iter().map(|row| row_html(&list, row, zone.clone())).collect_view();
    view! {
        <table class="card top-ups" role="table">
            <caption class="sr-only">"Your top-ups"</caption>
            <thead role="rowgroup">
                <tr role="row">
                    <th scope="col" role="columnheader">"Bought"</th>
                    <th scope="col" role="columnheader" class="number">"Left"</th>
                    <th scope="col" role="columnheader" class="number">"Of"</th>
                    <th scope="col" role="columnheader">{expires}</th>
                    <th scope="col" role="columnheader">"Status"</th>
                </tr>
            </thead>
            <tbody role="rowgroup">{rows}</tbody>
        </table>
    }
}

fn row_html(list: &TopUpList, row: &TopUpRow<'_>, zone: Option<String>) -> AnyView {
    let (grant, ended) = (row.grant, row.ended);
    let bought = list.zone.day(grant.effective_at);
    let bought = match grant.purchase {
        Some(id) => view! {
            <a href=format!("/purchases/{id}")>
                <When moment=bought />
            </a>
        }
        .into_any(),
        None => view! { <When moment=bought /> }.into_any(),
    };
    let expiry = list.expiry(grant, zone.is_some());
    let forecast = list.forecast(row).map(|text| {
        view! {
            " "
            <span class="note">{text}</span>
        }
    });
    view! {
        <tr role="row" class:ended=ended>
            <th scope="row" role="rowheader" class="first">{bought}</th>
            <td role="cell" class="number lead">
                <Amount credits=left(grant, ended) />
            </td>
            <td role="cell" class="number of">
                <Amount credits=grant.amount />
            </td>
            <td role="cell" class="dated">
                <span class="until" data-zone=zone>
                    <When moment=expiry />
                </span>
                {forecast}
            </td>
            <td role="cell" class="state">
                <BadgeText badge=list.badge(row) />
            </td>
        </tr>
    }
    .into_any()
}

#[component]
fn After(more: More) -> impl IntoView {
    let rest = match (more.all, more.live, more.ended) {
        (true, ..) => view! {
            <PageLinks list="top_ups" anchor="top-ups" page=more.page pages=more.pages />
            <a href="/billing#top-ups">"Show only what is left"</a>
        }
        .into_any(),
        (false, 0, 0) => ().into_any(),
        (false, 0, ended) => view! { <ShowEnded ended /> }.into_any(),
        (false, live, ended) => view! {
            <a href="/billing?top_ups=all#top-ups">{format!("Show {} more", live + ended)}</a>
        }
        .into_any(),
    };
    view! { <p class="after">"Soonest to expire is used first. " {rest}</p> }
}

#[cfg(test)]
#[path = "top_ups_tests.rs"]
mod tests;
