//! Every link leads somewhere: to a page, to a heading of it, to a file of the project.

use super::finding::Finding;
use super::headings;
use opencredits_testkit::book::Page;
use pulldown_cmark::{Event, Options, Parser, Tag};
use std::collections::{BTreeMap, BTreeSet};

/// Where files beside the book are for its readers: a relative link to one would lead nowhere in the book as HTML.
const REPOSITORY: [&str; 2] =
    ["https://github.com/opencredits/opencredits/blob/main/", "https://github.com/opencredits/opencredits/tree/main/"];
/// The folder of the book's pages.
pub(super) const FOLDER: &str = "docs/";

const REMEDY_PAGE: &str =
    "name a page of docs/, or a file of the project by https://github.com/opencredits/opencredits/blob/main/…";
const REMEDY_FILE: &str = "name a file or a folder of the project";
const REMEDY_HEADING: &str = "name a heading of that page: its words in lower case, with hyphens";

/// How many links there are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Those that are checked.
    pub(super) inside: usize,
    /// Those to other sites, which are not.
    pub(super) outside: usize,
}

/// A link of a page.
pub(super) struct Link {
    /// The line of the page, from 1.
    pub(super) line: usize,
    /// What it names.
    pub(super) target: String,
}

/// The links of a page, in their order.
pub(super) fn of(text: &str) -> Vec<Link> {
    let events = Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter();
    let targets = events.filter_map(|(event, range)| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
            let line = 1 + text.get(..range.start).map_or(0, |before| before.matches('\n').count());
            Some(Link { line, target: dest_url.into_string() })
        }
        _ => None,
    });
    targets.collect()
}

/// What a relative link of a page leads to: a path in the workspace, and a heading of it.
pub(super) fn resolved<'a>(page: &str, target: &'a str) -> Option<(String, Option<&'a str>)> {
    let (path, heading) = target.split_once('#').map_or((target, None), |(path, heading)| (path, Some(heading)));
    if path.is_empty() {
        return Some((page.to_owned(), heading));
    }
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in path.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()?),
            _ => parts.push(part),
        }
    }
    Some((parts.join("/"), heading))
}

/// The links that lead nowhere, and how many there are in all.
pub(super) fn check(pages: &[Page], is_there: impl Fn(&str) -> bool) -> (Vec<Finding>, Counts) {
    let places: BTreeMap<&str, BTreeSet<String>> =
        pages.iter().map(|page| (&*page.path, headings::ids(&page.text))).collect();
    let (mut findings, mut counts) = (Vec::new(), Counts::default());
    for page in pages {
        for Link { line, target } in of(&page.text) {
            let file = REPOSITORY.iter().find_map(|prefix| target.strip_prefix(prefix));
            let fault = match file {
                Some(file) => missing_file(file, &is_there),
                None if target.contains("://") || target.starts_with("mailto:") => {
                    counts.outside += 1;
                    continue;
                }
                None => missing(&page.path, &target, &places, &is_there),
            };
            counts.inside += 1;
            findings.extend(fault.map(|(what, remedy)| Finding { page: page.path.clone(), line, what, remedy }));
        }
    }
    (findings, counts)
}

type Fault = (String, &'static str);

fn missing_file(target: &str, is_there: &impl Fn(&str) -> bool) -> Option<Fault> {
    let path = target.split('#').next().unwrap_or_default();
    (!is_there(path)).then(|| (format!("there is no {path}"), REMEDY_FILE))
}

fn missing(
    page: &str,
    target: &str,
    places: &BTreeMap<&str, BTreeSet<String>>,
    is_there: &impl Fn(&str) -> bool,
) -> Option<Fault> {
    let Some((path, heading)) = resolved(page, target) else {
        return Some((format!("{target} leads out of the project"), REMEDY_FILE));
    };
    let Some(ids) = places.get(path.as_str()) else {
        // README.md is read in the repository, where every file has its place.
        let is_of_the_book = page.starts_with(FOLDER);
        return (is_of_the_book || !is_there(&path)).then(|| {
            let remedy = if is_of_the_book { REMEDY_PAGE } else { REMEDY_FILE };
            (format!("{target} is no page of the book"), remedy)
        });
    };
    if page.starts_with(FOLDER) && !path.starts_with(FOLDER) {
        return Some((format!("{target} leads out of docs/"), REMEDY_PAGE));
    }
    let heading = heading.filter(|heading| !ids.contains(*heading))?;
    Some((format!("{path} has no heading #{heading}"), REMEDY_HEADING))
}
