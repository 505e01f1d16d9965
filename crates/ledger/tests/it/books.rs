//! The ledgers that a test runs on: in memory, in a file, and in a database, with one face.

use opencredits_ledger::{
    AccountRow, Balance, Capture, Captured, ChangeLimit, Collect, Collected, EntryRow, Expired, Held, HoldRow, Ledger,
    LedgerError, LimitChanged, OpenAccount, PlaceHold, PostgresSettings, SharedLedger, SharedOptions, Transfer,
    Transferred, VerifyReport, Voided,
};
use opencredits_testkit::Postgres;
use opencredits_units::{AccountId, EntryId, Progress, UnixMs};
use std::future::Future;
use std::sync::OnceLock;
use tokio::runtime::Runtime;

/// A ledger of either kind. Its decisions are accepted, and nobody waits for a disk.
pub(crate) enum Books {
    Own(Ledger),
    Shared(SharedLedger),
}

/// Runs what a database is asked on a runtime that all tests share.
pub(crate) fn wait<T>(work: impl Future<Output = T>) -> T {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().unwrap()).block_on(work)
}

/// Another process's ledger in this database.
pub(crate) fn connect(database: &str) -> SharedLedger {
    connect_as(database, &SharedOptions::default().name)
}

/// The same, of a process of this name.
pub(crate) fn connect_as(database: &str, name: &str) -> SharedLedger {
    let settings = PostgresSettings::parse(database).unwrap();
    let options = SharedOptions { name: name.to_owned(), ..SharedOptions::default() };
    wait(SharedLedger::connect(settings, options)).unwrap()
}

macro_rules! decisions {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $outcome:ty;)*) => {
        impl Books {
            $(pub(crate) fn $name(&self, $($argument: $kind),*) -> Result<$outcome, LedgerError> {
                match self {
                    Self::Own(ledger) => Ok(ledger.$name($($argument),*)?.accepted()),
                    Self::Shared(ledger) => wait(ledger.$name($($argument),*).accepted()),
                }
            })*
        }
    };
}

decisions! {
    open_account(account: OpenAccount, now: UnixMs) -> ();
    place_hold(hold: PlaceHold<'_>, now: UnixMs) -> Held;
    extend_hold(id: EntryId, expires_at: UnixMs, now: UnixMs) -> ();
    mark_in_flight(id: EntryId, now: UnixMs) -> ();
    capture(capture: Capture<'_>, now: UnixMs) -> Captured;
    void(id: EntryId, now: UnixMs) -> Voided;
    expire_due(now: UnixMs, max: usize) -> Expired;
    transfer(transfer: Transfer<'_>, now: UnixMs) -> Transferred;
    collect(collect: Collect<'_>, now: UnixMs) -> Collected;
    transfer_linked(transfers: &[Transfer<'_>], now: UnixMs) -> Transferred;
    change_limit(change: ChangeLimit<'_>, now: UnixMs) -> LimitChanged;
}

impl Books {
    pub(crate) fn in_memory() -> Self {
        Self::Own(Ledger::in_memory().unwrap())
    }

    /// A ledger in a database of its own; `None` where there is no PostgreSQL.
    pub(crate) fn in_database() -> Option<Self> {
        Some(Self::Shared(connect(&Postgres::shared()?.database())))
    }

    pub(crate) fn balance(&self, account: AccountId) -> Result<Balance, LedgerError> {
        match self {
            Self::Own(ledger) => ledger.balance(account),
            Self::Shared(ledger) => wait(ledger.balance(account)),
        }
    }

    pub(crate) fn entry(&self, id: EntryId) -> Option<EntryRow> {
        match self {
            Self::Own(ledger) => ledger.entry(id).unwrap(),
            Self::Shared(ledger) => wait(ledger.entry(id)).unwrap(),
        }
    }

    pub(crate) fn entries(&self) -> Vec<EntryRow> {
        match self {
            Self::Own(ledger) => {
                ledger.flush().unwrap();
                ledger.entries(EntryId::default(), usize::MAX).unwrap()
            }
            Self::Shared(ledger) => wait(ledger.entries(EntryId::default(), usize::MAX)).unwrap(),
        }
    }

    pub(crate) fn entries_of(&self, account: AccountId, after: EntryId, until: UnixMs, max: usize) -> Vec<EntryRow> {
        match self {
            Self::Own(ledger) => {
                ledger.flush().unwrap();
                ledger.entries_of(account, after, until, max).unwrap()
            }
            Self::Shared(ledger) => wait(ledger.entries_of(account, after, until, max)).unwrap(),
        }
    }

    pub(crate) fn holds(&self) -> Vec<HoldRow> {
        match self {
            Self::Own(ledger) => ledger.holds(),
            Self::Shared(ledger) => wait(ledger.holds()).unwrap(),
        }
    }

    pub(crate) fn accounts(&self) -> Vec<AccountRow> {
        match self {
            Self::Own(ledger) => ledger.accounts(),
            Self::Shared(ledger) => wait(ledger.accounts()).unwrap(),
        }
    }

    pub(crate) fn verify(&self) -> VerifyReport {
        match self {
            Self::Own(ledger) => {
                ledger.flush().unwrap();
                ledger.verify().unwrap()
            }
            Self::Shared(ledger) => wait(ledger.verify(None, &Progress::default())).unwrap(),
        }
    }
}
