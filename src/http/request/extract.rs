//! Extractors for path and query whose errors are problems.

use crate::http::request::problem::Problem;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use std::collections::HashMap;
use std::convert::Infallible;

/// The id in the path. An id that is not UTF-8 becomes U+FFFD, which no resource has.
pub struct Id(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let read = Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(read.map_or_else(|_| char::REPLACEMENT_CHARACTER.to_string(), |Path(id)| id)))
    }
}

/// The query parameters by name.
pub struct Query(pub HashMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut parameters = HashMap::new();
        for (name, value) in url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            // The list itself checks its cursor, with an error code of its own.
            if name.contains('\0') || (value.contains('\0') && name != "cursor") {
                let name = name.replace('\0', "").chars().take(64).collect::<String>();
                return Err(Problem::query(&name, "must not have the character U+0000"));
            }
            if parameters.contains_key(&*name) {
                return Err(Problem::query(&name.chars().take(64).collect::<String>(), "appears twice"));
            }
            parameters.insert(name.into_owned(), value.into_owned());
        }
        Ok(Self(parameters))
    }
}
