//! The place that a sign-in comes from: failed attempts are counted by place.

use std::net::IpAddr;

/// A network, or a browser that signed in with the same account before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// The network, as [`crate::rate_limits::network`] counts it; none if the connection has no address.
    pub network: Option<IpAddr>,
    /// The value of this browser's device cookie.
    pub device: Option<String>,
}
