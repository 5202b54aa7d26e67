//! Where a request comes from: the address of the other end, or what a trusted proxy says about it; and the browser,
//! where it was known before.

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// Where somebody is who signs in: whoever guesses elsewhere is another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// The network, as [`crate::limits::network`] counts it; none where the connection has no address.
    pub network: Option<IpAddr>,
    /// What this browser was given when the same account last signed in with it.
    pub device: Option<String>,
}

/// The address of the client; none where the connection has none.
#[must_use]
pub fn address(extensions: &Extensions, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
    Some(behind(peer.ip(), headers, trusted))
}

/// Walks back through `X-Forwarded-For` as far as proxies are trusted: what stands left of a stranger's word is
/// the stranger's.
fn behind(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let trusts = |address: IpAddr| trusted.iter().any(|net| net.contains(&address.to_canonical()));
    let mut known = peer.to_canonical();
    let said: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for text in said.into_iter().rev() {
        if !trusts(known) {
            break;
        }
        let text = text.trim();
        let parsed = text.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
        let Ok(address) = parsed else { break };
        known = address.to_canonical();
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let trusted: Vec<IpNet> =
            ["10.0.0.0/8", "192.0.2.7/32"].iter().map(|net| net.parse().expect("a network")).collect();
        let check = |peer: &str, said: &[&str], want: &str| {
            let mut headers = HeaderMap::new();
            for line in said {
                headers.append("x-forwarded-for", line.parse().expect("a header"));
            }
            let found = behind(peer.parse().expect("an address"), &headers, &trusted);
            assert_eq!(found.to_string(), want, "{peer} {said:?}");
        };
        check("203.0.113.9", &["198.51.100.1"], "203.0.113.9");
        check("10.1.2.3", &[], "10.1.2.3");
        check("10.1.2.3", &["198.51.100.1"], "198.51.100.1");
        check("10.1.2.3", &["1.1.1.1, 198.51.100.1, 192.0.2.7"], "198.51.100.1");
        check("10.1.2.3", &["1.1.1.1", "198.51.100.1"], "198.51.100.1");
        check("10.1.2.3", &["198.51.100.1:4711"], "198.51.100.1");
        check("::ffff:10.1.2.3", &["2001:db8::1"], "2001:db8::1");
        check("10.1.2.3", &["unknown"], "10.1.2.3");
        check("10.1.2.3", &["10.9.9.9"], "10.9.9.9");
    }
}
