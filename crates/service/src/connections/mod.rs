//! What apps get of people: keys that are bound to the app's partner and to a cap that the person chose.
//!
//! There are three ways to one. A page of ours asks for it in the person's name; an app asks by OAuth 2.1, also from a
//! terminal; an app on the person's own machine gets it in a redirect. All end in a user key, so that whatever serves requests
//! knows of none of them. The access token of OAuth is a user key that expires and is given a new secret at each refresh.
//!
//! What is exchanged once is marked as used in the store before anything is made of it, together with the family that it
//! begins. A key is linked to its family after it was made, and the link fails where the family was revoked meanwhile. So
//! whoever is faster, a code that was used twice leaves no key.

mod apps;
mod asks;
mod clients;
mod devices;
mod error;
mod issue;
mod records;
mod terms;
mod tokens;

pub use apps::{AppId, ConnectedApp};
pub use asks::{Ask, CapChoice, Decision, Person, Way};
pub use clients::AppClient;
pub use devices::DeviceAsk;
pub use error::ConnectionError;
pub use terms::{ConnectionTerms, Unregistered};

use crate::accounts::Accounts;
use crate::ports::{Clock, Entropy};
use crate::usage::UsageReads;
use opencredits_identity::oauth::{
    AuthorizationServerMetadata, GrantLifetimes, Issuer, Offer, ProtectedResourceMetadata,
};
use opencredits_keys::HashKey;
use opencredits_store::{ConnectedKeys, DeviceRequests, Partners, PublishableKeys, Store, TokenGrants};
use opencredits_units::UnixMs;
use std::sync::Arc;

/// The scopes that there are. A user key does one thing.
const SCOPES: [&str; 1] = ["inference"];
/// The path of the API, which is a resource of its own.
const API_PATH: &str = "/v1";

/// The tables that [`Connections`] uses.
pub struct ConnectionTables {
    /// Codes and token families.
    pub grants: Arc<dyn TokenGrants>,
    /// Device requests.
    pub devices: Arc<dyn DeviceRequests>,
    /// The keys that apps got.
    pub connected: Arc<dyn ConnectedKeys>,
    /// Keys that name partners, which are the clients of OAuth.
    pub publishable: Arc<dyn PublishableKeys>,
    /// Partners.
    pub partners: Arc<dyn Partners>,
}

impl ConnectionTables {
    /// All of them from one store.
    pub fn of(store: impl Into<Arc<dyn Store>>) -> Self {
        let store: Arc<dyn Store> = store.into();
        Self {
            grants: store.clone(),
            devices: store.clone(),
            connected: store.clone(),
            publishable: store.clone(),
            partners: store,
        }
    }
}

/// What [`Connections`] is built of.
pub struct ConnectionParts {
    /// The tables.
    pub tables: ConnectionTables,
    /// Makes, renews and revokes keys.
    pub accounts: Arc<Accounts>,
    /// What apps have spent, and when.
    pub usage: Arc<UsageReads>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Hashes the codes that people type.
    pub hash_key: HashKey,
    /// Our own name for clients.
    pub issuer: Issuer,
    /// What people and unregistered apps may do.
    pub terms: ConnectionTerms,
}

/// The use cases of connected apps, without HTTP and without SQL.
pub struct Connections {
    parts: ConnectionParts,
    lifetimes: GrantLifetimes,
    resources: [String; 2],
}

impl Connections {
    /// The use cases of these parts.
    #[must_use]
    pub fn new(parts: ConnectionParts) -> Self {
        let origin = parts.issuer.as_str();
        let resources = [format!("{origin}{API_PATH}"), origin.to_owned()];
        Self { parts, lifetimes: GrantLifetimes::default(), resources }
    }

    /// Our own name for clients.
    #[must_use]
    pub const fn issuer(&self) -> &Issuer {
        &self.parts.issuer
    }

    /// What people and unregistered apps may do.
    #[must_use]
    pub const fn terms(&self) -> &ConnectionTerms {
        &self.parts.terms
    }

    /// What clients find out about the authorization server.
    #[must_use]
    pub fn server_metadata(&self) -> AuthorizationServerMetadata {
        self.with_offer(|offer| AuthorizationServerMetadata::new(&self.parts.issuer, offer))
    }

    /// What clients find out about the resource at this path, `/v1` or nothing.
    #[must_use]
    pub fn resource_metadata(&self, path: &str) -> ProtectedResourceMetadata {
        self.with_offer(|offer| ProtectedResourceMetadata::new(&self.parts.issuer, path, offer))
    }

    fn with_offer<T>(&self, ask: impl FnOnce(&Offer<'_>) -> T) -> T {
        let resources: Vec<&str> = self.resources.iter().map(String::as_str).collect();
        ask(&Offer { scopes: &SCOPES, resources: &resources })
    }

    fn now(&self) -> UnixMs {
        self.parts.clock.now()
    }

    fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.parts.entropy.fill(&mut bytes);
        bytes
    }
}
