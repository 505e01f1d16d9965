//! Tests that need a special disk: one that fails, or one whose reads are observed.

use crate::commands::{HOLDS_MAX, UNFLUSHED_MAX, Void};
use crate::error::{LedgerError, StorageError};
use crate::journal::{Batch, Bodies, Commits, Journal, MemoryJournal, Reader, Span, Step, Visitor};
use crate::ledger::{Ledger, Options};
use crate::state::{RECENT_MAX, State};
use crate::types::{Floor, Held, OpenAccount, PlaceHold, Replay, Transfer};
use opencredits_units::{AccountId, EntryId, NanoUsd, UnixMs};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const NOW: UnixMs = UnixMs::new(1_790_000_000_000);
const CLEARING: AccountId = AccountId::from_bits(1);
const WALLET: AccountId = AccountId::from_bits(2);

/// The way a disk fails.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// Nothing of the batch is written.
    BeforeWriting,
    /// All of the batch is written, and the caller is not told.
    AfterWriting,
    Reading,
    /// Another program has the write lock.
    Busy,
    /// A panic of ours.
    Panic,
}

/// A disk that fails on demand.
#[derive(Clone)]
struct Flaky {
    journal: MemoryJournal,
    fault: Arc<Mutex<Fault>>,
}

impl Flaky {
    /// Such a disk, and a ledger on it.
    fn start() -> (Ledger, Self) {
        let disk = Self { journal: MemoryJournal::default(), fault: Arc::new(Mutex::new(Fault::None)) };
        let reader = Box::new(disk.journal.clone());
        (Ledger::start(disk.clone(), reader, Options { gather: Duration::ZERO }).unwrap(), disk)
    }

    fn becomes(&self, fault: Fault) {
        *self.fault.lock() = fault;
    }

    fn fails_by(&self, faults: &[Fault]) -> Result<(), StorageError> {
        if !faults.contains(&*self.fault.lock()) {
            return Ok(());
        }
        Err(std::io::Error::from(std::io::ErrorKind::StorageFull).into())
    }
}

impl Journal for Flaky {
    fn probe(&mut self) -> Result<(), StorageError> {
        self.fails_by(&[Fault::BeforeWriting, Fault::AfterWriting])
    }

    fn load(&mut self) -> Result<State, StorageError> {
        self.fails_by(&[Fault::Reading])?;
        self.journal.load()
    }

    fn commit(&mut self, batch: &Batch) -> Result<Span, StorageError> {
        let fault = *self.fault.lock();
        assert!(fault != Fault::Panic, "told to");
        if fault == Fault::Busy {
            return Err(StorageError::Busy);
        }
        self.fails_by(&[Fault::BeforeWriting])?;
        let span = self.journal.commit(batch)?;
        self.fails_by(&[Fault::AfterWriting])?;
        Ok(span)
    }
}

/// An action that runs once, right after an entry was looked up.
type Meanwhile = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

