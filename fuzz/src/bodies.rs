//! Bodies: requests of strangers on their way up, answers and refusals on their way down.

use crate::{others, spoken};
use opencredits_providers::{
    Dialect, Efforts, Origin, RequestFacts, Rewrite, Target, Translated, UpstreamError, Vendor, Vendors, read_body,
    translate, translate_body, unsealed, upstream_body,
};
use opencredits_sanitizer::{Api, Policy, SanitizeError, Scrub, Scrubbed, Strictness};
use serde::de::IgnoredAny;
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

/// The longest words of a provider that are passed on.
const MESSAGE_BYTES_MAX: usize = 2_000;

/// The APIs in front, with the dialect and the allow-list of each.
static APIS: LazyLock<Vec<Front>> = LazyLock::new(|| Api::ALL.into_iter().map(Front::new).collect());
static VENDORS: LazyLock<Vec<Arc<Vendor>>> =
    LazyLock::new(|| Vendors::builtin().map(|all| all.iter().cloned().collect()).unwrap_or_default());

struct Front {
    dialect: Dialect,
    policy: Policy,
    /// What may cross, read from the same list by other means.
    allowed: BTreeSet<String>,
}

impl Front {
    fn new(api: Api) -> Self {
        let (dialect, list) = match api {
            Api::OpenaiChat => (Dialect::OpenaiChat, include_str!("../../crates/sanitizer/data/openai-chat.toml")),
            Api::AnthropicMessages => {
                (Dialect::AnthropicMessages, include_str!("../../crates/sanitizer/data/anthropic-messages.toml"))
            }
            Api::OpenaiResponses => {
                (Dialect::OpenaiResponses, include_str!("../../crates/sanitizer/data/openai-responses.toml"))
            }
            Api::OpenaiEmbeddings => {
                (Dialect::OpenaiEmbeddings, include_str!("../../crates/sanitizer/data/openai-embeddings.toml"))
            }
            Api::GeminiGenerate => {
                (Dialect::GeminiGenerate, include_str!("../../crates/sanitizer/data/gemini-generate.toml"))
            }
        };
        let list: toml::Table = toml::from_str(list).expect("a list in TOML");
        let mut allowed = BTreeSet::new();
        for lists in ["keep", "hash"] {
            let names = list.get(lists).and_then(toml::Value::as_array).into_iter().flatten();
            allowed.extend(names.filter_map(toml::Value::as_str).map(str::to_owned));
        }
        let forced = list.get("force").and_then(toml::Value::as_table).into_iter().flatten();
        allowed.extend(forced.map(|(name, _)| name.clone()));
        Self { dialect, policy: Policy::builtin(api).expect("a list that is compiled in"), allowed }
    }

    fn scrub<'a>(&self, body: &'a [u8], strictness: Strictness) -> Result<Scrubbed<'a>, SanitizeError> {
        self.policy.scrub(body, &Scrub { strictness, hash: &|value| format!("hash-{}", value.len()) })
    }
}

/// What crosses is on the list, each field once and JSON; strict mode refuses where lax mode drops; what goes upstream is
/// JSON.
///
/// # Panics
/// When it is not so.
pub fn scrub(bytes: &[u8]) {
    let Some((front, body)) = front(bytes) else { return };
    let (lax, strict) = (front.scrub(body, Strictness::Lax), front.scrub(body, Strictness::Strict));
    let Ok(lax) = lax else {
        assert!(strict.is_err(), "strict mode takes what lax mode refuses");
        return;
    };
    assert_eq!(strict.is_ok(), lax.dropped().is_empty(), "strict mode refuses where lax mode drops");
    let mut names = BTreeSet::new();
    for (name, raw) in lax.fields() {
        assert!(front.allowed.contains(name), "{name} crosses and is not on the list");
        assert!(names.insert(name), "{name} crosses twice");
        assert!(is_json(raw.as_bytes()), "{name} is no JSON: {raw}");
        if let Some(kept) = unsealed(front.dialect, name, raw, &|id| VENDORS.iter().any(|vendor| *vendor.id == *id)) {
            assert!(is_json(kept.as_bytes()), "{name} is no JSON without its seals: {kept}");
        }
    }
    let Ok(facts) = RequestFacts::read(front.dialect, lax.fields()) else { return };
    assert!(facts.choices > 0 && facts.output_cap != Some(0));
    let fields: Vec<_> = lax.fields().collect();
    for vendor in VENDORS.iter().filter(|vendor| vendor.dialects().any(|dialect| dialect == front.dialect)) {
        for output_cap in [None, Some(7)] {
            let rewrite = Rewrite {
                vendor,
                dialect: front.dialect,
                model: "m-1",
                output_cap,
                tool_uses_max: None,
                stream: facts.stream,
            };
            is_object(&upstream_body(&fields, &rewrite), &vendor.id);
        }
    }
}

