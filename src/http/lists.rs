//! Lists: `?limit=` 1–200, `?cursor=`, answered as `{"data":[…],"next":…}`.

use crate::http::json;
use crate::http::problem::{Code, Problem};
use axum::response::Response;
use serde::Serialize;
use std::collections::HashMap;

/// Where a page begins, and how long it is.
pub struct Page {
    /// How many rows.
    pub limit: i64,
    /// What the page before it ended with.
    pub cursor: Option<String>,
}

/// Reads `limit` and `cursor`; `others` are the parameters that the list knows beside them.
///
/// # Errors
/// 400.
pub fn page(query: &HashMap<String, String>, others: &[&str]) -> Result<Page, Problem> {
    if let Some(name) =
        query.keys().find(|name| !matches!(name.as_str(), "limit" | "cursor") && !others.contains(&name.as_str()))
    {
        return Err(Problem::query(name, "is no parameter of this list"));
    }
    let limit = match query.get("limit").map(|text| text.parse::<i64>()) {
        None => 50,
        Some(Ok(limit)) if (1..=200).contains(&limit) => limit,
        Some(_) => return Err(Problem::query("limit", "must be a whole number from 1 to 200")),
    };
    Ok(Page { limit, cursor: query.get("cursor").cloned() })
}

impl Page {
    /// The number in a cursor of ours, or `first`.
    ///
    /// # Errors
    /// 400.
    pub fn number(&self, first: i64) -> Result<i64, Problem> {
        let Some(cursor) = &self.cursor else { return Ok(first) };
        let number = cursor.strip_prefix("n").and_then(|hex| i64::from_str_radix(hex, 16).ok());
        number
            .filter(|n| (0..i64::MAX).contains(n) && format!("n{n:x}") == *cursor)
            .ok_or_else(|| Problem::new(Code::InvalidCursor, "use the `next` of the page before"))
    }
}

/// A cursor that holds a number.
pub fn cursor(number: i64) -> String {
    format!("n{number:x}")
}

/// Cuts the row that only shows that there are more, and returns the last that stays, if any is cut.
pub fn cut<'a, T>(rows: &'a mut Vec<T>, page: &Page) -> Option<&'a T> {
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    if more { rows.last() } else { None }
}

#[derive(Serialize)]
struct List<T> {
    data: Vec<T>,
    next: Option<String>,
}

/// A page of a list.
pub fn list<T: Serialize>(data: Vec<T>, next: Option<String>) -> Response {
    json::ok(&List { data, next })
}
