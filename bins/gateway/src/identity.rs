//! Signing in, as the config wants it.

use crate::error::StartError;
use crate::mails;
use crate::parts::OfProcess;
use crate::secret_files::secret;
use opencredits_api::{IdentityApp, PrivacyApp};
use opencredits_keys::HashKey;
use opencredits_service::accounts::Accounts;
use opencredits_service::config::{Config, SecretText, keys_of};
use opencredits_service::mail::secret_mail_settings;
use opencredits_service::sign_in::{
    LinkKeys, SecretMailWorker, SecretMails, SignIn, SignInFault, SignInKeys, SignInPorts, SignInSettings, SignInTables,
};
use opencredits_store::Store;
use std::sync::Arc;

/// A setting, and the one that names a file in its place.
const HASH_KEY: [&str; 2] = ["identity.hash_key", "identity.hash_key_file"];
const LINK_KEYS: [&str; 2] = ["identity.link_keys", "identity.link_keys_file"];

/// What signs people in and what mails their codes; none where the keys are not set.
pub(crate) async fn build(
    config: &Config,
    (store, accounts): (&Arc<dyn Store>, &Arc<Accounts>),
    (process, privacy): (&OfProcess, PrivacyApp),
) -> Result<Option<(Arc<IdentityApp>, SecretMailWorker)>, StartError> {
    let (Some(mailer), Some(of_mails)) = (mails::mailer(config)?, secret_mail_settings(config)) else {
        return Ok(None);
    };
    if !config.identity.is_on() {
        tracing::info!("nobody can sign in: identity.hash_key and identity.link_keys are not set");
        return Ok(None);
    }
    let OfProcess { clock, entropy } = process;
    let settings = SignInSettings {
        terms_version: config.identity.terms_version.clone(),
        sign_up: config.identity.sign_up,
        lifetimes: config.identity.lifetimes(),
        limits: config.identity.limits(),
        public_url: config.server.public_url(),
        site_name: of_mails.site.name.clone(),
    };
    let (queue, worker) = SecretMails::new(mailer, of_mails, (Arc::clone(clock), Arc::clone(entropy)))?;
    let keys = keys(config, store, process).await?;
    let ports = SignInPorts {
        accounts: Arc::clone(accounts),
        mails: queue,
        clock: Arc::clone(clock),
        entropy: Arc::clone(entropy),
    };
    let sign_in = Arc::new(SignIn::new(SignInTables::of(store.clone()), ports, keys, settings));
    Ok(Some((Arc::new(IdentityApp { sign_in, privacy: Some(privacy) }), worker)))
}

/// The keys that links are signed with; none where nobody signs in.
pub(crate) async fn link_keys(
    config: &Config,
    store: &Arc<dyn Store>,
    process: &OfProcess,
) -> Result<Option<LinkKeys>, StartError> {
    if !config.identity.is_on() || mails::mailer(config)?.is_none() {
        return Ok(None);
    }
    Ok(Some(keys(config, store, process).await?.links))
}

/// Checks the keys without touching the data folder.
pub(crate) fn check(config: &Config) -> Result<(), StartError> {
    let identity = &config.identity;
    set((identity.hash_key.as_ref(), identity.hash_key_file.as_ref()), HASH_KEY)?;
    set((identity.link_keys.as_ref(), identity.link_keys_file.as_ref()), LINK_KEYS)?;
    Ok(())
}

async fn keys(config: &Config, store: &Arc<dyn Store>, process: &OfProcess) -> Result<SignInKeys, StartError> {
    let identity = &config.identity;
    let hash = match set((identity.hash_key.as_ref(), identity.hash_key_file.as_ref()), HASH_KEY)? {
        Some(keys) => keys,
        None => made(store, process, "identity_hash_key").await?,
    };
    let links = match set((identity.link_keys.as_ref(), identity.link_keys_file.as_ref()), LINK_KEYS)? {
        Some(keys) => keys,
        None => made(store, process, "identity_link_key").await?,
    };
    let hash = hash.first().copied().ok_or(StartError::IdentityKey { what: HASH_KEY[0] })?;
    let links = LinkKeys::new(links.into_iter().map(HashKey::new).collect()).map_err(SignInFault::from)?;
    Ok(SignInKeys { hash: HashKey::new(hash), links })
}

/// The keys of the config or of its file, where there are any.
fn set(
    (text, file): (Option<&SecretText>, Option<&String>),
    [in_config, in_file]: [&'static str; 2],
) -> Result<Option<Vec<[u8; 32]>>, StartError> {
    let what = if text.is_some() { in_config } else { in_file };
    let Some(text) = secret(in_file, text, file)? else { return Ok(None) };
    keys_of(&text).map(Some).ok_or(StartError::IdentityKey { what })
}

/// A key that is made at the first start and kept in the data folder.
async fn made(store: &Arc<dyn Store>, process: &OfProcess, name: &str) -> Result<Vec<[u8; 32]>, StartError> {
    let mut fresh = [0; 32];
    process.entropy.fill(&mut fresh);
    let kept = store.setting(name, &fresh).await?;
    let kept = kept.try_into().map_err(|_| StartError::IdentityKey { what: "a key in store.db" })?;
    Ok(vec![kept])
}
