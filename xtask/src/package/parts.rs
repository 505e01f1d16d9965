//! What the package and the image have in common.

use crate::outcome::Outcome;
use std::fs;
use std::path::Path;
use std::process::Output;

pub(super) const PROGRAMS: [&str; 2] = [GATEWAY, "opencredits-admin"];
pub(super) const GATEWAY: &str = "opencredits-gateway";
/// A link to the gateway's program, which is the worker under this name.
pub(super) const WORKER: &str = "opencredits-worker";

/// The Debian that the programs were built on, since they need its C library or a newer one.
pub(super) fn suite() -> Outcome<String> {
    let told = fs::read_to_string("/etc/os-release")?;
    let suite = told.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    Ok(suite.ok_or("/etc/os-release names no VERSION_CODENAME")?.to_owned())
}

/// Checks what the link told of its version: it is the worker, and not the gateway that it leads to.
pub(super) fn expect_worker(told: &Output) -> Outcome {
    let text = String::from_utf8_lossy(&told.stdout);
    if told.status.success() && text.starts_with(WORKER) {
        return Ok(());
    }
    Err(format!("{WORKER} is not the worker: {text}{}", String::from_utf8_lossy(&told.stderr)).into())
}

pub(super) fn megabytes(file: &Path) -> Outcome<f64> {
    let bytes = u32::try_from(fs::metadata(file)?.len() / 1_000)?;
    Ok(f64::from(bytes) / 1e3)
}
