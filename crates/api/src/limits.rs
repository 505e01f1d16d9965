//! Limits of connections.

use opencredits_service::config::Network;
use std::time::Duration;

/// Limits of connections.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The largest number of connections; a quarter of them is for those that have not shown a key yet.
    pub connections_max: usize,
    /// The largest number of connections from one address.
    pub connections_of_address_max: usize,
    /// Proxies: their addresses are not those of clients.
    pub trusted_proxies: Vec<Network>,
    /// Load balancers: their connections begin with a header of the PROXY protocol.
    pub proxy_protocol_from: Vec<Network>,
    /// The longest request head, in bytes.
    pub header_bytes_max: usize,
    /// The time to send a request head, and the time for all that comes before the first one.
    pub header_read: Duration,
    /// The time that a client may leave its response unread.
    pub write: Duration,
    /// The time that running requests get to finish once the loop is told to stop.
    pub shutdown: Duration,
}
