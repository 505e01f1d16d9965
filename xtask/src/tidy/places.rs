//! Paths that mean something on one machine only.

use super::source::{Finding, Source};

/// Put together here so that this file does not find itself.
const PLACES: [&str; 2] = [concat!("/wo", "rk/"), concat!("/ro", "ot/")];
const REMEDY: &str = "say it relative to the project, or take it from the environment";

pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        for (index, line) in source.text.lines().enumerate() {
            let place = PLACES.into_iter().find(|place| begins_in(line, place));
            if let Some(place) = place {
                let what = format!("the path {place} of one machine");
                findings.push(source.finding(index + 1, what, REMEDY));
            }
        }
    }
    findings
}

/// Whether the place stands there as the beginning of a path: `a/b/` is no `/b/`.
fn begins_in(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '}' | '~'))
    })
}
