//! The places of connections: how many there are, from which address, and which of them have shown a key.
//!
//! A connection begins in a pool of its own, for those without a key. When that is full, the oldest one there is closed,
//! so that a new one is always heard. With its first valid key a connection leaves the pool. So nobody without a key can
//! take the place of somebody who has one.

use crate::limits::Limits;
use metrics::{Counter, Gauge};
use opencredits_service::config::Network;
use opencredits_service::telemetry::families::{CONNECTIONS, CONNECTIONS_REFUSED};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

/// One part in so many of all places is for connections without a key.
const WITHOUT_KEY_PART: usize = 4;

/// All places.
pub(crate) struct Places {
    state: Mutex<State>,
    without_key_max: usize,
    with_key_max: usize,
    of_address_max: usize,
    trusted: Vec<Network>,
    meters: Meters,
}

/// What connections are counted by.
struct Meters {
    without_key: Gauge,
    with_key: Gauge,
    refused: Counter,
}

impl Meters {
    fn new() -> Self {
        Self {
            without_key: CONNECTIONS.gauge_of(&["without_key"]),
            with_key: CONNECTIONS.gauge_of(&["with_key"]),
            refused: CONNECTIONS_REFUSED.counter_of(&[]),
        }
    }
}

#[derive(Default)]
struct State {
    /// The connections without a key, the oldest first, and how to close them.
    without_key: BTreeMap<u64, Arc<Notify>>,
    with_key: usize,
    of_address: HashMap<IpAddr, usize>,
    next: u64,
}

/// The place of a connection, which it leaves when it is dropped.
pub(crate) struct Place {
    places: Arc<Places>,
    number: u64,
    /// The client's address; `None` where that is a proxy's.
    address: Option<IpAddr>,
    has_key: AtomicBool,
    closed: Arc<Notify>,
}

/// Every place is taken: for connections with a key, or for those from an address.
#[derive(Debug)]
pub(crate) struct NoPlace;

impl Places {
    pub(crate) fn new(limits: &Limits) -> Self {
        let without_key_max = limits.connections_max.div_ceil(WITHOUT_KEY_PART);
        Self {
            state: Mutex::default(),
            without_key_max,
            with_key_max: limits.connections_max.saturating_sub(without_key_max).max(1),
            of_address_max: limits.connections_of_address_max,
            trusted: limits.trusted_proxies.clone(),
            meters: Meters::new(),
        }
    }

    /// A place for a new connection, from this address where it is known; `None` where that has as many as it may have.
    pub(crate) fn take(self: &Arc<Self>, address: Option<IpAddr>) -> Option<Place> {
        let mut state = self.state.lock();
        let address = match address {
            Some(address) => self.count(&mut state, address).ok()?,
            None => None,
        };
        if state.without_key.len() >= self.without_key_max
            && let Some((_, oldest)) = state.without_key.pop_first()
        {
            oldest.notify_one();
        }
        let number = state.next;
        state.next = number.wrapping_add(1);
        let closed = Arc::new(Notify::new());
        state.without_key.insert(number, Arc::clone(&closed));
        drop(state);
        self.meters.without_key.increment(1.0);
        Some(Place { places: Arc::clone(self), number, address, has_key: AtomicBool::new(false), closed })
    }

    /// Counts a connection at its address, which is returned unless it is a proxy's.
    fn count(&self, state: &mut State, address: IpAddr) -> Result<Option<IpAddr>, NoPlace> {
        let address = address.to_canonical();
        if self.is_trusted(address) {
            return Ok(None);
        }
        let count = state.of_address.entry(address).or_default();
        if *count >= self.of_address_max {
            self.meters.refused.increment(1);
            return Err(NoPlace);
        }
        *count = count.saturating_add(1);
        Ok(Some(address))
    }

    fn is_trusted(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(address))
    }
}

impl Place {
    /// The same place at the address that a load balancer tells; `None` where that has as many as it may have.
    pub(crate) fn at(mut self, address: IpAddr) -> Option<Self> {
        let counted = self.places.count(&mut self.places.state.lock(), address);
        self.address = counted.ok()?;
        Some(self)
    }

    /// Whether an address is a trusted proxy's.
    pub(crate) fn is_of_proxy(&self, address: IpAddr) -> bool {
        self.places.is_trusted(address)
    }

    /// The client's address; `None` where that is a proxy's.
    pub(crate) const fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// Moves to the places of connections with a key.
    pub(crate) fn has_key(&self) -> Result<(), NoPlace> {
        if self.has_key.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mut state = self.places.state.lock();
        if state.with_key >= self.places.with_key_max {
            return Err(NoPlace);
        }
        // It is no longer there if it was to be closed at this moment.
        state.without_key.remove(&self.number).ok_or(NoPlace)?;
        state.with_key = state.with_key.saturating_add(1);
        self.has_key.store(true, Ordering::Relaxed);
        self.places.meters.without_key.decrement(1.0);
        self.places.meters.with_key.increment(1.0);
        Ok(())
    }

    /// Resolves when the connection is to be closed in favour of a newer one.
    pub(crate) async fn closed(&self) {
        self.closed.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.places.state.lock();
        if self.has_key.load(Ordering::Relaxed) {
            state.with_key = state.with_key.saturating_sub(1);
            self.places.meters.with_key.decrement(1.0);
        } else {
            state.without_key.remove(&self.number);
            self.places.meters.without_key.decrement(1.0);
        }
        if let Some(address) = self.address
            && let Some(count) = state.of_address.get_mut(&address)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                state.of_address.remove(&address);
            }
        }
    }
}
