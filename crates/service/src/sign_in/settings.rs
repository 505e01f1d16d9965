//! What signing in depends on: tables, keys, settings.

use super::policy::{SignInLimits, SignUp};
use opencredits_identity::passkey::Site;
use opencredits_identity::{IdentityError, LinkKeys, SessionLifetimes};
use opencredits_keys::HashKey;
use opencredits_store::{
    AttemptBuckets, CodeChallenges, IdentityRetention, MailedLinks, Passkeys, Sessions, Standings, Store, UserEmails,
};
use std::sync::Arc;

/// The tables of the store that signing in uses.
#[derive(Clone)]
pub struct SignInTables {
    /// Mailed codes.
    pub challenges: Arc<dyn CodeChallenges>,
    /// Mailed links.
    pub links: Arc<dyn MailedLinks>,
    /// Attempts.
    pub buckets: Arc<dyn AttemptBuckets>,
    /// Sessions.
    pub sessions: Arc<dyn Sessions>,
    /// Passkeys.
    pub passkeys: Arc<dyn Passkeys>,
    /// Accepted terms and roles.
    pub standings: Arc<dyn Standings>,
    /// People's addresses.
    pub emails: Arc<dyn UserEmails>,
    /// The end of all these.
    pub retention: Arc<dyn IdentityRetention>,
}

impl SignInTables {
    /// All of them from one store.
    pub fn of(store: impl Into<Arc<dyn Store>>) -> Self {
        let store: Arc<dyn Store> = store.into();
        Self {
            challenges: store.clone(),
            links: store.clone(),
            buckets: store.clone(),
            sessions: store.clone(),
            passkeys: store.clone(),
            standings: store.clone(),
            emails: store.clone(),
            retention: store,
        }
    }
}

/// The server's keys. Keep them outside the data folder.
#[derive(Debug, Clone)]
pub struct SignInKeys {
    /// For keyed hashes of codes and of attempts, and for sealed addresses.
    pub hash: HashKey,
    /// For signed links, the newest first.
    pub links: LinkKeys,
}

/// The settings of signing in.
#[derive(Debug, Clone)]
pub struct SignInSettings {
    /// The version of the terms that people accept.
    pub terms_version: String,
    /// Whether people make accounts themselves.
    pub sign_up: SignUp,
    /// How long sessions last.
    pub lifetimes: SessionLifetimes,
    /// How often somebody may try.
    pub limits: SignInLimits,
    /// The URL of the service for people, without a slash at the end.
    pub public_url: String,
    /// The name of the service, as authenticators show it.
    pub site_name: String,
}

impl SignInSettings {
    /// The site that passkeys belong to.
    ///
    /// # Errors
    /// When the public URL is none that passkeys can belong to.
    pub(super) fn site(&self) -> Result<Site, IdentityError> {
        Site::from_url(&self.public_url)
    }
}
