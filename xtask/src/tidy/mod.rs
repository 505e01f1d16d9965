//! `cargo xtask tidy`: the house rules that no compiler knows.
//!
//! Every rule is a function from the project's files to findings, so that each is tested on files made up for it.

mod arrows;
mod caps;
mod circles;
mod examples;
mod places;
mod secrets;
mod source;
mod vendors;

#[cfg(test)]
mod tests;

use crate::outcome::Outcome;
use crate::workspace;
use source::{Finding, Source};
use std::path::Path;
use std::process::Command;

/// Checks every file that git knows or would add.
pub(crate) fn run() -> Outcome {
    let sources = project(&workspace::root())?;
    let findings = check(&sources);
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => {
            println!("tidy: {} files, nothing to say", sources.len());
            Ok(())
        }
        count => Err(format!("tidy found {count} things").into()),
    }
}

fn check(sources: &[Source]) -> Vec<Finding> {
    let rules =
        [arrows::check, caps::check, circles::check, examples::check, places::check, secrets::check, vendors::check];
    let mut findings: Vec<Finding> = rules.iter().flat_map(|rule| rule(sources)).collect();
    findings.sort();
    findings
}

/// The project's text files; what is no UTF-8 is passed over.
fn project(root: &Path) -> Outcome<Vec<Source>> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .arg("-z")
        .current_dir(root)
        .output()?;
    if !listed.status.success() {
        return Err("git cannot list the project's files; run this in a clone of it".into());
    }
    let names = String::from_utf8(listed.stdout)?;
    let mut sources = Vec::new();
    for path in names.split('\0').filter(|path| !path.is_empty()) {
        // A file deleted since git last looked is no file of the project.
        let Ok(bytes) = std::fs::read(root.join(path)) else {
            continue;
        };
        if let Ok(text) = String::from_utf8(bytes) {
            let path = path.to_owned();
            sources.push(Source { path, text });
        }
    }
    Ok(sources)
}
