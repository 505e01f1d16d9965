//! Limits of connections.

use std::net::IpAddr;
use std::time::Duration;

/// Limits of connections.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The largest number of connections; a quarter of them is for those that have not shown a key yet.
    pub connections_max: usize,
    /// The largest number of connections from one address.
    pub connections_of_address_max: usize,
    /// Proxies: their addresses are not those of clients.
    pub trusted_proxies: Vec<IpAddr>,
    /// The longest request head, in bytes.
    pub header_bytes_max: usize,
    /// The time to send a request head.
    pub header_read: Duration,
    /// The time that a client may leave its response unread.
    pub write: Duration,
    /// The time that running requests get to finish once the loop is told to stop.
    pub shutdown: Duration,
}
