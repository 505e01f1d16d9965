//! Requests of an operator about publishable keys, and their replies.

use opencredits_service::accounts::PublishableKeyEdit;
use opencredits_store::PublishableKeyRecord;
use opencredits_units::{KeyId, PartnerId, UnixMs};
use serde::{Deserialize, Serialize};

/// A request about publishable keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "publishable_do", rename_all = "snake_case")]
pub enum PublishableKeyRequest {
    /// Makes a further key of a partner.
    Add {
        /// The partner.
        partner: String,
        /// What it is.
        change: PublishableKeyChange,
    },
    /// Lists the keys of a partner.
    List {
        /// The partner.
        partner: String,
    },
    /// Changes a key.
    Edit {
        /// The key.
        id: KeyId,
        /// What becomes of it.
        change: PublishableKeyChange,
    },
    /// Revokes a key.
    Revoke {
        /// The key.
        id: KeyId,
    },
}

/// What becomes of a publishable key. What is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PublishableKeyChange {
    /// The name.
    pub name: Option<String>,
    /// The origins whose pages may use it; all where none is listed.
    pub origins: Option<Vec<String>>,
    /// Where people may be sent back to.
    pub redirect_urls: Option<Vec<String>>,
}

impl From<PublishableKeyChange> for PublishableKeyEdit {
    fn from(change: PublishableKeyChange) -> Self {
        let PublishableKeyChange { name, origins, redirect_urls } = change;
        Self { name, origins, redirect_urls }
    }
}

/// A key that names a partner in a browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishableKeyView {
    /// The id.
    pub id: KeyId,
    /// The partner.
    pub partner: PartnerId,
    /// The text.
    pub key: String,
    /// The name.
    pub name: String,
    /// The origins whose pages may use it; all where none is listed.
    pub origins: Vec<String>,
    /// Where people may be sent back to.
    pub redirect_urls: Vec<String>,
    /// The time of creation.
    pub created_at_ms: UnixMs,
    /// The time of revocation.
    pub revoked_at_ms: Option<UnixMs>,
}

impl From<PublishableKeyRecord> for PublishableKeyView {
    fn from(key: PublishableKeyRecord) -> Self {
        Self {
            id: key.id,
            partner: key.partner,
            key: key.key,
            name: key.name,
            origins: key.origins,
            redirect_urls: key.redirect_urls,
            created_at_ms: key.created_at,
            revoked_at_ms: key.revoked_at,
        }
    }
}
