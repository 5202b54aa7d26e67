//! The limit of open connections for each address. Trusted proxies are not counted, since everybody comes through them.

use crate::metrics::process::{LimitKind, ProcessMetrics};
use crate::rate_limits::network;
use ipnet::IpNet;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

type Open = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// The open connections by network.
pub struct Peers {
    max: usize,
    trusted: Vec<IpNet>,
    open: Open,
    metrics: ProcessMetrics,
}

/// A connection's place; dropping it frees the place.
pub struct ConnectionPlace(Option<(Open, IpAddr)>);

impl Peers {
    /// At most `max` connections of each network, except for those that are `trusted`.
    pub fn new(max: usize, trusted: Vec<IpNet>, metrics: ProcessMetrics) -> Self {
        Self { max, trusted, open: Open::default(), metrics }
    }

    /// A place for a connection of `peer`; none at its limit.
    pub fn admit(&self, peer: IpAddr) -> Option<ConnectionPlace> {
        let peer = peer.to_canonical();
        if self.trusted.iter().any(|net| net.contains(&peer)) {
            return Some(ConnectionPlace(None));
        }
        let network = network(peer);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(network).or_insert(0);
        if *count >= self.max {
            self.metrics.count_limited(LimitKind::Connection);
            return None;
        }
        *count += 1;
        Some(ConnectionPlace(Some((Arc::clone(&self.open), network))))
    }
}

impl Drop for ConnectionPlace {
    fn drop(&mut self) {
        let Some((open, network)) = self.0.take() else { return };
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&network) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_places_and_a_proxy_is_not_counted() {
        let peers = Peers::new(2, vec!["10.0.0.0/8".parse().expect("a network")], ProcessMetrics::default());
        let admit = |text: &str| peers.admit(text.parse().expect("an address"));
        let (first, second) = (admit("192.0.2.1"), admit("::ffff:192.0.2.1"));
        assert!(first.is_some() && second.is_some() && admit("192.0.2.1").is_none());
        assert!(admit("192.0.2.2").is_some(), "another address");
        drop(second);
        assert!(admit("192.0.2.1").is_some(), "its place is free again");
        let six: Vec<_> = ["2001:db8::1", "2001:db8::2", "2001:db8::3"].map(admit).into_iter().flatten().collect();
        assert_eq!(six.len(), 2, "an IPv6 network is one address");
        let proxied: Vec<_> = (0..100).filter_map(|_| admit("10.1.2.3")).collect();
        assert_eq!(proxied.len(), 100);
        drop((first, six, proxied));
        assert!(peers.open.lock().expect("no panic").is_empty(), "nothing is kept of who is gone");
    }
}
