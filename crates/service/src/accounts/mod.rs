//! What an operator does: people, keys, partners, credits, a look into the books.
//!
//! There is no transaction across ledger and store. Every use case is steps that may be repeated under one id: accounts
//! are opened before the row that names them, so that no row ever names an account that does not exist; what a
//! crash can leave behind is an empty account of nobody.

mod audit;
mod error;
mod keys;
mod money;
mod people;
#[cfg(test)]
mod tests;

pub use audit::{EntriesPage, EntryFilter};
pub use error::AccountsError;
pub use keys::{LimitBalance, NewKey, NewLimit};
pub use money::{Grant, Granted, Wallet};
pub use people::{NewPartner, NewUser};

use crate::books;
use crate::ports::{Clock, Entropy};
use opencredits_catalog::Catalog;
use opencredits_ledger::{Accepted, Floor, Ledger, OpenAccount};
use opencredits_store::{Keys, Partners, Users};
use opencredits_units::{AccountId, UnixMs};
use std::sync::Arc;

/// The tables of the store that [`Accounts`] works on.
#[derive(Clone)]
pub struct Tables {
    /// People.
    pub users: Arc<dyn Users>,
    /// Keys.
    pub keys: Arc<dyn Keys>,
    /// Partners.
    pub partners: Arc<dyn Partners>,
}

impl Tables {
    /// All of them in one store.
    pub fn of(store: impl Users + Keys + Partners + 'static) -> Self {
        let store = Arc::new(store);
        Self { users: store.clone(), keys: store.clone(), partners: store }
    }
}

/// The operator's use cases, without HTTP and without SQL.
pub struct Accounts {
    ledger: Ledger,
    tables: Tables,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    changed: Box<dyn Fn() + Send + Sync>,
    models: Option<Catalog>,
}

impl Accounts {
    /// Works on this ledger and these tables.
    #[must_use]
    pub fn new(ledger: Ledger, tables: Tables, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { ledger, tables, clock, entropy, changed: Box::new(|| {}), models: None }
    }

    /// Calls `changed` after each change of a key, so that whoever remembers keys forgets them.
    #[must_use]
    pub fn on_change(mut self, changed: impl Fn() + Send + Sync + 'static) -> Self {
        self.changed = Box::new(changed);
        self
    }

    /// Refuses a key whose list names a model that is not among these: it could never be used for it.
    #[must_use]
    pub fn knowing(mut self, models: Catalog) -> Self {
        self.models = Some(models);
        self
    }

    /// Opens the accounts of the installation itself. Doing it again changes nothing.
    ///
    /// # Errors
    /// When the ledger fails.
    pub async fn ensure_system_accounts(&self) -> Result<(), AccountsError> {
        for (id, _) in books::NAMES {
            self.open(id, Floor::None, None).await?;
        }
        Ok(())
    }

    /// The ledger that this works on.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn now(&self) -> UnixMs {
        self.clock.now()
    }

    fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }

    /// A fresh account's id. It is random throughout: when and for whom it was opened cannot be read from it.
    fn fresh_account(&self) -> AccountId {
        AccountId::from_bits(u128::from_be_bytes(self.random()))
    }

    async fn open(&self, id: AccountId, floor: Floor, contra: Option<AccountId>) -> Result<(), AccountsError> {
        durable(self.ledger.open_account(OpenAccount { id, floor, contra }, self.now())?).await
    }
}

/// Money and what names it are on disk before anyone is told.
async fn durable<T>(accepted: Accepted<T>) -> Result<T, AccountsError> {
    accepted.durable().await?;
    Ok(accepted.accepted())
}
