//! The state of a subscription, read from Stripe's JSON.

use crate::stripe::error::StripeError;
use crate::stripe::json;
use miniserde::json::{Object, Value};

/// A subscription at Stripe. Instants are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionState {
    /// `sub_…`
    pub id: String,
    /// Stripe's status.
    pub status: String,
    /// `cus_…`
    pub customer: String,
    /// The SaaS's id of the customer, from `metadata[customer]`.
    pub names: Option<String>,
    /// Its creation.
    pub created: i64,
    /// The billing cycle anchor.
    pub anchor: i64,
    /// `price_…` of each item, with the end of its period.
    pub prices: Vec<(String, Option<i64>)>,
    /// Its end, past or future.
    pub ends_at: Option<i64>,
    /// The newest invoice is unpaid; none if Stripe does not say.
    pub owes: Option<bool>,
    pub livemode: bool,
}

/// Parses a subscription.
///
/// # Errors
/// [`StripeError::Malformed`]: a needed field is missing.
pub(super) fn parse_subscription(found: &Object) -> Result<SubscriptionState, StripeError> {
    let lacks = |name: &str| StripeError::Malformed(format!("a subscription without {name}"));
    let word = |name: &str| json::json_text(found, name).map(str::to_owned).ok_or_else(|| lacks(name));
    let created = json::json_number(found, "created").ok_or_else(|| lacks("created"))?;
    let items = match json::inner(found, "items").and_then(|list| list.get("data")) {
        Some(Value::Array(items)) => items,
        _ => return Err(lacks("items")),
    };
    let prices: Vec<(String, Option<i64>)> = items
        .iter()
        .filter_map(|item| match item {
            Value::Object(item) => Some((json::id_in(item, "price")?, json::json_number(item, "current_period_end"))),
            _ => None,
        })
        .collect();
    // With `cancel_at_period_end`, the end is the period end of the items.
    let period_end = prices.iter().filter_map(|(_, end)| *end).max();
    let at_period_end = matches!(found.get("cancel_at_period_end"), Some(Value::Bool(true)));
    let ends_at = json::json_number(found, "ended_at").or_else(|| json::json_number(found, "cancel_at"));
    Ok(SubscriptionState {
        id: word("id")?,
        status: word("status")?,
        customer: json::id_in(found, "customer").ok_or_else(|| lacks("customer"))?,
        names: json::customer_metadata(found),
        created,
        anchor: json::json_number(found, "billing_cycle_anchor").unwrap_or(created),
        ends_at: ends_at.or(period_end.filter(|_| at_period_end)),
        prices,
        owes: json::inner(found, "latest_invoice").and_then(|invoice| is_unpaid(json::json_text(invoice, "status")?)),
        livemode: matches!(found.get("livemode"), Some(Value::Bool(true))),
    })
}

/// Unknown for a draft. A void invoice was never paid.
fn is_unpaid(status: &str) -> Option<bool> {
    match status {
        "paid" => Some(false),
        "open" | "uncollectible" | "void" => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{SubscriptionState, parse_subscription};
    use crate::stripe::StripeError;

    fn check(json: &str) -> Result<SubscriptionState, StripeError> {
        parse_subscription(&miniserde::json::from_str(json).expect("an object"))
    }

    #[test]
    fn a_subscription_is_read_among_other_fields() {
        let state = check(
            r#"{"id":"sub_1","object":"subscription","status":"past_due","created":5,"billing_cycle_anchor":7,
              "customer":{"id":"cus_1","deleted":true},"cancel_at_period_end":true,"cancel_at":null,"livemode":false,
              "metadata":{"customer":"acme","other":"x"},"new_field":[{"a":1.5}],
              "items":{"data":[{"price":{"id":"price_1"},"current_period_end":99},{"plan":null}]},
              "latest_invoice":{"status":"open"}}"#,
        );
        let expected = SubscriptionState {
            id: "sub_1".into(),
            status: "past_due".into(),
            customer: "cus_1".into(),
            names: Some("acme".into()),
            created: 5,
            anchor: 7,
            prices: vec![("price_1".into(), Some(99))],
            ends_at: Some(99),
            owes: Some(true),
            livemode: false,
        };
        assert_eq!(state, Ok(expected));
    }

    #[test]
    fn absent_fields_are_unknown() {
        let state = check(
            r#"{"id":"sub_1","status":"active","created":5,"customer":"cus_1","latest_invoice":"in_1",
              "items":{"data":[{"price":"price_1"}]}}"#,
        )
        .expect("enough");
        assert_eq!((state.owes, state.ends_at, state.anchor, state.names), (None, None, 5, None));
        assert_eq!(state.prices, [("price_1".to_owned(), None)]);
    }

    #[test]
    fn a_subscription_without_a_needed_field_is_malformed() {
        for json in [
            "{}",
            r#"{"id":"sub_1","status":"active","created":5,"items":{"data":[]}}"#,
            r#"{"id":"sub_1","status":"active","created":5,"customer":"cus_1"}"#,
            r#"{"id":"sub_1","status":7,"created":5,"customer":"cus_1","items":{"data":[]}}"#,
        ] {
            assert!(matches!(check(json), Err(StripeError::Malformed(_))), "{json}");
        }
    }
}
