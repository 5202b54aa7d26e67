//! `LISTEN`: `127.0.0.1:3000`, `[::1]:3000`, `localhost:3000`; and the address in a URL.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};

/// Parses an address with its port. Resolves a name once, and prefers its IPv4 address.
///
/// # Errors
/// The rest of the line that begins with the setting's name.
pub fn parse(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let expected = "must be an address and a port, such as 127.0.0.1:3000, [::1]:3000 or localhost:3000";
    let Some((host, port)) = text.rsplit_once(':') else { return Err(expected.to_owned()) };
    let Ok(port) = port.parse::<u16>() else { return Err(expected.to_owned()) };
    let is_name = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
    if !is_name {
        return Err(expected.to_owned());
    }
    let mut found: Vec<SocketAddr> = match (host, port).to_socket_addrs() {
        Ok(found) => found.collect(),
        Err(e) => return Err(format!("{host} is not a name of this machine: {e}")),
    };
    found.sort_by_key(SocketAddr::is_ipv6);
    found.first().copied().ok_or_else(|| format!("{host} has no address"))
}

/// The URL of a bound address, without an IPv6 zone (`%eth0`).
#[must_use]
pub fn url(address: SocketAddr) -> String {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => format!("http://{ip}:{}", address.port()),
        IpAddr::V6(ip) => format!("http://[{ip}]:{}", address.port()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_or_a_name_of_this_machine_is_read() {
        for (text, url_of) in [
            ("127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("[::1]:0", "http://[::1]:0"),
            ("[::]:3000", "http://[::]:3000"),
            ("[fe80::1%3]:3000", "http://[fe80::1]:3000"),
            ("[::ffff:127.0.0.1]:3000", "http://127.0.0.1:3000"),
            ("localhost:3000", "http://127.0.0.1:3000"),
        ] {
            assert_eq!(parse(text).map(url).as_deref(), Ok(url_of), "{text}");
        }
        for wrong in ["", "3000", ":3000", "::1:3000", "[::1]", "localhost", "localhost:", "localhost:70000", "a b:1"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
