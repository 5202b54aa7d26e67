//! The tables "By operation" and "By source".

use crate::domain::{Credits, Instant};
use crate::store::daily_usage::Totals;
use crate::store::daily_usage_names::{OTHER_OPERATION, OTHER_SOURCE};
use crate::usecases::insight::usage::UsageOverview;
use crate::web::history::lines::operation_words;
use crate::web::ui::money::Amount;
use crate::web::usage::choice::UsageChoice;
use leptos::prelude::*;

/// Rows of a split; the rest is one row.
const SPLIT_MAX: usize = 10;

/// Credits by operation, or by source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitData {
    /// `By operation`
    pub title: &'static str,
    /// The first column's head.
    pub head: &'static str,
    /// Most credits first.
    pub rows: Vec<SplitRow>,
}

/// A name's part of the credits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitRow {
    pub name: String,
    pub credits: Credits,
    /// Thousandths of all credits.
    pub share: i64,
    /// Its lines in History.
    pub href: Option<String>,
}

/// The splits of usage.
pub fn splits(usage: &UsageOverview, choice: &UsageChoice) -> Vec<SplitData> {
    let when = when(usage, choice);
    let operations = split(usage, &usage.by_operation, &BY_OPERATION, &when, operation_words);
    let sources = split(usage, &usage.by_source, &BY_SOURCE, &when, str::to_owned);
    [operations, sources].into_iter().flatten().collect()
}

/// The filter of History for the period.
fn when(usage: &UsageOverview, choice: &UsageChoice) -> Vec<(&'static str, String)> {
    let day = |at: Instant| at.format("%Y-%m-%d").to_string();
    match (choice, usage.steps.first(), usage.steps.last()) {
        (UsageChoice::ThisCycle, ..) => vec![("cycle", "this".to_owned())],
        (UsageChoice::LastCycle, ..) => vec![("cycle", "last".to_owned())],
        (_, Some(first), Some(last)) => vec![("from", day(first.first)), ("to", day(last.last))],
        _ => Vec::new(),
    }
}

/// A way to split usage.
struct SplitBy {
    title: &'static str,
    head: &'static str,
    /// The filter of History.
    field: &'static str,
    /// The name under which a day counts the names beyond its limit, and its words.
    other: (&'static str, &'static str),
}

const BY_OPERATION: SplitBy = SplitBy {
    title: "By operation",
    head: "Operation",
    field: "operation",
    other: (OTHER_OPERATION, "Other operations"),
};
const BY_SOURCE: SplitBy =
    SplitBy { title: "By source", head: "Source", field: "source", other: (OTHER_SOURCE, "Other sources") };

/// No split where no usage has a name.
fn split(
    usage: &UsageOverview,
    sums: &[(String, Totals)],
    by: &SplitBy,
    when: &[(&'static str, String)],
    words: impl Fn(&str) -> String,
) -> Option<SplitData> {
    if sums.iter().all(|(name, _)| name.is_empty()) {
        return None;
    }
    let all = i128::from(usage.total.totals.credits().0).max(1);
    let share = |credits: Credits| i64::try_from(i128::from(credits.0.max(0)) * 1_000 / all).unwrap_or(0);
    let row = |(name, totals): &(String, Totals)| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair(by.field, name);
        query.extend_pairs(when);
        let query = query.finish();
        let named = !name.is_empty();
        SplitRow {
            name: if named { words(name) } else { "Unknown".to_owned() },
            credits: totals.credits(),
            share: share(totals.credits()),
            href: named.then(|| format!("/history?{query}")),
        }
    };
    let (others, sums): (Vec<_>, Vec<_>) = sums.iter().partition(|(name, _)| name == by.other.0);
    let mut rows: Vec<SplitRow> = sums.iter().copied().take(SPLIT_MAX).map(row).collect();
    let rest = sums.get(SPLIT_MAX..).unwrap_or_default();
    if !rest.is_empty() {
        let credits = rest.iter().map(|(_, totals)| totals.credits()).sum();
        rows.push(SplitRow { name: format!("{} more", rest.len()), credits, share: share(credits), href: None });
    }
    for (_, totals) in others {
        let credits = totals.credits();
        rows.push(SplitRow { name: by.other.1.to_owned(), credits, share: share(credits), href: None });
    }
    Some(SplitData { title: by.title, head: by.head, rows })
}

#[component]
pub fn Split(split: SplitData) -> impl IntoView {
    let row = |row: SplitRow| {
        let name = match row.href {
            Some(href) => view! { <a href=href>{row.name}</a> }.into_any(),
            None => row.name.into_any(),
        };
        let little = row.credits.is_positive() && row.share < 10;
        let percent = if little { "<1%".to_owned() } else { format!("{}%", (row.share + 5) / 10) };
        view! {
            <tr>
                <th scope="row">{name}</th>
                <td class="number lead">
                    <Amount credits=row.credits />
                </td>
                <td class="number of">
                    <svg class="share" viewBox="0 0 1000 1" preserveAspectRatio="none" aria-hidden="true">
                        <rect class="ink" width=row.share height="1"></rect>
                    </svg>
                    {percent}
                </td>
            </tr>
        }
    };
    view! {
        <section>
            <h2>{split.title}</h2>
            <div class="card scroll" tabindex="0" role="region" aria-label=split.title>
                <table>
                    <thead>
                        <tr>
                            <th scope="col">{split.head}</th>
                            <th scope="col" class="number">
                                "Credits"
                            </th>
                            <th scope="col" class="number">
                                "Share"
                            </th>
                        </tr>
                    </thead>
                    <tbody>{split.rows.into_iter().map(row).collect_view()}</tbody>
                </table>
            </div>
        </section>
    }
}
