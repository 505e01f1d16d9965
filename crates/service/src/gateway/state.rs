//! What all requests of a process share: the gateway and its settings.

use super::admissions::AdmissionSet;
use super::exposures::Exposures;
use super::health::RouteHealth;
use super::large::LargeBodies;
use super::meters::Meters;
use super::prepared_upstream::Upstream;
use super::reaper::{self, DetachedQueue, Reaper};
use super::served::{Offering, Served};
use super::settings::{GatewayError, Settings};
use crate::access::AccessLog;
use crate::api_dialects::dialect_of;
use crate::keyring::{KeyRing, Spender};
use crate::limits::Renewals;
use crate::memory::MemoryBudget;
use crate::ports::{Clock, Entropy};
use crate::telemetry::CommitTimes;
use crate::usage::UsageReads;
use arc_swap::ArcSwap;
use hashbrown::HashSet;
use metrics::Gauge;
use moka::sync::Cache;
use opencredits_catalog::{Catalog, Model, Route};
use opencredits_keys::{HashKey, Mode};
use opencredits_ledger::{AnyLedger, CommitWatch, LedgerError};
use opencredits_providers::{Fetch, Vendor};
use opencredits_sanitizer::{Api, Headers, Policy};
use opencredits_store::{Claims, SpendingLimit};
use opencredits_units::{AccountId, BasisPoints, EntryId, GenerationId, UnixMs};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// The parts of a [`Gateway`].
pub struct Parts {
    /// The models on sale.
    pub catalog: Catalog,
    /// The upstreams that serve them, by vendor id.
    pub upstreams: HashMap<Arc<str>, Upstream>,
    /// The ledger.
    pub ledger: AnyLedger,
    /// Finds the owner of a key.
    pub keyring: Arc<KeyRing>,
    /// The read model of usage.
    pub usage: Arc<UsageReads>,
    /// Clock, randomness and claims.
    pub ports: Ports,
    /// Settings from the config.
    pub settings: Settings,
    /// Makes the pseudonyms that providers get in place of a person's values.
    pub hash_key: HashKey,
}

/// The ports to the outside world.
#[derive(Clone)]
pub struct Ports {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The claims on idempotency keys.
    pub claims: Arc<dyn Claims>,
    /// Fetches attachments that requests name by URL, until another one is served by; `None` where the operator does not
    /// allow it.
    pub fetch: Option<Arc<dyn Fetch>>,
}

/// Serves requests. One of a process serves live keys, and another one test keys.
pub struct Gateway {
    mode: Mode,
    access: Arc<AccessLog>,
    /// What the config says of requests.
    pub(super) served: ArcSwap<Served>,
    /// Whether any model costs nothing.
    pub(super) sells_free: AtomicBool,
    /// The vendor that each conversation stays with.
    pub(super) sticky: Cache<ConversationId, Arc<str>>,
    pub(super) ledger: AnyLedger,
    pub(super) keyring: Arc<KeyRing>,
    pub(super) usage: Arc<UsageReads>,
    pub(super) ports: Ports,
    pub(super) memory: Arc<MemoryBudget>,
    pub(super) large: LargeBodies,
    pub(super) hash_key: HashKey,
    pub(super) policies: Policies,
    pub(super) meters: Meters,
    /// How long the ledger's commits take.
    pub(super) commits: Arc<CommitTimes>,
    pub(super) detached: DetachedQueue,
    pub(super) admissions: AdmissionSet,
    /// Requests whose hold this process has to end.
    pub(super) open: Mutex<HashSet<GenerationId>>,
    /// The limits that have begun their period.
    pub(super) renewals: Renewals,
    /// The exposures of open requests.
    pub(super) exposures: Exposures,
    /// By wallet: the input of its requests as a percentage of the estimate, where it was more.
    pub(super) overruns: Cache<AccountId, u64>,
    /// Requests whose reported usage was not believed.
    pub(super) implausible: AtomicU64,
    /// Permits to fetch attachments.
    pub(super) fetching: Semaphore,
}

/// What was prepared to be served, by [`Gateway::prepare`].
pub struct PreparedOffering {
    mode: Mode,
    served: Served,
}

/// A keyed hash that stands for a conversation.
pub(super) type ConversationId = [u8; 32];

/// Requests that fetch attachments at once. Others wait, which bounds the memory that attachments take.
const FETCHING_MAX: usize = 8;
/// Conversations that stay with a vendor at once; the oldest are forgotten first.
const STICKY_MAX: u64 = 100_000;
/// A conversation that is idle for this long is forgotten.
const STICKY: Duration = Duration::from_secs(600);

