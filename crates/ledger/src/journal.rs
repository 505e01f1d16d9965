//! The journal, which makes effects durable: its traits, the batch, and a journal in memory.

use crate::chain::{ChainHead, Hash, Link};
use crate::codec::{AccountParts, Hold, Number};
use crate::error::StorageError;
use crate::state::{Effect, Effects, State};
use hashbrown::HashMap;
use opencredits_units::{EntryId, NanoUsd};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Encoded entries.
pub(crate) type Bodies = Vec<(EntryId, Arc<[u8]>)>;

/// Changes, coalesced: each row at most once, in its final state.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) opened: Vec<(Number, AccountParts)>,
    pub(crate) posted: Vec<(Number, NanoUsd)>,
    pub(crate) holds: Vec<(EntryId, Option<Hold>)>,
    pub(crate) entries: Bodies,
}

impl Batch {
    /// Coalesces the effects and sorts them by primary key. A hold that was placed and ended within the batch leaves
    /// its entry only, unless an earlier batch had written it (`on_disk`).
    pub(crate) fn of(effects: &Effects, on_disk: impl Fn(EntryId) -> bool) -> Self {
        let mut batch = Self::default();
        let mut posted: HashMap<Number, NanoUsd> = HashMap::new();
        let mut holds: HashMap<EntryId, Option<Hold>> = HashMap::new();
        for effect in effects {
            match effect {
                Effect::Opened(number, parts) => batch.opened.push((*number, *parts)),
                Effect::Posted(number, sum) => {
                    posted.insert(*number, *sum);
                }
                Effect::Hold(id, hold) => {
                    holds.insert(*id, hold.clone());
                }
                Effect::Entry(id, body) => batch.entries.push((*id, Arc::clone(body))),
            }
        }
        batch.posted = posted.into_iter().collect();
        batch.holds = holds.into_iter().filter(|(id, hold)| hold.is_some() || on_disk(*id)).collect();
        batch.posted.sort_unstable_by_key(|(number, _)| *number);
        batch.holds.sort_unstable_by_key(|(id, _)| *id);
        batch.entries.sort_unstable_by_key(|(id, _)| *id);
        batch
    }
}

/// Called between the steps of long work, where it may wait; a break ends the work.
pub(crate) type Step = Box<dyn FnMut() -> ControlFlow<()> + Send>;

/// The reading side of a journal, usable from any thread.
pub(crate) trait Reader: Send + Sync {
    /// The entry with this id.
    fn entry(&self, id: EntryId) -> Result<Option<Arc<[u8]>>, StorageError>;
    /// At most `max` entries with ids above `after`, by id.
    fn entries(&self, after: EntryId, max: usize) -> Result<Bodies, StorageError>;
    /// Shows every row as of one commit to `visitor`: accounts by number, then holds, then entries. A file that is
    /// damaged below its rows is reported as such, and read no further. What is in memory is read in one step.
    fn scan(&self, visitor: &mut dyn Visitor, step: Option<Step>) -> Result<(), StorageError>;
    /// At most `max` entries with ids below `before`, the highest id first.
    fn entries_before(&self, before: EntryId, max: usize) -> Result<Bodies, StorageError>;
    /// The commits, for a follower.
    fn commits(&self) -> &dyn Commits;
    /// The end of the hash chain on disk; `None` for a journal that keeps none.
    fn head(&self) -> Result<Option<ChainHead>, StorageError> {
        Ok(None)
    }
    /// The last commit that was acknowledged, as a record outside of the journal names it.
    fn recorded(&self) -> Result<Option<ChainHead>, StorageError> {
        Ok(None)
    }
}

/// The commits of a journal, as a follower reads them.
pub(crate) trait Commits: Send + Sync {
    /// The last commit.
    fn last(&self) -> Result<ChainHead, StorageError>;
    /// Whether this commit is in the journal as it was.
    fn has(&self, head: &ChainHead) -> Result<bool, StorageError>;
    /// An id below those of the `count` entries that were written after `commit`. It reads down from the highest id.
    fn below(&self, commit: u64, count: u64) -> Result<EntryId, StorageError>;
    /// At most `max` entries above an id, by id, that were written after a commit and up to another.
    fn written(&self, which: Which) -> Result<Bodies, StorageError>;
}

/// A selection of entries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Which {
    /// `None`: from before the first commit.
    pub(crate) after_commit: Option<u64>,
    pub(crate) until_commit: u64,
    pub(crate) after: EntryId,
    pub(crate) max: usize,
}

/// Visits every row of a journal.
pub(crate) trait Visitor {
    /// The damage below the rows, in the storage engine's words.
    fn damage(&mut self, what: String);
    /// So many entries will be shown, about: those from before the chain are not counted.
    fn expect(&mut self, _entries: u64) {}
    fn account(&mut self, parts: AccountParts, posted: NanoUsd, origin: Origin<'_>) -> Result<(), StorageError>;
    fn hold(&mut self, id: EntryId, body: &[u8]);
    fn entry(&mut self, id: EntryId, body: &[u8], origin: Origin<'_>) -> Result<(), StorageError>;
    /// Each commit of the chain, by number, after all other rows; the anchor, where the chain begins, is commit 0.
    fn link(&mut self, link: &Link);
}

/// The commit that wrote a row.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    /// Its number; `None` for a row that is older than the chain.
    pub(crate) commit: Option<u64>,
    pub(crate) links: &'a dyn Links,
}

/// Looks commits up in the chain.
pub(crate) trait Links {
    /// The commit of this number, with the hash and number of entries before it; `None` when the chain has no such one.
    fn find(&self, commit: u64) -> Result<Option<Found>, StorageError>;
}

/// A commit that was looked up.
pub(crate) struct Found {
    pub(crate) hash_before: Hash,
    pub(crate) entries_before: u64,
    pub(crate) hash: Hash,
    pub(crate) entries: u64,
}

/// No chain.
pub(crate) struct NoLinks;

impl Links for NoLinks {
    fn find(&self, _commit: u64) -> Result<Option<Found>, StorageError> {
        Ok(None)
    }
}

/// The writing side of a journal, used by the persister only.
pub(crate) trait Journal: Send {
    /// Commits test data, after a failed commit and before [`Journal::load`]. A full disk can still be read, and a
    /// batch whose flush failed may be in the log, to reappear after a crash unless another one overwrites it.
    fn probe(&mut self) -> Result<(), StorageError>;
    /// The state as of the last commit.
    fn load(&mut self) -> Result<State, StorageError>;
    /// Writes a batch, all or nothing. After an error the batch may have been written or not; after
    /// [`StorageError::Busy`] it was not.
    fn commit(&mut self, batch: &Batch) -> Result<Span, StorageError>;
}

/// A commit, and the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) before: ChainHead,
    pub(crate) after: ChainHead,
}

