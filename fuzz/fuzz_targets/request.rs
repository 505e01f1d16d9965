//! Bodies: scrubbed, looked at, translated to every other dialect and back. What goes on is sound JSON, and only what may.

#![no_main]

use libfuzzer_sys::fuzz_target;
use opencredits_providers::{Dialect, RequestFacts, Target, estimate_input, translate, unsealed};
use opencredits_sanitizer::{Api, Policy, Scrub, Strictness};
use serde_json::value::RawValue;
use std::sync::LazyLock;

const ALL: [(Api, Dialect); 4] = [
    (Api::OpenaiChat, Dialect::OpenaiChat),
    (Api::AnthropicMessages, Dialect::AnthropicMessages),
    (Api::OpenaiResponses, Dialect::OpenaiResponses),
    (Api::GeminiGenerate, Dialect::GeminiGenerate),
];
static POLICIES: LazyLock<Vec<Policy>> =
    LazyLock::new(|| ALL.iter().map(|(api, _)| Policy::builtin(*api).expect("a policy that is compiled in")).collect());

fn sound(raw: &str) {
    assert!(serde_json::from_str::<&RawValue>(raw).is_ok(), "no JSON: {raw}");
}

fuzz_target!(|data: &[u8]| {
    let [kind, rest @ ..] = data else { return };
    let at = usize::from(*kind) % ALL.len();
    let from = ALL[at].1;
    let how = Scrub { strictness: Strictness::Lax, hash: &|_: &str| "hash".to_owned() };
    let Ok(scrubbed) = POLICIES[at].scrub(rest, &how) else { return };
    scrubbed.fields().for_each(|(_, raw)| sound(raw));
    drop(RequestFacts::read(from, scrubbed.fields()));
    let _tokens = estimate_input(scrubbed.fields());
    for (name, raw) in scrubbed.fields() {
        if let Some(kept) = unsealed(from, name, raw) {
            sound(&kept);
        }
    }
    for (_, to) in ALL.into_iter().filter(|(_, to)| *to != from) {
        let target = |dialect| Target { dialect, vendor: "v", output_max: 8_000, reasons: *kind > 127 };
        let Ok(there) = translate(from, &target(to), scrubbed.fields()) else { continue };
        there.fields.iter().for_each(|(_, raw)| sound(raw));
        let fields = there.fields.iter().map(|(name, raw)| (*name, raw.as_str()));
        // What one writer writes, the reader of that dialect reads, unless it must be refused on the way back.
        if let Ok(back) = translate(to, &target(from), fields) {
            back.fields.iter().for_each(|(_, raw)| sound(raw));
        }
    }
});
