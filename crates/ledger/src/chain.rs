//! The hash chain over the commits.
//!
//! The hash of a commit is SHA-256 over the hash before it, the commit's number, the number of entries so far, and every
//! account and entry that the commit wrote. So one hash, kept elsewhere, vouches for everything that was written before it.

use crate::codec::{AccountParts, Number};
use crate::types::Floor;
use opencredits_units::{EntryId, NanoUsd};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// The hash of a commit.
pub(crate) type Hash = [u8; 32];

/// Begins every hash input, so that no two kinds of input are the same bytes.
const ANCHOR: &[u8] = b"opencredits ledger: anchor";
const COMMIT: &[u8] = b"opencredits ledger: commit";
const ACCOUNT: u8 = 1;
const ENTRY: u8 = 2;
/// Begins the text of a head.
const PREFIX: &str = "head_";
/// Bytes of the checksum at the end of a head's text.
const CHECKSUM_BYTES: usize = 4;

/// The end of a ledger's hash chain, for a copy that is kept elsewhere.
///
/// Its text is one word: `head_`, the commit, the number of entries, the hash and a checksum of the text before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainHead {
    /// The number of commits since the chain began.
    pub commit: u64,
    /// The number of entries since the chain began.
    pub entries: u64,
    /// SHA-256 over these commits, in order.
    pub hash: [u8; 32],
}

/// A text is no head, or it was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no head of a ledger, or a part of it is missing; copy the whole of what `ledger head` printed")]
pub struct ChainHeadError;

impl fmt::Display for ChainHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.unchecked();
        write!(f, "{text}_{}", checksum(&text))
    }
}

impl ChainHead {
    /// The text without its checksum.
    fn unchecked(&self) -> String {
        format!("{PREFIX}{}_{}_{}", self.commit, self.entries, hex(&self.hash))
    }
}

impl FromStr for ChainHead {
    type Err = ChainHeadError;

    fn from_str(text: &str) -> Result<Self, ChainHeadError> {
        let parts: Vec<&str> = text.trim().strip_prefix(PREFIX).unwrap_or_default().split('_').collect();
        let [commit, entries, hash, _checksum] = parts.as_slice() else {
            return Err(ChainHeadError);
        };
        let number = |text: &str| text.parse::<u64>().map_err(|_| ChainHeadError);
        let head =
            Self { commit: number(commit)?, entries: number(entries)?, hash: hash_of_hex(hash).ok_or(ChainHeadError)? };
        // Comparing the whole also refuses other spellings of the same numbers.
        if head.to_string() == text.trim() { Ok(head) } else { Err(ChainHeadError) }
    }
}

fn checksum(text: &str) -> String {
    let digest: Hash = Sha256::digest(text.as_bytes()).into();
    hex(digest.get(..CHECKSUM_BYTES).unwrap_or_default())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hash_of_hex(text: &str) -> Option<Hash> {
    let mut hash = Hash::default();
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in hash.iter_mut().enumerate() {
        let from = at.checked_mul(2)?;
        *byte = u8::from_str_radix(text.get(from..from.checked_add(2)?)?, 16).ok()?;
    }
    Some(hash)
}

/// A head names commits that the ledger does not have as they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loss {
    /// The last commits are missing.
    Commits {
        /// The head that names them.
        named: ChainHead,
        /// The head that the ledger has; commit 0 in a ledger without a chain.
        found: ChainHead,
    },
    /// The ledger has other commits up to this head.
    History {
        /// The head.
        named: ChainHead,
    },
    /// The record of the last commit, beside the ledger, is damaged.
    Unreadable,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Commits { named, found } => {
                let commits = named.commit.saturating_sub(found.commit);
                let entries = named.entries.saturating_sub(found.entries);
                let (named, found) = (named.commit, found.commit);
                write!(
                    f,
                    "the last {commits} commits, with {entries} entries, are missing: \
                     the head names commit {named}, and the ledger ends with commit {found}"
                )
            }
            Self::History { named } => {
                write!(f, "the ledger has other commits than those up to commit {}, which the head names", named.commit)
            }
            Self::Unreadable => f.write_str("the record of the last commit is damaged"),
        }
    }
}

/// One commit of the chain, as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) commit: u64,
    /// The number of entries since the chain began, those of this commit included.
    pub(crate) entries: u64,
    /// `None` for a commit without an account or entry, such as one of holds. It is kept only at the end.
    pub(crate) hash: Option<Hash>,
}

/// The hash at which the chain begins: over the accounts that were there, each with the sum of its entries.
///
/// A ledger that is older than the chain has entries before it. They are not hashed one by one, since that reads all of
/// them; but none can be changed, added or removed with an effect on a balance.
pub(crate) fn anchor(accounts: impl Iterator<Item = (Number, AccountParts, NanoUsd)>) -> Hash {
    let mut hasher = Sha256::new_with_prefix(ANCHOR);
    for (number, parts, posted) in accounts {
        put_account(&mut hasher, number, &parts);
        hasher.update(posted.get().to_be_bytes());
    }
    hasher.finalize().into()
}

/// The hash of a commit, in the making. Accounts come first, by number, then entries, by id.
pub(crate) struct Linking(Sha256);

impl Linking {
    /// `entries` is the number of entries since the chain began, those of this commit included.
    pub(crate) fn new(before: &Hash, commit: u64, entries: u64) -> Self {
        let mut hasher = Sha256::new_with_prefix(COMMIT);
        hasher.update(before);
        hasher.update(commit.to_be_bytes());
        hasher.update(entries.to_be_bytes());
        Self(hasher)
    }

    pub(crate) fn account(&mut self, number: Number, parts: &AccountParts) {
        put_account(&mut self.0, number, parts);
    }

    /// `body` as the codec writes it.
    pub(crate) fn entry(&mut self, id: EntryId, body: &[u8]) {
        self.0.update([ENTRY]);
        self.0.update(id.bits().to_be_bytes());
        self.0.update(u64::try_from(body.len()).unwrap_or(u64::MAX).to_be_bytes());
        self.0.update(body);
    }

    pub(crate) fn finish(self) -> Hash {
        self.0.finalize().into()
    }
}

fn put_account(hasher: &mut Sha256, number: Number, parts: &AccountParts) {
    hasher.update([ACCOUNT, u8::from(parts.floor == Floor::None), u8::from(parts.contra.is_some())]);
    hasher.update(number.to_be_bytes());
    hasher.update(parts.id.bits().to_be_bytes());
    hasher.update(parts.contra.unwrap_or_default().to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_head_survives_its_text(commit: u64, entries: u64, hash: [u8; 32]) {
            let head = ChainHead { commit, entries, hash };
            prop_assert_eq!(head.to_string().parse(), Ok(head));
        }

        #[test]
        fn a_head_with_a_changed_or_missing_character_is_refused(
            commit: u64, entries: u64, hash: [u8; 32], at: prop::sample::Index, other in "[0-9a-f_]"
        ) {
            let text = ChainHead { commit, entries, hash }.to_string();
            let at = at.index(text.len());
            for changed in [other.as_str(), ""] {
                let mut with = text.clone();
                with.replace_range(at..=at, changed);
                let changed = with;
                prop_assert!(changed == text || changed.parse::<ChainHead>().is_err(), "{changed}");
            }
        }
    }

    #[test]
    fn a_text_of_any_other_form_is_refused() {
        for text in ["", "head_", "head_1_2_3", "entry_1", "head_1_2_é_x", "head_-1_0_0_0"] {
            assert_eq!(text.parse::<ChainHead>(), Err(ChainHeadError), "{text}");
        }
    }
}