/// The sanitizer's policy of each API, and of headers.
pub(super) struct Policies {
    openai_chat: Policy,
    anthropic_messages: Policy,
    openai_responses: Policy,
    openai_embeddings: Policy,
    gemini_generate: Policy,
    headers: Headers,
}

impl Policies {
    pub(super) fn of(&self, api: Api) -> &Policy {
        match api {
            Api::OpenaiChat => &self.openai_chat,
            Api::AnthropicMessages => &self.anthropic_messages,
            Api::OpenaiResponses => &self.openai_responses,
            Api::OpenaiEmbeddings => &self.openai_embeddings,
            Api::GeminiGenerate => &self.gemini_generate,
        }
    }
}

impl Gateway {
    /// Builds a gateway. The caller must run the [`Reaper`], or detached requests stay open.
    ///
    /// # Errors
    /// When compiled-in data is damaged, or an address, header or key of a vendor is not valid in HTTP.
    pub fn new(parts: Parts) -> Result<(Arc<Self>, Reaper), GatewayError> {
        Self::of_mode(parts, Mode::Live)
    }

    pub(super) fn of_mode(parts: Parts, mode: Mode) -> Result<(Arc<Self>, Reaper), GatewayError> {
        let (detached, reaper) = reaper::reaper(parts.settings.drains);
        let policies = Policies {
            openai_chat: Policy::builtin(Api::OpenaiChat)?,
            anthropic_messages: Policy::builtin(Api::AnthropicMessages)?,
            openai_responses: Policy::builtin(Api::OpenaiResponses)?,
            openai_embeddings: Policy::builtin(Api::OpenaiEmbeddings)?,
            gemini_generate: Policy::builtin(Api::GeminiGenerate)?,
            headers: Headers::builtin()?,
        };
        let access = AccessLog::new(parts.settings.access, mode, Arc::clone(&parts.ports.clock));
        let (settings, fetch) = (parts.settings, parts.ports.fetch.clone());
        let offering = Offering { catalog: parts.catalog, upstreams: parts.upstreams, settings, fetch };
        let served = Served::new(offering)?;
        let commits = Arc::new(CommitTimes::of(mode.name()));
        parts.ledger.watch_commits(Arc::clone(&commits) as Arc<dyn CommitWatch>);
        let gateway = Self {
            mode,
            access: Arc::new(access),
            sells_free: AtomicBool::new(served.sells_free()),
            served: ArcSwap::from_pointee(served),
            sticky: Cache::builder().max_capacity(STICKY_MAX).time_to_idle(STICKY).build(),
            ledger: parts.ledger,
            keyring: parts.keyring,
            usage: parts.usage,
            ports: parts.ports,
            memory: Arc::new(MemoryBudget::new(parts.settings.memory_max)),
            large: LargeBodies::new(parts.settings.large_at_once),
            hash_key: parts.hash_key,
            policies,
            meters: Meters::of(mode),
            commits,
            detached,
            admissions: AdmissionSet::default(),
            open: Mutex::default(),
            renewals: Renewals::default(),
            exposures: Exposures::default(),
            overruns: Cache::new(STICKY_MAX),
            implausible: AtomicU64::new(0),
            fetching: Semaphore::const_new(FETCHING_MAX),
        };
        Ok((Arc::new(gateway), reaper))
    }

    /// The mode of the keys that are served.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// The access log.
    #[must_use]
    pub const fn access(&self) -> &Arc<AccessLog> {
        &self.access
    }

    /// Whether an open request of this process owns `hold`.
    #[must_use]
    pub fn serves(&self, hold: EntryId) -> bool {
        self.open.lock().contains(&hold.cast())
    }

    /// So many gateways share the ledger from now on: each has an equal part of the exposure that a person may have.
    pub fn share_with(&self, gateways: u32) {
        self.exposures.share_with(gateways);
    }

    /// Counts a request that has come.
    pub fn count_request(&self, api: Api) {
        self.meters.came(dialect_of(api));
    }

    /// Counts a request that was answered with an error, or whose stream ended with one: its type, and its HTTP status.
    pub fn count_error(&self, api: Api, error: (&str, &str)) {
        self.meters.failed(dialect_of(api), error);
    }

    /// Counts streams that clients are reading.
    pub const fn streams_open(&self) -> &Gauge {
        &self.meters.streams_open
    }

    /// The number of requests since the start whose reported usage was not believed.
    #[must_use]
    pub fn implausible_usages(&self) -> u64 {
        self.implausible.load(Ordering::Relaxed)
    }

