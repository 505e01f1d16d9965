//! What the live gateway and that of test mode are both built of.

use crate::error::StartError;
use crate::machine;
use http::HeaderValue;
use opencredits_api::{ApiSettings, CorsOrigins, Front, FrontSettings};
use opencredits_identity::oauth::{Issuer, ProtectedResourceMetadata};
use opencredits_keys::HashKey;
use opencredits_ledger::LedgerError;
use opencredits_service::access::AccessSettings;
use opencredits_service::config::Config;
use opencredits_service::{Clock, DrainLimits, Entropy, Retries, Settings};
use opencredits_store::Store;
use opencredits_units::{BasisPoints, CreditPrice};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Only the operator may read the data folder.
const DATA_MODE: u32 = 0o700;
/// The permission bits of a file mode.
const MODE_BITS: u32 = 0o777;

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

/// The secret for keyed hashes, created at the first start.
pub(crate) async fn hash_key(store: &Arc<dyn Store>, entropy: &dyn Entropy) -> Result<HashKey, StartError> {
    let mut fresh = [0; 32];
    entropy.fill(&mut fresh);
    let kept = store.setting("hash_key", &fresh).await?;
    kept.try_into().map(HashKey::new).map_err(|_| StartError::HashKey)
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
        access: AccessSettings::new(config.log.access, config.log.access_sample, credit_price(config)),
    }
}

fn credit_price(config: &Config) -> CreditPrice {
    CreditPrice::new(config.billing.credit_price_usd).unwrap_or_default()
}

pub(crate) fn api_settings(config: &Config) -> ApiSettings {
    let server = &config.server;
    ApiSettings {
        top_up_url: server.top_up_url(),
        credit_price: credit_price(config),
        header_bytes_max: server.header_bytes_max,
        front: Front::new(front_settings(config)),
        challenge: challenge(config),
    }
}

/// The settings of the HTTP interface that a reload changes.
pub(crate) fn front_settings(config: &Config) -> FrontSettings {
    let server = &config.server;
    FrontSettings {
        body_bytes_max: server.body_bytes_max,
        body_read: Duration::from_millis(server.body_read_ms),
        keep_alive: Duration::from_millis(server.keep_alive_ms),
        strict: server.strict,
        enabled: server.enabled,
        country: server.country.clone(),
        cors_origins: CorsOrigins::new(&server.cors_origins),
    }
}

/// What a refusal for lack of a key tells of where tokens are.
fn challenge(config: &Config) -> Option<HeaderValue> {
    let issuer = Issuer::from_base_url(&config.server.public_url()).ok()?;
    let url = format!("{}{}/v1", issuer.as_str(), ProtectedResourceMetadata::PATH);
    HeaderValue::try_from(format!("Bearer resource_metadata=\"{url}\"")).ok()
}
