//! `openai-responses`: usage, answers and events.

use crate::decoders::count::{self, Count, Read};
use crate::decoders::openai_chat::{take_parts, take_within};
use crate::outcome::{Finish, Outcome, Trust};
use crate::upstream_error::{STATUS_IN_STREAM, UpstreamError};
use opencredits_units::{Bucket, Tokens, ToolUse, Usage};
use opencredits_wire::json;
use serde::Deserialize;

/// The usage object: totals that include their parts.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Counts {
    input_tokens: Count,
    output_tokens: Count,
    total_tokens: Count,
    input_tokens_details: Option<InputDetails>,
    output_tokens_details: Option<OutputDetails>,
    server_side_tool_usage_details: Option<HostedCalls>,
    server_tool_use_details: Option<ServerTools>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct InputDetails {
    cached_tokens: Count,
    cache_write_tokens: Count,
    audio_tokens: Count,
    image_tokens: Count,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    reasoning_tokens: Count,
    audio_tokens: Count,
    image_tokens: Count,
}

/// The uses of built-in tools, where the provider counts them in the usage.
#[derive(Default, Deserialize)]
#[serde(default)]
struct HostedCalls {
    web_search_calls: Count,
    x_search_calls: Count,
    code_interpreter_calls: Count,
    file_search_calls: Count,
}

/// Uses of built-in tools, in the words of a reseller.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ServerTools {
    web_search_requests: Count,
}

/// The kind of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Output, or an event without a meaning of its own.
    Plain,
    /// The end, with the usage.
    End,
    /// An error.
    Error,
}

/// Items of a stream that were added and are not done: an item is told twice.
#[derive(Default)]
pub(crate) struct OpenItems {
    items: u64,
    /// Those among them that count as searches.
    searches: u64,
}

impl OpenItems {
    fn add(&mut self, item: &[u8], outcome: &mut Outcome) {
        self.items = self.items.saturating_add(1);
        if let Some(tool) = used_by(item) {
            outcome.see_use(tool);
            self.searches = self.searches.saturating_add(u64::from(tool == ToolUse::WebSearch));
        }
    }

    /// Only its end tells what a call to search the web was for.
    fn end(&mut self, item: &[u8], outcome: &mut Outcome) {
        let was_added = self.items > 0;
        self.items = self.items.saturating_sub(1);
        let was_search = json::member(item, "type") == Some(WEB_SEARCH) && self.searches > 0;
        self.searches = self.searches.saturating_sub(u64::from(was_search));
        match used_by(item) {
            Some(tool) if !was_added => outcome.see_use(tool),
            None if was_search => outcome.unsee_use(ToolUse::WebSearch),
            _ => {}
        }
    }
}

/// Reads an event of a stream into the outcome.
pub(crate) fn absorb_event(data: &[u8], open: &mut OpenItems, outcome: &mut Outcome) -> Kind {
    let (mut kind, mut response, mut delta, mut item) = (&b""[..], None, None, None);
    json::members(data, |name, value| match name {
        b"type" => kind = value,
        b"response" => response = Some(value),
        b"delta" => delta = Some(value),
        b"item" => item = Some(value),
        _ => {}
    });
    match kind {
        b"\"response.completed\"" | b"\"response.incomplete\"" | b"\"response.done\"" => {
            let status = absorb(response.unwrap_or_default(), outcome);
            outcome.has_frame = true;
            fail_by(&status, &FAILED, outcome);
            if outcome.error.is_some() { Kind::Error } else { Kind::End }
        }
        b"\"response.failed\"" | b"\"response.cancelled\"" => {
            absorb(response.unwrap_or_default(), outcome);
            Kind::Error
        }
        b"\"error\"" => Kind::Error,
        b"\"response.created\"" | b"\"response.in_progress\"" => {
            name(response.unwrap_or_default(), outcome);
            Kind::Plain
        }
        b"\"response.output_item.added\"" => {
            // A call is output as soon as it has a name.
            let item = item.unwrap_or_default();
            if json::member(item, "name").is_some() {
                outcome.produced.part();
            }
            open.add(item, outcome);
            Kind::Plain
        }
        b"\"response.output_item.done\"" => {
            open.end(item.unwrap_or_default(), outcome);
            Kind::Plain
        }
        _ => {
            if let Some(inside) = delta.and_then(|delta| delta.strip_prefix(b"\"")?.strip_suffix(b"\"")) {
                outcome.produced.text(inside);
            }
            Kind::Plain
        }
    }
}