    /// The models on sale. They may be exchanged at any time: who looks twice should keep them.
    #[must_use]
    pub fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.served.load().catalog)
    }

    /// Sells these models from now on. Requests that run are served and charged as they began.
    ///
    /// Like [`put`](Self::put), it is called by one task at a time.
    pub fn sell(&self, catalog: Catalog) {
        self.exchange(self.served.load().selling(catalog));
    }

    /// Prepares what a config puts in place of what is served. Nothing is exchanged yet.
    ///
    /// # Errors
    /// When an address, header or key of a vendor is not valid in HTTP, or the gateway is that of test mode.
    pub fn prepare(&self, offering: Offering) -> Result<PreparedOffering, GatewayError> {
        self.prepare_as(Mode::Live, offering)
    }

    pub(super) fn prepare_as(&self, mode: Mode, offering: Offering) -> Result<PreparedOffering, GatewayError> {
        if self.mode != mode {
            return Err(GatewayError::OtherMode);
        }
        self.served.load().exchanged(offering).map(|served| PreparedOffering { mode, served })
    }

    /// Serves by it from now on. Requests that run are served and charged as they began. Nothing else may have been
    /// exchanged since it was prepared.
    pub fn put(&self, prepared: PreparedOffering) {
        // What was prepared for the other mode does not reach this one.
        if prepared.mode == self.mode {
            self.exchange(prepared.served);
        }
    }

    fn exchange(&self, served: Served) {
        self.sells_free.store(served.sells_free(), Ordering::Relaxed);
        self.access.set(served.settings.access);
        self.served.store(Arc::new(served));
    }

    /// The markup on a model: that of the partner that issued the key, else the model's, else the general one.
    #[must_use]
    pub fn markup(&self, of_partner: Option<BasisPoints>, model: &Model) -> BasisPoints {
        self.served.load().markup(of_partner, model)
    }

    /// The health of each route of a model, with the vendor that serves it.
    pub fn route_health<'a>(&self, model: &'a Model) -> impl Iterator<Item = (&'a Route, Arc<Vendor>, RouteHealth)> {
        let (now, served) = (self.ports.clock.now(), self.served.load_full());
        model.routes().filter_map(move |route| {
            let vendor = Arc::clone(&served.upstreams.get(&route.vendor)?.first()?.vendor);
            Some((route, vendor, served.health(route)?.route_health(now)))
        })
    }

    /// The key ring, which finds the owner of a key.
    #[must_use]
    pub fn keyring(&self) -> &KeyRing {
        &self.keyring
    }

    /// The memory budget.
    #[must_use]
    pub const fn memory(&self) -> &Arc<MemoryBudget> {
        &self.memory
    }

    /// Does work on large bodies on other threads.
    #[must_use]
    pub const fn large(&self) -> &LargeBodies {
        &self.large
    }

    /// The ledger.
    #[must_use]
    pub const fn ledger(&self) -> &AnyLedger {
        &self.ledger
    }

    /// The read model of usage.
    #[must_use]
    pub const fn usage(&self) -> &Arc<UsageReads> {
        &self.usage
    }

    /// Begins the limits anew whose period is over, before anything is decided on them.
    ///
    /// # Errors
    /// When the ledger fails.
    pub async fn renew(&self, limits: &[SpendingLimit]) -> Result<(), LedgerError> {
        for limit in limits.iter().filter(|limit| limit.reset.is_some()) {
            self.renewals.renew(&self.ledger, limit, self.ports.clock.now()).await?;
        }
        Ok(())
    }

    /// The same for the limits of a spender.
    pub(super) async fn renew_limits_of(&self, spender: &Spender, now: UnixMs) -> Result<(), LedgerError> {
        let limits = spender.limit_terms.iter().map(|terms| &terms.limit);
        self.renewals.renew_all(&self.ledger, limits, &spender.limits_begun, now).await
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.ports.clock
    }

    /// The source of randomness.
    #[must_use]
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.ports.entropy
    }

    /// The lists of headers that cross.
    #[must_use]
    pub const fn headers(&self) -> &Headers {
        &self.policies.headers
    }

    /// The settings from the config, as they are now.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.served.load().settings
    }

    /// A keyed hash of a client's value: two users never share one, and it cannot be turned back.
    pub(super) fn pseudonym(&self, spender: &Spender, value: &str) -> String {
        let hash = self.hash_key.hash(&[&spender.user.bits().to_be_bytes(), value.as_bytes()]);
        hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}
