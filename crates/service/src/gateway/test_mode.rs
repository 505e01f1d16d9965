//! The gateway of test mode, which can reach neither a provider nor a real balance.
//!
//! Types see to it: upstreams of test mode are made of the sandbox alone, and the ledger is the one in the folder of test
//! mode, or in its database. There is no other way to a [`TestGateway`].

use super::prepared_upstream::Upstream;
use super::reaper::Reaper;
use super::served::Offering;
use super::settings::{GatewayError, Settings};
use super::state::{Gateway, Parts, Ports, PreparedOffering};
use crate::keyring::KeyRing;
use crate::ports::{Clock, Entropy};
use crate::usage::UsageReads;
use opencredits_catalog::Catalog;
use opencredits_keys::{HashKey, Mode};
use opencredits_ledger::{AnyLedger, Ledger, LedgerError, PostgresSettings, SharedLedger, SharedOptions};
use opencredits_providers::sandbox::Sandbox;
use opencredits_providers::{StandIns, Transport, Vendor, VendorError};
use opencredits_store::Claims;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// The folder of test mode, within the data folder.
pub const TEST_DIR: &str = "test";

/// The ledger of play credits, in the folder or the database of test mode.
#[derive(Clone)]
pub struct TestLedger(AnyLedger);

impl TestLedger {
    /// Opens the ledger of this name in the folder of test mode of a data folder.
    ///
    /// # Errors
    /// When the file cannot be used, or another process has it.
    pub fn open(data: &Path, file: &str) -> Result<Self, LedgerError> {
        Ledger::open(data.join(TEST_DIR).join(file)).map(|ledger| Self(ledger.into()))
    }

    /// Connects to the ledger in the database of test mode.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn connect(settings: PostgresSettings, options: SharedOptions) -> Result<Self, LedgerError> {
        Ok(Self(SharedLedger::connect(settings, options).await?.into()))
    }

    /// The ledger.
    #[must_use]
    pub const fn ledger(&self) -> &AnyLedger {
        &self.0
    }
}

/// The upstreams of test mode: the sandbox in place of every vendor.
///
/// They cannot be made of anything that reaches a provider:
///
/// ```compile_fail,E0308
/// # use opencredits_providers::http::{Client, Settings, Timeouts};
/// # use opencredits_service::TestUpstreams;
/// # let timeouts = Timeouts { connect_ms: 1, first_byte_ms: 1, idle_ms: 1, total_ms: 1 };
/// let client = Client::new(Settings { timeouts, idle_connections_max: 1 }).unwrap();
/// TestUpstreams::new(client, []).unwrap();
/// ```
///
/// The same with the sandbox:
///
/// ```
/// # use opencredits_providers::sandbox::Sandbox;
/// # use opencredits_service::TestUpstreams;
/// TestUpstreams::new(Sandbox::new(), []).unwrap();
/// ```
pub struct TestUpstreams(HashMap<Arc<str>, Upstream>);

impl TestUpstreams {
    /// The sandbox in place of each of these vendors, under its id and without its address, headers and keys.
    ///
    /// # Errors
    /// When a compiled-in vendor file is damaged, which a test rules out.
    pub fn new<'a>(sandbox: Sandbox, vendors: impl IntoIterator<Item = &'a Vendor>) -> Result<Self, VendorError> {
        let stand_ins = StandIns::builtin()?;
        let transport: Arc<dyn Transport> = Arc::new(sandbox);
        let upstream = |vendor: &Vendor| {
            let vendor = Arc::new(stand_ins.of(vendor)?);
            let upstream = Upstream { vendor, keys: Vec::new(), transport: Arc::clone(&transport) };
            Some((Arc::clone(&upstream.vendor.id), upstream))
        };
        Ok(Self(vendors.into_iter().filter_map(upstream).collect()))
    }
}

/// The parts of a [`TestGateway`].
///
/// Upstreams of a live gateway are none of them:
///
/// ```compile_fail,E0308
/// # use opencredits_service::{TestParts, Upstream};
/// # use std::{collections::HashMap, sync::Arc};
/// fn with(parts: TestParts, live: HashMap<Arc<str>, Upstream>) -> TestParts {
///     TestParts { upstreams: live, ..parts }
/// }
/// ```
pub struct TestParts {
    /// The models.
    pub catalog: Catalog,
    /// The upstreams that serve them.
    pub upstreams: TestUpstreams,
    /// The ledger.
    pub ledger: TestLedger,
    /// Finds the owner of a key, in the store of test mode.
    pub keyring: Arc<KeyRing>,
    /// The read model of usage.
    pub usage: Arc<UsageReads>,
    /// The ports.
    pub ports: TestPorts,
    /// Settings from the config.
    pub settings: Settings,
    /// Makes pseudonyms.
    pub hash_key: HashKey,
}

/// The ports of test mode. Attachments are not fetched by URL.
#[derive(Clone)]
pub struct TestPorts {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The claims on idempotency keys, in the store of test mode.
    pub claims: Arc<dyn Claims>,
}

/// What a config puts in place of what test keys were served with.
pub struct TestOffering {
    /// The models.
    pub catalog: Catalog,
    /// The upstreams that serve them.
    pub upstreams: TestUpstreams,
    /// The settings of requests.
    pub settings: Settings,
}

impl Gateway {
    /// Prepares what a config puts in place of what is served in test mode. Nothing is exchanged yet.
    ///
    /// # Errors
    /// When the gateway is not that of test mode.
    pub fn prepare_test(&self, offering: TestOffering) -> Result<PreparedOffering, GatewayError> {
        let TestOffering { catalog, upstreams: TestUpstreams(upstreams), settings } = offering;
        self.prepare_as(Mode::Test, Offering { catalog, upstreams, settings, fetch: None })
    }
}

/// A gateway that serves test keys, with play credits and by the sandbox.
#[derive(Clone)]
pub struct TestGateway(Arc<Gateway>);

impl TestGateway {
    /// Builds a gateway of test mode. The caller must run the [`Reaper`], or detached requests stay open.
    ///
    /// # Errors
    /// When compiled-in data is damaged.
    pub fn new(parts: TestParts) -> Result<(Self, Reaper), GatewayError> {
        let TestPorts { clock, entropy, claims } = parts.ports;
        let parts = Parts {
            catalog: parts.catalog,
            upstreams: parts.upstreams.0,
            ledger: parts.ledger.0,
            keyring: parts.keyring,
            usage: parts.usage,
            ports: Ports { clock, entropy, claims, fetch: None },
            settings: parts.settings,
            hash_key: parts.hash_key,
        };
        let (gateway, reaper) = Gateway::of_mode(parts, Mode::Test)?;
        Ok((Self(gateway), reaper))
    }

    /// The gateway.
    #[must_use]
    pub const fn gateway(&self) -> &Arc<Gateway> {
        &self.0
    }
}
