//! What a request may hold, as data, and the check of a request against it.
//!
//! Owns the refusals that depend on one parameter alone: unknown, missing, empty, not an integer, not in
//! the list. What depends on the state (is there such a customer?) is with the endpoint. The result is
//! JSON with integers and booleans as such, so that an endpoint reads what it was promised.

use serde_json::{Map, Value};
use url::Url;

use super::currencies;
use super::error::ApiError;
use super::form::{Branch, Node};

/// What a value may be.
pub(super) enum Kind {
    /// Text of at most so many characters.
    Text(usize),
    /// A whole number between two others, both included.
    Integer(i64, i64),
    Bool,
    OneOf(&'static [&'static str]),
    /// An http or https address.
    Address,
    Email,
    Currency,
    Object(&'static [Field]),
    List(&'static Kind),
    /// `metadata`: names and texts of the caller's choice.
    Pairs,
}

/// A parameter.
pub(super) struct Field {
    name: &'static str,
    kind: Kind,
    required: bool,
}

/// A parameter that must be there.
pub(super) const fn required(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: true }
}

/// A parameter that may be absent.
pub(super) const fn optional(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: false }
}

/// Checks what was given against `fields`.
pub(super) fn check(fields: &[Field], given: &Branch) -> Result<Map<String, Value>, ApiError> {
    object(fields, given, "")
}

fn object(fields: &[Field], given: &Branch, path: &str) -> Result<Map<String, Value>, ApiError> {
    let known = |name: &String| fields.iter().any(|field| field.name == name);
    if let Some(name) = given.keys().find(|name| !known(name)) {
        return Err(ApiError::unknown(&below(path, name)));
    }
    let mut values = Map::new();
    for field in fields {
        let path = below(path, field.name);
        match given.get(field.name) {
            Some(node) => {
                values.insert(field.name.to_owned(), value(&field.kind, node, &path)?);
            }
            None if field.required => return Err(ApiError::missing(&path)),
            None => {}
        }
    }
    Ok(values)
}

fn value(kind: &Kind, node: &Node, path: &str) -> Result<Value, ApiError> {
    match (kind, node) {
        (Kind::Object(fields), Node::Branch(branch)) => Ok(Value::Object(object(fields, branch, path)?)),
        (Kind::List(item), Node::Branch(branch)) => list(item, branch, path),
        (Kind::Pairs, Node::Branch(branch)) => pairs(branch, path),
        // `metadata=` unsets: there is nothing yet to unset.
        (Kind::Pairs, Node::Text(text)) if text.is_empty() => Ok(Value::Object(Map::new())),
        (Kind::Object(_) | Kind::Pairs, Node::Text(_)) => Err(ApiError::invalid("Invalid object").param(path)),
        (Kind::List(_), Node::Text(_)) => Err(ApiError::invalid("Invalid array").param(path)),
        (_, Node::Branch(_)) => Err(ApiError::invalid("Invalid string").param(path)),
        (kind, Node::Text(text)) => scalar(kind, text, path),
    }
}

fn list(item: &Kind, branch: &Branch, path: &str) -> Result<Value, ApiError> {
    let mut items = Vec::with_capacity(branch.len());
    for (name, node) in branch {
        let index: u32 = name.parse().map_err(|_| ApiError::invalid("Invalid array").param(path))?;
        items.push((index, value(item, node, &below(path, name))?));
    }
    // By number: as texts, 10 stands before 9.
    items.sort_by_key(|(index, _)| *index);
    Ok(items.into_iter().map(|(_, value)| value).collect())
}

fn pairs(branch: &Branch, path: &str) -> Result<Value, ApiError> {
    if branch.len() > 50 {
        return Err(ApiError::invalid("You can only set up to 50 metadata keys").param(path));
    }
    let mut values = Map::new();
    for (name, node) in branch {
        let Node::Text(text) = node else {
            return Err(ApiError::invalid("Metadata values must be strings").param(below(path, name)));
        };
        if name.chars().count() > 40 || text.chars().count() > 500 {
            let limits = "Metadata keys are limited to 40 characters, values to 500";
            return Err(ApiError::invalid(limits).param(below(path, name)));
        }
        if !text.is_empty() {
            values.insert(name.clone(), text.as_str().into());
        }
    }
    Ok(Value::Object(values))
}

fn scalar(kind: &Kind, text: &str, path: &str) -> Result<Value, ApiError> {
    if text.is_empty() {
        let message = format!(
            "You passed an empty string for '{path}'. We assume empty values are an attempt to unset a parameter; \
             however '{path}' cannot be unset. You should remove '{path}' from your request or supply a non-empty value."
        );
        return Err(ApiError::invalid(message).code("parameter_invalid_empty").param(path));
    }
    let refuse = |message: String| Err(ApiError::invalid(message).param(path));
    match kind {
        Kind::Text(max) if text.chars().count() > *max => {
            refuse(format!("Invalid string: {path} must be at most {max} characters"))
        }
        Kind::Integer(min, max) => match text.parse::<i64>() {
            Ok(number) if (*min..=*max).contains(&number) => Ok(number.into()),
            Ok(_) => refuse(format!("Invalid integer: {path} must be between {min} and {max}"))
                .map_err(|error| error.code("parameter_invalid_integer")),
            Err(_) => {
                refuse(format!("Invalid integer: {text}")).map_err(|error| error.code("parameter_invalid_integer"))
            }
        },
        Kind::Bool => match text {
            "true" => Ok(true.into()),
            "false" => Ok(false.into()),
            _ => refuse(format!("Invalid boolean: {text}")),
        },
        Kind::OneOf(words) if !words.contains(&text) => {
            refuse(format!("Invalid {path}: must be one of {}", words.join(", ")))
        }
        Kind::Address if !is_address(text) => {
            refuse("Not a valid URL".to_owned()).map_err(|error| error.code("url_invalid"))
        }
        Kind::Email if !is_email(text) => {
            refuse(format!("Invalid email address: {text}")).map_err(|error| error.code("email_invalid"))
        }
        Kind::Currency => {
            let code = text.to_ascii_lowercase();
            if currencies::is_known(&code) {
                Ok(code.into())
            } else {
                refuse(format!(
                    "Invalid currency: {text}. Stripe currently supports these currencies: {}",
                    currencies::ALL
                ))
            }
        }
        _ => Ok(text.into()),
    }
}

fn is_address(text: &str) -> bool {
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
    use crate::form::parse;

    const FIELDS: &[Field] = &[
        required("name", Kind::Text(5)),
        optional("count", Kind::Integer(0, 99)),
        optional("mode", Kind::OneOf(&["a", "b"])),
        optional("on", Kind::Bool),
        optional("back", Kind::Address),
        optional("mail", Kind::Email),
        optional("currency", Kind::Currency),
        optional("meta", Kind::Pairs),
        optional("items", Kind::List(&Kind::Object(&[required("id", Kind::Integer(0, 99))]))),
    ];

    fn accepted(input: &str, expected: &str) {
        let values = check(FIELDS, &parse(input.as_bytes()).expect("a tree")).expect(input);
        assert_eq!(serde_json::to_string(&values).expect("json"), expected);
    }

    fn refused(input: &str, code: Option<&str>, param: &str) {
        let error = check(FIELDS, &parse(input.as_bytes()).expect("a tree")).expect_err(input);
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