/// Reads a whole response into the outcome.
pub(crate) fn absorb_response(body: &[u8], outcome: &mut Outcome) {
    let status = absorb(body, outcome);
    // One that goes on elsewhere (`queued`) was taken on: it is no failure, after which another provider would be asked.
    fail_by(&status, &FAILED, outcome);
    let output = json::member(body, "output").filter(|output| json::is_set(output));
    outcome.has_frame |= output.is_some();
    json::items(output.unwrap_or_default(), |item| {
        if json::member(item, "name").is_some() {
            outcome.produced.part();
        }
        for part in ["content", "summary"] {
            json::items(json::member(item, part).unwrap_or_default(), |part| {
                let text = json::member(part, "text").or_else(|| json::member(part, "refusal"));
                if let Some(inside) = text.and_then(|text| text.strip_prefix(b"\"")?.strip_suffix(b"\"")) {
                    outcome.produced.text(inside);
                }
            });
        }
    });
}

/// Statuses of a response that has failed.
const FAILED: [&str; 2] = ["failed", "cancelled"];
/// Statuses of a response that is not over, or has failed.
const UNFINISHED: [&str; 4] = ["failed", "cancelled", "in_progress", "queued"];

/// Records a failure that only the status tells.
fn fail_by(status: &str, failures: &[&str], outcome: &mut Outcome) {
    if failures.contains(&status) {
        outcome.fail(UpstreamError::broken(STATUS_IN_STREAM));
    }
}

fn name(response: &[u8], outcome: &mut Outcome) {
    json::members(response, |name, value| match name {
        b"id" => outcome.upstream_id = json::owned(value),
        b"model" => outcome.model = json::owned(value),
        _ => {}
    });
}

/// Reads a response, and returns its status.
fn absorb(response: &[u8], outcome: &mut Outcome) -> String {
    name(response, outcome);
    let mut shown = Shown::default();
    let (mut status, mut reason, mut usage) = (None, None, None);
    json::members(response, |name, value| match name {
        b"status" => status = json::owned(value),
        b"incomplete_details" => reason = json::member(value, "reason").and_then(json::owned),
        b"usage" if json::is_set(value) => usage = Some(value),
        b"service_tier" if json::is_set(value) => outcome.service_tier = json::owned(value),
        b"error" if json::is_set(value) => {
            outcome.fail(UpstreamError::in_answer(response));
        }
        b"tool_usage" => shown.requests = json::pointer(value, "/web_search/num_requests").and_then(json::count),
        b"output" => json::items(value, |item| match used_by(item) {
            Some(ToolUse::WebSearch) => shown.searches = shown.searches.saturating_add(1),
            Some(ToolUse::FileSearch) => shown.files = shown.files.saturating_add(1),
            Some(ToolUse::CodeExecution) => shown.codes = shown.codes.saturating_add(1),
            _ => {}
        }),
        _ => {}
    });
    let status: String = status.unwrap_or_default();
    let native = reason.unwrap_or_else(|| status.clone());
    if !native.is_empty() && !UNFINISHED.contains(&&*native) {
        outcome.finish = Some(Finish { native });
    }
    usage.into_iter().for_each(|usage| absorb_usage(usage, &shown, outcome));
    status
}

/// The uses of built-in tools that a response shows.
#[derive(Default)]
struct Shown {
    searches: u64,
    files: u64,
    codes: u64,
    /// The searches that the provider bills, where it tells.
    requests: Option<u64>,
}

