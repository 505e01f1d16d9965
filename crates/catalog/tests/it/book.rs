//! The compiled-in book: whole, priced as its facts say, and quoted as an upper bound.

use opencredits_catalog::{Catalog, Model, PriceRequest};
use opencredits_units::{Bucket, Rate, Tokens, ToolUse, Usage};
use proptest::prelude::*;
use std::sync::{Arc, LazyLock};

static BOOK: LazyLock<Catalog> = LazyLock::new(|| Catalog::builtin().unwrap().with_sandbox().unwrap());

#[test]
fn the_book_is_whole_and_versioned() {
    assert_eq!(BOOK.models().len(), 285);
    assert_eq!(Catalog::builtin().unwrap().version().to_string(), "2026-07-02.4");
    for model in BOOK.models() {
        assert_eq!(*model.id, *model.id.to_lowercase());
        assert!(BOOK.resolve(&model.id).is_ok_and(|found| found.id == model.id), "{}", model.id);
    }
}

#[test]
fn a_one_hour_cache_write_costs_twice_the_input_where_writes_are_billed_by_lifetime() {
    for model in BOOK.models().iter().filter(|model| &*model.route.vendor == "anthropic") {
        let (input, hour) = (model.route.card.rate(Bucket::InputUncached), model.route.card.rate(Bucket::CacheWrite1h));
        assert_eq!(hour, Rate::new(input.get() * 2), "{}", model.id);
    }
}

#[test]
fn uses_of_a_vendors_tools_have_their_fees() {
    let check = |model: &str, tool: ToolUse, uses: u64, usd: Option<&str>| {
        let model = BOOK.resolve(model).unwrap();
        let mut usage = Usage::default();
        usage.set_uses(tool, Tokens::new(uses));
        let cost = model.route.card.price(&usage, None).unwrap().cost.get();
        let fee = usd.map(|usd| i128::from(Rate::from_usd_per_use(usd).unwrap().get()));
        assert_eq!(model.route.card.per_use(tool).map(|_| cost), fee, "{} {}", model.id, tool.name());
        let request = PriceRequest { uses: &[(tool, Tokens::new(uses))], ..PriceRequest::default() };
        assert_eq!(model.route.card.quote(&request).unwrap().get(), cost, "{}", model.id);
    };
    for model in ["anthropic/claude-haiku-4-5", "anthropic/claude-opus-4-8"] {
        check(model, ToolUse::WebSearch, 3, Some("0.03"));
        check(model, ToolUse::WebFetch, 3, Some("0"));
        check(model, ToolUse::CodeExecution, 3, None);
    }
    check("openai/gpt-5.5", ToolUse::WebSearch, 2, Some("0.02"));
    check("openai/gpt-4o", ToolUse::WebSearch, 2, Some("0.05"));
    check("openai/o3", ToolUse::FileSearch, 2, Some("0.005"));
    check("openai/gpt-5.5", ToolUse::CodeExecution, 1, None);
    check("xai/grok-4.3", ToolUse::XSearch, 2, Some("0.01"));
    check("google/gemini-3.5-flash", ToolUse::Grounding, 3, Some("0.042"));
    check("google/gemini-2.5-pro", ToolUse::Grounding, 3, Some("0.035"));
    check("google/gemini-2.5-pro", ToolUse::CodeExecution, 3, Some("0"));
    check("google/gemini-embedding-001", ToolUse::Grounding, 1, None);
}

#[test]
fn the_books_prices_are_those_of_the_facts() {
    let Some(shared) = opencredits_testkit::shared_dir() else {
        eprintln!("skipped: no shared folder with the facts beside the repository");
        return;
    };
    let text = std::fs::read_to_string(shared.join("catalog/models.json")).unwrap();
    let facts: serde_json::Value = serde_json::from_str(&text).unwrap();
    for fact in facts["models"].as_array().unwrap() {
        let model = BOOK.resolve(fact["id"].as_str().unwrap()).unwrap();
        for bucket in Bucket::ALL {
            if let Some(price) = fact["prices"][bucket.name()].as_str() {
                let stated = Rate::from_usd_per_million(price).unwrap();
                assert_eq!(model.route.card.rate(bucket), stated, "{} {}", model.id, bucket.name());
            }
        }
    }
}

fn any_model() -> impl Strategy<Value = Arc<Model>> {
    (0..BOOK.models().len()).prop_map(|at| Arc::clone(&BOOK.models()[at]))
}

/// Spreads `total` over `buckets` by weights.
fn spread(usage: &mut Usage, total: u64, buckets: &[Bucket], weights: &[u8]) {
    let sum: u64 = weights.iter().map(|weight| u64::from(*weight)).sum::<u64>().max(1);
    for (bucket, weight) in buckets.iter().zip(weights) {
        usage.set(*bucket, Tokens::new(total * u64::from(*weight) / sum));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_usage_within_an_ask_costs_more_than_its_quote(
        model in any_model(),
        input in 0_u64..2_000_000, output in 0_u64..200_000, searches in 0_u64..10,
        weights in prop::array::uniform14(any::<u8>()),
        asked in prop::option::of(prop::sample::select(vec!["priority", "flex", "batch", "fast", "nonsense"])),
        served_as_asked: bool,
    ) {
        let (inputs, outputs): (Vec<Bucket>, Vec<Bucket>) = Bucket::ALL.into_iter().partition(|b| b.is_input());
        let mut usage = Usage::default();
        spread(&mut usage, input, &inputs, &weights[..inputs.len()]);
        spread(&mut usage, output, &outputs, &weights[inputs.len()..]);
        usage.set_uses(ToolUse::WebSearch, Tokens::new(searches));
        let uses = [(ToolUse::WebSearch, Tokens::new(searches))];
        let request = PriceRequest { input: Tokens::new(input), output: Tokens::new(output), extra: &Bucket::ALL, tier: asked, uses: &uses };
        let cost = model.route.card.price(&usage, asked.filter(|_| served_as_asked)).unwrap().cost;
        prop_assert!(cost <= model.route.card.quote(&request).unwrap(), "{}", model.id);
    }

    #[test]
    fn the_output_that_a_budget_pays_for_is_the_most_it_pays_for(
        model in any_model(), input in 0_u64..300_000, budget in 0_i128..10_i128.pow(13)
    ) {
        let request = PriceRequest { input: Tokens::new(input), ..PriceRequest::default() };
        let budget = opencredits_units::PicoUsd::new(budget);
        match model.route.card.output_within(&request, budget).unwrap() {
            None => prop_assert!(model.route.card.quote(&request).unwrap() > budget),
            Some(output) if output.get() == u64::MAX => {}
            Some(output) => {
                let affordable = model.route.card.quote(&PriceRequest { output, ..request }).unwrap();
                prop_assert!(affordable <= budget);
                let output = Tokens::new(output.get() + 1);
                let dearer = model.route.card.quote(&PriceRequest { output, ..request }).unwrap();
                prop_assert!(dearer > budget);
            }
        }
    }
}
