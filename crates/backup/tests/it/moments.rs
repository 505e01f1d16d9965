//! Backups at random moments, while people are added and requests are charged.

use crate::fixture::{Installation, NOW, restore};
use opencredits_backup::{LEDGER_FILE, STORE_FILE, Taken};
use opencredits_ledger::{ChainHead, Ledger};
use opencredits_store::{SqliteStore, Users};
use opencredits_units::{AccountId, EntryId, UserId};
use proptest::prelude::*;
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The sums of the entries that the first `commit` commits of this ledger wrote, by account.
fn sums_at(data: &Path, commit: u64) -> HashMap<AccountId, i64> {
    let ledger = Ledger::open(data.join(LEDGER_FILE)).unwrap();
    let rows = ledger.entries(EntryId::default(), usize::MAX >> 1).unwrap();
    drop(ledger);
    let file = rusqlite::Connection::open(data.join(LEDGER_FILE)).unwrap();
    let mut written = file.prepare("SELECT commit_number FROM entries ORDER BY id").unwrap();
    let commits = written.query_map([], |row| row.get::<_, i64>(0).map(i64::cast_unsigned)).unwrap();
    let mut sums = HashMap::new();
    for (row, _) in rows.iter().zip(commits).filter(|(_, written)| *written.as_ref().unwrap() <= commit) {
        for (account, amount) in &row.legs {
            *sums.entry(*account).or_default() += amount.get();
        }
    }
    sums
}

/// Everything that a restored backup promises, given the data folder as it is at the end.
fn check(taken: &Taken, data: &Path, restored: &Path) {
    restore(&taken.path, restored, false).unwrap();
    let manifest = &taken.checked.manifest;
    let head: ChainHead = manifest.ledger.head.parse().unwrap();
    let ledger = Ledger::open(restored.join(LEDGER_FILE)).unwrap();
    let report = ledger.verify_with(head).unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
    assert_eq!((report.entries, report.accounts), (manifest.ledger.entries, manifest.ledger.accounts));
    let sums = sums_at(data, head.commit);
    for row in ledger.accounts() {
        let sum = sums.get(&row.account.id).copied().unwrap_or_default();
        assert_eq!(row.balance.posted.get(), sum, "{} at {head}", row.account.id);
    }
    // Neither of the two names what the other lacks.
    assert_eq!(taken.checked.lacking, 0);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let store = SqliteStore::open(restored.join(STORE_FILE)).unwrap();
    for entry in ledger.entries(EntryId::default(), usize::MAX >> 1).unwrap() {
        let named = UserId::from_bits(u128::from_be_bytes((*entry.memo).try_into().unwrap()));
        assert!(runtime.block_on(store.user(named)).unwrap().is_some(), "{named} of {} is not there", entry.id);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_backup_of_any_moment_has_the_balances_of_its_head(pauses in prop::collection::vec(0_u64..40, 1..4)) {
        let installation = Installation::new();
        installation.add_person();
        let (backups, ends) = (installation.path("backups"), AtomicBool::new(false));
        let taken: Vec<Taken> = std::thread::scope(|scope| {
            for adds in [true, true, false] {
                let (installation, ends) = (&installation, &ends);
                scope.spawn(move || {
                    while !ends.load(Ordering::Relaxed) {
                        if adds {
                            installation.add_person();
                        } else {
                            installation.charge();
                            std::thread::sleep(Duration::from_micros(300));
                        }
                    }
                });
            }
            let taken = (0..).zip(&pauses).map(|(second, pause)| {
                std::thread::sleep(Duration::from_millis(*pause));
                installation.back_up(&backups, NOW.saturating_add_ms(second * 1_000))
            });
            // Collected before the end is told, and told also where it fails.
            let taken: Result<Vec<Taken>, _> = taken.collect();
            ends.store(true, Ordering::Relaxed);
            taken.unwrap()
        });
        let data = installation.source.data.clone();
        let restored: Vec<_> = (0..taken.len()).map(|at| installation.path(&format!("restored {at}"))).collect();
        // The folder for the data stays while the ledger in it is closed.
        let folder = installation.close();
        for (taken, restored) in taken.iter().zip(&restored) {
            check(taken, &data, restored);
        }
        drop(folder);
    }
}
