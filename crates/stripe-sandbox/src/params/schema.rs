//! The fields that a request may have, and the check of a request against them.
//!
//! Owns the refusals that depend on one parameter alone: unknown, missing, empty, not an integer, not in the list.
//! Refusals that depend on stored objects are with the endpoints. The result is a JSON object with integers and
//! booleans as such.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use url::Url;

use super::form::{Branch, Node};
use crate::currencies;
use crate::error::{ApiError, Result};

/// The type of a value.
pub(crate) enum Kind {
    /// At most this many characters.
    Text(usize),
    /// A whole number between two others, both included.
    Integer(i64, i64),
    Bool,
    /// One of the words that this text lists.
    OneOf(&'static str),
    WebUrl,
    Email,
    Currency,
    Object(&'static [Field]),
    List(&'static Kind),
    /// `metadata`: names and texts of the caller's choice.
    Pairs,
    /// Stripe has the parameter, and the sandbox refuses it.
    NotSimulated,
}

/// Parameters of one type.
pub(crate) struct Field {
    /// Separated by spaces.
    names: &'static str,
    kind: Kind,
    required: bool,
}

pub(crate) const fn required(names: &'static str, kind: Kind) -> Field {
    Field { names, kind, required: true }
}

pub(crate) const fn optional(names: &'static str, kind: Kind) -> Field {
    Field { names, kind, required: false }
}

/// `expand[]`, which every request may have.
const EXPAND: Field = optional("expand", Kind::List(&Kind::Text(5000)));

/// Checks the parameters of a request against the fields of its endpoint.
pub(crate) fn check(fields: &[&[Field]], given: &Branch) -> Result<Value> {
    object(fields.iter().copied().flatten().chain([&EXPAND]), given, "")
}

fn object<'a>(fields: impl Iterator<Item = &'a Field>, given: &Branch, path: &str) -> Result<Value> {
    let fields = fields.flat_map(|field| field.names.split(' ').map(move |name| (name, field)));
    let fields: BTreeMap<&str, &Field> = fields.collect();
    for name in given.keys() {
        let message = match fields.get(name.as_str()) {
            None => format!("Received unknown parameter: {}", below(path, name)),
            Some(Field { kind: Kind::NotSimulated, .. }) => {
                format!("Stripe knows '{name}'; the sandbox does not simulate it.")
            }
            Some(_) => continue,
        };
        return Err(ApiError::invalid(message).code("parameter_unknown").param(below(path, name)));
    }
    let mut values = Map::new();
    for (name, field) in fields {
        let path = below(path, name);
        match given.get(name) {
            Some(node) => {
                values.insert(name.to_owned(), value(&field.kind, node, &path)?);
            }
            None if field.required => return Err(ApiError::missing(&path)),
            None => {}
        }
    }
    Ok(values.into())
}

fn value(kind: &Kind, node: &Node, path: &str) -> Result<Value> {
    let invalid = |message| Err(ApiError::invalid(message).param(path));
    match (kind, node) {
        (Kind::Object(fields), Node::Branch(branch)) => object(fields.iter(), branch, path),
        (Kind::List(item), Node::Branch(branch)) => list(item, branch, path),
        (Kind::Pairs, Node::Branch(branch)) => pairs(branch, path),
        // `metadata=` unsets metadata that a new object does not have.
        (Kind::Pairs, Node::Text(text)) if text.is_empty() => Ok(Map::new().into()),
        (Kind::Object(_) | Kind::Pairs, Node::Text(_)) => invalid("Invalid object"),
        (Kind::List(_), Node::Text(_)) => invalid("Invalid array"),
        (_, Node::Branch(_)) => invalid("Invalid string"),
        (kind, Node::Text(text)) => scalar(kind, text, path),
    }
}

fn list(item: &Kind, branch: &Branch, path: &str) -> Result<Value> {
    let mut items = Vec::with_capacity(branch.len());
    for (name, node) in branch {
        let index: u32 = name.parse().map_err(|_| ApiError::invalid("Invalid array").param(path))?;
        items.push((index, value(item, node, &below(path, name))?));
    }
    // By number: as texts, 10 stands before 9.
    items.sort_by_key(|(index, _)| *index);
    Ok(items.into_iter().map(|(_, value)| value).collect())
}

fn pairs(branch: &Branch, path: &str) -> Result<Value> {
    if branch.len() > 50 {
        return Err(ApiError::invalid("You can only set up to 50 metadata keys").param(path));
    }
    let mut values = Map::new();
    for (name, node) in branch {
        let invalid = |message| Err(ApiError::invalid(message).param(below(path, name)));
        let Node::Text(text) = node else { return invalid("Metadata values must be strings") };
        if name.chars().count() > 40 || text.chars().count() > 500 {
            return invalid("Metadata keys are limited to 40 characters, values to 500");
        }
        if !text.is_empty() {
            values.insert(name.clone(), text.as_str().into());
        }
    }
    Ok(values.into())
}

fn scalar(kind: &Kind, text: &str, path: &str) -> Result<Value> {
    let refuse = |message: String| ApiError::invalid(message).param(path);
    if text.is_empty() {
        let message = format!(
            "You passed an empty string for '{path}'. We assume empty values are an attempt to unset a parameter; \
             however '{path}' cannot be unset. You should remove '{path}' from your request or supply a non-empty value."
        );
        return Err(refuse(message).code("parameter_invalid_empty"));
    }
    let refusal = match kind {
        Kind::Integer(min, max) => {
            let message = match text.parse::<i64>() {
                Ok(number) if (*min..=*max).contains(&number) => return Ok(number.into()),
                Ok(_) => format!("Invalid integer: {path} must be between {min} and {max}"),
                Err(_) => format!("Invalid integer: {text}"),
            };
            refuse(message).code("parameter_invalid_integer")
        }
        Kind::Bool => match text.parse::<bool>() {
            Ok(value) => return Ok(value.into()),
            Err(_) => refuse(format!("Invalid boolean: {text}")),
        },
        Kind::Currency => match text.to_ascii_lowercase() {
            code if currencies::is_known(&code) => return Ok(code.into()),
            _ => refuse(format!(
                "Invalid currency: {text}. Stripe currently supports these currencies: {}",
                currencies::ALL
            )),
        },
        Kind::Text(max) if text.chars().count() > *max => {
            refuse(format!("Invalid string: {path} must be at most {max} characters"))
        }
        Kind::OneOf(words) if words.split(' ').all(|word| word != text) => {
            refuse(format!("Invalid {path}: must be one of {}", words.replace(' ', ", ")))
        }
        Kind::WebUrl if !is_web_url(text) => refuse("Not a valid URL".to_owned()).code("url_invalid"),
        Kind::Email if !is_email(text) => refuse(format!("Invalid email address: {text}")).code("email_invalid"),
        _ => return Ok(text.into()),
    };
    Err(refusal)
}

fn is_web_url(text: &str) -> bool {
    text.len() <= 5000 && Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

fn is_email(text: &str) -> bool {
    let plain = text.len() <= 512 && !text.contains(char::is_whitespace);
    plain && text.rsplit_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}[{name}]") }
}

#[cfg(test)]
mod tests {
    use super::{Field, Kind, check, optional, required};
    use crate::params::form::parse;

    const FIELDS: &[Field] = &[
        required("name", Kind::Text(5)),
        optional("count", Kind::Integer(0, 99)),
        optional("mode", Kind::OneOf("a b")),
        optional("on", Kind::Bool),
        optional("back", Kind::WebUrl),
        optional("mail", Kind::Email),
        optional("currency", Kind::Currency),
        optional("meta", Kind::Pairs),
        optional("items", Kind::List(&Kind::Object(&[required("id", Kind::Integer(0, 99))]))),
    ];

    fn accepted(input: &str, expected: &str) {
        let values = check(&[FIELDS], &parse(input.as_bytes()).expect("a tree")).expect(input);
        assert_eq!(serde_json::to_string(&values).expect("json"), expected);
    }

    fn refused(input: &str, code: Option<&str>, param: &str) {
        let error = check(&[FIELDS], &parse(input.as_bytes()).expect("a tree")).expect_err(input);
        assert_eq!((error.code, error.param.as_deref()), (code, Some(param)), "{input}: {}", error.message);
    }

    #[test]
    fn values_come_out_typed() {
        accepted("name=x&count=7&on=true&mode=b", r#"{"count":7,"mode":"b","name":"x","on":true}"#);
        accepted("name=x&meta[k]=v&meta[gone]=", r#"{"meta":{"k":"v"},"name":"x"}"#);
        accepted("name=x&currency=USD", r#"{"currency":"usd","name":"x"}"#);
        let twelve: String = (0..12).map(|n| format!("&items[{n}][id]={n}")).collect();
        let ids: Vec<_> = (0..12).map(|n| format!(r#"{{"id":{n}}}"#)).collect();
        accepted(&format!("name=x{twelve}"), &format!(r#"{{"items":[{}],"name":"x"}}"#, ids.join(",")));
    }

    #[test]
    fn refusals_name_the_parameter_as_it_was_sent() {
        refused("", Some("parameter_missing"), "name");
        refused("name=x&foo=1", Some("parameter_unknown"), "foo");
        refused("name=x&items[0][foo]=1", Some("parameter_unknown"), "items[0][foo]");
        refused("name=x&items[0]=1", None, "items[0]");
        refused("name=x&items=1", None, "items");
        refused("name=", Some("parameter_invalid_empty"), "name");
        refused("name=toolong", None, "name");
        refused("name=x&items[0][id]=1.5", Some("parameter_invalid_integer"), "items[0][id]");
        refused("name=x&count=-1", Some("parameter_invalid_integer"), "count");
        refused("name=x&count=99999999999999999999", Some("parameter_invalid_integer"), "count");
        refused("name=x&mode=c", None, "mode");
        refused("name=x&on=1", None, "on");
        refused("name=x&back=/relative", Some("url_invalid"), "back");
        refused("name=x&back=javascript:alert(1)", Some("url_invalid"), "back");
        refused("name=x&mail=nobody", Some("email_invalid"), "mail");
        refused("name=x&currency=zzz", None, "currency");
        refused("name[a]=x", None, "name");
    }
}
