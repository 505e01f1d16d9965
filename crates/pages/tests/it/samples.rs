//! Every template in every state, with texts that try to be markup too.

use opencredits_pages::views::{
    Checkout, CheckoutEnd, Consent, DocPage, DocsIndex, KeepAccount, Landing, Llms, ModelPage, Models, Notice,
    PolicyPage, Shell, SignIn, SignInLink, Unsubscribe, dashboard, operator, partner,
};
use opencredits_pages::{Area, Chrome, Pages, Site, View};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// A text that would be a script if it were not escaped, in an element or in an attribute.
const CANARY: &str = "\"'><script>canary()</script>";
/// Members of views that choose words or states, and are no texts.
const CHOICES: [&str; 5] = ["kind", "state", "sort", "class", "released"];
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

/// The same for plain text.
fn check_text<V: View>(samples: Vec<V>) -> &'static str {
    let pages = Pages::new(Site::sample()).unwrap();
    for sample in samples {
        let text = pages.text(&sample).unwrap_or_else(|error| panic!("{}: {error:#?}", V::TEMPLATE));
        assert!(text.starts_with("# OpenCredits\n") && !text.contains("&quot;") && !text.contains("&#x"), "{text}");
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
        check(dashboard::Overview::samples()),
        check(dashboard::Activity::samples()),
        check(dashboard::Playground::samples()),
        check(dashboard::Requests::samples()),
        check(dashboard::RequestBill::samples()),
        check(dashboard::Keys::samples()),
        check(dashboard::KeyPage::samples()),
        check(dashboard::Apps::samples()),
        check(dashboard::Transactions::samples()),
        check(dashboard::TopUp::samples()),
        check(dashboard::Account::samples()),
        check(partner::PartnerOverview::samples()),
        check(partner::PartnerKeys::samples()),
        check(partner::PartnerStatements::samples()),
        check(partner::PartnerGuide::samples()),
        check(DocPage::samples()),
        check(DocsIndex::samples()),
        check(Landing::samples()),
        check(ModelPage::samples()),
        check(Models::samples()),
        check(Notice::samples()),
        check(operator::OperatorPage::samples()),
        check(operator::Preview::samples()),
        check(PolicyPage::samples()),
        check(Shell::samples()),
        check(SignIn::samples()),
        check(SignInLink::samples()),
        check(KeepAccount::samples()),
        check(Unsubscribe::samples()),
        check_text(Llms::samples()),
    ]);
    let parts = [
        "base.html",
        "dashboard_macros.html",
        "doc_parts.html",
        "fragment.html",
        "frame.html",
        "macros.html",
        "operator_macros.html",
        "partner_macros.html",
        "sign_in_parts.html",
    ];
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

#[test]
fn every_page_of_the_documentation_is_written() {
    let pages = Pages::new(Site::sample()).unwrap();
    let slugs: Vec<&str> = pages.doc_groups().iter().flat_map(|group| &group.pages).map(|page| page.slug).collect();
    assert!(slugs.len() > 15);
    for slug in &slugs {
        let doc = pages.doc(slug).unwrap();
        let page = pages.page(&doc, &Chrome::public("/docs")).unwrap();
        let body = doc.body.as_str();
        assert!(!body.contains("<h1") && !doc.title.is_empty(), "{slug}");
        for heading in &doc.headings {
            assert!(body.contains(&format!("id=\"{}\"", heading.id)), "{slug}: {}", heading.id);
        }
        for link in body.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let name = link.strip_prefix("/docs/").map(|name| name.split('#').next().unwrap());
            let is_known = name.is_none_or(|name| slugs.contains(&name));
            assert!(is_known && !link.contains(".md") && !link.starts_with(".."), "{slug} links to {link}");
        }
        let packed = opencredits_pages::Packed::quickly(page.into_bytes());
        assert!(packed.gzip().unwrap().len() < PAGE_BYTES_MAX / 2, "{slug}");
    }
    assert!(pages.doc("../Cargo.toml").is_none() && pages.doc_source("clients").unwrap().starts_with("# Clients"));
}

#[test]
fn quick_starts_name_this_service_and_can_be_copied() {
    let pages = Pages::new(Site::sample()).unwrap();
    let body = pages.quick_starts().unwrap().body;
    for part in ["ANTHROPIC_BASE_URL=https:&#x2f;&#x2f;credits.example", "data-copy=\"#code-1\"", "wire_api"] {
        assert!(body.as_str().contains(part), "{part}: {}", body.as_str());
    }
    assert!(!body.as_str().contains("export ANTHROPIC_BASE_URL=$URL"));
}

#[test]
fn html_in_the_documentation_is_text() {
    let pages = Pages::new(Site::sample()).unwrap();
    for slug in pages.doc_groups().iter().flat_map(|group| &group.pages).map(|page| page.slug) {
        assert!(!pages.doc(slug).unwrap().body.as_str().contains("<script"), "{slug}");
    }
}
