//! Following the entries of a ledger: each one once, in portions, with a checkpoint that the follower keeps.
//!
//! An entry has the id of its hold, so a long request's entry appears below ids that were read before: ids are no
//! cursor. Commits are. A follower that keeps up is given whole commits from memory. One that does not, or that begins,
//! makes a *pass*: it reads every entry of the commits after its checkpoint and up to the present one, in the order of
//! ids. No later commit changes that set, so a pass may be interrupted anywhere.

use crate::chain::ChainHead;
use crate::error::{LedgerError, StorageError};
use crate::journal::{Bodies, Commits, Which};
use crate::ledger::Ledger;
use crate::types::EntryRow;
use opencredits_units::EntryId;

/// The version of [`Checkpoint::to_bytes`].
const CHECKPOINT_FORM: u8 = 1;

/// The place of a follower. It covers a set of entries; [`Ledger::changes`] gives the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last commit whose entries, and those of all before it, are covered; `None` when none are.
    done: Option<ChainHead>,
    pass: Option<Pass>,
}

/// An unfinished pass over the entries of the commits after [`Checkpoint::done`] and up to `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pass {
    until: ChainHead,
    /// Entries up to this id are covered.
    after: EntryId,
    /// The number of entries that are not covered; `None` where the commits do not tell.
    left: Option<u64>,
}

#[cfg(feature = "postgres")]
impl Checkpoint {
    /// Covers every commit up to this one.
    pub(crate) const fn at(head: ChainHead) -> Self {
        Self { done: Some(head), pass: None }
    }

    /// The last commit that is covered with all before it.
    pub(crate) const fn done(&self) -> Option<ChainHead> {
        self.done
    }
}

/// A portion of the entries that a checkpoint does not cover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The entries.
    pub entries: Vec<EntryRow>,
    /// The checkpoint that covers them, too. A follower keeps it in one step with what it makes of the entries. It is
    /// the same checkpoint when nothing is left.
    pub next: Checkpoint,
    /// Whether the ledger lacks what the checkpoint covers, because an older copy was restored, say. Then the follower
    /// drops everything that it made, and keeps `next`, which begins anew.
    pub restarted: bool,
}

impl Ledger {
    /// At least one and about `max` of the entries that are on disk and that `from` does not cover; none when it covers
    /// all. Whole commits from memory may be more than `max`.
    ///
    /// A follower begins with [`Checkpoint::default`], and asks again until nothing is left. It gets each entry once, in
    /// no particular order, whatever the ids.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn changes(&self, from: &Checkpoint, max: usize) -> Result<Changes, LedgerError> {
        let max = max.max(1);
        if let Checkpoint { done: Some(done), pass: None } = from {
            let recent = self.core().recent.lock().after(done, max);
            if let Some((bodies, last)) = recent {
                return self.changed(&bodies, Checkpoint { done: Some(last), pass: None });
            }
        }
        self.core().recent.lock().want();
        let commits = self.core().reader.commits();
        let known = from.pass.map(|pass| pass.until).or(from.done);
        if let Some(known) = known
            && !commits.has(&known)?
        {
            return Ok(Changes { entries: vec![], next: Checkpoint::default(), restarted: true });
        }
        let Some(pass) = from.pass.map_or_else(|| begin(commits, from.done), |pass| Ok(Some(pass)))? else {
            return self.changed(&Bodies::new(), *from);
        };
        let (after_commit, until_commit) = (from.done.map(|done| done.commit), pass.until.commit);
        let bodies = commits.written(Which { after_commit, until_commit, after: pass.after, max })?;
        let count = u64::try_from(bodies.len()).unwrap_or(u64::MAX);
        let left = pass.left.map(|left| left.saturating_sub(count));
        let next = match bodies.last() {
            Some((last, _)) if bodies.len() >= max && left != Some(0) => {
                Checkpoint { done: from.done, pass: Some(Pass { after: *last, left, ..pass }) }
            }
            _ => Checkpoint { done: Some(pass.until), pass: None },
        };
        self.changed(&bodies, next)
    }

    /// The number of entries on disk that a checkpoint does not cover. Entries from before the hash chain began are not
    /// counted.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn behind(&self, checkpoint: &Checkpoint) -> Result<u64, LedgerError> {
        let last = self.core().reader.commits().last()?.entries;
        let covered = checkpoint.done.map_or(0, |done| done.entries);
        let of_pass = checkpoint.pass.and_then(|pass| {
            let all = pass.until.entries.checked_sub(covered)?;
            all.checked_sub(pass.left?)
        });
        Ok(last.saturating_sub(covered).saturating_sub(of_pass.unwrap_or(0)))
    }

    fn changed(&self, bodies: &Bodies, next: Checkpoint) -> Result<Changes, LedgerError> {
        let entries = bodies.iter().map(|(id, body)| self.row(*id, body)).collect::<Result<_, _>>()?;
        Ok(Changes { entries, next, restarted: false })
    }
}

/// The pass from `done` to the last commit; `None` when that is the same.
fn begin(commits: &dyn Commits, done: Option<ChainHead>) -> Result<Option<Pass>, StorageError> {
    let until = commits.last()?;
    let Some(done) = done else {
        return Ok(Some(Pass { until, after: EntryId::default(), left: None }));
    };
    if until == done {
        return Ok(None);
    }
    let left = until.entries.saturating_sub(done.entries);
    let after = commits.below(done.commit, left)?;
    Ok(Some(Pass { until, after, left: Some(left) }))
}

impl Checkpoint {
    /// Whether every entry up to some commit is covered, and no pass is under way.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.done.is_some() && self.pass.is_none()
    }

    /// The checkpoint as bytes, to be kept.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![CHECKPOINT_FORM];
        put_head(&mut out, self.done.as_ref());
        put_head(&mut out, self.pass.as_ref().map(|pass| &pass.until));
        if let Some(pass) = self.pass {
            out.extend_from_slice(&pass.after.bits().to_be_bytes());
            out.extend_from_slice(&pass.left.unwrap_or(u64::MAX).to_be_bytes());
        }
        out
    }

    /// The checkpoint of these bytes; `None` when they are none of this version.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (form, mut rest) = bytes.split_first()?;
        if *form != CHECKPOINT_FORM {
            return None;
        }
        let (done, until) = (take_head(&mut rest)?, take_head(&mut rest)?);
        let pass = match until {
            Some(until) => {
                let after = EntryId::from_bits(u128::from_be_bytes(take(&mut rest)?));
                let left = Some(u64::from_be_bytes(take(&mut rest)?)).filter(|left| *left != u64::MAX);
                Some(Pass { until, after, left })
            }
            None => None,
        };
        rest.is_empty().then_some(Self { done, pass })
    }
}

fn put_head(out: &mut Vec<u8>, head: Option<&ChainHead>) {
    out.push(u8::from(head.is_some()));
    if let Some(head) = head {
        out.extend_from_slice(&head.commit.to_be_bytes());
        out.extend_from_slice(&head.entries.to_be_bytes());
        out.extend_from_slice(&head.hash);
    }
}

fn take_head(rest: &mut &[u8]) -> Option<Option<ChainHead>> {
    let [is_there] = take(rest)?;
    match is_there {
        0 => Some(None),
        1 => Some(Some(ChainHead {
            commit: u64::from_be_bytes(take(rest)?),
            entries: u64::from_be_bytes(take(rest)?),
            hash: take(rest)?,
        })),
        _ => None,
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*first)
}
