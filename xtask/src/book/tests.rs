//! The rules of the book, on books made up for them.

use super::{contents, headings, links, snippets};
use opencredits_testkit::book::Page;

fn book(pages: &[(&str, &str)]) -> Vec<Page> {
    pages.iter().map(|(path, text)| Page { path: (*path).to_owned(), text: (*text).to_owned() }).collect()
}

fn told<T: ToString>(findings: &[T]) -> Vec<String> {
    findings.iter().map(ToString::to_string).collect()
}

#[test]
fn a_heading_has_the_id_that_a_reader_of_it_links_to() {
    let text =
        "# The `[[markup]]` of 2, 3\n\n```sh\n# none\n```\n\n## Twice\n### Twice\n## Ids: `gen_…`, [linked](a.md)\n";
    let ids: Vec<String> = headings::ids(text).into_iter().collect();
    assert_eq!(ids, ["ids-gen_-linked", "the-markup-of-2-3", "twice", "twice-1"]);
}

#[test]
fn a_link_that_leads_nowhere_is_found_wherever_it_stands() {
    let check = |page: &str, link: &str, expect: &str| {
        let other = if page == "docs/a.md" { "docs/z.md" } else { "docs/a.md" };
        let text = format!("# One\n\n| a |\n| --- |\n| [x]({link}) |\n");
        let pages = book(&[(page, &text), (other, "# Two\n"), ("docs/in/b.md", "# Three words here\n")]);
        let (findings, _) = links::check(&pages, |path| path == "examples/app" || path == "README.md");
        let found = told(&findings);
        match expect {
            "" => assert!(found.is_empty(), "{link}: {found:?}"),
            _ => assert!(found.len() == 1 && found[0].starts_with(&format!("{page}:5: {expect}")), "{link}: {found:?}"),
        }
    };
    check("docs/a.md", "#one", "");
    check("docs/a.md", "in/b.md#three-words-here", "");
    check("docs/in/c.md", "../a.md#two", "");
    check("README.md", "docs/a.md#two", "");
    check("README.md", "examples/app", "");
    check("docs/a.md", "https://github.com/opencredits/opencredits/blob/main/examples/app", "");
    check("docs/a.md", "https://other.example/x", "");
    check("docs/a.md", "#two", "docs/a.md has no heading #two");
    check("docs/a.md", "b.md", "b.md is no page of the book");
    check("docs/a.md", "../examples/app", "../examples/app is no page of the book");
    check("docs/a.md", "../../x", "../../x leads out of the project");
    check("README.md", "examples/none", "examples/none is no page of the book");
    check("docs/a.md", "https://github.com/opencredits/opencredits/tree/main/none", "there is no none");
}

#[test]
fn links_inside_and_outside_are_counted() {
    let (_, counts) =
        links::check(&book(&[("docs/a.md", "[a](a.md) [b](https://b.example) <https://c.example>")]), |_| true);
    assert_eq!(counts, links::Counts { inside: 1, outside: 2 });
}

#[test]
fn the_contents_name_every_page_once() {
    let check = |contents: &str, expect: &[&str]| {
        let pages =
            [("docs/SUMMARY.md", contents), ("docs/a.md", "# A"), ("docs/in/b.md", "# B"), ("README.md", "# R")];
        let found = told(&contents::check(&book(&pages)));
        assert_eq!(found.len(), expect.len(), "{found:?}");
        for (found, expect) in found.iter().zip(expect) {
            assert!(found.starts_with(expect), "{found}");
        }
    };
    check("- [A](a.md)\n  - [B](in/b.md)\n", &[]);
    check("- [A](a.md)\n", &["docs/in/b.md:0: docs/SUMMARY.md does not name it"]);
    check("- [A](a.md)\n- [B](in/b.md)\n- [A again](a.md)\n", &["docs/SUMMARY.md:3: docs/a.md is named twice"]);
}

#[test]
fn a_snippet_is_run_or_says_that_it_is_not() {
    let check = |fence: &str, is_right: bool| {
        let pages = book(&[("docs/other.md", &format!("# O\n\n```{fence}\nx\n```\n"))]);
        let found = told(&snippets::check(&pages, |_| None));
        let is_found = found.iter().any(|found| found.starts_with("docs/other.md:3: no test runs the snippet"));
        assert_eq!(is_found, !is_right, "{fence}: {found:?}");
    };
    for right in ["", "text", "toml", "sh example", "rust example"] {
        check(right, true);
    }
    for wrong in ["sh", "rust", "console", "toml vendor", "sh examples", "rust,ignore"] {
        check(wrong, false);
    }
}

#[test]
fn a_row_without_its_test_or_without_a_snippet_is_found() {
    let pages = book(&[("docs/a.md", "# A\n\n```toml\nx = 1\n```\n")]);
    let (none, all) = (told(&snippets::check(&pages, |_| None)), snippets::RUNS.len());
    assert_eq!(none.iter().filter(|found| found.contains(" has no ")).count(), all, "{none:?}");
    let has_all = |_: &str| Some(snippets::RUNS.iter().map(|row| row.test).collect::<Vec<_>>().join("\n"));
    let some = told(&snippets::check(&pages, has_all));
    assert_eq!(some.len(), all - 1, "only the row of TOML has a snippet: {some:?}");
}