/// Keeps entries in memory, for tests and for ledgers that need not last.
#[derive(Clone, Default)]
pub(crate) struct MemoryJournal(Arc<parking_lot::Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    accounts: Vec<(AccountParts, NanoUsd)>,
    holds: std::collections::BTreeMap<EntryId, Hold>,
    /// With the number of the commit that wrote each.
    entries: std::collections::BTreeMap<EntryId, (u64, Arc<[u8]>)>,
    commits: u64,
}

impl Kept {
    /// The last commit. It has no hash.
    fn last(&self) -> ChainHead {
        let entries = u64::try_from(self.entries.len()).unwrap_or(u64::MAX);
        ChainHead { commit: self.commits, entries, hash: Hash::default() }
    }
}

impl Journal for MemoryJournal {
    fn probe(&mut self) -> Result<(), StorageError> {
        Ok(())
    }

    fn load(&mut self) -> Result<State, StorageError> {
        let kept = self.0.lock();
        let holds = kept.holds.iter().map(|(id, hold)| (*id, hold.clone())).collect();
        let last = kept.entries.keys().next_back().copied().unwrap_or(EntryId::from_bits(0));
        State::load(kept.accounts.clone(), holds, last)
    }

    fn commit(&mut self, batch: &Batch) -> Result<Span, StorageError> {
        let mut kept = self.0.lock();
        let before = kept.last();
        let commit = kept.commits.saturating_add(1);
        kept.commits = commit;
        kept.accounts.extend(batch.opened.iter().map(|(_, parts)| (*parts, NanoUsd::ZERO)));
        for (number, sum) in &batch.posted {
            let place = usize::try_from(*number).ok().and_then(|at| kept.accounts.get_mut(at));
            if let Some((_, posted)) = place {
                *posted = *sum;
            }
        }
        for (id, hold) in &batch.holds {
            match hold {
                Some(hold) => kept.holds.insert(*id, hold.clone()),
                None => kept.holds.remove(id),
            };
        }
        kept.entries.extend(batch.entries.iter().map(|(id, body)| (*id, (commit, Arc::clone(body)))));
        Ok(Span { before, after: kept.last() })
    }
}

impl Reader for MemoryJournal {
    fn entry(&self, id: EntryId) -> Result<Option<Arc<[u8]>>, StorageError> {
        Ok(self.0.lock().entries.get(&id).map(|(_, body)| Arc::clone(body)))
    }

    fn entries(&self, after: EntryId, max: usize) -> Result<Bodies, StorageError> {
        let kept = self.0.lock();
        let above = (std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded);
        Ok(kept.entries.range(above).take(max).map(|(id, (_, body))| (*id, Arc::clone(body))).collect())
    }

    fn entries_before(&self, before: EntryId, max: usize) -> Result<Bodies, StorageError> {
        let kept = self.0.lock();
        Ok(kept.entries.range(..before).rev().take(max).map(|(id, (_, body))| (*id, Arc::clone(body))).collect())
    }

    fn commits(&self) -> &dyn Commits {
        self
    }

    fn scan(&self, visitor: &mut dyn Visitor, _: Option<Step>) -> Result<(), StorageError> {
        let kept = self.0.lock();
        let origin = Origin { commit: None, links: &NoLinks };
        for (parts, posted) in &kept.accounts {
            visitor.account(*parts, *posted, origin)?;
        }
        kept.holds.iter().for_each(|(id, hold)| visitor.hold(*id, &crate::codec::write_hold(hold)));
        kept.entries.iter().try_for_each(|(id, (_, body))| visitor.entry(*id, body, origin))
    }
}

impl Commits for MemoryJournal {
    fn last(&self) -> Result<ChainHead, StorageError> {
        Ok(self.0.lock().last())
    }

    fn has(&self, head: &ChainHead) -> Result<bool, StorageError> {
        Ok(head.commit <= self.0.lock().commits)
    }

    fn below(&self, _commit: u64, _count: u64) -> Result<EntryId, StorageError> {
        Ok(EntryId::default())
    }

    fn written(&self, which: Which) -> Result<Bodies, StorageError> {
        let kept = self.0.lock();
        let above = (std::ops::Bound::Excluded(which.after), std::ops::Bound::Unbounded);
        let after = which.after_commit.unwrap_or(0);
        let of_span = |commit: u64| commit > after && commit <= which.until_commit;
        let found = kept.entries.range(above).filter(|(_, (commit, _))| of_span(*commit));
        Ok(found.take(which.max).map(|(id, (_, body))| (*id, Arc::clone(body))).collect())
    }
}
