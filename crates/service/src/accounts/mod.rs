//! The operator's use cases: people, keys, partners, credits, queries of the ledger.
//!
//! There is no transaction across ledger and store. Every use case consists of steps that may be repeated under one id.
//! Accounts are opened before the row that names them, so that no row names an account that does not exist. A crash can
//! leave at most an unused empty account.

mod actions;
mod app_keys;
mod applications;
mod audit;
mod corrections;
mod edit;
mod emails;
mod embedding;
mod error;
mod identity;
mod keys;
#[cfg(test)]
mod limit_tests;
mod limits;
mod management;
mod money;
mod partners;
mod people;
mod portal;
mod publishable;
mod reads;
mod report;
mod rotate;
mod test_desk;
#[cfg(test)]
mod tests;

pub use crate::actor::{Actor, on_behalf_of};
pub use applications::{Applied, Approval, NewApplication};
pub(crate) use audit::tell_verified;
pub use audit::{EntriesPage, EntryFilter};
pub use corrections::{Corrected, Correction, CorrectionKind};
pub use edit::{Edit, KeyEdit};
pub use emails::check_address;
pub use embedding::{Embedders, Embedding};
pub use error::AccountsError;
pub use keys::{NewKey, NewLimit};
pub use money::{Grant, Granted, Wallet};
pub use partners::{PaidOut, PartnerEdit, Payout};
pub use people::{NewPartner, NewUser};
pub use portal::{Managed, PartnerChange};
pub use publishable::PublishableKeyEdit;
pub use reads::{NamedUsage, UsageReport};
pub use report::{BalanceSheet, CurrencySheet, SheetLine};
pub use rotate::{OVERLAP_MS_MAX, Rotated};
pub use test_desk::{NewTestKey, TestDesk};

use crate::books;
use crate::gateway::TestLedger;
use crate::limits::Renewals;
use crate::partners::PartnerTerms;
use crate::ports::{Clock, Entropy, fresh_id};
use crate::usage::UsageReads;
use arc_swap::ArcSwapOption;
use opencredits_catalog::Catalog;
use opencredits_keys::{IssuedKey, LiveKind, Mode};
use opencredits_ledger::{AnyLedger, Floor, OpenAccount};
use opencredits_store::{
    AuditLog, KeyRotations, Keys, ManagementKeys, PartnerApplications, PartnerKeys, Partners, PublishableKeys,
    Referrals, SecretKeyRecord, Sessions, SpendingLimits, Standings, Store, UsageModel, UserEmails, Users,
};
use opencredits_units::{AccountId, UnixMs};
use parking_lot::RwLock;
use std::sync::Arc;
use tokio::sync::Mutex;

/// The tables of the store that [`Accounts`] uses.
#[derive(Clone)]
pub struct Tables {
    /// People.
    pub users: Arc<dyn Users>,
    /// Keys.
    pub keys: Arc<dyn Keys>,
    /// Earlier secrets of rotated keys.
    pub rotations: Arc<dyn KeyRotations>,
    /// Partners.
    pub partners: Arc<dyn Partners>,
    /// Limits of people and of apps at people.
    pub limits: Arc<dyn SpendingLimits>,
    /// Management keys.
    pub management: Arc<dyn ManagementKeys>,
    /// The record of changes.
    pub audit: Arc<dyn AuditLog>,
    /// People's addresses.
    pub emails: Arc<dyn UserEmails>,
    /// The read model of usage.
    pub usage: Arc<dyn UsageModel>,
    /// Secret keys of partners.
    pub partner_keys: Arc<dyn PartnerKeys>,
    /// Keys that name partners in browsers.
    pub publishable: Arc<dyn PublishableKeys>,
    /// Applications of partners.
    pub applications: Arc<dyn PartnerApplications>,
    /// The people whom partners brought.
    pub referrals: Arc<dyn Referrals>,
    /// Sessions of browsers.
    pub sessions: Arc<dyn Sessions>,
    /// Accepted terms and roles.
    pub standings: Arc<dyn Standings>,
}

