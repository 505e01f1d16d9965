//! Builds the gateway from its config, with the real ports.

use crate::discover;
use crate::error::StartError;
use crate::machine;
use crate::mails;
use crate::payments;
use crate::ports::{SystemClock, SystemEntropy};
use crate::test_mode::{self, BuiltTest};
use opencredits_api::{ApiSettings, App, CorsOrigins};
use opencredits_backup::{LEDGER_FILE, STORE_FILE};
use opencredits_catalog::Catalog;
use opencredits_keys::HashKey;
use opencredits_ledger::{Ledger, LedgerError};
use opencredits_providers::http::{Client, FetchLimits, Fetcher, Settings as HttpSettings, Timeouts};
use opencredits_providers::sandbox::Sandbox;
use opencredits_providers::{Fetch, Transport};
use opencredits_service::accounts::{Accounts, Tables};
use opencredits_service::config::Config;
use opencredits_service::mail::{MailPorts, Mails};
use opencredits_service::{
    Clock, DrainLimits, Entropy, Gateway, KeyRing, KeyTables, Notice, Parts, Ports, Reaper, Retries, ServedCatalogue,
    Settings, Upstream, UsageReads, books,
};
use opencredits_store::{Settings as _, SqliteStore};
use opencredits_units::{BasisPoints, CreditPrice};
use std::collections::HashMap;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Only the operator may read the data folder.
const DATA_MODE: u32 = 0o700;
/// The permission bits of a file mode.
const MODE_BITS: u32 = 0o777;

/// Everything that runs.
pub(crate) struct Built {
    pub(crate) app: Arc<App>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) reaper: Reaper,
    pub(crate) store: SqliteStore,
    pub(crate) mails: Mails,
    pub(crate) test: Option<BuiltTest>,
}

/// How long the folder's lock is waited for: the operator's tool has it for one command, where no gateway runs.
const LOCK_POLLS: usize = 40;
const LOCK_POLL: Duration = Duration::from_millis(50);

/// Opens a ledger once no other process has it.
pub(crate) async fn when_unlocked<T>(open: impl Fn() -> Result<T, LedgerError>) -> Result<T, LedgerError> {
    for _ in 0..LOCK_POLLS {
        match open() {
            Err(LedgerError::Locked { .. }) => tokio::time::sleep(LOCK_POLL).await,
            opened => return opened,
        }
    }
    open()
}

/// The ports that a process has once.
pub(crate) struct OfProcess {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

/// Opens the data folder and builds everything that serves.
pub(crate) async fn build(config: &Config, variables: &[(String, String)]) -> Result<Built, StartError> {
    let http = Client::new(http_settings(config))?;
    let mailer = mails::mailer(config)?;
    let offer = discover::ask(config, ServedCatalogue::read(config, variables)?, &http).await;
    for notice in offer.notices(config) {
        tracing::warn!("{notice}");
    }
    // A key may be created before its model's vendor is on sale.
    let known = offer.catalog.clone();
    let dir = Path::new(&config.data.dir);
    make_folder(dir)?;
    let ledger = when_unlocked(|| Ledger::open(dir.join(LEDGER_FILE))).await?;
    let store = SqliteStore::open(dir.join(STORE_FILE))?;
    let process = OfProcess { clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) };
    let test = test_mode::build(config, &offer, &process).await?;
    let OfProcess { clock, entropy } = process;
    let (catalog, upstreams) = served(offer, Arc::new(http));
    books::open(&ledger, clock.now())?;
    let hash_key = hash_key(&store, &*entropy).await?;
    let share = BasisPoints::new(config.billing.partner_share_bps);
    let keyring = Arc::new(KeyRing::new(KeyTables::of(store.clone()), Arc::clone(&clock), share));
    let forgetting = Arc::clone(&keyring);
    let accounts = Accounts::new(ledger.clone(), Tables::of(store.clone()), Arc::clone(&clock), Arc::clone(&entropy))
        .on_change(move || forgetting.forget_all())
        .with_partner_terms(config.billing.partner_terms())
        .with_test_desk(test.as_ref().and_then(|test| test.desk(config)))
        .knowing(known);
    let of_mails = MailPorts {
        ledger: ledger.clone(),
        outbox: Arc::new(store.clone()),
        emails: Arc::new(store.clone()),
        notices: Arc::new(store.clone()),
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
    };
    let mails = Mails::new(config, mailer, of_mails)?;
    let of_payments = payments::Ground {
        ledger: ledger.clone(),
        store: &store,
        queue: mails.queue.clone(),
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
    };
    let payments = payments::build(config, of_payments)?;
    let parts = Parts {
        catalog,
        upstreams,
        usage: Arc::new(UsageReads::new(ledger.clone(), Arc::new(store.clone()))),
        ledger,
        keyring,
        ports: Ports { clock, entropy, claims: Arc::new(store.clone()), fetch: fetcher(config)? },
        settings: settings(config),
        hash_key,
    };
    let (gateway, reaper) = Gateway::new(parts)?;
    let partners = Arc::new(store.clone());
    let accounts = Arc::new(accounts);
    let app = App {
        gateway,
        accounts: Arc::clone(&accounts),
        partners,
        payments,
        settings: api_settings(config),
        ready: AtomicBool::new(true),
        test: test.as_ref().map(|test| test.app.clone()),
    };
    Ok(Built { app: Arc::new(app), accounts, reaper, store, mails, test })
}

