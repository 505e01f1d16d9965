//! Cards: fallbacks, cliffs, tiers, fees.

use opencredits_catalog::{Catalog, CatalogError, PriceRequest};
use opencredits_units::{Bucket, Tokens, ToolUse, Usage};

const MODELS: &str = r#"
[[model]]
id = "lab/plain"
vendor = "lab"
context_window = 100000
max_output_tokens = 10000
prices = { input = "2", output = "10" }

[[model]]
id = "lab/rich"
vendor = "lab"
context_window = 1000000
max_output_tokens = 10000
prices = { input = "2", output = "10", cache_read = "0.5", cache_write_5m = "2.5", cache_write_1h = "4", reasoning = "20", input_audio = "40" }
tiers = [
  { above_input_tokens = 200000, prices = { input = "4", output = "15" } },
  { above_input_tokens = 500000, prices = { input = "8" } },
]
service_tiers = { priority = { input = "3", output = "15" }, flex = { input = "1", output = "5" } }
per_use = { web_search = "0.01" }
"#;

/// Prices a usage written as `bucket=count …` and compares with dollars as a decimal string.
fn check(model: &str, tier: Option<&str>, usage: &str, expect_usd: &str) {
    let catalog = Catalog::empty().with_operator(MODELS).unwrap();
    let bill = catalog.resolve(model).unwrap().route.card.price(&read(usage), tier).unwrap();
    assert_eq!(bill.cost.to_string(), expect_usd, "{model} {tier:?} {usage}");
    let sum: i128 = bill.lines.iter().map(|line| line.amount.get()).sum();
    assert_eq!(sum, bill.cost.get(), "the lines of a bill are its cost");
}

fn read(text: &str) -> Usage {
    let mut usage = Usage::default();
    for (name, count) in text.split_whitespace().filter_map(|part| part.split_once('=')) {
        let count = Tokens::new(count.parse().unwrap());
        match Bucket::ALL.into_iter().find(|bucket| bucket.name() == name) {
            Some(bucket) => usage.set(bucket, count),
            None => usage.set_uses(ToolUse::ALL.into_iter().find(|tool| tool.name() == name).unwrap(), count),
        }
    }
    usage
}

#[test]
fn a_missing_rate_falls_back_and_is_never_free() {
    check("lab/plain", None, "input=1000000", "2");
    check("lab/plain", None, "cache_read=1000000", "2");
    check("lab/plain", None, "cache_write=1000000", "2");
    check("lab/plain", None, "cache_write_1h=1000000", "2");
    check("lab/plain", None, "input_audio=1000000", "2");
    check("lab/plain", None, "reasoning=1000000", "10");
    check("lab/plain", None, "output_audio=1000000", "10");
    check("lab/rich", None, "cache_write=100000", "0.25");
    check("lab/rich", None, "input_audio_cached=100000", "4");
}

#[test]
fn each_class_of_token_has_its_own_rate() {
    check("lab/rich", None, "input=1000 cache_read=1000 cache_write_5m=1000 cache_write_1h=1000", "0.009");
    check("lab/rich", None, "output=1000 reasoning=1000", "0.03");
    check("lab/rich", None, "web_search=3 web_fetch=5", "0.03");
}

#[test]
fn a_long_context_tier_is_a_cliff_for_the_whole_request_and_counts_cached_tokens() {
    check("lab/rich", None, "input=200000 output=1000", "0.41");
    check("lab/rich", None, "input=200001 output=1000", "0.815004");
    check("lab/rich", None, "input=1 cache_read=200000", "0.100004");
    check("lab/rich", None, "input=500001 output=1000", "4.015008");
}

#[test]
fn the_tier_that_was_served_is_billed() {
    check("lab/rich", Some("priority"), "input=1000 output=1000", "0.018");
    check("lab/rich", Some("flex"), "input=1000 output=1000", "0.006");
    check("lab/rich", Some("default"), "input=1000 output=1000", "0.012");
    check("lab/plain", Some("priority"), "input=1000 output=1000", "0.012");
}

#[test]
fn where_a_service_tier_and_a_cliff_meet_their_factors_multiply() {
    check("lab/rich", Some("priority"), "input=300000", "1.8");
    check("lab/rich", Some("flex"), "input=300000 output=1000", "0.6075");
}

#[test]
fn absent_is_not_zero_in_a_bill() {
    let catalog = Catalog::empty().with_operator(MODELS).unwrap();
    let card = &catalog.resolve("lab/plain").unwrap().route.card;
    assert_eq!(card.price(&read("output=0"), None).unwrap().lines.len(), 1);
    assert_eq!(card.price(&read(""), None).unwrap().lines.len(), 0);
    let mut endless = Usage::default();
    endless.set(Bucket::Output, Tokens::new(u64::MAX));
    endless.set(Bucket::Reasoning, Tokens::new(u64::MAX));
    assert!(card.price(&endless, None).is_ok(), "an output that large is priced in 128 bits");
    endless.set(Bucket::InputUncached, Tokens::new(u64::MAX));
    endless.set(Bucket::CacheRead, Tokens::new(1));
    assert_eq!(card.price(&endless, None), Err(CatalogError::Overflow));
}

#[test]
fn a_search_with_each_request_is_billed_and_held() {
    let catalog = Catalog::builtin().unwrap();
    let card = &catalog.resolve("perplexity/sonar").unwrap().route.card;
    let bill = card.price(&read("input=7 output=1 search_low=1"), None).unwrap();
    assert_eq!(bill.cost.to_string(), "0.005008");
    // How much will be taken in is not known before: the hold covers the most.
    let request = PriceRequest { input: Tokens::ZERO, output: Tokens::ZERO, extra: &[], tier: None, uses: &[] };
    assert_eq!(card.quote(&request).unwrap().to_string(), "0.012");
}

#[test]
fn a_search_has_a_price_of_its_own_or_with_each_request() {
    let catalog = Catalog::builtin().unwrap();
    let prices = |model: &str, tool| catalog.resolve(model).unwrap().route.card.prices(tool);
    assert!(prices("perplexity/sonar", ToolUse::WebSearch), "its requests search, and have a fee each");
    assert!(prices("anthropic/claude-sonnet-4-5", ToolUse::WebSearch));
    assert!(!prices("anthropic/claude-sonnet-4-5", ToolUse::CodeExecution), "a container's time is not told");
    assert!(!prices("deepseek/deepseek-chat", ToolUse::WebSearch));
}
