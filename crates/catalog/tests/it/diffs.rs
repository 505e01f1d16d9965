//! Two price books compared: what is shown, and what a person must agree to.

use opencredits_catalog::{BookDiff, Catalog, CatalogError, FindingKind, Item, Model, OfferTerms};
use opencredits_units::{BasisPoints, Bucket};
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;

/// A line of a book, with more members.
fn line(id: &str, prices: serde_json::Value, more: serde_json::Value) -> String {
    let mut line = json!({"id": id, "vendor": "v", "context_window": 9, "max_output_tokens": 9, "prices": prices});
    line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    format!("{line}\n")
}

fn plain(id: &str, input: &str, output: &str) -> String {
    line(id, json!({"input": input, "output": output}), json!({}))
}

fn sells_all(_: &Model) -> bool {
    true
}

fn diff(old: &str, new: &str) -> BookDiff {
    BookDiff::between(&Catalog::from_book(old).unwrap(), &Catalog::from_book(new).unwrap(), sells_all)
}

/// The changes and the findings of two books, in words.
fn check(old: &str, new: &str, changes: &[&str], findings: &[&str]) {
    let diff = diff(old, new);
    let price = |rate: Option<opencredits_units::Rate>| rate.map_or("none".to_owned(), |rate| rate.get().to_string());
    let changed = diff
        .changed
        .iter()
        .map(|change| format!("{}: {} to {} ({:?})", change.place, price(change.old), price(change.new), change.bps()));
    assert_eq!(changed.collect::<Vec<_>>(), changes, "{old}{new}");
    let found: Vec<String> = diff.findings().iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), findings.len(), "{found:?}");
    found.iter().zip(findings).for_each(|(found, part)| assert!(found.starts_with(part), "{found}"));
}

#[test]
fn a_change_of_a_price_is_shown_once_with_what_follows_from_it_left_out() {
    let old = plain("a/m", "1", "2");
    check(&old, &old, &[], &[]);
    check(&old, &plain("a/m", "1.5", "2"), &["input of a/m by v: 1000000 to 1500000 (Some(5000))"], &[]);
    check(&old, &plain("a/m", "1", "0.5"), &["output of a/m by v: 2000000 to 500000 (Some(-7500))"], &[]);
    let cached = line("a/m", json!({"input": "1", "output": "2", "cache_read": "0.1"}), json!({}));
    check(&old, &cached, &["cache_read of a/m by v: 1000000 to 100000 (Some(-9000))"], &[]);
    let tiers = json!({
        "tiers": [{"above_input_tokens": 5, "prices": {"input": "3"}}],
        "service_tiers": {"flex": {"output": "1"}},
    });
    let tiered = line("a/m", json!({"input": "1", "output": "2"}), tiers);
    let shown = [
        "input of a/m by v, above 5 tokens: 1000000 to 3000000 (Some(20000))",
        "output of a/m by v, tier flex: 2000000 to 1000000 (Some(-5000))",
        "input of a/m by v, tier flex, above 5 tokens: 1000000 to 3000000 (Some(20000))",
        "output of a/m by v, tier flex, above 5 tokens: 2000000 to 1000000 (Some(-5000))",
    ];
    check(&old, &tiered, &shown, &[]);
}

#[test]
fn fees_of_tools_come_change_and_go() {
    let with = |fee: &str| line("a/m", json!({"input": "1", "output": "2"}), json!({"per_use": {"web_search": fee}}));
    let without = plain("a/m", "1", "2");
    check(&without, &with("0.01"), &["web_search of a/m by v: none to 10000000000 (None)"], &[]);
    check(&with("0.01"), &without, &["web_search of a/m by v: 10000000000 to none (None)"], &[]);
    let free = ["web_search of a/m by v: 10000000000 to 0 (Some(-10000))"];
    check(&with("0.01"), &with("0"), &free, &["the price web_search of a/m by v becomes zero"]);
}

#[test]
fn a_price_of_zero_a_thousandfold_and_a_model_that_is_gone_are_found() {
    let old = plain("a/m", "1", "2");
    let zero = "the price input of a/m by v becomes zero";
    check(&old, &plain("a/m", "0", "2"), &["input of a/m by v: 1000000 to 0 (Some(-10000))"], &[zero]);
    let up = ["output of a/m by v: 2000000 to 2000000000 (Some(9990000))"];
    check(&old, &plain("a/m", "1", "2000"), &up, &["the price output of a/m by v changes a thousandfold"]);
    check(&old, &plain("a/m", "1", "1999"), &["output of a/m by v: 2000000 to 1999000000 (Some(9985000))"], &[]);
    check(&old, &plain("b/m", "1", "2"), &[], &["a/m is on sale"]);
    let more = |prices, more| [old.clone(), line("b/m", prices, more)].concat();
    check(&old, &more(json!({"input": "0", "output": "2"}), json!({})), &[], &["the price input of b/m by v is new"]);
    check(&old, &more(json!({"input": "0", "output": "0"}), json!({"free": true})), &[], &[]);
    check(&old, &more(json!({"input": "1", "output": "0"}), json!({"kind": "embedding"})), &[], &[]);
}