impl Tables {
    /// All of them from one store.
    pub fn of(store: impl Into<Arc<dyn Store>>) -> Self {
        let store: Arc<dyn Store> = store.into();
        Self {
            users: store.clone(),
            keys: store.clone(),
            rotations: store.clone(),
            partners: store.clone(),
            limits: store.clone(),
            management: store.clone(),
            audit: store.clone(),
            emails: store.clone(),
            usage: store.clone(),
            partner_keys: store.clone(),
            publishable: store.clone(),
            applications: store.clone(),
            referrals: store.clone(),
            sessions: store.clone(),
            standings: store,
        }
    }
}

/// The operator's use cases, without HTTP and without SQL.
pub struct Accounts {
    ledger: AnyLedger,
    tables: Tables,
    usage: UsageReads,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    changed: Box<dyn Fn() + Send + Sync>,
    models: ArcSwapOption<Catalog>,
    renewals: Renewals,
    partner_terms: RwLock<PartnerTerms>,
    mode: Mode,
    test_desk: Option<TestDesk>,
    /// One decision on an application at a time.
    deciding: Mutex<()>,
    /// One change of a key, a limit or a partner at a time, so that none overwrites another's.
    editing: Mutex<()>,
}

impl Accounts {
    /// The use cases on this ledger and these tables.
    #[must_use]
    pub fn new(ledger: impl Into<AnyLedger>, tables: Tables, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let ledger = ledger.into();
        let usage = UsageReads::new(ledger.clone(), Arc::clone(&tables.usage));
        Self {
            ledger,
            tables,
            usage,
            clock,
            entropy,
            changed: Box::new(|| {}),
            models: ArcSwapOption::empty(),
            renewals: Renewals::default(),
            partner_terms: RwLock::default(),
            mode: Mode::Live,
            test_desk: None,
            deciding: Mutex::default(),
            editing: Mutex::default(),
        }
    }

    /// Calls `changed` after each change of a key, so that caches of keys are invalidated.
    #[must_use]
    pub fn on_change(mut self, changed: impl Fn() + Send + Sync + 'static) -> Self {
        self.changed = Box::new(changed);
        self
    }

    /// Tells whoever asked for it that something has changed, such as what is on sale.
    pub(crate) fn tell_changed(&self) {
        (self.changed)();
    }

    /// Refuses a key whose list names another model than these: the key could never use it.
    #[must_use]
    pub fn knowing(self, models: Catalog) -> Self {
        self.know(models);
        self
    }

    /// The same from now on, for a price book that was loaded since.
    pub fn know(&self, models: Catalog) {
        self.models.store(Some(Arc::new(models)));
    }

    /// The use cases of test mode, on its ledger and on the tables of its store.
    #[must_use]
    pub fn of_test_mode(ledger: &TestLedger, tables: Tables, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { mode: Mode::Test, ..Self::new(ledger.ledger().clone(), tables, clock, entropy) }
    }

    /// The mode of the keys that are made here.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// Opens the accounts of the house. Repeating it changes nothing.
    ///
    /// # Errors
    /// When the ledger fails.
    pub async fn ensure_system_accounts(&self) -> Result<(), AccountsError> {
        for (id, _) in books::NAMES {
            self.open(id, Floor::None, None).await?;
        }
        Ok(())
    }

    /// The ledger of these accounts.
    #[must_use]
    pub const fn ledger(&self) -> &AnyLedger {
        &self.ledger
    }

    /// Now, by the clock of these accounts.
    #[must_use]
    pub fn now_ms(&self) -> UnixMs {
        self.now()
    }

    fn now(&self) -> UnixMs {
        self.clock.now()
    }

    fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }

    /// A new secret key, and its record.
    fn issue<K: LiveKind, Owner>(&self, owner: Owner, name: String) -> (SecretKeyRecord<Owner>, IssuedKey) {
        let (secret, created_at) = (self.mode.generate::<K>(self.random()), self.now());
        let id = fresh_id(created_at, &*self.entropy);
        let (digest, hint) = (secret.digest(), secret.hint().to_owned());
        (SecretKeyRecord { id, owner, digest, hint, name, created_at, revoked_at: None }, secret)
    }

    /// The id of a new account. It is fully random: it reveals neither time nor owner.
    fn fresh_account(&self) -> AccountId {
        AccountId::from_bits(u128::from_be_bytes(self.random()))
    }

    async fn open(&self, id: AccountId, floor: Floor, contra: Option<AccountId>) -> Result<(), AccountsError> {
        self.ledger.open_account(OpenAccount { id, floor, contra }, self.now()).durable().await?;
        Ok(())
    }
}
