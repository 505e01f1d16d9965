//! Whether the work on a request, an answer and a stream grows with its bytes, and not faster.

use super::samples::{self, DIALECTS};
use super::way::{Way, relayed, short, tapped};
use crate::bench::effort::Effort;
use crate::bench::report::Report;
use crate::outcome::Outcome;
use bytes::Bytes;
use opencredits_providers::{
    Dialect, End, Origin, StreamTranslator, UsageChunk, read_body, splice_usage, translate_body,
};
use serde_json::{Map, Value, json};
use std::hint::black_box;
use std::time::Instant;

/// The time for sixteen times the bytes, over sixteen times the time: what is linear stays near 1. Caches and pages of
/// memory cost the rest; quadratic work has 16.
const OVER_LINEAR_MAX: f64 = 4.0;
/// Runs of which the fastest counts.
const RUNS: usize = 3;

/// What a body consists of.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Text,
    Messages,
    Parts,
    Calls,
    Results,
    Tools,
}

const SHAPES: [(&str, Shape); 6] = [
    ("text", Shape::Text),
    ("messages", Shape::Messages),
    ("parts", Shape::Parts),
    ("calls", Shape::Calls),
    ("results", Shape::Results),
    ("tools", Shape::Tools),
];

/// What an answer and a stream consist of.
const ANSWERS: [(&str, Shape); 2] = [("text", Shape::Text), ("calls", Shape::Calls)];

/// Three sizes in bytes, each four times the one before.
const fn sizes(effort: Effort) -> [usize; 3] {
    match effort {
        Effort::Full => [1 << 20, 4 << 20, 16 << 20],
        Effort::Smoke => [1 << 13, 1 << 15, 1 << 17],
    }
}

/// Measures requests, whole answers and streams of three sizes.
pub(super) fn run(effort: Effort, report: &mut Report) -> Outcome {
    let mut worst = 0.0_f64;
    report.heading("requests of 4 and 16 MiB: ms, and over 16 times what 1 MiB takes");
    for (name, shape) in SHAPES {
        for from in DIALECTS {
            let bodies = sizes(effort).map(|bytes| samples::translated(from, &chat(shape, bytes)));
            for to in DIALECTS {
                let way = Way::new(from, to)?;
                let over = measure(report, &format!("{name}_{}_to_{}", short(from), short(to)), &bodies, |body| {
                    way.goes(body)
                })?;
                worst = worst.max(over);
            }
        }
    }
    for (name, shape) in ANSWERS {
        report.heading(format!("whole answers of 4 and 16 MiB, of {name}"));
        for from in DIALECTS {
            let bodies = sizes(effort).map(|bytes| answer(from, shape, bytes));
            for to in DIALECTS {
                let name = format!("answer_{name}_{}_to_{}", short(from), short(to));
                worst = worst.max(measure(report, &name, &bodies, |body| read_answer(from, to, body))?);
            }
        }
        report.heading(format!("streams of 4 and 16 MiB, of {name}"));
        for from in DIALECTS {
            let streams = sizes(effort).map(|bytes| stream(from, shape, bytes));
            for to in DIALECTS {
                let name = format!("events_{name}_{}_to_{}", short(from), short(to));
                let over = measure(report, &name, &streams, |chunks| {
                    black_box(if from == to { tapped(from, chunks)? } else { relayed(from, to, chunks)? });
                    Ok(())
                })?;
                worst = worst.max(over);
            }
        }
    }
    report.heading("the worst of all");
    report.at_most("over_linear_worst", worst, OVER_LINEAR_MAX);
    Ok(())
}

/// Measures work on something of three sizes; returns the time for the largest over its share of that for the smallest.
fn measure<T>(
    report: &mut Report,
    name: &str,
    [small, middle, large]: &[Outcome<T>; 3],
    mut work: impl FnMut(&T) -> Outcome,
) -> Outcome<f64> {
    let mut timed = |body: &Outcome<T>| match body {
        Ok(body) => fastest(|| work(body)),
        Err(error) => Err(error.to_string().into()),
    };
    let (first, second, third) = (timed(small)?, timed(middle)?, timed(large)?);
    let over = third / (first * 16.0);
    report.figure(format!("{name}_ms_4_mib"), second * 1e3);
    report.figure(format!("{name}_ms_16_mib"), third * 1e3);
    report.figure(format!("{name}_over_linear"), over);
    Ok(over)
}

/// The seconds of the fastest of some runs.
fn fastest(mut call: impl FnMut() -> Outcome) -> Outcome<f64> {
    let mut fastest = f64::INFINITY;
    for _ in 0..RUNS {
        let start = Instant::now();
        call()?;
        fastest = fastest.min(start.elapsed().as_secs_f64());
    }
    Ok(fastest)
}

/// As many pieces as have so many bytes.
fn pieces<T>(bytes: usize, mut make: impl FnMut(usize) -> Vec<Value>, join: impl FnOnce(Vec<Value>) -> T) -> T {
    let size: usize = make(0).iter().map(|piece| piece.to_string().len() + 1).sum();
    join((0..bytes / size).flat_map(&mut make).collect())
}

fn call(number: usize) -> Value {
    json!({"id": format!("call_{number:07}"), "type": "function",
        "function": {"name": "tides", "arguments": "{\"port\":\"here\"}"}})
}

