//! Every snippet is run by a test, or says that it is not.
//!
//! The first word of a fence is the language. A second word `example` says that no test runs the snippet: its commands need
//! another machine, an account or a person. Every other snippet has a row here, with the test that runs it. A fence with
//! `text` or without a language is for data, output and diagrams. Whatever it says, a snippet of a shell has a shell's syntax,
//! and the arguments of our programs in it are those that they take.

use super::finding::Finding;
use opencredits_testkit::book::{Page, Snippet};

/// All pages.
const ALL: &str = "*";
/// For data, output and diagrams.
const DATA: [&str; 2] = ["", "text"];

const REMEDY_MARK: &str =
    "name a test that runs it in xtask/src/book/snippets.rs, or write `example` after the language";
const REMEDY_ROW: &str = "correct the row in xtask/src/book/snippets.rs, or take it out";
/// Where the rows are.
const HERE: &str = "xtask/src/book/snippets.rs";

/// The test that runs the snippets of a page that begin with these words.
#[derive(Debug, Clone, Copy)]
pub(super) struct Runs {
    /// The page, or `*` for all that have no row of their own.
    pub(super) page: &'static str,
    /// What stands after the fence.
    pub(super) info: &'static str,
    /// The file with the test.
    pub(super) file: &'static str,
    /// What the file must have: the name of the test.
    pub(super) test: &'static str,
}

const fn row(page: &'static str, info: &'static str, file: &'static str, test: &'static str) -> Runs {
    Runs { page, info, file, test }
}

const OURS: &str = "xtask/src/book/run.rs";
const HTTP: &str = "crates/api/tests/it/docs.rs";
const HTTP_TEST: &str = "fn every_example_on_the_page_answers_as_the_page_says";
const FIRST: &str = "tests/e2e/python/first_requests.py";
const FIRST_TEST: &str = "\"docs\" / \"clients.md\"";

/// Who runs what.
pub(super) const RUNS: [Runs; 21] = [
    row(ALL, "toml", OURS, "fn every_config_is_one_that_the_gateway_reads"),
    row(ALL, "nginx", OURS, "fn every_server_is_one_that_nginx_takes"),
    row(ALL, "yaml", OURS, "fn every_scrape_config_is_one_that_prometheus_takes"),
    row(
        "docs/admin.md",
        "console",
        "bins/admin/tests/it/docs.rs",
        "fn the_examples_of_the_page_print_what_it_says_on_files",
    ),
    row(
        "docs/alarms.md",
        "http",
        "crates/service/src/alarms/tests/page.rs",
        "fn the_request_on_the_page_has_the_signature_of_its_body",
    ),
    row(
        "docs/alarms.md",
        "python",
        "crates/service/src/alarms/tests/page.rs",
        "fn the_program_on_the_page_takes_the_request_and_no_other",
    ),
    row("docs/api.md", "sh", HTTP, HTTP_TEST),
    row("docs/api.md", "json", HTTP, HTTP_TEST),
    row("docs/api.md", "http", HTTP, HTTP_TEST),
    row("docs/clients.md", "sh", FIRST, FIRST_TEST),
    row("docs/clients.md", "python", FIRST, FIRST_TEST),
    row("docs/clients.md", "js", FIRST, FIRST_TEST),
    row(
        "docs/clients.md",
        "toml codex",
        "xtask/src/e2e/docs.rs",
        "fn the_lines_for_programs_are_those_that_they_are_run_with",
    ),
    row(
        "docs/clients.md",
        "sh programs",
        "xtask/src/e2e/docs.rs",
        "fn the_lines_for_programs_are_those_that_they_are_run_with",
    ),
    row("docs/embedding.md", "rust", OURS, "fn every_program_on_the_page_of_embedding_is_the_example_of_its_crate"),
    row(
        "docs/embedding.md",
        "toml cargo",
        OURS,
        "fn every_program_on_the_page_of_embedding_is_the_example_of_its_crate",
    ),
    row(
        "docs/install.md",
        "toml",
        "bins/gateway/tests/it/check.rs",
        "fn the_config_that_the_page_begins_with_starts_and_warns_of_nothing",
    ),
    row("docs/ledger.md", "rust", "crates/ledger/src/docs.rs", "docs/ledger.md"),
    row("docs/ledger-on-postgresql.md", "rust no_run", "crates/ledger/src/docs.rs", "docs/ledger-on-postgresql.md"),
    row(
        "docs/partners.md",
        "sh",
        "crates/api/tests/it/dashboard/partner.rs",
        "fn the_commands_of_the_documentation_do_what_it_says",
    ),
    row(
        "docs/providers.md",
        "toml vendor",
        "crates/providers/tests/it/docs.rs",
        "fn the_file_on_the_page_is_a_vendors_whole_file",
    ),
];

/// The row for a snippet: one of its page goes before one for all.
pub(super) fn row_of(snippet: &Snippet) -> Option<&'static Runs> {
    let of_page = |page: &str| RUNS.iter().find(|row| row.page == page && row.info == snippet.info);
    of_page(&snippet.page).or_else(|| of_page(ALL))
}

/// The snippets that are neither run nor marked, and the rows that name nothing.
pub(super) fn check(pages: &[Page], read: impl Fn(&str) -> Option<String>) -> Vec<Finding> {
    let snippets: Vec<Snippet> = pages.iter().flat_map(Page::snippets).collect();
    let mut findings = Vec::new();
    for snippet in &snippets {
        if DATA.contains(&snippet.info.as_str()) || snippet.is_shown_only() || row_of(snippet).is_some() {
            continue;
        }
        let what = format!("no test runs the snippet `{}`", snippet.info);
        findings.push(Finding { page: snippet.page.clone(), line: snippet.line, what, remedy: REMEDY_MARK });
    }
    for row in &RUNS {
        let has_test = read(row.file).is_some_and(|text| text.contains(row.test));
        let has_use = snippets.iter().any(|one| one.info == row.info && (row.page == ALL || row.page == one.page));
        for (holds, what) in [(has_test, "has no"), (has_use, "runs nothing that begins with the row's words:")] {
            if !holds {
                let what = format!("{} {what} {} ({} {})", row.file, row.test, row.page, row.info);
                findings.push(Finding { page: HERE.to_owned(), line: 0, what, remedy: REMEDY_ROW });
            }
        }
    }
    findings
}
