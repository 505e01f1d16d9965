//! The real ports: the system's clock, randomness and environment.

use crate::error::AdminError;
use opencredits_service::{Clock, Entropy};
use opencredits_units::UnixMs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The system's clock.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where this program reads the clock")]
    fn now(&self) -> UnixMs {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let ms = since.unwrap_or_default().as_millis();
        UnixMs::new(u64::try_from(ms).unwrap_or(u64::MAX))
    }
}

/// The operating system's randomness.
pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        if getrandom::fill(bytes).is_err() {
            // Without randomness, keys could be guessed: the process ends.
            std::process::abort();
        }
    }
}

/// The environment variables that are valid text.
pub(crate) fn environment() -> Vec<(String, String)> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(text).collect()
}

/// The gateway has another working directory.
pub(crate) fn absolute(dir: &Path) -> Result<PathBuf, AdminError> {
    std::path::absolute(dir).map_err(|source| AdminError::File { path: dir.to_owned(), source })
}
