//! The console's API keys: a new one, a used one, one that was never used.

use crate::domain::KeyId;
use crate::usecases::app::Scope;
use crate::usecases::operators::api_keys::{ScopedKey, key_of};
use crate::web::gallery::customers::at;
use crate::web::gallery::operator::OPERATOR;
use crate::web::operator::keys::{keys_page, made_notice};
use crate::web::operator::page::OperatorPage;
use crate::web::request_context::RequestContext;

pub fn empty(request: &RequestContext) -> OperatorPage {
    ("API keys".to_owned(), keys_page(request, None, Vec::new()))
}

pub fn full(request: &RequestContext) -> OperatorPage {
    let new = key(3, "Nightly report", Scope::Read, "2026-11-21T09:30:00Z", None);
    let notice = made_notice(&new, key_of(&[0xa7; 32]));
    let keys = vec![
        new,
        key(2, "Crawler", Scope::Charge, "2026-06-02T08:00:00Z", Some("2026-11-21T09:00:00Z")),
        key(1, "Terraform", Scope::Admin, "2026-01-15T14:20:00Z", Some("2026-10-30T17:00:00Z")),
    ];
    ("API keys".to_owned(), keys_page(request, Some(notice), keys))
}

fn key(no: u128, name: &str, scope: Scope, created_at: &str, last_used_at: Option<&str>) -> ScopedKey {
    ScopedKey {
        id: KeyId(uuid::Uuid::from_u128(no)),
        name: name.to_owned(),
        scope,
        made_by: OPERATOR.to_owned(),
        created_at: at(created_at),
        last_used_at: last_used_at.map(at),
    }
}
