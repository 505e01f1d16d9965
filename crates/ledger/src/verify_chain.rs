//! Recomputes the hash chain while the rows are shown by id, in one pass and with little memory.
//!
//! A commit's rows were hashed in the order in which they are shown. So its hash begins at its first row, with the hash
//! that is kept of the commit before, and ends when as many entries were shown as it wrote. Each commit is thus checked
//! on its own, and all of them together are the chain.

use crate::chain::{ChainHead, Hash, Link, Linking, Loss};
use crate::codec::{AccountParts, Number};
use crate::error::StorageError;
use crate::journal::Origin;
use crate::report::Finding;
use hashbrown::HashMap;
use opencredits_units::EntryId;

/// Commits of which one word keeps whether they are done.
const WORD_BITS: u64 = 64;

/// The check of the chain.
#[derive(Default)]
pub(crate) struct ChainCheck {
    pending: HashMap<u64, Pending>,
    /// Commits that were checked, a bit for each.
    done: HashMap<u64, u64>,
    /// The commit of the account that was shown last.
    opening: Option<u64>,
    /// Entries that a commit of the chain wrote.
    pub(crate) entries: u64,
    /// The first of them, by id.
    pub(crate) first: Option<EntryId>,
    /// The last commit that was shown, and the hash up to it.
    last: Option<ChainHead>,
    /// Heads that the chain must have, and those that it has.
    heads: Vec<(ChainHead, bool)>,
}

/// A commit whose rows are being shown.
struct Pending {
    linking: Linking,
    /// Entries that were not shown yet.
    left: u64,
    hash: Hash,
}

impl ChainCheck {
    /// A check that the chain has these heads, too.
    pub(crate) fn new(heads: impl IntoIterator<Item = ChainHead>) -> Self {
        Self { heads: heads.into_iter().map(|head| (head, false)).collect(), ..Self::default() }
    }

    pub(crate) fn account(
        &mut self,
        number: Number,
        parts: &AccountParts,
        origin: Origin<'_>,
    ) -> Result<Option<Finding>, StorageError> {
        // A commit opens accounts in a row, so another commit's account ends it.
        let ended = self.opening.filter(|before| origin.commit != Some(*before));
        let finding = ended.and_then(|commit| self.finish_if_whole(commit));
        self.opening = origin.commit;
        let Some(commit) = origin.commit else {
            return Ok(finding);
        };
        let Some(pending) = self.pending(commit, origin)? else {
            return Ok(Some(Finding::NotOfCommit { row: parts.id.to_string(), commit }));
        };
        pending.linking.account(number, parts);
        Ok(finding)
    }

    pub(crate) fn entry(
        &mut self,
        id: EntryId,
        body: &[u8],
        origin: Origin<'_>,
    ) -> Result<Option<Finding>, StorageError> {
        let Some(commit) = origin.commit else {
            return Ok(None);
        };
        self.entries = self.entries.saturating_add(1);
        self.first = self.first.or(Some(id));
        let Some(pending) = self.pending(commit, origin)?.filter(|pending| pending.left > 0) else {
            return Ok(Some(Finding::NotOfCommit { row: id.to_string(), commit }));
        };
        pending.linking.entry(id, body);
        pending.left = pending.left.saturating_sub(1);
        Ok(self.finish_if_whole(commit))
    }

    /// Checks that every commit was shown as a whole; `anchor` is what the hash of commit 0 should be.
    pub(crate) fn link(&mut self, link: &Link, anchor: impl FnOnce() -> Option<Hash>) -> Option<Finding> {
        let last = self.opening.take();
        let ended = last.and_then(|commit| self.finish_if_whole(commit));
        let entries_before = self.last.map_or(0, |last| last.entries);
        if let Some(hash) = link.hash.or(self.last.map(|last| last.hash)) {
            let head = ChainHead { commit: link.commit, entries: link.entries, hash };
            self.pass(&head);
            self.last = Some(head);
        }
        let finding = match link.hash {
            None => None,
            Some(hash) if link.commit == 0 => (anchor() != Some(hash)).then_some(Finding::ChangedAnchor),
            Some(_) if self.is_done(link.commit) => None,
            Some(_) => {
                let shown = self.pending.remove(&link.commit).map(|pending| pending.left);
                let missing = shown.unwrap_or(link.entries.saturating_sub(entries_before));
                Some(Finding::IncompleteCommit { commit: link.commit, missing })
            }
        };
        ended.or(finding)
    }

    /// The head of the chain, and what it lacks of the heads that it must have.
    pub(crate) fn conclude(&mut self) -> (Option<ChainHead>, Vec<Finding>) {
        let found = self.last.unwrap_or(ChainHead { commit: 0, entries: 0, hash: Hash::default() });
        self.pass(&ChainHead { commit: found.commit.saturating_add(1), ..found });
        let missing = self.heads.iter().filter(|(_, is_there)| !is_there).map(|(named, _)| *named);
        let loss = |named: ChainHead| match named.commit > found.commit {
            true => Loss::Commits { named, found },
            false => Loss::History { named },
        };
        (self.last, missing.map(loss).map(Finding::Lost).collect())
    }

    /// The chain goes on to `next`: heads from its last commit to the one before `next` have the hash of the last.
    fn pass(&mut self, next: &ChainHead) {
        let Some(last) = self.last else {
            return;
        };
        for (head, is_there) in &mut self.heads {
            if (last.commit..next.commit).contains(&head.commit) {
                *is_there = head.hash == last.hash && head.entries == last.entries;
            }
        }
    }

    fn pending(&mut self, commit: u64, origin: Origin<'_>) -> Result<Option<&mut Pending>, StorageError> {
        if self.is_done(commit) {
            return Ok(None);
        }
        if !self.pending.contains_key(&commit) {
            let Some(found) = origin.links.find(commit)? else {
                return Ok(None);
            };
            let linking = Linking::new(&found.hash_before, commit, found.entries);
            let left = found.entries.saturating_sub(found.entries_before);
            self.pending.insert(commit, Pending { linking, left, hash: found.hash });
        }
        Ok(self.pending.get_mut(&commit))
    }

    /// Compares the hash of a commit, once all of its entries were shown.
    fn finish_if_whole(&mut self, commit: u64) -> Option<Finding> {
        if self.pending.get(&commit)?.left > 0 {
            return None;
        }
        let Pending { linking, hash, .. } = self.pending.remove(&commit)?;
        let (word, bit) = place(commit);
        *self.done.entry(word).or_default() |= bit;
        (linking.finish() != hash).then_some(Finding::ChangedCommit { commit })
    }

    fn is_done(&self, commit: u64) -> bool {
        let (word, bit) = place(commit);
        self.done.get(&word).is_some_and(|bits| bits & bit != 0)
    }
}

/// The word of a commit, and its bit there.
fn place(commit: u64) -> (u64, u64) {
    let bit = u32::try_from(commit % WORD_BITS).unwrap_or_default();
    (commit / WORD_BITS, 1_u64.rotate_left(bit))
}
