//! The duration of benchmarks, and the folder of their files.

use crate::outcome::Outcome;
use crate::workspace;
use tempfile::TempDir;

/// The duration of a benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// Long enough to quote the figures.
    Full,
    /// Long enough to see that everything runs.
    Smoke,
}

/// A folder for a benchmark's files, on the disk of the build: the system's temporary folder may be in memory.
pub(crate) fn scratch() -> Outcome<TempDir> {
    let parent = workspace::target_dir().join("bench");
    std::fs::create_dir_all(&parent)?;
    Ok(tempfile::tempdir_in(parent)?)
}
