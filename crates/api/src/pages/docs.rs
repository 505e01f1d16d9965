//! `GET /docs`, `GET /docs/{page}` and `GET /llms.txt`.

use super::PageRequest;
use super::models::newest;
use axum::body::Body;
use axum::extract::Path;
use axum::response::Response;
use opencredits_pages::views::{DocsIndex, Llms};

/// The ending of a page's file.
const SOURCE: &str = ".md";

/// `GET /docs`: the quick starts, and the list of pages.
pub(crate) async fn index(request: PageRequest) -> Response<Body> {
    let pages = &request.app.pages.pages;
    match pages.quick_starts() {
        Some(start) => request.page(&DocsIndex { groups: pages.doc_groups(), start }),
        None => request.not_found(),
    }
}

/// `GET /docs/{page}`, and its file where the name ends in `.md`.
pub(crate) async fn one(Path(name): Path<String>, request: PageRequest) -> Response<Body> {
    let pages = &request.app.pages.pages;
    if let Some(source) = name.strip_suffix(SOURCE).and_then(|name| pages.doc_source(name)) {
        return request.text(source.to_owned());
    }
    match pages.doc(&name) {
        Some(page) => request.page(&page),
        None => request.not_found(),
    }
}

/// `GET /llms.txt`.
pub(crate) async fn llms(request: PageRequest) -> Response<Body> {
    let pages = &request.app.pages.pages;
    let model = newest(&request.app, 1).into_iter().next();
    let docs = pages.doc_groups().into_iter().flat_map(|group| group.pages).collect();
    match pages.text(&Llms { docs, model: model.map(|model| model.id) }) {
        Ok(text) => request.text(text),
        Err(error) => request.failed(&error),
    }
}
