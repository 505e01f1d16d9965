//! Clocks that are minutes from that of the machine.

use crate::outcome::Outcome;
use crate::process::{is_on_path, succeed};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The source of a library that a process loads before all others.
const SOURCE: &str = include_str!("../../../bins/gateway/tests/it/cluster_clock.c");
/// The variable that names what a process loads first.
pub(super) const PRELOADED: &str = "LD_PRELOAD";

/// Builds a library with a clock that is ahead by so many seconds, or behind where they are negative. `None`, and a word on standard
/// error, where there is no compiler of C.
pub(super) fn library(folder: &Path, ahead_s: i64) -> Outcome<Option<PathBuf>> {
    if !is_on_path("cc") {
        eprintln!("skipped: there is no compiler of C (Debian: gcc), so all clocks are that of the machine");
        return Ok(None);
    }
    let (source, library) = (folder.join("clock.c"), folder.join(format!("clock{ahead_s}.so")));
    fs::write(&source, SOURCE)?;
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).arg(format!("-DOFFSET={ahead_s}"));
    succeed(&mut compiler)?;
    Ok(Some(library))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_loads_it_has_another_clock() {
        let folder = tempfile::tempdir().unwrap();
        let Some(ahead) = library(folder.path(), 240).unwrap() else { return };
        let behind = library(folder.path(), -240).unwrap().unwrap();
        let clock = |library: Option<&Path>| -> i64 {
            let mut date = Command::new("date");
            if let Some(library) = library {
                date.env(PRELOADED, library);
            }
            String::from_utf8(date.arg("+%s").output().unwrap().stdout).unwrap().trim().parse().unwrap()
        };
        let now = clock(None);
        for (library, expect) in [(ahead, 240), (behind, -240)] {
            let found = clock(Some(&library)) - now;
            assert!((expect..expect + 60).contains(&found), "{found} s");
        }
    }
}
