//! What an export reads.

use crate::accounts::Tables;
use crate::usage::UsageReads;
use opencredits_ledger::Ledger;
use opencredits_store::{
    AgreedGrants, ConnectedKeys, MailChoices, Orders, Passkeys, Payers, PrivacyStates, Sessions, Standings,
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
    pub fn of<S>(accounts: Tables, store: S) -> Self
    where
        S: PrivacyStates
            + Orders
            + Payers
            + Sessions
            + Passkeys
            + Standings
            + AgreedGrants
            + ConnectedKeys
            + MailChoices
            + 'static,
    {
        let store = Arc::new(store);
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
    pub(super) ledger: Ledger,
}

impl Exporter {
    /// An exporter of these tables and this ledger.
    #[must_use]
    pub const fn new(tables: ExportTables, usage: Arc<UsageReads>, ledger: Ledger) -> Self {
        Self { tables, usage, ledger }
    }
}
