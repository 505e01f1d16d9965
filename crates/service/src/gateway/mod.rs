//! The walk of one request: scrub, quote, hold, send, pass, settle.
//!
//! One request is one [`OpenRequest`](settle::OpenRequest): opened when its worst case is held, and settled or released once. Whoever
//! holds it last is responsible: the handler, or, when the client has gone, the [`Reaper`].

mod admit;
mod attach;
mod attempts;
mod claims;
mod count;
mod estimate;
mod exchange;
mod health;
mod plan;
mod prepared_upstream;
mod reaper;
mod reply;
mod routing;
mod settle;
mod stream;

pub(crate) use prepared_upstream::headers_to;

pub use admit::{Admitted, Call, PathParameters};
pub use attempts::Retries;
pub use count::Counted;
pub use health::RouteHealth;
pub use reaper::{DrainLimits, Pending, Reaper};
pub use reply::{Reply, Whole};
pub use settle::Receipt;
pub use stream::{ChargedStream, StreamEnd, StreamItem};

use crate::config::Ack;
use crate::keyring::KeyRing;
use crate::ports::{Clock, Entropy};
use crate::usage_tally::UsageTally;
use claims::Admitting;
use hashbrown::{HashMap as FastMap, HashSet};
use health::HealthTracker;
use moka::sync::Cache;
use opencredits_catalog::{Catalog, Model, Route};
use opencredits_keys::{HashKey, Secret};
use opencredits_ledger::Ledger;
use opencredits_providers::{Fetch, Transport, Vendor};
use opencredits_sanitizer::{Api, Headers, Policy, PolicyError};
use opencredits_store::Claims;
use opencredits_units::{BasisPoints, EntryId, GenerationId};
use parking_lot::Mutex;
use plan::Conversation;
use prepared_upstream::PreparedUpstream;
use reaper::DetachedQueue;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// What a [`Gateway`] is made of.
pub struct Parts {
    /// Models that are offered.
    pub catalog: Catalog,
    /// Where they are served, by vendor id.
    pub upstreams: HashMap<Arc<str>, Upstream>,
    /// The books.
    pub ledger: Ledger,
    /// Whose key is whose.
    pub keyring: Arc<KeyRing>,
    /// What keys used.
    pub tally: Arc<UsageTally>,
    /// Clock, randomness and claims.
    pub ports: Ports,
    /// Figures from the config.
    pub settings: Settings,
    /// Hashes what stands for a person towards providers.
    pub hash_key: HashKey,
}

/// The outside world.
#[derive(Clone)]
pub struct Ports {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Idempotency keys.
    pub claims: Arc<dyn Claims>,
    /// Fetches what requests name by address; `None` where the operator does not allow it.
    pub fetch: Option<Arc<dyn Fetch>>,
}

/// A vendor with our key and the candidate to it.
#[derive(Clone)]
pub struct Upstream {
    /// The vendor.
    pub vendor: Arc<Vendor>,
    /// Our keys there; none where none is needed.
    pub keys: Vec<Secret<String>>,
    /// The candidate.
    pub transport: Arc<dyn Transport>,
}

/// Figures from the config that a request needs.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Markup on the provider's cost.
    pub markup: BasisPoints,
    /// When an answer may leave.
    pub ack: Ack,
    /// How long a hold lives that nobody settles, in ms.
    pub hold_expiry_ms: u64,
    /// Largest answer that is not streamed, in bytes.
    pub body_bytes_max: usize,
    /// Bounds on abandoned requests.
    pub drains: DrainLimits,
    /// How a request is tried again.
    pub retries: Retries,
}

/// Serves requests. One for each process.
pub struct Gateway {
    catalog: Catalog,
    /// By vendor: one for each dialect that it speaks, its own first.
    upstreams: FastMap<Arc<str>, Vec<Arc<PreparedUpstream>>>,
    /// By vendor and its name for the model.
    health: FastMap<Arc<str>, FastMap<Arc<str>, Arc<HealthTracker>>>,
    /// The vendor that a conversation stays with.
    sticky: Cache<Conversation, Arc<str>>,
    ledger: Ledger,
    keyring: Arc<KeyRing>,
    tally: Arc<UsageTally>,
    ports: Ports,
    settings: Settings,
    hash_key: HashKey,
    policies: Policies,
    detached: DetachedQueue,
    admitting: Admitting,
    /// Requests whose hold is this process's to end.
    open: Mutex<HashSet<GenerationId>>,
    /// Places of those that fetch what their requests name.
    fetching: Semaphore,
}

