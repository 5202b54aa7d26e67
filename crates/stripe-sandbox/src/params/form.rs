//! Request bodies and queries as Stripe's clients write them: form-encoded, nested by brackets
//! (`line_items[0][price_data][currency]=usd`, `expand[]=customer`).
//!
//! Invariant: any input gives a tree or a refusal, and the tree is bounded in depth and size.

use std::collections::BTreeMap;

use serde::Serialize;
use url::form_urlencoded;

use crate::error::{ApiError, Result};

const PARAMS_MAX: usize = 500;
const DEPTH_MAX: usize = 8;

/// The values below one name.
pub(crate) type Branch = BTreeMap<String, Node>;

/// A value, or values by name; the names of an array are its indices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Node {
    Text(String),
    Branch(Branch),
}

/// Reads a body or a query.
pub(crate) fn parse(input: &[u8]) -> Result<Branch> {
    let mut root = Branch::new();
    for (count, (key, value)) in form_urlencoded::parse(input).enumerate() {
        let path = split(&key).filter(|path| path.len() <= DEPTH_MAX && count < PARAMS_MAX);
        path.and_then(|path| put(&mut root, &path, value.into_owned())).ok_or_else(|| {
            ApiError::invalid(format!("Invalid parameter name or nesting: {key}")).param(key.as_ref())
        })?;
    }
    Ok(root)
}

/// `a[b][0]` → `a`, `b`, `0`.
fn split(key: &str) -> Option<Vec<&str>> {
    let Some(open) = key.find('[') else {
        return (!key.is_empty() && !key.contains(']')).then(|| vec![key]);
    };
    let (head, rest) = key.split_at(open);
    let inner = rest.strip_prefix('[')?.strip_suffix(']')?;
    let parts: Vec<_> = std::iter::once(head).chain(inner.split("][")).collect();
    let clean = !head.is_empty() && parts.iter().all(|part| !part.contains(['[', ']']));
    clean.then_some(parts)
}

fn put(branch: &mut Branch, path: &[&str], value: String) -> Option<()> {
    let (first, rest) = path.split_first()?;
    // `expand[]`: the next index.
    let name = if first.is_empty() { branch.len().to_string() } else { (*first).to_owned() };
    if rest.is_empty() {
        return match branch.insert(name, Node::Text(value)) {
            Some(Node::Branch(_)) => None,
            // The last of two wins, as at Stripe.
            Some(Node::Text(_)) | None => Some(()),
        };
    }
    match branch.entry(name).or_insert_with(|| Node::Branch(Branch::new())) {
        Node::Branch(inner) => put(inner, rest, value),
        Node::Text(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::parse;

    fn check(input: &str, expected: &str) {
        let tree = parse(input.as_bytes()).expect("a tree");
        assert_eq!(serde_json::to_string(&tree).expect("json"), expected);
    }

    #[test]
    fn brackets_nest_and_indices_name_the_items_of_an_array() {
        check("a=1&b[c]=2&b%5Bd%5D=3", r#"{"a":"1","b":{"c":"2","d":"3"}}"#);
        check("l[0][p][q]=x+y&l[1][p][q]=%C3%A9", r#"{"l":{"0":{"p":{"q":"x y"}},"1":{"p":{"q":"é"}}}}"#);
        check("expand[]=a&expand[]=b", r#"{"expand":{"0":"a","1":"b"}}"#);
        check("a=1&a=2", r#"{"a":"2"}"#);
        check("", "{}");
    }

    #[test]
    fn a_name_that_is_a_value_and_a_branch_is_refused() {
        for input in ["a=1&a[b]=2", "a[b]=2&a=1", "a[=1", "a]=1", "[a]=1", "a[b]c=1", "=1", "a[b][c=1"] {
            assert!(parse(input.as_bytes()).is_err(), "{input}");
        }
        assert!(parse(format!("a{}=1", "[b]".repeat(20)).as_bytes()).is_err());
        assert!(parse("a[]=1&".repeat(1000).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(input: Vec<u8>) {
            let _ = parse(&input);
        }

        #[test]
        fn anything_like_brackets_is_parsed_or_refused(input in r"[ab\[\]=&0]{0,40}") {
            let _ = parse(input.as_bytes());
        }
    }
}
