//! The contents of the book name every page once.

use super::finding::Finding;
use super::links::{self, FOLDER, Link};
use opencredits_testkit::book::Page;

/// The contents, in the form that mdbook reads.
pub(super) const CONTENTS: &str = "docs/SUMMARY.md";

const REMEDY_ADD: &str = "add it to docs/SUMMARY.md where a reader needs it";
const REMEDY_ONCE: &str = "keep one entry: mdbook writes a page once";

/// The pages that the contents name, in their order.
pub(super) fn listed(pages: &[Page]) -> Vec<(usize, String)> {
    let contents = pages.iter().find(|page| page.path == CONTENTS);
    let links = contents.map(|page| links::of(&page.text)).unwrap_or_default();
    let named = |Link { line, target }| links::resolved(CONTENTS, &target).map(|(path, _)| (line, path));
    links.into_iter().filter_map(named).collect()
}

/// The pages that the contents lack, and those that they name twice.
pub(super) fn check(pages: &[Page]) -> Vec<Finding> {
    let listed = listed(pages);
    let mut findings = Vec::new();
    for page in pages.iter().filter(|page| page.path.starts_with(FOLDER) && page.path != CONTENTS) {
        let mut entries = listed.iter().filter(|(_, path)| *path == page.path);
        if entries.next().is_none() {
            let what = format!("{CONTENTS} does not name it");
            findings.push(Finding { page: page.path.clone(), line: 0, what, remedy: REMEDY_ADD });
        }
        for (line, path) in entries {
            let what = format!("{path} is named twice");
            findings.push(Finding { page: CONTENTS.to_owned(), line: *line, what, remedy: REMEDY_ONCE });
        }
    }
    findings
}
