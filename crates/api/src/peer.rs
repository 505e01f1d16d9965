//! The network address of a client.

use crate::places::Place;
use http::HeaderMap;
use std::net::IpAddr;

/// What proxies tell the client's address in.
const FORWARDED_HEADER: &str = "x-forwarded-for";

/// The network address of a client, where it is known. It is not known where a trusted proxy does not tell it, or tells
/// something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer(pub(crate) Option<IpAddr>);

impl Peer {
    /// The client of a request that came over the connection at this place, or over none of ours.
    pub(crate) fn of(place: Option<&Place>, headers: &HeaderMap) -> Self {
        let is_proxy = |address| place.is_some_and(|place| place.is_of_proxy(address));
        Self(place.and_then(Place::address).or_else(|| forwarded(headers, is_proxy)))
    }
}

/// The client behind proxies. Each of them appends the address that it sees, so the last that is no trusted proxy's is the
/// client; those before are the client's word.
fn forwarded(headers: &HeaderMap, is_proxy: impl Fn(IpAddr) -> bool) -> Option<IpAddr> {
    let mut client = None;
    for line in headers.get_all(FORWARDED_HEADER).iter().rev() {
        for address in line.to_str().ok()?.rsplit(',') {
            let address = address.trim().parse::<IpAddr>().ok()?.to_canonical();
            if !is_proxy(address) {
                return Some(address);
            }
            client = Some(address);
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[&str], expect: Option<&str>) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_HEADER, line.parse().unwrap());
        }
        let is_proxy = |address: IpAddr| address.to_string().starts_with("10.");
        let expect: Option<IpAddr> = expect.map(|address| address.parse().unwrap());
        assert_eq!(forwarded(&headers, is_proxy), expect, "{lines:?}");
    }

    #[test]
    fn the_last_address_that_is_no_proxys_is_the_clients() {
        check(&[], None);
        check(&["203.0.113.5"], Some("203.0.113.5"));
        check(&["198.51.100.7, 203.0.113.5"], Some("203.0.113.5"));
        check(&["198.51.100.7", "203.0.113.5"], Some("203.0.113.5"));
        check(&["198.51.100.7, 203.0.113.5, 10.0.0.1"], Some("203.0.113.5"));
        check(&["198.51.100.7, 203.0.113.5", "10.0.0.2,10.0.0.1"], Some("203.0.113.5"));
        check(&["::ffff:203.0.113.5 , ::ffff:10.0.0.1"], Some("203.0.113.5"));
        // A client on the machine of a proxy.
        check(&["10.0.0.9, 10.0.0.1"], Some("10.0.0.9"));
    }

    #[test]
    fn what_is_no_address_hides_those_before_it() {
        check(&["unknown"], None);
        check(&["203.0.113.5, unknown"], None);
        check(&["203.0.113.5, unknown, 10.0.0.1"], None);
        check(&["unknown, 203.0.113.5"], Some("203.0.113.5"));
        check(&[""], None);
    }
}
