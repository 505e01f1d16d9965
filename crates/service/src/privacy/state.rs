//! The use cases: ports, and the flags that a person sets.

use super::error::PrivacyError;
use crate::actor::Actor;
use crate::mail::{AccountLinks, MailQueue};
use crate::ports::{Clock, Entropy, fresh_id};
use crate::purchases::Purchases;
use opencredits_keys::DataKeyId;
use opencredits_ledger::AnyLedger;
use opencredits_store::{
    AddressRotation, AuditLog, AuditRecord, MailChoices, MailedLinks, Payers, Policies, PrivacyState, PrivacyStates,
    Store, User, Users,
};
use opencredits_units::{UnixMs, UserId};
use std::sync::Arc;

/// The tables of the store that [`Privacy`] uses.
#[derive(Clone)]
pub struct PrivacyTables {
    /// People.
    pub users: Arc<dyn Users>,
    /// What they have asked for.
    pub states: Arc<dyn PrivacyStates>,
    /// The record of changes.
    pub audit: Arc<dyn AuditLog>,
    /// Versions of the policy.
    pub policies: Arc<dyn Policies>,
    /// The encryption of addresses.
    pub addresses: Arc<dyn AddressRotation>,
    /// Links that were used.
    pub links: Arc<dyn MailedLinks>,
    /// How people pay.
    pub payers: Arc<dyn Payers>,
    /// Which notices they get.
    pub choices: Arc<dyn MailChoices>,
}

impl PrivacyTables {
    /// All of them from one store.
    pub fn of(store: impl Into<Arc<dyn Store>>) -> Self {
        let store: Arc<dyn Store> = store.into();
        Self {
            users: store.clone(),
            states: store.clone(),
            audit: store.clone(),
            policies: store.clone(),
            addresses: store.clone(),
            links: store.clone(),
            payers: store.clone(),
            choices: store,
        }
    }
}

/// The ports of [`Privacy`] besides the tables.
pub struct PrivacyPorts {
    /// The ledger with the balances.
    pub ledger: AnyLedger,
    /// Tells people.
    pub queue: MailQueue,
    /// Forgets people at the payment processor; none where credits are not sold.
    pub purchases: Option<Arc<Purchases>>,
    /// Called after each change that stops or starts keys.
    pub changed: Box<dyn Fn() + Send + Sync>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// The person, who has confirmed it by a code.
    Person,
    /// The operator.
    Operator,
    /// The time that a person was given is over.
    Time,
}

/// What people ask of their data.
pub struct Privacy {
    pub(super) tables: PrivacyTables,
    pub(super) ports: PrivacyPorts,
    pub(super) grace_ms: u64,
    pub(super) address_keys: Vec<DataKeyId>,
    pub(super) account_links: Option<AccountLinks>,
}

impl Privacy {
    /// The use cases on these tables and ports; an account is deleted so many days after it was asked for.
    #[must_use]
    pub fn new(tables: PrivacyTables, ports: PrivacyPorts, grace_days: u32) -> Self {
        let grace_ms = u64::from(grace_days).saturating_mul(UnixMs::DAY_MS);
        Self { tables, ports, grace_ms, address_keys: Vec::new(), account_links: None }
    }

    /// Tells these keys of addresses in the report, the newest first.
    #[must_use]
    pub fn with_address_keys(mut self, keys: impl IntoIterator<Item = DataKeyId>) -> Self {
        self.address_keys = keys.into_iter().collect();
        self
    }

    /// Takes the links in mails.
    #[must_use]
    pub fn with_links(mut self, links: Option<AccountLinks>) -> Self {
        self.account_links = links;
        self
    }

    /// The person of this id or label.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub async fn find(&self, name: &str) -> Result<User, PrivacyError> {
        let found = match name.parse::<UserId>() {
            Ok(id) => self.tables.users.user(id).await?,
            Err(_) => self.tables.users.user_by_label(name).await?,
        };
        found.ok_or_else(|| PrivacyError::NoUser { name: name.to_owned() })
    }

    /// What a person has asked for.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn state(&self, user: UserId) -> Result<PrivacyState, PrivacyError> {
        Ok(self.tables.states.privacy_of(user).await?)
    }

    /// Restricts what is done with a person's data to storing it, or lifts that: keys rest, nothing can be bought, no notice
    /// is sent.
    ///
    /// # Errors
    /// When the account was deleted, or the store fails.
    pub async fn restrict(&self, user: UserId, on: bool, asker: Asker) -> Result<PrivacyState, PrivacyError> {
        let mut state = self.changeable(user).await?;
        state.restricted_at = on.then(|| state.restricted_at.unwrap_or(self.now()));
        let action = if on { "user.restrict" } else { "user.unrestrict" };
        self.store(user, state, (asker, action)).await
    }

    /// Ends notices other than required ones for a person, or lets them come again.
    ///
    /// # Errors
    /// When the account was deleted, or the store fails.
    pub async fn object(&self, user: UserId, on: bool, asker: Asker) -> Result<PrivacyState, PrivacyError> {
        let mut state = self.changeable(user).await?;
        state.objected_at = on.then(|| state.objected_at.unwrap_or(self.now()));
        let action = if on { "user.object" } else { "user.unobject" };
        self.store(user, state, (asker, action)).await
    }

    /// Records that everything about a person was exported.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn record_export(&self, user: UserId, asker: Asker) -> Result<(), PrivacyError> {
        self.record(user, (asker, "user.export")).await
    }

    pub(super) async fn changeable(&self, user: UserId) -> Result<PrivacyState, PrivacyError> {
        let state = self.state(user).await?;
        if state.erased_at.is_some() { Err(PrivacyError::Erased) } else { Ok(state) }
    }

    pub(super) async fn store(
        &self,
        user: UserId,
        state: PrivacyState,
        what: (Asker, &str),
    ) -> Result<PrivacyState, PrivacyError> {
        self.tables.states.set_privacy(user, &state).await?;
        (self.ports.changed)();
        self.record(user, what).await?;
        Ok(state)
    }

    /// Adds a record of changes. It has no content.
    pub(super) async fn record(&self, user: UserId, (asker, action): (Asker, &str)) -> Result<(), PrivacyError> {
        let at = self.now();
        let actor = match asker {
            Asker::Person => user.to_string(),
            Asker::Operator => Actor::Operator.to_string(),
            Asker::Time => "job".to_owned(),
        };
        let (id, action, subject) = (fresh_id(at, &*self.ports.entropy), action.to_owned(), user.to_string());
        let record = AuditRecord { id, at, actor, action, subject, detail: String::new() };
        Ok(self.tables.audit.add_audit(&record).await?)
    }

    pub(super) fn now(&self) -> UnixMs {
        self.ports.clock.now()
    }
}
