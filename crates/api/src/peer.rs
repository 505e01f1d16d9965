//! The network address of a client.

use crate::places::Place;
use http::HeaderMap;
use std::net::IpAddr;

/// What a proxy tells the client's address in.
const FORWARDED_HEADER: &str = "x-forwarded-for";

/// The network address of a client, where it is known. It is not known where a trusted proxy does not tell it, or tells
/// something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer(pub(crate) Option<IpAddr>);

impl Peer {
    /// The client of a request that came over the connection at this place, or over none of ours.
    pub(crate) fn of(place: Option<&Place>, headers: &HeaderMap) -> Self {
        // A proxy appends the address that it sees; those before are the client's word.
        let forwarded = || headers.get_all(FORWARDED_HEADER).iter().next_back()?.to_str().ok()?.rsplit(',').next();
        let address = place.and_then(Place::address);
        Self(address.or_else(|| forwarded()?.trim().parse().ok()))
    }
}
