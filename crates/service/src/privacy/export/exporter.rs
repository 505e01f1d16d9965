//! What an export reads.

use crate::accounts::Tables;
use crate::usage::UsageReads;
use opencredits_ledger::AnyLedger;
use opencredits_store::{
    AgreedGrants, ConnectedKeys, MailChoices, Orders, Passkeys, Payers, PrivacyStates, Sessions, Standings, Store,
};
use std::sync::Arc;

/// What an export reads.
#[derive(Clone)]
pub struct ExportTables {
    /// People, keys, limits, partners, applications, addresses.
    pub accounts: Tables,
    /// What people have asked for, their mails and records of changes.
    pub states: Arc<dyn PrivacyStates>,
    /// Orders.
    pub orders: Arc<dyn Orders>,
    /// How people pay.
    pub payers: Arc<dyn Payers>,
    /// Signed-in browsers.
    pub sessions: Arc<dyn Sessions>,
    /// Passkeys.
    pub passkeys: Arc<dyn Passkeys>,
    /// Accepted terms.
    pub standings: Arc<dyn Standings>,
    /// What people agreed to at apps.
    pub grants: Arc<dyn AgreedGrants>,
    /// The keys that apps got.
    pub connected: Arc<dyn ConnectedKeys>,
    /// Which notices people get.
    pub choices: Arc<dyn MailChoices>,
}

impl ExportTables {
    /// All of them from one store.
    pub fn of(accounts: Tables, store: impl Into<Arc<dyn Store>>) -> Self {
        let store: Arc<dyn Store> = store.into();
        Self {
            accounts,
            states: store.clone(),
            orders: store.clone(),
            payers: store.clone(),
            sessions: store.clone(),
            passkeys: store.clone(),
            standings: store.clone(),
            grants: store.clone(),
            connected: store.clone(),
            choices: store,
        }
    }
}

/// Writes archives.
pub struct Exporter {
    pub(super) tables: ExportTables,
    pub(super) usage: Arc<UsageReads>,
    pub(super) ledger: AnyLedger,
}

impl Exporter {
    /// An exporter of these tables and this ledger.
    #[must_use]
    pub fn new(tables: ExportTables, usage: Arc<UsageReads>, ledger: impl Into<AnyLedger>) -> Self {
        Self { tables, usage, ledger: ledger.into() }
    }
}
