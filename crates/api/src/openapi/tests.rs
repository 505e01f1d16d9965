//! The document, as the router and the table of errors have it.

use super::complete::{complete, operations};
use super::{Document, PATH};
use crate::app::documented;
use crate::{operator, pages};
use axum::Router;
use http::HeaderMap;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::openapi::OpenApi;

/// Paths of programs that are not for developers: pages of the sandbox, and the webhook of a provider of mails.
const NOT_FOR_DEVELOPERS: [&str; 3] =
    ["/sandbox/checkout.css", "/sandbox/checkout/{session}", "/test/checkout/{session}"];

/// What a GET sends that is no page by itself: files, texts of programs, and a second path of the checkout.
const NO_PAGES: [&str; 7] = [
    PATH,
    "/assets/{name}",
    "/assets/sdk.js",
    "/embed/checkout.html",
    "/favicon.ico",
    "/llms.txt",
    "/sandbox/checkout.css",
];
/// The pages that `cargo xtask browser` looks at.
const LOOKED_AT: &str = include_str!("../../../../tests/browser/pages.json");

/// The paths of a router, as it shows them, with whether each has a handler of GET.
fn shown<S>(router: &Router<S>) -> BTreeMap<String, bool> {
    let shown = format!("{router:?}");
    let (routes, node) = shown.split_once("Node { paths: {").unwrap();
    let (paths, _) = node.split_once("} }").unwrap_or((node, ""));
    let each = |part| str::split(part, "RouteId(").skip(1).filter_map(|route| route.split_once(')'));
    let gets: BTreeSet<&str> =
        each(routes).filter(|(_, route)| route.contains("{ get: BoxedHandler")).map(|(id, _)| id).collect();
    let texts = each(paths).filter_map(|(id, rest)| Some((rest.split('"').nth(1)?.to_owned(), gets.contains(id))));
    texts.collect()
}

/// The paths of a router.
fn paths_of<S>(router: &Router<S>) -> BTreeSet<String> {
    shown(router).into_keys().collect()
}

/// The paths of all routers for programs.
fn routed() -> BTreeSet<String> {
    let (router, _) = documented().split_for_parts();
    let mut all = paths_of(&router);
    all.extend(paths_of(&operator::routes()));
    all
}

fn whole() -> OpenApi {
    let (_, mut document) = documented().split_for_parts();
    complete(&mut document, "https://credits.example");
    document
}

#[test]
fn every_route_of_the_router_is_in_the_document_unless_it_is_a_page() {
    let found = routed();
    assert!(found.len() > 50, "{found:?}");
    let pages = paths_of(&pages::routes());
    let known: BTreeSet<String> = whole().paths.paths.keys().cloned().collect();
    for path in found {
        // One path of the document stands for a wildcard.
        let plain = path.replace("{*id}", "{model}");
        let exempt = pages.contains(&path) || NOT_FOR_DEVELOPERS.contains(&path.as_str());
        assert!(
            known.contains(&plain) || exempt,
            "{path} is not in the document: give its handler an attribute and route it by routes!"
        );
    }
}

/// Whether a path, such as `/docs/sandbox`, is one of a route, such as `/docs/{page}`.
fn is_of(route: &str, path: &str) -> bool {
    let (mut parts, mut segments) = (path.split('/'), route.split('/'));
    loop {
        match (segments.next(), parts.next()) {
            (Some(segment), Some(_)) if segment.starts_with("{*") => return true,
            (Some(segment), Some(part)) if segment == part || segment.starts_with('{') => {}
            (None, None) => return true,
            _ => return false,
        }
    }
}

#[test]
fn every_page_is_looked_at_in_the_browser() {
    let (router, _) = documented().split_for_parts();
    let mut gets = shown(&router);
    gets.extend(shown(&operator::routes()));
    gets.extend(shown(&pages::operator::routes()));
    let known = whole().paths.paths;
    let is_of_programs = |path: &String| known.get(path).is_some_and(|item| item.get.is_some());
    gets.retain(|path, has_get| *has_get && !is_of_programs(path) && !path.starts_with("/v1"));
    assert!(gets.len() > 40 && gets.contains_key("/oauth/authorize"), "{gets:?}");
    let looked_at: Vec<Value> = serde_json::from_str(LOOKED_AT).unwrap();
    let paths = looked_at.iter().filter_map(|page| page["path"].as_str()?.split(['?', '#']).next());
    let paths: Vec<&str> = paths.collect();
    for route in gets.keys().filter(|route| !NO_PAGES.contains(&route.as_str())) {
        let is_seen = paths.iter().any(|path| is_of(route, path));
        assert!(is_seen, "{route} is a page that tests/browser/pages.json does not have");
    }
}

#[test]
fn every_path_of_the_document_is_one_of_a_router() {
    let routes = routed();
    for path in whole().paths.paths.keys().filter(|path| *path != PATH) {
        // What follows a model's id is read by the handler.
        let under = |route: &String| route.strip_suffix("{*id}").is_some_and(|start| path.starts_with(start));
        assert!(routes.contains(path) || routes.iter().any(under), "{path}");
    }
}

#[test]
fn every_operation_has_a_room_a_summary_an_id_of_its_own_and_an_answer() {
    let mut document = whole();
    let mut ids = BTreeMap::new();
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            let name = format!("{method} {path}");
            assert!(operation.summary.as_ref().is_some_and(|text| !text.is_empty()), "{name}");
            assert!(operation.description.as_ref().is_some_and(|text| text.ends_with('.')), "{name}");
            assert!(operation.tags.as_ref().is_some_and(|tags| tags.len() == 1), "{name}");
            let answers = &operation.responses.responses;
            assert!(answers.keys().any(|status| status.starts_with('2')), "{name}");
            assert!(answers.contains_key("400"), "{name}");
            let other = ids.insert(operation.operation_id.clone(), name.clone());
            assert_eq!(other, None, "{name}");
        }
    }
    assert!(ids.len() > 80, "{}", ids.len());
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let document = serde_json::to_value(whole()).unwrap();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 100, "{}", found.len());
    for reference in found {
        let at = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(at).is_some(), "{reference}");
    }
}

#[test]
fn the_document_is_sent_whole_once_and_then_by_its_tag() {
    let document = Document::new(crate::app::operations, "https://credits.example");
    let first = document.answer(&HeaderMap::new());
    assert_eq!(first.status(), 200);
    assert_eq!(first.headers()["content-type"], "application/json");
    let tag = first.headers()["etag"].clone();
    let again = document.answer(&HeaderMap::from_iter([(http::header::IF_NONE_MATCH, tag)]));
    assert_eq!(again.status(), 304);
}