/// Creates the data folder. An existing one may be open to others on purpose, such as for a backup.
pub(crate) fn make_folder(dir: &Path) -> Result<(), StartError> {
    let wrong = |source| StartError::Io { what: format!("the data folder {}", dir.display()), source };
    std::fs::DirBuilder::new().recursive(true).mode(DATA_MODE).create(dir).map_err(wrong)?;
    let mode = std::fs::metadata(dir).map_err(wrong)?.permissions().mode() & MODE_BITS;
    if mode & !DATA_MODE != 0 {
        let (dir, mode) = (dir.display(), format!("{mode:o}"));
        tracing::warn!(mode, "the data folder is open to other users; run: chmod 700 {dir}");
    }
    Ok(())
}

/// Checks the whole config without touching the data folder, and returns notices for the operator.
pub(crate) fn check(config: &Config, variables: &[(String, String)]) -> Result<Vec<Notice>, StartError> {
    crate::log::filter(&config.log)?;
    Client::new(http_settings(config))?;
    mails::mailer(config)?;
    payments::check(config)?;
    Ok(ServedCatalogue::read(config, variables)?.notices(config))
}

/// The models on sale, and the transports to their vendors.
fn served(offer: ServedCatalogue, http: Arc<dyn Transport>) -> (Catalog, HashMap<Arc<str>, Upstream>) {
    let sandbox: Arc<dyn Transport> = Arc::new(Sandbox::new());
    let ServedCatalogue { catalog, vendors } = offer;
    let mut upstreams = HashMap::new();
    for vendor in vendors.into_iter().filter(|vendor| vendor.offered) {
        let transport = Arc::clone(if vendor.is_inside() { &sandbox } else { &http });
        let (vendor, keys) = (vendor.vendor, vendor.keys);
        upstreams.insert(Arc::clone(&vendor.id), Upstream { vendor, keys, transport });
    }
    (catalog.only(|vendor| upstreams.contains_key(vendor)), upstreams)
}

/// Fetches attachments by URL, where the operator allows it.
fn fetcher(config: &Config) -> Result<Option<Arc<dyn Fetch>>, StartError> {
    if !config.upstream.fetch_attachments {
        return Ok(None);
    }
    let limits = FetchLimits { bytes_max: config.upstream.attachment_bytes_max, ..FetchLimits::default() };
    Ok(Some(Arc::new(Fetcher::new(limits)?)))
}

/// The secret for keyed hashes, created at the first start.
pub(crate) async fn hash_key(store: &SqliteStore, entropy: &dyn Entropy) -> Result<HashKey, StartError> {
    let mut fresh = [0; 32];
    entropy.fill(&mut fresh);
    let kept = store.setting("hash_key", &fresh).await?;
    kept.try_into().map(HashKey::new).map_err(|_| StartError::HashKey)
}

fn http_settings(config: &Config) -> HttpSettings {
    let upstream = &config.upstream;
    HttpSettings {
        timeouts: Timeouts {
            connect_ms: upstream.connect_ms,
            first_byte_ms: upstream.first_byte_ms,
            idle_ms: upstream.idle_ms,
            total_ms: upstream.total_ms,
        },
        idle_connections_max: upstream.idle_connections_max,
    }
}

pub(crate) fn settings(config: &Config) -> Settings {
    Settings {
        markup: BasisPoints::new(config.billing.markup_bps),
        exposure_max: config.billing.exposure_max_usd,
        lower_caps: config.billing.lower_caps,
        ack: config.ledger.ack,
        hold_expiry_ms: config.ledger.hold_expiry_ms,
        body_bytes_max: config.upstream.body_bytes_max,
        drains: DrainLimits {
            drains_max: config.upstream.drains_max,
            drain: Duration::from_millis(config.upstream.drain_ms),
        },
        retries: Retries {
            attempts_max: config.upstream.attempts_max,
            backoff_ms: config.upstream.backoff_ms,
            wait_ms_max: config.upstream.retry_wait_ms_max,
        },
        memory_max: match config.server.memory_max {
            0 => machine::memory_bytes().div_euclid(2),
            max => max,
        },
        large_at_once: machine::large_at_once(),
    }
}

pub(crate) fn api_settings(config: &Config) -> ApiSettings {
    let server = &config.server;
    ApiSettings {
        top_up_url: server.top_up_url(),
        credit_price: CreditPrice::new(config.billing.credit_price_usd).unwrap_or_default(),
        body_bytes_max: server.body_bytes_max,
        header_bytes_max: server.header_bytes_max,
        body_read: Duration::from_millis(server.body_read_ms),
        keep_alive: Duration::from_millis(server.keep_alive_ms),
        strict: server.strict,
        enabled: server.enabled,
        country: server.country.clone(),
        cors_origins: CorsOrigins::new(&server.cors_origins),
    }
}