fn absorb_usage(raw: &[u8], shown: &Shown, outcome: &mut Outcome) {
    outcome.keep_cost(raw);
    let counts: Counts = match count::read(raw) {
        Read::Counts(counts) => counts,
        Read::Negative => {
            (outcome.usage, outcome.trust) = (Some(Usage::default()), Trust::Contradictory);
            return;
        }
        Read::Nothing => return,
    };
    let mut usage = Usage::default();
    let sound = counts.buckets(&mut usage);
    if usage.is_absent() && sound.is_some() {
        return;
    }
    let hosted = counts.server_side_tool_usage_details.unwrap_or_default();
    let resold = counts.server_tool_use_details.unwrap_or_default();
    let uses = [
        // Search queries are billed where they are reported; search calls only where they are not.
        (
            ToolUse::WebSearch,
            hosted.web_search_calls.0.or(resold.web_search_requests.0).or(shown.requests),
            shown.searches,
        ),
        (ToolUse::XSearch, hosted.x_search_calls.0, 0),
        (ToolUse::FileSearch, hosted.file_search_calls.0, shown.files),
        (ToolUse::CodeExecution, hosted.code_interpreter_calls.0, shown.codes),
    ];
    for (tool, reported, seen) in uses {
        let count = reported.unwrap_or(seen);
        if count > 0 {
            usage.set_uses(tool, Tokens::new(count));
        }
    }
    outcome.usage = Some(usage);
    outcome.trust = if sound.is_some() { Trust::Sound } else { Trust::Contradictory };
}

/// The type of a call to search the web.
const WEB_SEARCH: &[u8] = b"\"web_search_call\"";

/// The tool of the provider's that an item is a use of.
fn used_by(item: &[u8]) -> Option<ToolUse> {
    match json::member(item, "type")? {
        WEB_SEARCH => Some(ToolUse::WebSearch).filter(|_| is_search(item)),
        b"\"file_search_call\"" => Some(ToolUse::FileSearch),
        b"\"code_interpreter_call\"" => Some(ToolUse::CodeExecution),
        _ => None,
    }
}

/// Opening a page that a search found is no search, and is not billed.
fn is_search(call: &[u8]) -> bool {
    let action = json::member(call, "action").and_then(|action| json::member(action, "type"));
    action.is_none_or(|action| action == b"\"search\"")
}

impl Counts {
    fn buckets(&self, usage: &mut Usage) -> Option<()> {
        if let Some(total) = self.input_tokens.0 {
            let details = self.input_tokens_details.as_ref();
            let parts = [
                (Bucket::CacheRead, details.and_then(|d| d.cached_tokens.0)),
                (Bucket::CacheWriteOther, details.and_then(|d| d.cache_write_tokens.0)),
            ];
            let rest = take_parts(total, &parts, usage)?;
            // Cached tokens may be of these modalities, too: they count as cached here.
            let kinds = [
                (Bucket::InputAudio, details.and_then(|d| d.audio_tokens.0)),
                (Bucket::InputImage, details.and_then(|d| d.image_tokens.0).filter(|tokens| *tokens > 0)),
            ];
            let rest = take_within(rest, &kinds, usage);
            usage.set(Bucket::InputUncached, Tokens::new(rest));
        }
        let Some(output) = self.output_tokens.0 else {
            return Some(());
        };
        let details = self.output_tokens_details.as_ref();
        let reasoning = details.and_then(|d| d.reasoning_tokens.0);
        let sum = self.input_tokens.0.unwrap_or(0).saturating_add(output);
        // Reasoning is included, unless the total shows that it is added.
        let on_top = reasoning.filter(|more| *more > 0 && self.total_tokens.0 == sum.checked_add(*more));
        let total = output.saturating_add(on_top.unwrap_or(0));
        // A provider's own error: parts that exceed the output. The output is billed.
        let parts = [
            (Bucket::OutputAudio, details.and_then(|d| d.audio_tokens.0)),
            (Bucket::OutputImage, details.and_then(|d| d.image_tokens.0)),
            (Bucket::Reasoning, reasoning),
        ];
        let rest = take_within(total, &parts, usage);
        usage.set(Bucket::Output, Tokens::new(rest));
        Some(())
    }
}