/// The API that the first byte chooses, and the body.
fn front(bytes: &[u8]) -> Option<(&'static Front, &[u8])> {
    let (first, body) = bytes.split_first()?;
    Some((APIS.get(usize::from(*first) % APIS.len())?, body))
}

/// A translated request has each field once, each of them JSON, and the reader of that dialect takes it.
///
/// # Panics
/// When it is not so.
pub fn requests(bytes: &[u8]) {
    let Some((front, body)) = front(bytes) else { return };
    let from = front.dialect;
    let Ok(scrubbed) = front.scrub(body, Strictness::Lax) else { return };
    if RequestFacts::read(from, scrubbed.fields()).is_err() {
        return;
    }
    for to in others(from) {
        for (output_max, reasons) in [(32_000, true), (1, false)] {
            let (samples, wants_reasoning) = (!reasons, reasons);
            let (efforts, call_id_length) = (Efforts::Five, None);
            let target = |dialect| Target {
                dialect,
                vendor: "v",
                output_max,
                reasons,
                samples,
                wants_reasoning,
                efforts,
                call_id_length,
            };
            let Ok(there) = translate(from, &target(to), scrubbed.fields()) else { continue };
            let fields = fields(&there);
            for (name, raw) in &fields {
                assert!(is_json(raw.as_bytes()), "{name} is no JSON: {raw}");
            }
            let [again, more] = again(&fields, &target(to));
            assert_eq!(again, more, "{from} to {to}: what was written is read as something else");
            let facts = RequestFacts::read(to, fields.iter().copied());
            assert!(facts.is_ok(), "admission refuses what the writer wrote: {:?}: {fields:?}", facts.err());
        }
    }
}

/// The same request read and written again by the same dialect, once and twice.
fn again(written: &[(&str, &str)], to: &Target<'_>) -> [Vec<(String, String)>; 2] {
    let owned = |(name, raw): &(&str, &str)| ((*name).to_owned(), (*raw).to_owned());
    let once = |from: &[(String, String)]| match translate(to.dialect, to, from.iter().map(|(a, b)| (&**a, &**b))) {
        Ok(translated) => fields(&translated).iter().map(owned).collect::<Vec<_>>(),
        Err(error) => panic!("the reader of {} refuses what its writer wrote: {error}: {from:?}", to.dialect),
    };
    let again = once(&written.iter().map(owned).collect::<Vec<_>>());
    let more = once(&again);
    [again, more]
}

fn fields(translated: &Translated) -> Vec<(&str, &str)> {
    let fields: Vec<_> = translated.fields.iter().map(|(name, raw)| (*name, raw.as_str())).collect();
    let names: BTreeSet<_> = fields.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), fields.len(), "a field stands twice");
    fields
}

/// A translated answer is a JSON object, whatever the provider sent.
///
/// # Panics
/// When it is not.
pub fn answers(bytes: &[u8]) {
    let Some((from, body)) = spoken(bytes) else { return };
    for to in others(from) {
        let usage = read_body(from, body).usage.unwrap_or_default();
        let origin = Origin { vendor: "v".into(), created: 1, ..Origin::default() };
        let translated = translate_body(from, to, body, &usage, &origin).expect("the hub speaks both");
        is_object(&translated, &format!("{from} to {to}"));
    }
}

fn is_object(body: &[u8], what: &str) {
    assert!(is_json(body) && body.starts_with(b"{"), "{what}: no JSON object: {}", body.escape_ascii());
}

/// By its grammar alone: half a surrogate and a number of any size are passed on as they came.
fn is_json(raw: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(raw).is_ok()
}

/// A refusal is read, and its words are cut to what is passed on. The first byte takes the place of the status.
///
/// # Panics
/// When its words are longer.
pub fn upstream_error(bytes: &[u8]) {
    let (status, body) = bytes.split_first().map_or((0, bytes), |(first, rest)| (400 + u16::from(*first), rest));
    let retry_after = body.first().map(|seconds| u64::from(*seconds));
    let error = UpstreamError::read(status, body, retry_after);
    assert!(error.message.len() <= MESSAGE_BYTES_MAX);
    assert_eq!(error.status, status);
}