#[test]
fn a_models_move_to_another_vendor_is_no_way_around() {
    let old = plain("a/m", "1", "2");
    let elsewhere = |input: &str| line("a/m", json!({"input": input, "output": "2"}), json!({"vendor": "w"}));
    let moved = diff(&old, &elsewhere("3"));
    assert_eq!((moved.routes_added.len(), moved.routes_vanished.len(), moved.findings().len()), (1, 1, 0));
    let found = diff(&old, &elsewhere("0.001")).findings();
    assert!(matches!(found.as_slice(), [finding] if matches!(finding.kind, FindingKind::Thousandfold(_))), "{found:?}");
    let renamed = line("a/m", json!({"input": "0.001", "output": "2"}), json!({"upstream_model": "other"}));
    assert_eq!(diff(&old, &renamed).findings().len(), 1);
}

#[test]
fn facts_besides_prices_are_shown_and_drastic_ones_need_a_word() {
    let prices = json!({"input": "1", "output": "2"});
    let with = |more: serde_json::Value| line("a/m", prices.clone(), more);
    let base = json!({"context_window": 128_000, "max_output_tokens": 10_000, "supports": ["tools"]});
    let check = |more: serde_json::Value, facts: &[&str], findings: usize| {
        let mut new = base.clone();
        new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let diff = diff(&with(base.clone()), &with(new));
        let shown: Vec<String> =
            diff.facts.iter().map(|fact| format!("{}: {} to {}", fact.what, fact.old, fact.new)).collect();
        assert_eq!(shown, facts);
        assert_eq!(diff.findings().len(), findings, "{:?}", diff.findings());
    };
    check(json!({}), &[], 0);
    check(json!({"context_window": 200_000}), &["context window: 128000 to 200000"], 0);
    check(json!({"context_window": 12_800}), &["context window: 128000 to 12800"], 1);
    check(json!({"context_window": 12_801}), &["context window: 128000 to 12801"], 0);
    check(json!({"max_output_tokens": 1}), &["longest output: 10000 to 1"], 1);
    check(json!({"supports": []}), &["support: tools to "], 0);
    check(json!({"upstream_model": "other"}), &["name at v: m to other"], 0);
    check(json!({"zdr": true}), &["retention of nothing at v: the vendor's to yes"], 1);
    check(json!({"zdr": false}), &["retention of nothing at v: the vendor's to no"], 0);
}

#[test]
fn a_model_that_nobody_could_buy_may_go() {
    let (old, new) = ([plain("a/m", "1", "2"), plain("b/m", "1", "2")].concat(), plain("a/m", "1", "2"));
    let (old, new) = (Catalog::from_book(&old).unwrap(), Catalog::from_book(&new).unwrap());
    let none = BookDiff::between(&old, &new, |model| &*model.id == "a/m");
    assert_eq!((none.vanished.len(), none.findings().len()), (1, 0));
    let lost = BookDiff::between(&old, &old, |model| !std::ptr::eq(model, &*old.models()[0]));
    assert_eq!(lost.findings(), []);
}

#[test]
fn a_book_is_read_whole_or_not_at_all() {
    let good = plain("a/m", "1", "2");
    let refused = |text: &str| Catalog::from_book(text).unwrap_err();
    assert_eq!(refused(""), CatalogError::NoModels);
    assert!(matches!(refused(&[&good, "<html>"].concat()), CatalogError::Book { line: 2, .. }));
    assert!(matches!(refused(&[good.clone(), good.clone()].concat()), CatalogError::SameName { .. }));
    let without = line("b/m", json!({"input": "1"}), json!({}));
    assert!(matches!(refused(&[good, without].concat()), CatalogError::Incomplete { .. }));
    let many: String =
        (0..=opencredits_catalog::BOOK_MODELS_MAX).map(|n| plain(&format!("a/m{n}"), "1", "2")).collect();
    assert!(matches!(refused(&many), CatalogError::BookTooLarge { what: "models", .. }));
    let long = " ".repeat(opencredits_catalog::BOOK_BYTES_MAX + 1);
    assert!(matches!(refused(&long), CatalogError::BookTooLarge { what: "bytes", .. }));
}

#[test]
fn the_compiled_in_book_can_be_loaded_as_any_other() {
    let (builtin, loaded) = (Catalog::builtin().unwrap(), Catalog::from_book(Catalog::builtin_text()).unwrap());
    assert_eq!(BookDiff::between(&builtin, &loaded, sells_all), BookDiff::default());
    assert_eq!(builtin.models().len(), loaded.models().len());
    assert_ne!(builtin.version(), loaded.version());
}

