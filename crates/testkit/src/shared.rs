//! The folder of facts that several projects share.

use std::path::{Path, PathBuf};

/// The shared folder: `$OPENCREDITS_SHARED`, else `shared` beside the workspace's folder.
///
/// Without one it says so on standard error and returns nothing; the test then returns.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "where the fixtures are is told by the environment of the test run")]
pub fn shared_dir() -> Option<PathBuf> {
    let folder = std::env::var_os("OPENCREDITS_SHARED").map_or_else(beside_workspace, PathBuf::from);
    if folder.join("recordings/index.jsonl").is_file() {
        return Some(folder);
    }
    eprintln!("skipped: no shared folder at {}; set OPENCREDITS_SHARED to where it is", folder.display());
    None
}

fn beside_workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared")
}
