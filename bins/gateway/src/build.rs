//! Builds the gateway from its config, with the real ports.

use crate::discover;
use crate::error::StartError;
use crate::machine;
use crate::mails;
use crate::payments;
use crate::ports::{SystemClock, SystemEntropy};
use crate::prices::PriceFetcher;
use opencredits_api::{ApiSettings, App, CorsOrigins};
use opencredits_backup::{LEDGER_FILE, STORE_FILE};
use opencredits_keys::HashKey;
use opencredits_ledger::{Ledger, LedgerError};
use opencredits_providers::http::{Client, FetchLimits, Fetcher, Settings as HttpSettings, Timeouts};
use opencredits_providers::sandbox::Sandbox;
use opencredits_providers::{Fetch, Transport};
use opencredits_service::accounts::{Accounts, Tables};
use opencredits_service::config::Config;
use opencredits_service::mail::{MailPorts, Mails};
use opencredits_service::prices::{LivePrices, Prices, book_in_force};
use opencredits_service::provider_bills::{BilledVendor, ProviderReconciliation, ReconcileParts};
use opencredits_service::{
    Clock, DrainLimits, Entropy, Gateway, KeyRing, KeyTables, Notice, Parts, Ports, PriceSource, Reaper, Retries,
    ServedCatalogue, Settings, Upstream, UsageReads, books,
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
    pub(crate) prices: Arc<Prices>,
    pub(crate) providers: Arc<ProviderReconciliation>,
}

/// How long the folder's lock is waited for: the operator's tool has it for one command, where no gateway runs.
const LOCK_POLLS: usize = 40;
const LOCK_POLL: Duration = Duration::from_millis(50);

async fn open_ledger(path: &Path) -> Result<Ledger, LedgerError> {
    for _ in 0..LOCK_POLLS {
        match Ledger::open(path) {
            Err(LedgerError::Locked { .. }) => tokio::time::sleep(LOCK_POLL).await,
            opened => return opened,
        }
    }
    Ledger::open(path)
}

/// Creates the data folder where there is none, and opens its files.
async fn open_files(dir: &Path) -> Result<(Ledger, SqliteStore), StartError> {
    make_folder(dir).map_err(|source| StartError::Io { what: format!("the data folder {}", dir.display()), source })?;
    let ledger = open_ledger(&dir.join(LEDGER_FILE)).await?;
    Ok((ledger, SqliteStore::open(dir.join(STORE_FILE))?))
}

/// Opens the data folder and builds everything that serves.
pub(crate) async fn build(config: &Config, variables: &[(String, String)]) -> Result<Built, StartError> {
    let http = Client::new(http_settings(config))?;
    let mailer = mails::mailer(config)?;
    // An invalid config is refused before the folder is touched.
    ServedCatalogue::read(config, variables)?;
    let (ledger, store) = open_files(Path::new(&config.data.dir)).await?;
    let book = book_in_force(&store).await?;
    let offer = discover::ask(config, ServedCatalogue::over(book, config, variables)?, &http).await;
    for notice in offer.notices(config) {
        tracing::warn!("{notice}");
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    books::open(&ledger, clock.now())?;
    let hash_key = hash_key(&store, &*entropy).await?;
    let share = BasisPoints::new(config.billing.partner_share_bps);
    let keyring = KeyRing::new(KeyTables::of(store.clone()), Arc::clone(&clock), share);
    let keyring = Arc::new(keyring.with_markup_bounds(&config.billing.partner_terms()));
    let forgetting = Arc::clone(&keyring);
    let usage = Arc::new(UsageReads::new(ledger.clone(), Arc::new(store.clone())));
    let providers = reconciliation((config, &offer), (&usage, &store), &http, &clock);
    let accounts = Accounts::new(ledger.clone(), Tables::of(store.clone()), Arc::clone(&clock), Arc::clone(&entropy))
        .on_change(move || forgetting.forget_all())
        .with_partner_terms(config.billing.partner_terms())
        // A key may be created before its model's vendor is on sale.
        .knowing(offer.catalog.clone());
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
        catalog: offer.on_sale(),
        upstreams: upstreams(&offer, &http),
        usage,
        ledger,
        keyring,
        ports: Ports { clock: Arc::clone(&clock), entropy, claims: Arc::new(store.clone()), fetch: fetcher(config)? },
        settings: settings(config),
        hash_key,
    };
    let (gateway, reaper) = Gateway::new(parts)?;
    let partners = Arc::new(store.clone());
    let accounts = Arc::new(accounts);
    let prices = Prices::new(Arc::new(store.clone()), Arc::clone(&accounts), clock);
    let prices = Arc::new(prices.beside(live_prices(config, &gateway, (offer, http))));
    let app = App {
        gateway,
        accounts: Arc::clone(&accounts),
        partners,
        payments,
        settings: api_settings(config),
        ready: AtomicBool::new(true),
    };
    Ok(Built { app: Arc::new(app), accounts, reaper, store, mails, prices, providers })
}

/// The comparison with the bills of providers.
fn reconciliation(
    (config, offer): (&Config, &ServedCatalogue),
    (usage, store): (&Arc<UsageReads>, &SqliteStore),
    http: &Client,
    clock: &Arc<dyn Clock>,
) -> Arc<ProviderReconciliation> {
    Arc::new(ProviderReconciliation::new(ReconcileParts {
        usage: Arc::clone(usage),
        bills: Arc::new(store.clone()),
        get: Arc::new(http.clone()),
        clock: Arc::clone(clock),
        vendors: offer.vendors.iter().map(BilledVendor::from).collect(),
        catalog: offer.catalog.clone(),
        settings: (&config.reconcile).into(),
    }))
}

/// Creates the data folder. An existing one may be open to others on purpose, such as for a backup.
fn make_folder(dir: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(DATA_MODE).create(dir)?;
    let mode = std::fs::metadata(dir)?.permissions().mode() & MODE_BITS;
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

/// The vendors with a key, and the transports to them.
fn upstreams(offer: &ServedCatalogue, http: &Client) -> HashMap<Arc<str>, Upstream> {
    let (sandbox, http): (Arc<dyn Transport>, Arc<dyn Transport>) = (Arc::new(Sandbox::new()), Arc::new(http.clone()));
    let mut upstreams = HashMap::new();
    for configured in offer.vendors.iter().filter(|vendor| vendor.offered) {
        let transport = Arc::clone(if configured.is_inside() { &sandbox } else { &http });
        let (vendor, keys) = (Arc::clone(&configured.vendor), configured.keys.clone());
        upstreams.insert(Arc::clone(&vendor.id), Upstream { vendor, keys, transport });
    }
    upstreams
}

/// What a running gateway adds to the use cases of prices.
fn live_prices(config: &Config, gateway: &Arc<Gateway>, (served, http): (ServedCatalogue, Client)) -> LivePrices {
    LivePrices {
        gateway: Arc::downgrade(gateway),
        served,
        fetch: Arc::new(PriceFetcher(http)),
        source: price_source(config),
    }
}

/// Where price books are loaded from.
fn price_source(config: &Config) -> Option<PriceSource> {
    let url = config.catalog.prices_url.as_deref().and_then(PriceSource::of_url);
    url.or_else(|| config.catalog.prices_file.clone().map(PriceSource::File))
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
async fn hash_key(store: &SqliteStore, entropy: &dyn Entropy) -> Result<HashKey, StartError> {
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

fn settings(config: &Config) -> Settings {
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

fn api_settings(config: &Config) -> ApiSettings {
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
