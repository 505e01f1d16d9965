//! A data folder as a gateway fills it.

use opencredits_backup::{BackupError, LEDGER_FILE, Restored, Restoring, STORE_FILE, Source, Stop, Taken};
use opencredits_keys::Mode;
use opencredits_ledger::{Capture, Floor, Ledger, Leg, OnShortfall, OpenAccount, PlaceHold, Transfer};
use opencredits_store::{SqliteStore, Standing, User, Users};
use opencredits_units::{AccountId, EntryId, NanoUsd, Progress, UnixMs, UserId};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// 2026-09-21T14:13:20Z.
pub(crate) const NOW: UnixMs = UnixMs::new(1_790_000_000_000);
/// The name of a backup that is made then.
pub(crate) const NAME: &str = "opencredits-20260921T141320Z";
/// What is given to each person.
const GIVEN: NanoUsd = NanoUsd::new(1_000_000);

const CLEARING: AccountId = AccountId::from_bits(1);
const PROVIDERS: AccountId = AccountId::from_bits(2);

/// A data folder in use, with a place for backups beside it.
pub(crate) struct Installation {
    pub(crate) source: Source,
    people: AtomicU64,
    requests: AtomicU64,
    folder: tempfile::TempDir,
}

impl Installation {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let ledger = Ledger::open(data.join(LEDGER_FILE)).unwrap();
        let store = SqliteStore::open(data.join(STORE_FILE)).unwrap();
        for id in [CLEARING, PROVIDERS] {
            ledger.open_account(OpenAccount { id, floor: Floor::None, contra: None }, NOW).unwrap().wait().unwrap();
        }
        let source = Source { ledger, store, data };
        Self { source, people: AtomicU64::new(0), requests: AtomicU64::new(0), folder }
    }

    /// A path beside the data folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Adds a person and gives them credits, in the order of the gateway: the account, the row, the entry. The entry
    /// names the person.
    pub(crate) fn add_person(&self) {
        let number = u128::from(self.people.fetch_add(1, Ordering::Relaxed)) + 1_000;
        let (id, wallet) = (UserId::from_bits(number), AccountId::from_bits(number));
        let ledger = &self.source.ledger;
        let opened = ledger.open_account(OpenAccount { id: wallet, floor: Floor::Zero, contra: None }, NOW);
        opened.unwrap().wait().unwrap();
        let user = User { id, wallet, label: format!("person {number}"), created_at: NOW, standing: Standing::Good };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(self.source.store.add_user(&user)).unwrap();
        let memo = number.to_be_bytes();
        let entry = EntryId::from_bits(number);
        let gift = Transfer { id: entry, from: CLEARING, to: wallet, amount: GIVEN, memo: &memo };
        ledger.transfer(gift, NOW).unwrap().wait().unwrap();
    }

    /// Charges the first person for a request, which is on disk some time later.
    pub(crate) fn charge(&self) {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let now = NOW.saturating_add_ms(number);
        let id = EntryId::at(now, [7; 10]);
        let payer = AccountId::from_bits(1_000);
        let expires_at = now.saturating_add_ms(60_000);
        let hold = PlaceHold { id, payer, limits: &[], amount: NanoUsd::new(9), expires_at };
        let ledger = &self.source.ledger;
        if ledger.place_hold(hold, now).is_ok() {
            let legs = [Leg { to: PROVIDERS, amount: NanoUsd::new(3), on_shortfall: OnShortfall::Full }];
            let memo = 1_000_u128.to_be_bytes();
            ledger.capture(Capture { hold: id, legs: &legs, bad_debt: CLEARING, memo: &memo }, now).unwrap().accepted();
        }
    }

    /// Closes ledger and store; the folder goes with what is returned.
    pub(crate) fn close(self) -> tempfile::TempDir {
        self.folder
    }

    pub(crate) fn back_up(&self, into: &Path, at: UnixMs) -> Result<Taken, BackupError> {
        opencredits_backup::take(self.source.clone(), into, at, &Stop::default())
    }

    /// A person, a charge and a backup of that.
    pub(crate) fn backed_up() -> (Self, PathBuf) {
        let installation = Self::new();
        installation.add_person();
        installation.charge();
        let taken = installation.back_up(&installation.path("backups"), NOW).unwrap();
        (installation, taken.path)
    }
}

/// Restores into an empty folder or over data.
pub(crate) fn restore(from: &Path, to: &Path, replace: bool) -> Result<Restored, BackupError> {
    let progress = &Progress::default();
    opencredits_backup::restore(Restoring { from, to, replace, mode: Mode::Live, at: NOW, progress })
}

/// The names in a folder, in order.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
