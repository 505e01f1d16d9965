//! `cargo xtask book`: the book is README.md and `docs/`. Its links, its contents and its snippets are checked, and mdbook
//! writes it as HTML where it is installed.

mod contents;
mod finding;
mod headings;
mod html;
mod links;
mod snippets;

#[cfg(test)]
mod run;
#[cfg(test)]
mod tests;

use crate::outcome::Outcome;
use crate::workspace;
use opencredits_testkit::book::{Page, pages};
use std::fs;

/// Checks the book, and writes it as HTML.
pub(crate) fn run() -> Outcome {
    let pages = checked()?;
    html::write(&pages)
}

/// What needs no other program, and so is a part of `cargo xtask check`.
pub(crate) fn check() -> Outcome {
    checked().map(drop)
}

fn checked() -> Outcome<Vec<Page>> {
    let pages = pages();
    let root = workspace::root();
    let (mut findings, links) = links::check(&pages, |path| root.join(path).exists());
    findings.extend(contents::check(&pages));
    findings.extend(snippets::check(&pages, |path| fs::read_to_string(root.join(path)).ok()));
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    let snippets: usize = pages.iter().map(|page| page.snippets().len()).sum();
    if findings.is_empty() {
        let links::Counts { inside, outside } = links;
        println!(
            "book: {} pages, {inside} links and {snippets} snippets, nothing to say; {outside} links to other sites are not followed",
            pages.len()
        );
        return Ok(pages);
    }
    Err(format!("the book has {} faults", findings.len()).into())
}
