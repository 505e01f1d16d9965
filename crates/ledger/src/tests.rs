//! What needs a disk of our own making: one that fails, or one that shows when it is read.

use crate::error::{LedgerError, StorageError};
use crate::journal::{Batch, Bodies, Journal, MemoryJournal, Reader, Visitor};
use crate::ledger::{Ledger, Options};
use crate::state::{RECENT_MAX, State};
use crate::types::{Floor, Held, OpenAccount, PlaceHold, Replay, Transfer};
use opencredits_units::{AccountId, EntryId, NanoUsd, UnixMs};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

const NOW: UnixMs = UnixMs::new(1_790_000_000_000);
const CLEARING: AccountId = AccountId::from_bits(1);
const WALLET: AccountId = AccountId::from_bits(2);

/// A disk that fails when told to.
struct Flaky(MemoryJournal, Arc<AtomicBool>);

impl Journal for Flaky {
    fn load(&mut self) -> Result<State, StorageError> {
        self.0.load()
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), StorageError> {
        if self.1.load(Ordering::SeqCst) {
            return Err(std::io::Error::from(std::io::ErrorKind::StorageFull).into());
        }
        self.0.commit(batch)
    }
}

/// What is done once, right after an entry was looked for.
type Meanwhile = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

/// Counts how often an entry is looked for.
#[derive(Clone, Default)]
struct Watched {
    journal: MemoryJournal,
    reads: Arc<AtomicUsize>,
    meanwhile: Meanwhile,
}

impl Reader for Watched {
    fn entry(&self, id: EntryId) -> Result<Option<Arc<[u8]>>, StorageError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let found = self.journal.entry(id);
        let meanwhile = self.meanwhile.lock().take();
        meanwhile.into_iter().for_each(|meanwhile| meanwhile());
        found
    }

    fn entries(&self, after: EntryId, max: usize) -> Result<Bodies, StorageError> {
        self.journal.entries(after, max)
    }

    fn scan(&self, visitor: &mut dyn Visitor) -> Result<(), StorageError> {
        self.journal.scan(visitor)
    }
}

fn open(ledger: &Ledger, id: u128) -> Result<crate::Accepted<()>, LedgerError> {
    ledger.open_account(OpenAccount { id: AccountId::from_bits(id), floor: Floor::None, contra: None }, NOW)
}

fn id(n: u64) -> EntryId {
    EntryId::from_bits((u128::from(NOW.get()) << 80) | u128::from(n))
}

fn hold(ledger: &Ledger, n: u64) -> Result<Held, LedgerError> {
    let hold = PlaceHold { id: id(n), payer: WALLET, limits: &[], amount: NanoUsd::new(1), expires_at: NOW };
    ledger.place_hold(hold, NOW).map(crate::Accepted::accepted)
}

/// A ledger whose reads are seen, with a wallet.
fn watched() -> (Ledger, Watched) {
    let disk = Watched::default();
    let ledger = Ledger::start(disk.journal.clone(), Box::new(disk.clone()), Options::default()).unwrap();
    open(&ledger, CLEARING.bits()).unwrap().accepted();
    ledger.open_account(OpenAccount { id: WALLET, floor: Floor::Zero, contra: None }, NOW).unwrap().accepted();
    top_up(&ledger, 0).unwrap();
    (ledger, disk)
}

fn top_up(ledger: &Ledger, n: u64) -> Result<Replay, LedgerError> {
    let transfer = Transfer { id: id(n), from: CLEARING, to: WALLET, amount: NanoUsd::new(100), memo: b"" };
    Ok(ledger.transfer(transfer, NOW)?.accepted().replay)
}

/// Makes so many entries that all that were finished before have left the memory.
fn forget(ledger: &Ledger, first: u64) {
    for n in (first..).take(RECENT_MAX.saturating_add(1)) {
        top_up(ledger, n).unwrap();
    }
    ledger.flush().unwrap();
}

#[test]
fn an_id_that_comes_and_goes_while_it_is_looked_for_is_not_decided_twice() {
    let (ledger, disk) = watched();
    forget(&ledger, 1_000_000);
    let theirs = ledger.clone();
    // Between our look on the disk and our decision somebody uses the id, and it leaves the memory.
    *disk.meanwhile.lock() = Some(Box::new(move || {
        assert_eq!(hold(&theirs, 7).unwrap().replay, Replay::First);
        theirs.void(id(7), NOW).unwrap().accepted();
        forget(&theirs, 2_000_000);
    }));
    assert_eq!(hold(&ledger, 7).unwrap().replay, Replay::Finished);
    ledger.flush().unwrap();
    assert!(ledger.verify().unwrap().is_clean());
}

#[test]
fn what_was_recalled_for_one_call_is_not_kept() {
    let (ledger, disk) = watched();
    forget(&ledger, 1_000_000);
    forget(&ledger, 2_000_000);
    for n in 1_000_000..1_000_100 {
        assert_eq!(top_up(&ledger, n).unwrap(), Replay::Finished);
        assert_eq!(top_up(&ledger, n).unwrap(), Replay::Finished);
    }
    assert_eq!(disk.reads.load(Ordering::SeqCst), 200);
}

#[test]
fn a_lost_decision_stays_lost_whatever_is_written_later() {
    let fails = Arc::new(AtomicBool::new(false));
    let journal = MemoryJournal::default();
    let flaky = Flaky(journal.clone(), Arc::clone(&fails));
    let ledger = Ledger::start(flaky, Box::new(journal), Options { gather: Duration::ZERO }).unwrap();
    let kept = open(&ledger, 1).unwrap();
    ledger.flush().unwrap();
    let mut lost = Vec::new();
    for n in [10, 20] {
        fails.store(true, Ordering::SeqCst);
        let early = open(&ledger, n).unwrap();
        assert!(matches!(early.wait(), Err(LedgerError::CommitUnknown)));
        assert!(!ledger.is_sound());
        assert!(matches!(open(&ledger, n + 1), Err(LedgerError::Poisoned)));
        ledger.reload().unwrap();
        // Decided and failed, and asked for only when later ones are on disk.
        lost.push(open(&ledger, n + 2).unwrap());
        while ledger.is_sound() {
            std::thread::yield_now();
        }
        fails.store(false, Ordering::SeqCst);
        ledger.reload().unwrap();
        open(&ledger, n + 3).unwrap().wait().unwrap();
    }
    for lost in lost {
        assert!(matches!(lost.wait(), Err(LedgerError::CommitUnknown)));
    }
    kept.wait().unwrap();
    let found: Vec<u128> = ledger.accounts().iter().map(|row| row.account.id.bits()).collect();
    assert_eq!(found, [1, 13, 23]);
}

#[test]
fn every_one_of_many_reloads_at_once_ends() {
    let fails = Arc::new(AtomicBool::new(true));
    let journal = MemoryJournal::default();
    let flaky = Flaky(journal.clone(), Arc::clone(&fails));
    let ledger = Ledger::start(flaky, Box::new(journal), Options { gather: Duration::ZERO }).unwrap();
    for _ in 0..50 {
        fails.store(true, Ordering::SeqCst);
        assert!(open(&ledger, 1).unwrap().wait().is_err());
        fails.store(false, Ordering::SeqCst);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| ledger.reload().unwrap());
            }
        });
        assert!(ledger.is_sound());
    }
}
