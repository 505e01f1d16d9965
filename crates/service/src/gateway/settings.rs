//! The settings of requests, and why a gateway cannot be built of them.

use super::reaper::DrainLimits;
use crate::access::AccessSettings;
use crate::config::Ack;
use opencredits_sanitizer::PolicyError;
use opencredits_units::{BasisPoints, NanoUsd};

/// Settings from the config that a request needs.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Markup on the provider's cost.
    pub markup: BasisPoints,
    /// The amount by which the exposures of an account may exceed its available balance; zero holds the worst case.
    pub exposure_max: NanoUsd,
    /// Whether an output cap that the balance does not cover is lowered.
    pub lower_caps: bool,
    /// Whether an answer waits until its charge is on disk.
    pub ack: Ack,
    /// The lifetime of a hold that is never settled, in ms.
    pub hold_expiry_ms: u64,
    /// Largest answer that is not streamed, in bytes.
    pub body_bytes_max: usize,
    /// Bounds on detached requests.
    pub drains: DrainLimits,
    /// How a request is tried again.
    pub retries: Retries,
    /// The memory that bodies and answers may take together, in bytes.
    pub memory_max: usize,
    /// Large bodies that are worked on at once, beside the threads that serve.
    pub large_at_once: usize,
    /// The access log.
    pub access: AccessSettings,
}

/// How a request is tried again.
#[derive(Debug, Clone, Copy)]
pub struct Retries {
    /// Exchanges with providers that one request may take.
    pub attempts_max: u8,
    /// The wait before the second exchange with the same provider, in ms; it doubles each time.
    pub backoff_ms: u64,
    /// The longest wait, in ms. Where a provider asks for more, the client gets its error.
    pub wait_ms_max: u64,
}

/// A gateway cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// The sanitizer's data is damaged.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A vendor's address, header or key has characters that HTTP does not allow.
    #[error("the address, a header or the key of vendor {vendor} has characters that HTTP does not allow")]
    Vendor {
        /// The vendor.
        vendor: String,
    },
    /// Upstreams of the one mode were offered to the gateway of the other.
    #[error("the gateways of live keys and of test keys do not take each other's upstreams")]
    OtherMode,
}
