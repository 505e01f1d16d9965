//! Signing in: codes and links by mail, passkeys, sessions, changes of the address.
//!
//! [`SignIn`] joins the rules of `opencredits_identity` with the store's records and the mailer. A code or a link goes from
//! here to the mail server by a queue in memory; only its digest is stored.
//!
//! # Invariants
//! - Asking for a code does the same for every address: whether an account exists is looked up only after a code was right.
//! - An attempt is taken before a code is compared, and a code is spent before anything is done on it.
//! - A person who was created here has an opaque label; their address is in the table of addresses alone.
//! - A sign-in makes a new session and ends the one that the browser had.

mod addresses;
mod cleanup;
mod codes;
mod enter;
mod error;
mod limits;
mod links;
mod mail;
mod passkeys;
mod policy;
mod seal;
mod sessions;
mod settings;
#[cfg(test)]
mod tests;

pub use addresses::{AddressChange, AddressCodes};
pub use cleanup::cleanup_job;
pub use codes::SentCode;
pub use enter::{Accept, Begun, Browser, Proof};
pub use error::SignInFault;
pub use mail::{SecretMail, SecretMailSettings, SecretMailWorker, SecretMails};
pub use opencredits_identity::passkey::{AssertionAnswer, CreationOptions, RegistrationAnswer, RequestOptions};
pub use opencredits_identity::{CODE_LIFETIME_MS, LINK_LIFETIME_MS, LinkKeys, Purpose, SessionLifetimes};
pub use passkeys::Fresh;
pub use policy::{ActionLimits, SignInLimits, SignUp};
pub use sessions::Account;
pub use settings::{SignInKeys, SignInSettings, SignInTables};

use crate::accounts::Accounts;
use crate::ports::{Clock, Entropy};
use opencredits_units::UnixMs;
use std::sync::Arc;
use tokio::sync::Mutex;

/// What [`SignIn`] works on besides the store.
pub struct SignInPorts {
    /// Makes people.
    pub accounts: Arc<Accounts>,
    /// Sends mails with secrets.
    pub mails: SecretMails,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// The use cases of signing in.
pub struct SignIn {
    tables: SignInTables,
    accounts: Arc<Accounts>,
    mails: SecretMails,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    keys: SignInKeys,
    settings: SignInSettings,
    /// One change of who has an address at a time, so that two sign-ins with one address make one person.
    addressing: Mutex<()>,
    /// One change of attempts at a time, so that they do not wait for each other's compare-and-swap.
    attempting: Mutex<()>,
}

impl SignIn {
    /// The use cases on these tables and ports.
    #[must_use]
    pub fn new(tables: SignInTables, ports: SignInPorts, keys: SignInKeys, settings: SignInSettings) -> Self {
        let SignInPorts { accounts, mails, clock, entropy } = ports;
        let (addressing, attempting) = Default::default();
        Self { tables, accounts, mails, clock, entropy, keys, settings, addressing, attempting }
    }

    /// The settings.
    #[must_use]
    pub const fn settings(&self) -> &SignInSettings {
        &self.settings
    }

    fn now(&self) -> UnixMs {
        self.clock.now()
    }

    fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }
}
