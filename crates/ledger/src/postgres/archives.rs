//! What a verification knows of archived entries.

use super::archive_file::Reader;
use super::rows::{ClosingRecord, EntryRecord};
use std::collections::BTreeMap;

/// What is archived.
#[derive(Default)]
pub(crate) struct Archives {
    /// By the commits that wrote them.
    pub(super) closings: BTreeMap<i64, Vec<ClosingRecord>>,
    /// The number of entries that are archived and in no file that was given, and the last commit of one.
    pub(super) stated: u64,
    pub(super) last_commit: i64,
    /// The number of entries that commits lack and that may be these.
    pub(super) missing: u64,
    /// The files that were given, each at its next entry.
    pub(super) files: Vec<(Reader, Option<EntryRecord>)>,
}

impl Archives {
    /// What a commit has archived.
    pub(crate) fn take(&mut self, commit: i64) -> Vec<ClosingRecord> {
        self.closings.remove(&commit).unwrap_or_default()
    }

    /// Whether entries that a commit lacks may be archived; they are counted then.
    pub(crate) fn may_have(&mut self, commit: i64, missing: u64) -> bool {
        if commit > self.last_commit {
            return false;
        }
        self.missing = self.missing.saturating_add(missing);
        true
    }

    /// The number of entries that are archived and in no file that was given.
    pub(crate) const fn stated(&self) -> u64 {
        self.stated
    }
}
