//! Examples of the crates that are useful alone name no other crate of ours: who copies one has a single dependency.

use super::source::{Finding, Source};

/// The crates that [embedding.md](../../../docs/embedding.md) offers to other programs.
const ALONE: [&str; 7] = ["billing", "dialects", "email", "identity", "ledger", "providers", "translation"];
const REMEDY: &str = "re-export it, and name the re-export";
const OURS: &str = "opencredits_";

pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.is_rust()) {
        let Some((folder, path)) = source.path.strip_prefix("crates/").and_then(|path| path.split_once('/')) else {
            continue;
        };
        if !ALONE.contains(&folder) {
            continue;
        }
        for (index, line) in source.text.lines().enumerate() {
            let example = if path.starts_with("examples/") { Some(line) } else { documented(line) };
            if let Some(other) = example.and_then(|line| used(line)).filter(|name| *name != folder) {
                let what = format!("an example of {folder} needs {OURS}{other} besides");
                findings.push(source.finding(index + 1, what, REMEDY));
            }
        }
    }
    findings
}

/// The text of a line of documentation.
fn documented(line: &str) -> Option<&str> {
    let line = line.trim_start();
    line.strip_prefix("///").or_else(|| line.strip_prefix("//!")).map(str::trim_start)
}

/// The crate of ours that a line of code brings into scope.
fn used(line: &str) -> Option<&str> {
    let name = line.strip_prefix("use ")?.strip_prefix(OURS)?;
    Some(name.split_once("::")?.0)
}