/// Conversations that stay with a vendor at once; the oldest are forgotten first.
const STICKY_MAX: u64 = 100_000;
/// A conversation stays with its vendor until it has been silent so long.
const STICKY: Duration = Duration::from_secs(600);

/// What may cross, by API.
struct Policies {
    openai_chat: Policy,
    anthropic_messages: Policy,
    openai_responses: Policy,
    openai_embeddings: Policy,
    gemini_generate: Policy,
    headers: Headers,
}

impl Policies {
    fn of(&self, api: Api) -> &Policy {
        match api {
            Api::OpenaiChat => &self.openai_chat,
            Api::AnthropicMessages => &self.anthropic_messages,
            Api::OpenaiResponses => &self.openai_responses,
            Api::OpenaiEmbeddings => &self.openai_embeddings,
            Api::GeminiGenerate => &self.gemini_generate,
        }
    }
}

/// Why a gateway cannot be put together.
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
}

impl Gateway {
    /// Puts a gateway together. The [`Reaper`] must be run, or abandoned requests stay open.
    ///
    /// # Errors
    /// When data that is compiled in is damaged, or a vendor's data is no HTTP.
    pub fn new(parts: Parts) -> Result<(Arc<Self>, Reaper), GatewayError> {
        let (detached, reaper) = reaper::reaper(parts.settings.drains);
        let policies = Policies {
            openai_chat: Policy::builtin(Api::OpenaiChat)?,
            anthropic_messages: Policy::builtin(Api::AnthropicMessages)?,
            openai_responses: Policy::builtin(Api::OpenaiResponses)?,
            openai_embeddings: Policy::builtin(Api::OpenaiEmbeddings)?,
            gemini_generate: Policy::builtin(Api::GeminiGenerate)?,
            headers: Headers::builtin()?,
        };
        let ready = |(id, upstream): (Arc<str>, Upstream)| {
            let wrong = GatewayError::Vendor { vendor: id.to_string() };
            PreparedUpstream::all(&upstream).map(|ready| (id, ready)).ok_or(wrong)
        };
        let upstreams = parts.upstreams.into_iter().map(ready).collect::<Result<_, _>>()?;
        let mut health: FastMap<Arc<str>, FastMap<Arc<str>, Arc<HealthTracker>>> = FastMap::new();
        for route in parts.catalog.models().iter().flat_map(|model| model.routes()) {
            health.entry(Arc::clone(&route.vendor)).or_default().entry(Arc::clone(&route.upstream_model)).or_default();
        }
        let gateway = Self {
            catalog: parts.catalog,
            upstreams,
            health,
            sticky: Cache::builder().max_capacity(STICKY_MAX).time_to_idle(STICKY).build(),
            ledger: parts.ledger,
            keyring: parts.keyring,
            tally: parts.tally,
            ports: parts.ports,
            settings: parts.settings,
            hash_key: parts.hash_key,
            policies,
            detached,
            admitting: Admitting::default(),
            open: Mutex::default(),
            fetching: Semaphore::const_new(attach::FETCHING_MAX),
        };
        Ok((Arc::new(gateway), reaper))
    }

    /// Whether a request of this process will end that hold.
    #[must_use]
    pub fn serves(&self, hold: EntryId) -> bool {
        self.open.lock().contains(&hold.cast())
    }

    /// The models that are offered.
    #[must_use]
    pub const fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// How each route of a model is doing, with the vendor that serves it.
    pub fn route_health<'a>(&'a self, model: &'a Model) -> impl Iterator<Item = (&'a Route, &'a Vendor, RouteHealth)> {
        let now = self.ports.clock.now();
        model.routes().filter_map(move |route| {
            let vendor = &self.upstreams.get(&route.vendor)?.first()?.vendor;
            Some((route, &**vendor, self.health(route)?.route_health(now)))
        })
    }

    /// Whose key is whose.
    #[must_use]
    pub fn keyring(&self) -> &KeyRing {
        &self.keyring
    }

    /// The books.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What keys used.
    #[must_use]
    pub fn tally(&self) -> &UsageTally {
        &self.tally
    }

    /// A handle to the same, which outlives the gateway.
    #[must_use]
    pub fn tally_handle(&self) -> Arc<UsageTally> {
        Arc::clone(&self.tally)
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.ports.clock
    }

    /// Randomness.
    #[must_use]
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.ports.entropy
    }

    /// The lists of headers that cross.
    #[must_use]
    pub const fn headers(&self) -> &Headers {
        &self.policies.headers
    }

    /// Figures from the config.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }
}
