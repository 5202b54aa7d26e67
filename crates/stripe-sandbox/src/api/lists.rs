//! Collections in pages, and `expand[]`.

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::call::Call;
use super::invoices;
use crate::actions::invoice_payments;
use crate::error::{ApiError, Result};
use crate::objects::{self, id_of, items, number, text};
use crate::params::fields::PAGE;
use crate::params::form::{Branch, Node};
use crate::params::schema::{self, Field};
use crate::store::Transaction;

/// `GET` of a collection. An object is listed if it has the given values of the `same` fields, was created within the
/// given range, and `is_wanted` by the parameters.
pub(super) async fn list(
    call: &mut Call,
    kind: &str,
    fields: &[Field],
    same: &[&str],
    is_wanted: fn(&Value, &Value) -> bool,
) -> Result<Value> {
    expand_instant(&mut call.params);
    let given = schema::check(&[fields, PAGE], &call.params)?;
    let has_same = |object: &Value| same.iter().all(|name| given[name].is_null() || given[name] == object[name]);
    let url = format!("/v1/{}s", kind.replace('.', "/"));
    page(&url, call.tx.all(kind).await?, &given, |object| {
        has_same(object) && is_created_within(object, &given["created"]) && is_wanted(object, &given)
    })
}

/// `created=1` means `created[gte]=1&created[lte]=1`.
fn expand_instant(params: &mut Branch) {
    if let Some(Node::Text(instant)) = params.get("created").cloned() {
        let both = ["gte", "lte"].map(|bound| (bound.to_owned(), Node::Text(instant.clone())));
        params.insert("created".to_owned(), Node::Branch(Branch::from(both)));
    }
}

fn is_created_within(object: &Value, range: &Value) -> bool {
    // An invoice item has a `date`.
    let created = number(if object["created"].is_null() { &object["date"] } else { &object["created"] });
    let holds =
        |name: &str, test: fn(&i64, &i64) -> bool| range[name].as_i64().is_none_or(|bound| test(&created, &bound));
    holds("gt", i64::gt) && holds("gte", i64::ge) && holds("lt", i64::lt) && holds("lte", i64::le)
}

/// The page of `all` (newest first) that `limit`, `starting_after` and `ending_before` ask for.
fn page(url: &str, all: Vec<Value>, given: &Value, is_wanted: impl Fn(&Value) -> bool) -> Result<Value> {
    let cursor = |name: &str| {
        let position = |id: &Value| {
            all.iter()
                .position(|object| object["id"] == *id)
                .ok_or_else(|| ApiError::invalid(format!("No such object: {id}")).code("resource_missing").param(name))
        };
        Some(&given[name]).filter(|id| !id.is_null()).map(position).transpose()
    };
    let after = cursor("starting_after")?.map_or(0, |position| position + 1);
    let before = cursor("ending_before")?;
    let limit = usize::try_from(given["limit"].as_u64().unwrap_or(10)).unwrap_or(10);
    let end = before.unwrap_or(all.len());
    let mut found: Vec<Value> = all.into_iter().take(end).skip(after).filter(is_wanted).map(objects::public).collect();
    let has_more = found.len() > limit;
    if before.is_some() {
        // The page right above the cursor, not the top of the list.
        found.drain(..found.len().saturating_sub(limit));
    }
    found.truncate(limit);
    Ok(objects::list(url, found, has_more))
}

/// The properties of an object that may be expanded.
fn expandable(object: &Value) -> &'static [&'static str] {
    match text(&object["object"]) {
        "checkout.session" => &["customer", "invoice", "line_items", "payment_intent", "setup_intent", "subscription"],
        "payment_intent" => &["customer", "latest_charge", "payment_method"],
        "setup_intent" => &["customer", "payment_method"],
        "payment_method" => &["customer"],
        "invoice" => &["confirmation_secret", "customer", "default_payment_method", "payments"],
        "invoice_payment" => &["invoice"],
        "invoiceitem" => &["customer", "invoice"],
        // The `payment` of an InvoicePayment.
        "" => &["payment_intent"],
        "charge" => &["balance_transaction", "customer", "payment_intent"],
        "refund" | "dispute" => &["charge", "payment_intent"],
        "subscription" => &["customer", "latest_invoice"],
        _ => &[],
    }
}

