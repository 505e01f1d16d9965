//! Connected apps: built where the public URL is an origin that OAuth can have.

use crate::parts::OfProcess;
use opencredits_identity::oauth::Issuer;
use opencredits_keys::HashKey;
use opencredits_service::UsageReads;
use opencredits_service::accounts::Accounts;
use opencredits_service::config::Config;
use opencredits_service::connections::{ConnectionParts, ConnectionTables, Connections};
use opencredits_store::Store;
use std::sync::Arc;

/// Connected apps; none where clients could not tell who issues their tokens.
pub(crate) fn build(
    config: &Config,
    (store, accounts, usage): (&Arc<dyn Store>, &Arc<Accounts>, &Arc<UsageReads>),
    (process, hash_key): (&OfProcess, &HashKey),
) -> Option<Arc<Connections>> {
    let issuer = match Issuer::from_base_url(&config.server.public_url()) {
        Ok(issuer) => issuer,
        Err(error) => {
            tracing::warn!(%error, "no apps can be connected: server.public_url is no origin that OAuth can have");
            return None;
        }
    };
    Some(Arc::new(Connections::new(ConnectionParts {
        tables: ConnectionTables::of(store.clone()),
        accounts: Arc::clone(accounts),
        usage: Arc::clone(usage),
        clock: Arc::clone(&process.clock),
        entropy: Arc::clone(&process.entropy),
        hash_key: hash_key.clone(),
        issuer,
        terms: config.connections.terms(),
    })))
}

/// The URL that the resources of apps' tokens begin with.
pub(crate) fn origin(config: &Config) -> Option<String> {
    Some(Issuer::from_base_url(&config.server.public_url()).ok()?.as_str().to_owned())
}
