//! The book as HTML, by mdbook.

use super::contents;
use super::links::{self, FOLDER, Link};
use crate::outcome::Outcome;
use crate::process::{is_on_path, succeed};
use crate::workspace;
use opencredits_testkit::book::Page;
use std::fs;
use std::path::Path;
use std::process::Command;

const MDBOOK: &str = "mdbook";

/// Writes the book to the folder `book` of the build, and looks whether every page and every heading that a link names is
/// in it.
pub(super) fn write(pages: &[Page]) -> Outcome {
    if !is_on_path(MDBOOK) {
        println!(
            "skipped: the book is not written as HTML; install mdbook with: cargo install --locked --no-default-features mdbook"
        );
        return Ok(());
    }
    let out = workspace::target_dir().join("book");
    succeed(Command::new(MDBOOK).arg("build").arg("--dest-dir").arg(&out).arg(workspace::root()))?;
    let missing = missing(pages, &out);
    for what in &missing {
        println!("{what}");
    }
    match missing.len() {
        0 => {
            println!("book: {}", out.join("index.html").display());
            Ok(())
        }
        count => Err(format!("{count} things are missing in {}", out.display()).into()),
    }
}

/// The pages and the headings that the HTML lacks.
fn missing(pages: &[Page], out: &Path) -> Vec<String> {
    let html = |path: &str| fs::read_to_string(out.join(file(path))).ok();
    let mut missing = Vec::new();
    for (_, path) in contents::listed(pages) {
        if html(&path).is_none() {
            missing.push(format!("there is no {} for {path}", file(&path)));
        }
    }
    for page in pages.iter().filter(|page| page.path.starts_with(FOLDER)) {
        for Link { target, .. } in links::of(&page.text).into_iter().filter(|link| !link.target.contains("://")) {
            let Some((path, Some(heading))) = links::resolved(&page.path, &target) else {
                continue;
            };
            if !html(&path).is_some_and(|text| text.contains(&format!("id=\"{heading}\""))) {
                missing.push(format!("{} has no place {heading}, which {} links to", file(&path), page.path));
            }
        }
    }
    missing
}

/// The file of a page in the HTML.
fn file(path: &str) -> String {
    let name = path.strip_prefix(FOLDER).unwrap_or(path);
    let name = name.strip_suffix("README.md").map_or_else(|| name.to_owned(), |folder| format!("{folder}index.md"));
    format!("{}.html", name.strip_suffix(".md").unwrap_or(&name))
}
