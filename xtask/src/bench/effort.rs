//! How long benchmarks measure, and where their files lie.

use crate::outcome::Outcome;
use crate::workspace;
use tempfile::TempDir;

/// How long to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// Enough for figures to be quoted.
    Full,
    /// Enough to see that everything runs.
    Smoke,
}

/// A folder for a benchmark's files, on the disk where the build lies: the system's own may be held in memory.
pub(crate) fn scratch() -> Outcome<TempDir> {
    let parent = workspace::target_dir().join("bench");
    std::fs::create_dir_all(&parent)?;
    Ok(tempfile::tempdir_in(parent)?)
}