/// Expands an answer by the `expand[]` of its request.
pub(super) async fn expand(call: &mut Call, object: &mut Value) -> Result<()> {
    let expand = call.params.get("expand").map(|paths| ("expand".to_owned(), paths.clone()));
    let given = schema::check(&[], &Branch::from_iter(expand))?;
    for path in items(&given["expand"]).iter().map(text) {
        if path.split('.').count() > 4 {
            let message = "You cannot expand more than 4 levels of a property.";
            return Err(ApiError::invalid(message).param("expand"));
        }
        let names: Vec<_> = path.split('.').collect();
        expand_one(&mut call.tx, object, &names, path).await?;
    }
    Ok(())
}

/// Replaces the ids that `names` (such as `payment_intent`, `latest_charge`) lead to by their objects.
fn expand_one<'a>(
    tx: &'a mut Transaction,
    here: &'a mut Value,
    names: &'a [&'a str],
    path: &'a str,
) -> BoxFuture<'a, Result<()>> {
    async move {
        let Some((name, rest)) = names.split_first().filter(|_| !here.is_null()) else { return Ok(()) };
        if here["object"] == "list" && *name == "data" {
            for one in here["data"].as_array_mut().into_iter().flatten() {
                expand_one(tx, one, rest, path).await?;
            }
            return Ok(());
        }
        let is_inside = here["object"] == "invoice_payment" && *name == "payment";
        if !is_inside && !expandable(here).contains(name) {
            return Err(ApiError::invalid(format!("This property cannot be expanded ({path}).")).param("expand"));
        }
        if let Some(found) = expanded(tx, here, name).await? {
            here[*name] = found;
        }
        expand_one(tx, &mut here[*name], rest, path).await
    }
    .boxed()
}

/// The object that a property names, or the part of an answer that is sent on request only.
async fn expanded(tx: &mut Transaction, here: &Value, name: &str) -> Result<Option<Value>> {
    Ok(match &here[name] {
        Value::String(id) => tx.find_any(id).await?.map(objects::public),
        Value::Null if name == "line_items" => {
            tx.find("checkout.session", id_of(here)).await?.as_ref().map(objects::line_item_list)
        }
        Value::Null if name == "payments" => Some(invoices::payments(tx, id_of(here)).await?),
        Value::Null if name == "confirmation_secret" && here["status"] == "open" => {
            let (intent, _) = invoice_payments::payment_of(tx, here).await?;
            Some(json!({ "client_secret": intent["client_secret"], "type": "payment_intent" }))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{is_created_within, page};

    fn check(given: Value, expected: &[&str], has_more: bool) {
        let all = ["e", "d", "c", "b", "a"].iter().map(|id| json!({ "id": id })).collect();
        let page = page("/v1/x", all, &given, |_| true).expect("a page");
        let ids: Vec<_> = page["data"].as_array().expect("a list").iter().map(|one| one["id"].clone()).collect();
        assert_eq!((ids, &page["has_more"]), (expected.iter().map(|id| json!(id)).collect(), &json!(has_more)));
    }

    #[test]
    fn a_list_is_paged_from_either_end() {
        check(json!({}), &["e", "d", "c", "b", "a"], false);
        check(json!({ "limit": 2 }), &["e", "d"], true);
        check(json!({ "limit": 2, "starting_after": "d" }), &["c", "b"], true);
        check(json!({ "limit": 2, "starting_after": "c" }), &["b", "a"], false);
        check(json!({ "limit": 2, "ending_before": "b" }), &["d", "c"], true);
        check(json!({ "limit": 2, "ending_before": "d" }), &["e"], false);
    }

    #[test]
    fn objects_are_filtered_by_their_time() {
        let check = |range: Value, expected: bool| {
            assert_eq!(is_created_within(&json!({ "created": 10 }), &range), expected, "{range:?}");
        };
        check(Value::Null, true);
        check(json!({ "gt": 9, "lte": 10 }), true);
        check(json!({ "gt": 10 }), false);
        check(json!({ "gte": 10, "lt": 11 }), true);
        check(json!({ "lt": 10 }), false);
    }
}
