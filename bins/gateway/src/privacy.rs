//! People's data: the keys of addresses, and what people ask of it.

use crate::cluster::Changed;
use crate::error::StartError;
use crate::parts::OfProcess;
use opencredits_api::PrivacyApp;
use opencredits_keys::DataKeys;
use opencredits_service::accounts::Tables;
use opencredits_service::config::Config;
use opencredits_service::mail::{AccountLinks, MailQueue};
use opencredits_service::privacy::{
    AddressKeysError, DEV_ADDRESS_KEYS_FILE, ExportTables, Exporter, Privacy, PrivacyPorts, PrivacyTables,
    address_keys, fresh_address_key,
};
use opencredits_service::purchases::Purchases;
use opencredits_service::{Entropy, UsageReads};
use opencredits_store::Store;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

/// Only the operator may read a key.
const KEY_MODE: u32 = 0o600;

/// What [`build`] works on.
pub(crate) struct Ground<'a> {
    store: &'a Arc<dyn Store>,
    usage: Arc<UsageReads>,
    queue: MailQueue,
    purchases: Option<Arc<Purchases>>,
    changed: Changed,
    account_links: Option<AccountLinks>,
}

impl<'a> Ground<'a> {
    pub(crate) fn new(
        store: &'a Arc<dyn Store>,
        (usage, changed): (Arc<UsageReads>, Changed),
        (queue, account_links): (MailQueue, Option<AccountLinks>),
        purchases: Option<Arc<Purchases>>,
    ) -> Self {
        Self { store, usage, queue, purchases, changed, account_links }
    }
}

/// The keys of addresses, as config or environment name them.
pub(crate) fn keys(config: &Config, variables: &[(String, String)]) -> Result<Option<DataKeys>, StartError> {
    let keys = address_keys(&config.privacy, variables)?;
    if keys.is_none() && config.identity.is_on() {
        return Err(AddressKeysError::SignIn.into());
    }
    Ok(keys)
}

/// Checks the keys without touching the data folder; `dev` makes its own later.
pub(crate) fn keys_if_made(config: &Config, variables: &[(String, String)]) -> Result<(), StartError> {
    let path = Path::new(&config.data.dir).join(DEV_ADDRESS_KEYS_FILE);
    let is_of_dev = config.privacy.address_keys_file.as_deref() == Some(&*path.display().to_string());
    if is_of_dev && !path.exists() { Ok(()) } else { keys(config, variables).map(|_| ()) }
}

/// What people and the operator ask of people's data.
pub(crate) fn build(
    config: &Config,
    (ground, keys): (Ground<'_>, Option<&DataKeys>),
    process: &OfProcess,
) -> PrivacyApp {
    let Ground { store, usage, queue, purchases, changed, account_links } = ground;
    let ledger = usage.ledger_handle();
    let ports = PrivacyPorts {
        ledger: ledger.clone(),
        queue,
        purchases,
        changed: Box::new(move || changed()),
        clock: Arc::clone(&process.clock),
        entropy: Arc::clone(&process.entropy),
    };
    let privacy = Privacy::new(PrivacyTables::of(store.clone()), ports, config.privacy.deletion_grace_days)
        .with_address_keys(keys.into_iter().flat_map(DataKeys::ids))
        .with_links(account_links);
    let tables = ExportTables::of(Tables::of(store.clone()), store.clone());
    PrivacyApp::new(Arc::new(privacy), Arc::new(Exporter::new(tables, usage, ledger)))
}

/// Lets `dev` have a key of its own in the data folder, where the config names none.
pub(crate) fn adjust_dev(config: &mut Config) {
    if config.privacy.address_keys.is_none() && config.privacy.address_keys_file.is_none() {
        let path = Path::new(&config.data.dir).join(DEV_ADDRESS_KEYS_FILE);
        config.privacy.address_keys_file = Some(path.display().to_string());
    }
}

/// Makes the key of `dev`, once.
pub(crate) fn make_dev_key(config: &Config, entropy: &dyn Entropy) -> Result<(), StartError> {
    let path = Path::new(&config.data.dir).join(DEV_ADDRESS_KEYS_FILE);
    if config.privacy.address_keys_file.as_deref() != Some(&*path.display().to_string()) {
        return Ok(());
    }
    crate::parts::make_folder(Path::new(&config.data.dir))?;
    let wrong = |source| AddressKeysError::File { path: path.clone(), source };
    match std::fs::File::options().create_new(true).write(true).mode(KEY_MODE).open(&path) {
        Ok(mut file) => Ok(file.write_all(fresh_address_key(entropy).as_bytes()).map_err(wrong)?),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(wrong(error).into()),
    }
}
