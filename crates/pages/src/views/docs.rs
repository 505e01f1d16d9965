//! The documentation, from the files in `docs/` of the repository.

use crate::docs::{Group, Heading, Listed};
use crate::markup::Markup;
use crate::view::View;
use serde::Serialize;

/// The list of all pages, beside the quick starts.
#[derive(Debug, Clone, Serialize)]
pub struct DocsIndex {
    /// The pages in groups.
    pub groups: Vec<Group>,
    /// The quick starts.
    pub start: DocPage,
}

/// One page.
#[derive(Debug, Clone, Serialize)]
pub struct DocPage {
    /// Its name in the URL.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// Its headings.
    pub headings: Vec<Heading>,
    /// Its text.
    pub body: Markup,
    /// All pages, for the list beside it.
    pub groups: Vec<Group>,
}

impl View for DocsIndex {
    const TEMPLATE: &'static str = "docs_index.html";
}

impl View for DocPage {
    const TEMPLATE: &'static str = "doc.html";
}

fn group() -> Group {
    Group { kind: "start", pages: vec![Listed { slug: "clients", title: "Clients".to_owned() }] }
}

impl DocPage {
    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        let page = Self {
            slug: "clients".to_owned(),
            title: "Clients".to_owned(),
            headings: vec![Heading { id: "one".to_owned(), title: "One".to_owned() }],
            body: Markup::own("<h2 id=\"one\">One</h2><p>Text.</p>".to_owned()),
            groups: vec![group()],
        };
        let short = Self { headings: Vec::new(), ..page.clone() };
        vec![page, short]
    }
}

impl DocsIndex {
    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        DocPage::samples().into_iter().map(|start| Self { groups: vec![group()], start }).collect()
    }
}
