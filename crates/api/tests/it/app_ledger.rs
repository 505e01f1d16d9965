//! The ledger of an application, as tests look at it between two requests: without an await, on either engine.

use crate::engine::{on_runtime, options};
use opencredits_ledger::{
    AccountRow, AnyDecision, AnyLedger, Balance, ChainHead, EntryRow, HoldRow, Ledger, LedgerError, PostgresSettings,
    SharedLedger, VerifyReport,
};
use opencredits_units::{AccountId, EntryId, Progress, UnixMs};
use std::sync::{Arc, OnceLock};

/// No hold has this id.
const NO_HOLD: EntryId = EntryId::from_bits(1);

/// The ledger. A clone is another handle.
#[derive(Clone)]
pub(crate) enum AppLedger {
    Embedded(Ledger),
    Shared(Arc<Shared>),
}

/// A ledger in a database. Tests read it by connections of their own: those of the application may be worked for by the thread that waits.
pub(crate) struct Shared {
    ledger: SharedLedger,
    settings: PostgresSettings,
    reader: OnceLock<SharedLedger>,
}

impl Shared {
    /// What `ask` finds once everything is done that was sent before.
    fn read<T: Send>(&self, ask: impl AsyncFnOnce(&SharedLedger) -> T + Send) -> T {
        let connect = || on_runtime(|| SharedLedger::connect(self.settings.clone(), options("reader"))).unwrap();
        let reader = self.reader.get_or_init(connect);
        on_runtime(|| async move {
            // It is the last in the queue.
            let refused = self.ledger.void(NO_HOLD, UnixMs::default()).accepted().await;
            assert!(matches!(refused, Err(LedgerError::UnknownHold { .. })), "{refused:?}");
            ask(reader).await
        })
    }
}

impl From<Ledger> for AppLedger {
    fn from(ledger: Ledger) -> Self {
        Self::Embedded(ledger)
    }
}

impl From<AppLedger> for AnyLedger {
    fn from(ledger: AppLedger) -> Self {
        match ledger {
            AppLedger::Embedded(ledger) => ledger.into(),
            AppLedger::Shared(shared) => shared.ledger.clone().into(),
        }
    }
}

impl AppLedger {
    pub(crate) fn shared(ledger: SharedLedger, settings: &PostgresSettings) -> Self {
        Self::Shared(Arc::new(Shared { ledger, settings: settings.clone(), reader: OnceLock::new() }))
    }

    /// The ledger in a file, where it is one.
    pub(crate) const fn embedded(&self) -> Option<&Ledger> {
        match self {
            Self::Embedded(ledger) => Some(ledger),
            Self::Shared(_) => None,
        }
    }

    /// Carries a command out that is not refused.
    pub(crate) fn done<T: Unpin + Send>(&self, command: impl FnOnce(&AnyLedger) -> AnyDecision<'_, T> + Send) -> T {
        let any = AnyLedger::from(self.clone());
        on_runtime(|| command(&any).accepted()).unwrap()
    }

    pub(crate) fn balance(&self, account: AccountId) -> Result<Balance, LedgerError> {
        match self {
            Self::Embedded(ledger) => ledger.balance(account),
            Self::Shared(shared) => shared.read(async |ledger| ledger.balance(account).await),
        }
    }

    pub(crate) fn accounts(&self) -> Vec<AccountRow> {
        match self {
            Self::Embedded(ledger) => ledger.accounts(),
            Self::Shared(shared) => shared.read(async |ledger| ledger.accounts().await).unwrap(),
        }
    }

    pub(crate) fn holds(&self) -> Vec<HoldRow> {
        match self {
            Self::Embedded(ledger) => ledger.holds(),
            Self::Shared(shared) => shared.read(async |ledger| ledger.holds().await).unwrap(),
        }
    }

    pub(crate) fn entry(&self, id: EntryId) -> Result<Option<EntryRow>, LedgerError> {
        match self {
            Self::Embedded(ledger) => ledger.entry(id),
            Self::Shared(shared) => shared.read(async |ledger| ledger.entry(id).await),
        }
    }

    pub(crate) fn entries(&self, after: EntryId, max: usize) -> Result<Vec<EntryRow>, LedgerError> {
        match self {
            Self::Embedded(ledger) => ledger.entries(after, max),
            Self::Shared(shared) => shared.read(async |ledger| ledger.entries(after, max).await),
        }
    }

    pub(crate) fn head(&self) -> Result<Option<ChainHead>, LedgerError> {
        match self {
            Self::Embedded(ledger) => ledger.head(),
            Self::Shared(shared) => shared.read(async |ledger| ledger.head().await).map(Some),
        }
    }

    pub(crate) fn flush(&self) -> Result<(), LedgerError> {
        match self {
            Self::Embedded(ledger) => ledger.flush(),
            Self::Shared(shared) => shared.read(async |_| Ok(())),
        }
    }

    pub(crate) fn verify(&self) -> Result<VerifyReport, LedgerError> {
        match self {
            Self::Embedded(ledger) => ledger.verify(),
            Self::Shared(shared) => shared.read(async |ledger| ledger.verify(None, &Progress::default()).await),
        }
    }
}
