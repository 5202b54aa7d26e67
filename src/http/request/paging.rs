//! Lists: `?limit=` 1–200, `?cursor=`, answered as `{"data":[…],"next":…}`.

use crate::http::request::json;
use crate::http::request::problem::Problem;
use axum::response::Response;
use serde::Serialize;
use std::collections::HashMap;

/// The page of a list that a request asks for.
pub struct Paging {
    /// The most rows.
    pub limit: i64,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

/// Reads `limit` and `cursor`; `others` are the list's other parameters.
///
/// # Errors
/// 400.
pub fn paging(query: &HashMap<String, String>, others: &[&str]) -> Result<Paging, Problem> {
    if let Some(name) =
        query.keys().find(|name| !matches!(name.as_str(), "limit" | "cursor") && !others.contains(&name.as_str()))
    {
        return Err(Problem::query(name, "is not a parameter of this list"));
    }
    let limit = match query.get("limit").map(|text| text.parse::<i64>()) {
        None => 50,
        Some(Ok(limit)) if (1..=200).contains(&limit) => limit,
        Some(_) => return Err(Problem::query("limit", "must be a whole number from 1 to 200")),
    };
    Ok(Paging { limit, cursor: query.get("cursor").cloned() })
}

impl Paging {
    /// The number in the cursor; `first` without a cursor.
    ///
    /// # Errors
    /// 400.
    pub fn number(&self, first: i64) -> Result<i64, Problem> {
        let Some(cursor) = &self.cursor else { return Ok(first) };
        let number = cursor.strip_prefix("n").and_then(|hex| i64::from_str_radix(hex, 16).ok());
        number.filter(|n| (0..i64::MAX).contains(n) && format!("n{n:x}") == *cursor).ok_or_else(Problem::invalid_cursor)
    }
}

/// A cursor that holds a number.
pub fn cursor(number: i64) -> String {
    format!("n{number:x}")
}

/// Cuts the row after the page, and returns the last row of the page if there was one to cut.
pub fn cut<'a, T>(rows: &'a mut Vec<T>, paging: &Paging) -> Option<&'a T> {
    let limit = usize::try_from(paging.limit).unwrap_or(usize::MAX);
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