fn result(number: usize) -> Value {
    json!({"role": "tool", "tool_call_id": format!("call_{number:07}"), "content": "high"})
}

/// A conversation in the chat dialect.
fn chat(shape: Shape, bytes: usize) -> Value {
    let user = |content: Value| json!({"role": "user", "content": content});
    let (mut messages, mut tools) = (vec![user(json!("When is high water?"))], vec![tool(0)]);
    match shape {
        Shape::Text => messages.push(user(json!(samples::TEXT.repeat(bytes / samples::TEXT.len())))),
        Shape::Messages => {
            let turn = |_| vec![json!({"role": "assistant", "content": "At noon."}), user(json!("And then?"))];
            pieces(bytes, turn, |all| messages.extend(all));
        }
        Shape::Parts => {
            let parts = pieces(bytes, |_| vec![json!({"type": "text", "text": "one more"})], Value::Array);
            messages.push(user(parts));
        }
        Shape::Calls => {
            let turn = |number| {
                vec![json!({"role": "assistant", "content": null, "tool_calls": [call(number)]}), result(number)]
            };
            pieces(bytes, turn, |all| messages.extend(all));
        }
        Shape::Results => {
            let count = bytes / (call(0).to_string().len() + result(0).to_string().len() + 2);
            let calls: Vec<Value> = (0..count).map(call).collect();
            messages.push(json!({"role": "assistant", "content": null, "tool_calls": calls}));
            messages.extend((0..count).map(result));
        }
        Shape::Tools => tools = pieces(bytes, |number| vec![tool(number)], |all| all),
    }
    json!({"model": "m", "max_tokens": 1_000, "messages": messages, "tools": tools})
}

fn tool(number: usize) -> Value {
    let schema = json!({"type": "object", "properties": {"port": {"type": "string"}}, "required": ["port"]});
    let name = if number == 0 { "tides".to_owned() } else { format!("tides_{number:07}") };
    json!({"type": "function", "function": {"name": name, "description": "High water", "parameters": schema}})
}

/// The message of an answer in the chat dialect.
fn message(shape: Shape, bytes: usize) -> Value {
    match shape {
        Shape::Calls => {
            let calls = pieces(bytes, |number| vec![call(number)], Value::Array);
            json!({"role": "assistant", "content": null, "tool_calls": calls})
        }
        _ => json!({"role": "assistant", "content": samples::TEXT.repeat(bytes / samples::TEXT.len())}),
    }
}

fn answer(dialect: Dialect, shape: Shape, bytes: usize) -> Outcome<Vec<u8>> {
    let finish = if matches!(shape, Shape::Calls) { "tool_calls" } else { "stop" };
    let chat = json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": message(shape, bytes), "finish_reason": finish}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 400}});
    let chat = serde_json::to_vec(&chat)?;
    if dialect == Dialect::OpenaiChat {
        return Ok(chat);
    }
    let outcome = read_body(Dialect::OpenaiChat, &chat);
    let usage = outcome.usage.unwrap_or_default();
    translate_body(Dialect::OpenaiChat, dialect, &chat, &usage, &Origin::default())
        .ok_or_else(|| "the dialect has no conversations".into())
}

/// What becomes of a whole answer: read, translated where need be, and written with its charge.
fn read_answer(from: Dialect, to: Dialect, body: &[u8]) -> Outcome {
    let outcome = read_body(from, black_box(body));
    let usage = outcome.usage.ok_or("the answer has no usage")?;
    let translated = if from == to { None } else { translate_body(from, to, body, &usage, &Origin::default()) };
    black_box(splice_usage(to, translated.as_deref().unwrap_or(body), "\"cost\":0"));
    Ok(())
}

/// A stream of words, or of calls, in chunks as a connection gives them.
fn stream(dialect: Dialect, shape: Shape, bytes: usize) -> Outcome<Vec<Bytes>> {
    let words = json!({"content": "The pilot waits. "});
    let mut chat = String::new();
    let mut number = 0;
    while chat.len() < bytes {
        let delta = match shape {
            Shape::Calls => {
                let mut call = call(number);
                call["index"] = json!(number);
                json!({"tool_calls": [call]})
            }
            _ => words.clone(),
        };
        chat.push_str(&samples::event(&delta, &Value::Null, None));
        number += 1;
    }
    chat.push_str(&samples::event(&Value::Object(Map::new()), &json!("stop"), None));
    let usage = json!({"prompt_tokens": 9, "completion_tokens": 400});
    chat.push_str(&samples::event(&Value::Null, &Value::Null, Some(usage)));
    chat.push_str("data: [DONE]\n\n");
    let mut out = chat.into_bytes();
    if dialect != Dialect::OpenaiChat {
        let translator = StreamTranslator::new(Dialect::OpenaiChat, dialect, Origin::default(), UsageChunk::Requested);
        let mut translator = translator.ok_or("the dialect has no conversations")?;
        let mut there = translator.feed(&Bytes::from(out))?.to_vec();
        let _outcome = translator.outcome(End::Clean);
        there.extend_from_slice(&translator.close("", None));
        out = there;
    }
    Ok(out.chunks(16 << 10).map(Bytes::copy_from_slice).collect())
}
