//! Cookies: names, attributes, reading. No crate: two small functions do.
//!
//! On https they are `__Host-` and `Secure`; plain http is possible on loopback only, where a
//! browser would refuse both. `Lax`, since `Strict` signs buyers out on return from Checkout.

use axum::http::HeaderMap;
use axum::http::header::COOKIE;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cookie {
    /// The token of a customer's session.
    Session,
    /// The token of an operator's session.
    Operator,
    /// This browser was signed in with an operator's account before. It opens nothing.
    OperatorDevice,
    Theme,
    /// The outcome of a form, for the page that shows it once.
    Flash,
    /// The seed of the API key that was just made, to show the key once.
    NewKey,
    /// The form that made a sign-in link for an operator, to show the link once.
    OperatorLink,
    /// The package that was wanted before the plan had top-ups.
    Wanted,
}

impl Cookie {
    #[must_use]
    pub const fn name(self, https: bool) -> &'static str {
        match (self, https) {
            (Self::Session, true) => "__Host-session",
            (Self::Session, false) => "session",
            (Self::Operator, true) => "__Host-operator",
            (Self::Operator, false) => "operator",
            (Self::OperatorDevice, true) => "__Host-operator-device",
            (Self::OperatorDevice, false) => "operator-device",
            (Self::Theme, true) => "__Host-theme",
            (Self::Theme, false) => "theme",
            (Self::Flash, true) => "__Host-flash",
            (Self::Flash, false) => "flash",
            (Self::NewKey, true) => "__Host-new-key",
            (Self::NewKey, false) => "new-key",
            (Self::OperatorLink, true) => "__Host-operator-link",
            (Self::OperatorLink, false) => "operator-link",
            (Self::Wanted, true) => "__Host-wanted",
            (Self::Wanted, false) => "wanted",
        }
    }

    /// The value in a request.
    #[must_use]
    pub fn read(self, headers: &HeaderMap, https: bool) -> Option<String> {
        let name = self.name(https);
        let all = headers.get_all(COOKIE).iter().filter_map(|header| header.to_str().ok());
        let mut pairs = all.flat_map(|header| header.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    }

    /// The `Set-Cookie` header. Values are ours: letters, digits, `-` and `_`.
    #[must_use]
    pub fn set(self, value: &str, seconds: i64, https: bool) -> String {
        let secure = if https { "; Secure" } else { "" };
        format!("{}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}", self.name(https))
    }

    /// The `Set-Cookie` header that removes the cookie.
    #[must_use]
    pub fn clear(self, https: bool) -> String {
        self.set("", 0, https)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, "xsession=no; theme=dark".parse().expect("a header"));
        headers.append(COOKIE, "session=abc".parse().expect("a header"));
        assert_eq!(Cookie::Session.read(&headers, false).as_deref(), Some("abc"));
        assert_eq!(Cookie::Theme.read(&headers, false).as_deref(), Some("dark"));
        assert_eq!(Cookie::Session.read(&headers, true), None);
    }

    #[test]
    fn cookies_are_host_bound_wherever_the_site_is_https() {
        let header = Cookie::Session.set("abc", 60, true);
        assert_eq!(header, "__Host-session=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(Cookie::Session.clear(false), "session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    }
}
