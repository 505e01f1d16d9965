//! Every template in every state, with texts that try to be markup too.

use opencredits_pages::views::{Checkout, CheckoutEnd, Consent, Notice, Shell};
use opencredits_pages::{Area, Chrome, Pages, Site, View};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// A text that would be a script if it were not escaped, in an element or in an attribute.
const CANARY: &str = "\"'><script>canary()</script>";
/// Members of views that choose words or states, and are no texts.
const CHOICES: [&str; 3] = ["kind", "state", "sort"];
/// All that a page may weigh, uncompressed and without assets.
const PAGE_BYTES_MAX: usize = 100_000;

/// A view whose texts are canaries.
struct Hostile<V> {
    values: Value,
    of: std::marker::PhantomData<V>,
}

impl<V> Serialize for Hostile<V> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.values.serialize(serializer)
    }
}

impl<V: View> View for Hostile<V> {
    const TEMPLATE: &'static str = V::TEMPLATE;
}

fn hostile<V: View>(view: &V) -> Hostile<V> {
    let mut values = serde_json::to_value(view).unwrap();
    poison(&mut values);
    Hostile { values, of: std::marker::PhantomData }
}

fn poison(value: &mut Value) {
    match value {
        Value::String(text) => text.push_str(CANARY),
        Value::Array(list) => list.iter_mut().for_each(poison),
        Value::Object(members) => {
            let texts = members.iter_mut().filter(|(name, _)| !CHOICES.contains(&name.as_str()));
            texts.for_each(|(_, value)| poison(value));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Renders the samples of a view, and gives the name of its template.
fn check<V: View>(samples: Vec<V>) -> &'static str {
    let pages = Pages::new(Site::sample()).unwrap();
    assert!(!samples.is_empty(), "{}", V::TEMPLATE);
    for sample in samples {
        let page =
            pages.page(&sample, &Chrome::public("/")).unwrap_or_else(|error| panic!("{}: {error:#?}", V::TEMPLATE));
        let fragment = pages.fragment(&sample).unwrap();
        assert!(page.starts_with("<!doctype html>"), "{page}");
        assert!(fragment.starts_with("<title>") && !fragment.contains("<!doctype"), "{fragment}");
        assert!(!page.contains(" style=") && !page.contains("<style"), "a style stands in {}", V::TEMPLATE);
        assert!(!page.contains(" onclick=") && !page.contains("javascript:"), "a script stands in {}", V::TEMPLATE);
        assert!(page.len() < PAGE_BYTES_MAX, "{} has {} bytes", V::TEMPLATE, page.len());
        for area in [Area::Account, Area::Partner, Area::Operator, Area::Step] {
            pages.page(&sample, &Chrome::shell(area, "/dashboard")).unwrap();
        }
        check_escaped(&pages, &sample);
    }
    V::TEMPLATE
}

fn check_escaped<V: View>(pages: &Pages, sample: &V) {
    let page = pages.page(&hostile(sample), &Chrome::public(CANARY)).unwrap();
    assert!(!page.contains("<script>canary"), "{} writes a text as markup", V::TEMPLATE);
    assert!(!page.contains("\"'>&lt;script"), "{} writes a quote as markup", V::TEMPLATE);
}

#[test]
fn every_template_renders_in_every_state_and_escapes_every_text() {
    let rendered = BTreeSet::from([
        check(Checkout::samples()),
        check(CheckoutEnd::samples()),
        check(Consent::samples()),
        check(Notice::samples()),
        check(Shell::samples()),
    ]);
    let parts = ["base.html", "fragment.html", "frame.html", "macros.html"];
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/templates")).unwrap();
    for file in files {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(
            rendered.contains(name.as_str()) || parts.contains(&name.as_str()),
            "{name} has no samples in this test"
        );
    }
}

#[test]
fn a_service_without_an_operator_has_pages_too() {
    let site = Site { operator: Default::default(), is_dev: true, ..Site::sample() };
    let pages = Pages::new(site).unwrap();
    let page = pages.page(&Notice::failed("/", "req_1"), &Chrome::public("/")).unwrap();
    assert!(page.contains("has not given a name"), "{page}");
}
