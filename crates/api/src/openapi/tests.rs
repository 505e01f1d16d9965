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

/// The paths of a router, as it shows them.
fn paths_of<S>(router: &Router<S>) -> BTreeSet<String> {
    let shown = format!("{router:?}");
    let (_, node) = shown.split_once("Node { paths: {").unwrap();
    let (paths, _) = node.split_once("} }").unwrap_or((node, ""));
    let texts = paths.split("RouteId(").skip(1).filter_map(|route| route.split('"').nth(1));
    texts.map(str::to_owned).collect()
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
    let (_, routes) = documented().split_for_parts();
    let document = Document::new(routes, "https://credits.example");
    let first = document.answer(&HeaderMap::new());
    assert_eq!(first.status(), 200);
    assert_eq!(first.headers()["content-type"], "application/json");
    let tag = first.headers()["etag"].clone();
    let again = document.answer(&HeaderMap::from_iter([(http::header::IF_NONE_MATCH, tag)]));
    assert_eq!(again.status(), 304);
}
