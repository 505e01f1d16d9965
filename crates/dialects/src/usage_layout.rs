//! Usage at paths that a table gives, for interfaces that are metered but not translated.

use crate::decoders::anthropic_messages::writes;
use crate::decoders::count::{self, Count, Read};
use crate::outcome::{End, Finish, Outcome, Trust};
use crate::upstream_error::UpstreamError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use opencredits_units::{Bucket, Tokens, Usage};
use opencredits_wire::{EventTooLarge, event_stream, json, ndjson};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The compiled-in table.
const LAYOUTS: &str = include_str!("../data/usage-layouts.toml");
/// The largest event, in bytes.
const EVENT_BYTES_MAX: usize = 16 << 20;
/// The HTTP status of a stream that has an error in it.
const STATUS_IN_STREAM: u16 = 200;

static TABLE: LazyLock<BTreeMap<String, UsageLayout>> =
    LazyLock::new(|| toml::from_str::<BTreeMap<String, UsageLayout>>(LAYOUTS).unwrap_or_default());

/// The places of an interface's counts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsageLayout {
    finish: Vec<String>,
    #[serde(default)]
    tier: Vec<String>,
    /// The paths, by the name of the bucket.
    counts: BTreeMap<String, Vec<String>>,
}

impl UsageLayout {
    /// The layout of this name, where the table has one.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        TABLE.get(name)
    }

    fn paths(&self, bucket: Bucket) -> &[String] {
        self.counts.get(bucket.name()).map_or(&[], Vec::as_slice)
    }
}

/// Reads the counts of a stream, wherever its chunks break. The stream consists of lines of JSON or of binary events
/// (`application/vnd.amazon.eventstream`); its first byte decides.
///
/// Only counts, the finish reason and the service tier are kept; [`Outcome::produced`] stays empty.
pub struct UsageLayoutTap {
    layout: &'static UsageLayout,
    /// An incomplete event.
    held: Vec<u8>,
    counts: [Option<u64>; Bucket::COUNT],
    outcome: Outcome,
}

impl UsageLayoutTap {
    /// A tap for one stream.
    #[must_use]
    pub fn new(layout: &'static UsageLayout) -> Self {
        Self { layout, held: Vec::new(), counts: [None; Bucket::COUNT], outcome: Outcome::default() }
    }

    /// Takes a chunk.
    ///
    /// # Errors
    /// When an event exceeds the size limit, or the bytes are no such stream.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<(), EventTooLarge> {
        if self.held.len() + chunk.len() > EVENT_BYTES_MAX {
            return Err(EventTooLarge { limit_bytes: EVENT_BYTES_MAX });
        }
        let searched = self.held.len();
        self.held.extend_from_slice(chunk);
        let mut bytes = std::mem::take(&mut self.held);
        let whole = if event_stream::are_in(&bytes) {
            event_stream::each(&bytes, |frame| self.frame(frame))?
        } else {
            let end = ndjson::complete_len(&bytes, searched);
            self.values(bytes.get(..end).unwrap_or_default());
            end
        };
        self.held = bytes.split_off(whole);
        Ok(())
    }

    /// A frame holds a value, possibly in base64.
    fn frame(&mut self, frame: &event_stream::Frame<'_>) {
        if frame.is_exception() {
            self.outcome.error = Some(UpstreamError::read(STATUS_IN_STREAM, frame.payload, None));
        }
        let encoded = json::member(frame.payload, "bytes").and_then(json::text);
        match encoded.map(|encoded| BASE64.decode(encoded.as_bytes())) {
            Some(Ok(value)) => self.value(&value),
            _ => self.value(frame.payload),
        }
    }

    /// The outcome of the exchange.
    #[must_use]
    pub fn outcome(mut self, end: End) -> Outcome {
        let rest = std::mem::take(&mut self.held);
        if end == End::Clean && !event_stream::are_in(&rest) {
            self.values(&rest);
        }
        let mut usage = Usage::default();
        let sound = self.buckets(&mut usage);
        let mut outcome = self.outcome;
        if sound.is_none() {
            outcome.trust = Trust::Contradictory;
        }
        outcome.usage = Some(usage).filter(|usage| !usage.is_absent());
        // An event is incomplete.
        outcome.complete = end == End::Clean && !event_stream::are_in(&rest);
        outcome
    }

    /// Reads JSON values, one after the other.
    fn values(&mut self, bytes: &[u8]) {
        ndjson::each_value(bytes, |value| self.value(value));
    }

    fn value(&mut self, value: &[u8]) {
        for (bucket, slot) in Bucket::ALL.into_iter().zip(&mut self.counts) {
            let Some(raw) = first(value, self.layout.paths(bucket)) else { continue };
            match count::read(raw) {
                Read::Counts(Count(count)) => *slot = count.or(*slot),
                Read::Negative => self.outcome.trust = Trust::Contradictory,
                Read::Nothing => {}
            }
        }
        if let Some(native) = first(value, &self.layout.finish).and_then(json::owned) {
            self.outcome.finish = Some(Finish { native });
        }
        if let Some(tier) = first(value, &self.layout.tier).and_then(json::owned) {
            self.outcome.service_tier = Some(tier);
        }
    }

    fn buckets(&self, usage: &mut Usage) -> Option<()> {
        let of = |bucket: Bucket| self.counts.get(bucket.index()).copied().flatten();
        let written = [Bucket::CacheWrite5m, Bucket::CacheWrite1h, Bucket::CacheWriteOther];
        for bucket in Bucket::ALL.into_iter().filter(|bucket| !written.contains(bucket)) {
            if let Some(count) = of(bucket) {
                usage.set(bucket, Tokens::new(count));
            }
        }
        let [short, hour, all] = written.map(of);
        writes(all, (short, hour), usage)
    }
}

/// Reads the counts of a whole answer.
///
/// ```
/// use opencredits_dialects::{UsageLayout, read_usage};
/// use opencredits_dialects::units::{Bucket, Tokens};
///
/// let layout = UsageLayout::named("ollama").unwrap();
/// let outcome = read_usage(layout, br#"{"done_reason": "stop", "prompt_eval_count": 18, "eval_count": 64}"#);
/// assert_eq!(outcome.usage.unwrap().get(Bucket::Output), Some(Tokens::new(64)));
/// ```
#[must_use]
pub fn read_usage(layout: &'static UsageLayout, body: &[u8]) -> Outcome {
    let mut tap = UsageLayoutTap::new(layout);
    tap.values(body);
    tap.outcome(End::Clean)
}

/// The value at the first of these paths that exists.
fn first<'a>(raw: &'a [u8], paths: &[String]) -> Option<&'a [u8]> {
    paths.iter().find_map(|path| at(raw, path).filter(|value| json::is_set(value)))
}

fn at<'a>(raw: &'a [u8], path: &str) -> Option<&'a [u8]> {
    path.split('/').filter(|step| !step.is_empty()).try_fold(raw, |raw, step| {
        if !raw.starts_with(b"[") {
            return json::member(raw, step);
        }
        let (mut found, mut index) = (None, 0_usize);
        json::items(raw, |item| {
            let is_it = match step.split_once('=') {
                Some((name, wanted)) => json::member(item, name).and_then(json::text).is_some_and(|is| is == wanted),
                None => step.parse() == Ok(index),
            };
            found = found.or(is_it.then_some(item));
            index += 1;
        });
        found
    })
}
