//! What the package and the image have in common.

use crate::outcome::Outcome;
use std::fs;
use std::path::Path;

pub(super) const PROGRAMS: [&str; 3] = ["opencredits-gateway", "opencredits-admin", "opencredits-worker"];

/// The Debian that the programs were built on, since they need its C library or a newer one.
pub(super) fn suite() -> Outcome<String> {
    let told = fs::read_to_string("/etc/os-release")?;
    let suite = told.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    Ok(suite.ok_or("/etc/os-release names no VERSION_CODENAME")?.to_owned())
}

pub(super) fn megabytes(file: &Path) -> Outcome<f64> {
    let bytes = u32::try_from(fs::metadata(file)?.len() / 1_000)?;
    Ok(f64::from(bytes) / 1e3)
}