#[test]
fn a_model_that_is_not_offered_is_unknown_and_keeps_its_price_for_parts_of_requests() {
    let book = [plain("a/m", "1", "2"), plain("b/m", "1", "2")].concat();
    let terms = OfferTerms::new(&["a/*".to_owned(), "c/*".to_owned()], &[]).unwrap();
    let terms = terms.with_markup(&["*/m".to_owned()], BasisPoints::new(7)).unwrap();
    let terms = terms.with_markup(&["a/*".to_owned()], BasisPoints::new(8)).unwrap();
    let known = Catalog::from_book(&book).unwrap();
    assert_eq!(terms.unmatched(known.models()).collect::<Vec<_>>(), ["c/*"]);
    let offered = known.clone().offered(&terms);
    assert_eq!((offered.version(), offered.models().len()), (known.version(), 1));
    assert!(offered.get("b/m").is_none() && offered.get_hidden("b/m").is_some());
    assert_eq!(offered.get("a/m").unwrap().markup, Some(BasisPoints::new(7)));
    assert_eq!(known.get("a/m").unwrap().markup, None);
}

/// A model of a random book: rates in pico-dollars by class of tokens, and whether it may be free.
#[derive(Debug, Clone)]
struct Made {
    rates: [u64; 3],
    free: bool,
    on_sale: bool,
}

const CLASSES: [(&str, Bucket); 3] =
    [("input", Bucket::InputUncached), ("output", Bucket::Output), ("cache_read", Bucket::CacheRead)];

fn made() -> impl Strategy<Value = Made> {
    let rate = || prop::sample::select(vec![0, 1, 2, 999, 1_000, 1_001, 2_000, 1_000_000]);
    ([rate(), rate(), rate()], any::<bool>(), any::<bool>()).prop_map(|(rates, free, on_sale)| Made {
        rates,
        free,
        on_sale,
    })
}

fn book() -> impl Strategy<Value = BTreeMap<u8, Made>> {
    prop::collection::btree_map(0_u8..4, made(), 1..4)
}

fn text(book: &BTreeMap<u8, Made>) -> String {
    let model = |(id, made): (&u8, &Made)| {
        let price = |pico: u64| format!("{}.{:06}", pico / 1_000_000, pico % 1_000_000);
        let prices: serde_json::Map<_, _> =
            CLASSES.iter().zip(made.rates).map(|((name, _), pico)| ((*name).to_owned(), price(pico).into())).collect();
        let vendor = if made.on_sale { "sold" } else { "not" };
        line(&format!("a/m{id}"), prices.into(), json!({"free": made.free, "vendor": "v", "region": vendor}))
    };
    book.iter().map(model).collect()
}

/// The rules, said of the figures alone: the models and classes that must be looked at.
fn expected(old: &BTreeMap<u8, Made>, new: &BTreeMap<u8, Made>) -> BTreeMap<u8, bool> {
    let differs = |old: u64, new: u64| {
        let (less, more) = (old.min(new), old.max(new));
        less != more && (less == 0 || more / less >= 1_000)
    };
    let mut found = BTreeMap::new();
    for (id, after) in new {
        let is_new = |after: &Made| !after.free && after.rates.contains(&0);
        let bad = match old.get(id) {
            None => is_new(after),
            Some(before) => {
                let rates = before.rates.iter().zip(after.rates).any(|(old, new)| differs(*old, new));
                let moved = before.on_sale != after.on_sale;
                rates || (moved && is_new(after)) || (before.on_sale && !after.on_sale)
            }
        };
        found.insert(*id, bad);
    }
    for (id, before) in old.iter().filter(|(id, _)| !new.contains_key(id)) {
        found.insert(*id, before.on_sale);
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_book_is_refused_exactly_where_a_rule_is_broken(old in book(), new in book()) {
        let catalogs = (Catalog::from_book(&text(&old)).unwrap(), Catalog::from_book(&text(&new)).unwrap());
        let sells = |model: &Model| model.route.region.as_deref() == Some("sold");
        let diff = BookDiff::between(&catalogs.0, &catalogs.1, sells);
        let findings = diff.findings();
        for (id, bad) in expected(&old, &new) {
            let found = findings.iter().any(|finding| *finding.model == *format!("a/m{id}"));
            prop_assert_eq!(found, bad, "{} {:?}", id, findings);
        }
        for change in &diff.changed {
            let Item::Tokens(bucket) = change.place.item else { unreachable!("no tool has a fee") };
            prop_assert_ne!(change.old, change.new, "{:?}", bucket);
        }
    }

    #[test]
    fn the_shown_changes_are_all_there_are(old in book(), new in prop::array::uniform4(made())) {
        let after = |id: &u8, before: &Made| Made { on_sale: before.on_sale, ..new[usize::from(*id)].clone() };
        let same: BTreeMap<u8, Made> = old.iter().map(|(id, before)| (*id, after(id, before))).collect();
        let diff = diff(&text(&old), &text(&same));
        for (id, after) in &same {
            for ((_, bucket), (old, new)) in CLASSES.iter().zip(old[id].rates.iter().zip(after.rates)) {
                let of = |change: &&opencredits_catalog::PriceChange| *change.place.model == *format!("a/m{id}")
                    && change.place.item == Item::Tokens(*bucket);
                // What follows from the input is left out.
                let shown = diff.changed.iter().find(of).map(|change| (change.old.unwrap().get(), change.new.unwrap().get()));
                if *bucket != Bucket::CacheRead {
                    prop_assert_eq!(shown, (*old != new).then_some((*old, new)));
                } else if let Some(shown) = shown {
                    prop_assert_eq!(shown, (*old, new));
                }
            }
        }
    }
}
