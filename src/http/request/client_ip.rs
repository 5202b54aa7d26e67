//! The client's address: that of the connection, or the one that a trusted proxy reports.

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// The client's address; none if the connection has none.
#[must_use]
pub fn address(extensions: &Extensions, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
    Some(behind_proxies(peer.ip(), headers, trusted))
}

/// Reads `X-Forwarded-For` from the right as long as the address is a trusted proxy's. The entries further left come
/// from the client itself, so they are ignored.
fn behind_proxies(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let trusts = |address: IpAddr| trusted.iter().any(|net| net.contains(&address.to_canonical()));
    let mut client = peer.to_canonical();
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for text in forwarded.into_iter().rev() {
        if !trusts(client) {
            break;
        }
        let text = text.trim();
        let parsed = text.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
        let Ok(address) = parsed else { break };
        client = address.to_canonical();
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_set_the_address() {
        let trusted: Vec<IpNet> =
            ["10.0.0.0/8", "192.0.2.7/32"].iter().map(|net| net.parse().expect("a network")).collect();
        let check = |peer: &str, said: &[&str], want: &str| {
            let mut headers = HeaderMap::new();
            for line in said {
                headers.append("x-forwarded-for", line.parse().expect("a header"));
            }
            let found = behind_proxies(peer.parse().expect("an address"), &headers, &trusted);
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