/// Counts look-ups of entries.
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

    fn entries_before(&self, before: EntryId, max: usize) -> Result<Bodies, StorageError> {
        self.journal.entries_before(before, max)
    }

    fn commits(&self) -> &dyn Commits {
        &self.journal
    }

    fn scan(&self, visitor: &mut dyn Visitor, step: Option<Step>) -> Result<(), StorageError> {
        self.journal.scan(visitor, step)
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

/// A ledger whose reads are observed, with a wallet.
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

/// Makes so many entries that all earlier finished ones have left the memory.
fn forget(ledger: &Ledger, first: u64) {
    for n in (first..).take(RECENT_MAX.saturating_add(1)) {
        top_up(ledger, n).unwrap();
    }
    ledger.flush().unwrap();
    // Ids leave the memory after a flush is reported, and before the next one.
    top_up(ledger, first.wrapping_sub(1)).unwrap();
    ledger.flush().unwrap();
}

#[test]
fn a_request_reads_nothing_from_the_disk_also_right_after_the_start() {
    let (ledger, disk) = watched();
    for start in 0..2 {
        let ledger = if start == 0 {
            ledger.clone()
        } else {
            ledger.flush().unwrap();
            Ledger::start(disk.journal.clone(), Box::new(disk.clone()), Options::default()).unwrap()
        };
        for n in (1..=100).map(|n| start * 100 + n) {
            hold(&ledger, n).unwrap();
            ledger.balance(WALLET).unwrap();
            ledger.void(id(n), NOW).unwrap().accepted();
        }
        assert!(matches!(hold(&ledger, 100 + start * 100).map(|held| held.replay), Ok(Replay::Finished)));
    }
    assert_eq!(disk.reads.load(Ordering::SeqCst), 0);
}

#[test]
fn a_hold_above_the_most_that_may_be_open_fails_closed() {
    let (mut state, mut effects) = (State::default(), Vec::new());
    state.apply(OpenAccount { id: WALLET, floor: Floor::None, contra: None }, NOW, &mut effects).unwrap();
    let place = |n| PlaceHold { id: id(n), payer: WALLET, limits: &[], amount: NanoUsd::new(1), expires_at: NOW };
    state.apply(place(0), NOW, &mut effects).unwrap();
    let open = state.holds[&id(0)].clone();
    state.holds.extend((1..).map(|n| (id(n), open.clone())).take(HOLDS_MAX - 1));
    effects.clear();
    let refused = state.apply(place(u64::MAX), NOW, &mut effects);
    assert!(matches!(refused, Err(LedgerError::Limit { max: HOLDS_MAX, .. })));
    assert!(effects.is_empty());
    state.apply(Void(id(7)), NOW, &mut effects).unwrap();
    state.apply(place(u64::MAX), NOW, &mut effects).unwrap();
}

#[test]
fn an_id_that_comes_and_goes_while_it_is_looked_for_is_not_decided_twice() {
    let (ledger, disk) = watched();
    forget(&ledger, 1_000_000);
    let theirs = ledger.clone();
    // Between the look-up on the disk and the decision another caller uses the id, and it leaves the memory.
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
    let before = disk.reads.load(Ordering::SeqCst);
    for n in 1_000_000..1_000_100 {
        assert_eq!(top_up(&ledger, n).unwrap(), Replay::Finished);
        assert_eq!(top_up(&ledger, n).unwrap(), Replay::Finished);
    }
    assert_eq!(disk.reads.load(Ordering::SeqCst) - before, 200);
}

#[test]
fn a_lost_decision_stays_lost_whatever_is_written_later() {
    let (ledger, disk) = Flaky::start();
    let kept = open(&ledger, 1).unwrap();
    ledger.flush().unwrap();
    let mut lost = Vec::new();
    for n in [10, 20] {
        disk.becomes(Fault::BeforeWriting);
        let early = open(&ledger, n).unwrap();
        assert!(matches!(early.wait(), Err(LedgerError::CommitUnknown)));
        assert!(!ledger.is_sound());
        assert!(matches!(open(&ledger, n + 1), Err(LedgerError::Poisoned)));
        disk.becomes(Fault::None);
        ledger.reload().unwrap();
        disk.becomes(Fault::BeforeWriting);
        // Decided and failed, and waited for only when later ones are on disk.
        lost.push(open(&ledger, n + 2).unwrap());
        while ledger.is_sound() {
            std::thread::yield_now();
        }
        disk.becomes(Fault::None);
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
    let (ledger, disk) = Flaky::start();
    for _ in 0..50 {
        disk.becomes(Fault::BeforeWriting);
        assert!(open(&ledger, 1).unwrap().wait().is_err());
        disk.becomes(Fault::None);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| ledger.reload().unwrap());
            }
        });
        assert!(ledger.is_sound());
    }
}

#[test]
fn after_a_reload_what_is_on_disk_is_known_to_be_there() {
    for fault in [Fault::BeforeWriting, Fault::AfterWriting] {
        let (ledger, disk) = Flaky::start();
        open(&ledger, 1).unwrap().wait().unwrap();
        disk.becomes(fault);
        assert!(matches!(open(&ledger, 2).unwrap().wait(), Err(LedgerError::CommitUnknown)));
        assert!(matches!(ledger.flush(), Err(LedgerError::CommitUnknown)));
        disk.becomes(Fault::None);
        ledger.reload().unwrap();
        ledger.flush().unwrap();
        open(&ledger, 1).unwrap().wait().unwrap();
        ledger.flush().unwrap();
    }
}

