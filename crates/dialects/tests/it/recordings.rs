//! Recorded traffic: the usage is the expected one, wherever the stream is split, and a cut is never final.

use bytes::Bytes;
use opencredits_dialects::{Dialect, End, Outcome, StreamTap, UsageChunk, read_body};
use opencredits_testkit::{ExpectedUsage, Recording, recordings};
use opencredits_units::{Bucket, Tokens, Usage};

/// Streams up to this size are split at every byte.
const SMALL_BYTES: usize = 6_000;
/// Places at which larger ones are split.
const SPLITS: usize = 64;

/// The dialect of an interface, by the end of its name.
fn dialect_of(api: &str) -> Option<Dialect> {
    let ends = [
        ("anthropic-messages", Dialect::AnthropicMessages),
        ("-responses", Dialect::OpenaiResponses),
        ("-generate", Dialect::GeminiGenerate),
        ("-embeddings", Dialect::OpenaiEmbeddings),
        ("cohere-chat-v2", Dialect::CohereChat),
        ("-completions", Dialect::OpenaiChat),
        ("-chat", Dialect::OpenaiChat),
    ];
    // A form of its own, in lines of JSON.
    if api == "ollama-chat" {
        return None;
    }
    ends.into_iter().find(|(end, _)| api.ends_with(end)).map(|(_, dialect)| dialect)
}

fn wanted() -> Vec<(Dialect, Recording)> {
    let all = recordings(|row| dialect_of(&row.api).is_some() && row.status == 200);
    if all.is_empty() {
        eprintln!("skipped: no shared folder with recordings beside the repository");
    }
    let dialect = |recording: &Recording| dialect_of(&recording.row.api);
    all.into_iter().filter_map(|recording| Some((dialect(&recording)?, recording))).collect()
}

/// Reads the stream in chunks that end at `cuts`.
fn outcome_of(dialect: Dialect, body: &str, cuts: &[usize], end: End) -> Outcome {
    let mut tap = StreamTap::new(dialect, UsageChunk::Requested);
    let mut from = 0;
    for cut in cuts.iter().copied().chain([body.len()]) {
        tap.feed(&Bytes::copy_from_slice(&body.as_bytes()[from..cut])).unwrap();
        from = cut;
    }
    tap.outcome(end)
}

fn sum(usage: &Usage, buckets: &[Bucket]) -> Option<u64> {
    let known: Vec<u64> = buckets.iter().filter_map(|bucket| usage.get(*bucket).map(Tokens::get)).collect();
    (!known.is_empty()).then(|| known.iter().sum())
}

/// Where more was cached than is billed, what was cached is counted in other units.
fn cached_of(expected: &ExpectedUsage) -> Option<u64> {
    expected.cached_input_tokens.filter(|cached| Some(*cached) <= expected.input_tokens)
}

/// All input but what tools added, which the expected usage counts apart.
fn input_of(usage: &Usage) -> Option<u64> {
    let tools = usage.get(Bucket::InputToolPrompt).map_or(0, Tokens::get);
    usage.input_total().map(|total| total.get() - tools)
}

/// What differs from the expected usage, in words; empty when nothing does.
fn differences(recording: &Recording, outcome: &Outcome) -> Vec<String> {
    let expected = &recording.expected;
    let Some(usage) = &outcome.usage else {
        return if expected.usage_present { vec!["no usage was found".to_owned()] } else { vec![] };
    };
    let writes = [Bucket::CacheWrite5m, Bucket::CacheWrite1h, Bucket::CacheWriteOther];
    let facts = [
        ("input", input_of(usage), expected.input_tokens),
        ("tool prompt", sum(usage, &[Bucket::InputToolPrompt]), expected.tool_use_prompt_tokens),
        ("cached", sum(usage, &[Bucket::CacheRead, Bucket::InputAudioCached]), cached_of(expected)),
        ("written", sum(usage, &writes), expected.cache_write_tokens),
        ("output", usage.output_total().map(Tokens::get), expected.output_tokens),
    ];
    let count = |found: Option<u64>| found.unwrap_or(0);
    let mut wrong: Vec<String> = facts
        .iter()
        .filter(|(_, found, expected)| count(*found) != count(*expected))
        .map(|(name, found, expected)| format!("{name}: {found:?}, expected {expected:?}"))
        .collect();
    let additional: Vec<_> = outcome
        .additional
        .iter()
        .map(|(model, usage)| {
            (Some(model.clone()), usage.input_total().map(Tokens::get), usage.output_total().map(Tokens::get))
        })
        .collect();
    let expected: Vec<_> = expected
        .additional_usage
        .iter()
        .map(|more| (more.model.clone(), more.input_tokens, more.output_tokens))
        .collect();
    if additional.iter().map(|a| (a.1, a.2)).ne(expected.iter().map(|e| (e.1, e.2))) {
        wrong.push(format!("additional: {additional:?}, expected {expected:?}"));
    }
    wrong
}

fn check(all: &[(Dialect, Recording)], read: impl Fn(Dialect, &Recording) -> Vec<Outcome>) {
    let mut wrong = Vec::new();
    for (dialect, recording) in all {
        for outcome in read(*dialect, recording) {
            let found = differences(recording, &outcome);
            if !found.is_empty() {
                wrong.push(format!("{}: {}", recording.row.file, found.join("; ")));
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}

#[test]
fn every_whole_answer_is_metered_to_the_token() {
    let all: Vec<_> = wanted().into_iter().filter(|(_, recording)| !recording.row.stream).collect();
    check(&all, |dialect, recording| vec![read_body(dialect, recording.body.as_bytes())]);
}

#[test]
fn every_stream_is_metered_to_the_token_wherever_it_is_split() {
    let all: Vec<_> = wanted().into_iter().filter(|(_, recording)| recording.row.stream).collect();
    check(&all, |dialect, recording| {
        let body = &recording.body;
        let step = if body.len() <= SMALL_BYTES { 1 } else { body.len() / SPLITS };
        let bytes: Vec<usize> = (0..body.len()).collect();
        let whole = [outcome_of(dialect, body, &[], End::Clean), outcome_of(dialect, body, &bytes, End::Clean)];
        whole
            .into_iter()
            .chain((0..body.len()).step_by(step).map(|at| outcome_of(dialect, body, &[at], End::Clean)))
            .collect()
    });
}

#[test]
fn a_cut_stream_is_never_reported_as_final() {
    for (dialect, recording) in wanted().into_iter().filter(|(_, recording)| recording.row.stream) {
        let body = recording.body.trim_end();
        let terminal = match dialect {
            Dialect::OpenaiChat => body.rfind("data: [DONE]"),
            Dialect::AnthropicMessages => body.rfind("event: message_stop").or(body.rfind("event: error")),
            Dialect::OpenaiResponses => body.rfind("\"response.completed\"").or(body.rfind("\"response.incomplete\"")),
            // Its end is the end of the connection.
            Dialect::GeminiGenerate | Dialect::OpenaiEmbeddings => None,
            Dialect::CohereChat => body.rfind("\"message-end\""),
        };
        let Some(terminal) = terminal else { continue };
        let step = (terminal / SPLITS).max(1);
        for at in (0..terminal).step_by(step) {
            let cut = body.char_indices().map(|(start, _)| start).take_while(|start| *start <= at).last().unwrap_or(0);
            let outcome = outcome_of(dialect, &body[..cut], &[], End::Cut);
            assert!(!outcome.is_final(), "{} cut at {cut}", recording.row.file);
        }
    }
}
