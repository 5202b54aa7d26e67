//! The value parsers for flags and environment variables of every command.
//!
//! Blanks and line ends around a value (and around each value of a list) are trimmed: files with secrets end in a newline,
//! lists have blanks after commas. An invisible character inside is an error with the setting's name. The error never
//! repeats the value, which may be a secret.

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Command, Error};
use std::ffi::OsStr;
use std::str::FromStr;
use url::Url;

/// Trims a value before `inner` parses it.
#[derive(Clone, Debug)]
pub struct Trimmed<P> {
    inner: P,
    /// Blanks inside are an error.
    is_word: bool,
}

/// A value without blanks inside, such as a key, a number or an address.
pub fn word() -> Trimmed<StringValueParser> {
    word_of(StringValueParser::new())
}

/// The same, parsed by `inner`.
pub fn word_of<P>(inner: P) -> Trimmed<P> {
    Trimmed { inner, is_word: true }
}

/// Parses a `T`.
pub type FromText<T> = fn(&str) -> Result<T, <T as FromStr>::Err>;

/// A number or an address.
pub fn parsed<T>() -> Trimmed<FromText<T>>
where
    T: FromStr + Clone + Send + Sync + 'static,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    word_of(<T as FromStr>::from_str as FromText<T>)
}

/// A value that may have blanks inside: a path, a name.
pub fn text() -> Trimmed<StringValueParser> {
    text_of(StringValueParser::new())
}

/// The same, parsed by `inner`.
pub fn text_of<P>(inner: P) -> Trimmed<P> {
    Trimmed { inner, is_word: false }
}

/// An origin, normalised as browsers do.
pub fn origin() -> Trimmed<impl TypedValueParser<Value = String>> {
    word_of(StringValueParser::new().map(|text| origin_of(&text).unwrap_or(text)))
}

/// `https://billing.example.com` of `HTTPS://Billing.Example.com:443/`; none if the text is not exactly an origin.
pub fn origin_of(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let is_web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    // The URL parser would silently repair these typing mistakes.
    if !is_web || rest.starts_with(['/', ':', '@']) || rest.contains(['\\', '?', '#', '@']) {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let is_origin = url.has_host() && url.path() == "/" && !rest.trim_end_matches('/').contains('/');
    is_origin.then(|| url.origin().ascii_serialization())
}

/// The environment variable of an argument, or its flag.
fn name_of(arg: Option<&Arg>) -> String {
    let env = arg.and_then(Arg::get_env).map(|name| name.to_string_lossy().into_owned());
    env.unwrap_or_else(|| arg.map_or_else(|| "an argument".to_owned(), ToString::to_string))
}

fn invalid(arg: Option<&Arg>, reason: &str) -> Error {
    Error::raw(ErrorKind::ValueValidation, format!("{}: {reason}\n", name_of(arg)))
}

impl<P: TypedValueParser> TypedValueParser for Trimmed<P> {
    type Value = P::Value;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<P::Value, Error> {
        let Some(text) = value.to_str() else { return Err(invalid(arg, "is not UTF-8")) };
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        if text.is_empty() {
            let is_list = arg.is_some_and(|arg| arg.get_value_delimiter().is_some());
            return Err(invalid(arg, if is_list { "has an empty value" } else { "is empty" }));
        }
        if text.chars().any(is_invisible) {
            return Err(invalid(arg, "has a control or invisible character inside"));
        }
        if self.is_word && text.contains(char::is_whitespace) {
            return Err(invalid(arg, "has a space inside"));
        }
        self.inner.parse_ref(command, arg, OsStr::new(text))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        self.inner.possible_values()
    }
}

/// Control and zero-width characters, which come with a copied value.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_spelled_in_one_way() {
        for (text, origin) in [
            ("https://billing.example.com", "https://billing.example.com"),
            ("https://billing.example.com/", "https://billing.example.com"),
            ("HTTPS://Billing.Example.COM", "https://billing.example.com"),
            ("https://billing.example.com:443", "https://billing.example.com"),
            ("https://billing.example.com:8443/", "https://billing.example.com:8443"),
            ("http://LOCALHOST:80", "http://localhost"),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("http://[::1]:80", "http://[::1]"),
            ("https://b\u{fc}cher.example", "https://xn--bcher-kva.example"),
        ] {
            assert_eq!(origin_of(text).as_deref(), Some(origin), "{text}");
        }
        for wrong in [
            "",
            "billing.example.com",
            "https:billing.example.com",
            "https:/billing.example.com",
            "https:///billing.example.com",
            "https:\\\\billing.example.com",
            "https://",
            "https://billing.example.com/path",
            "https://billing.example.com/.",
            "https://billing.example.com?a",
            "https://billing.example.com#a",
            "https://ada@billing.example.com",
            "https://billing.example.com:0x1",
            "ftp://billing.example.com",
        ] {
            assert_eq!(origin_of(wrong), None, "{wrong}");
        }
    }
}