#[test]
fn a_ledger_is_sound_again_only_when_its_disk_takes_and_gives() {
    for fault in [Fault::BeforeWriting, Fault::AfterWriting] {
        let (ledger, disk) = Flaky::start();
        disk.becomes(fault);
        assert!(open(&ledger, 1).unwrap().wait().is_err());
        for still in [fault, Fault::Reading] {
            disk.becomes(still);
            assert!(matches!(ledger.reload(), Err(LedgerError::Storage(_))));
            assert!(!ledger.is_sound());
            assert!(matches!(open(&ledger, 1), Err(LedgerError::Poisoned)));
        }
        disk.becomes(Fault::None);
        ledger.reload().unwrap();
        open(&ledger, 1).unwrap().wait().unwrap();
    }
}

#[test]
fn what_was_unknown_is_repeated_under_its_id_and_done_once() {
    for (fault, replay) in [(Fault::BeforeWriting, Replay::First), (Fault::AfterWriting, Replay::Finished)] {
        let (ledger, disk) = Flaky::start();
        for account in [CLEARING, WALLET] {
            open(&ledger, account.bits()).unwrap().wait().unwrap();
        }
        disk.becomes(fault);
        assert_eq!(top_up(&ledger, 1).unwrap(), Replay::First);
        assert!(matches!(ledger.flush(), Err(LedgerError::CommitUnknown)));
        disk.becomes(Fault::None);
        ledger.reload().unwrap();
        assert_eq!(top_up(&ledger, 1).unwrap(), replay);
        ledger.flush().unwrap();
        assert_eq!(ledger.balance(WALLET).unwrap().posted, NanoUsd::new(100));
        assert!(ledger.verify().unwrap().is_clean());
    }
}

#[test]
fn a_ledger_whose_writer_has_panicked_fails_closed_and_nobody_waits_for_ever() {
    let (ledger, disk) = Flaky::start();
    open(&ledger, 1).unwrap().wait().unwrap();
    disk.becomes(Fault::Panic);
    assert!(matches!(open(&ledger, 2).unwrap().wait(), Err(LedgerError::CommitUnknown)));
    disk.becomes(Fault::None);
    assert!(!ledger.is_sound());
    assert!(matches!(open(&ledger, 2), Err(LedgerError::Poisoned)));
    assert!(matches!(ledger.flush(), Err(LedgerError::CommitUnknown)));
    assert!(matches!(ledger.reload(), Err(LedgerError::Poisoned)));
}

/// A ledger with a hold, and so many changes waiting for a disk that accepts none that no further hold is placed.
fn stalled() -> (Ledger, Flaky) {
    let (ledger, disk) = Flaky::start();
    for account in [CLEARING, WALLET] {
        open(&ledger, account.bits()).unwrap().wait().unwrap();
    }
    disk.becomes(Fault::Busy);
    hold(&ledger, 1).unwrap();
    for _ in 1..UNFLUSHED_MAX {
        ledger.extend_hold(id(1), NOW, NOW).unwrap().accepted();
    }
    (ledger, disk)
}

#[test]
fn while_the_disk_stalls_holds_end_and_no_others_are_placed() {
    let (ledger, disk) = stalled();
    assert_eq!(ledger.stats().unflushed, UNFLUSHED_MAX);
    assert!(matches!(hold(&ledger, 2), Err(LedgerError::Limit { max: UNFLUSHED_MAX, .. })));
    ledger.void(id(1), NOW).unwrap().accepted();
    assert!(ledger.is_sound());
    disk.becomes(Fault::None);
    ledger.flush().unwrap();
    while ledger.stats().unflushed > 0 {
        std::thread::yield_now();
    }
    hold(&ledger, 2).unwrap();
}

#[test]
fn the_end_of_a_ledger_does_not_wait_for_ever_for_another_programs_lock() {
    let (ledger, _disk) = stalled();
    let last = ledger.void(id(1), NOW).unwrap();
    drop(ledger);
    assert!(matches!(last.wait(), Err(LedgerError::CommitUnknown)));
}
