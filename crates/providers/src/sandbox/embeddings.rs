//! Answers `openai-embeddings` requests: vectors that follow from the text.

use super::command::Commands;
use super::problem::Problem;
use super::request::{set, text};
use super::seed::Seed;
use super::token_count::tokens_of;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The numbers of a vector, where the request does not say.
const DIMENSIONS: u64 = 1_536;
/// The most numbers of a vector.
const DIMENSIONS_MAX: u64 = 4_096;
/// The most texts of a request.
const TEXTS_MAX: usize = 2_048;

/// A text to embed.
struct Text {
    seed: Seed,
    tokens: u64,
}

/// The answer to a request, and how it is timed.
pub(super) fn answer(body: &Value) -> Result<(Value, Commands), Problem> {
    let model = text(body, "model");
    if model.is_empty() {
        return Err(Problem::invalid("you must provide a model".to_owned()));
    }
    let dimensions = set(body, "dimensions").map_or(Some(DIMENSIONS), Value::as_u64);
    let dimensions = dimensions.filter(|count| (1..=DIMENSIONS_MAX).contains(count));
    let dimensions =
        dimensions.ok_or_else(|| Problem::invalid(format!("dimensions must be between 1 and {DIMENSIONS_MAX}")))?;
    let commands = Commands::read(&last_text(&body["input"]));
    if let Some(problem) = &commands.problem {
        return Err(problem.clone());
    }
    let texts = texts(&body["input"])?;
    let is_base64 = text(body, "encoding_format") == "base64";
    let data = texts.iter().enumerate().map(|(index, of)| {
        let vector = vector(of.seed, dimensions);
        let embedding = if is_base64 { json!(STANDARD.encode(bytes(&vector))) } else { json!(vector) };
        json!({"object": "embedding", "index": index, "embedding": embedding})
    });
    let tokens: u64 = texts.iter().map(|of| of.tokens).sum();
    let usage = json!({"prompt_tokens": tokens, "total_tokens": tokens});
    Ok((json!({"object": "list", "data": data.collect::<Vec<_>>(), "model": model, "usage": usage}), commands))
}

/// The texts of a request: one or several, each as text or as tokens.
fn texts(input: &Value) -> Result<Vec<Text>, Problem> {
    let wrong = || Problem::invalid("input must be a text, a list of texts, or tokens".to_owned());
    let inputs = match input {
        Value::Array(items) if !items.is_empty() && !items.iter().all(Value::is_u64) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    if inputs.len() > TEXTS_MAX {
        return Err(Problem::invalid(format!("input has more than {TEXTS_MAX} texts")));
    }
    let read = |input: &Value| match input {
        Value::String(words) if !words.is_empty() => {
            Ok(Text { seed: Seed::of(words.as_bytes()), tokens: tokens_of(words) })
        }
        Value::Array(tokens) if !tokens.is_empty() && tokens.iter().all(Value::is_u64) => Ok(Text {
            seed: Seed::of(input.to_string().as_bytes()),
            tokens: u64::try_from(tokens.len()).unwrap_or(u64::MAX),
        }),
        _ => Err(wrong()),
    };
    inputs.iter().map(read).collect()
}

fn last_text(input: &Value) -> String {
    let last = match input {
        Value::Array(items) => items.last(),
        one => Some(one),
    };
    last.and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A vector of length one.
fn vector(seed: Seed, dimensions: u64) -> Vec<f32> {
    let raw: Vec<f32> = (0..usize::try_from(dimensions).unwrap_or(0)).map(|at| seed.part("axis", at).unit()).collect();
    let length = raw.iter().map(|of| of * of).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    raw.into_iter().map(|of| of / length).collect()
}

fn bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|of| of.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: Value, expect: Result<(usize, usize, u64), &str>) {
        let found = answer(&body).map(|(answer, _)| {
            let data = answer["data"].as_array().unwrap();
            let first = data[0]["embedding"].as_array().map_or(0, Vec::len);
            (data.len(), first, answer["usage"]["prompt_tokens"].as_u64().unwrap())
        });
        match (found, expect) {
            (Ok(found), Ok(expect)) => assert_eq!(found, expect, "{body}"),
            (Err(problem), Err(word)) => {
                let said = problem.body(super::super::dialect::SandboxDialect::Chat, Seed::of(b"")).to_string();
                assert!(said.contains(word), "{body}: {said}");
            }
            (found, _) => panic!("{body}: {}", found.is_ok()),
        }
    }

    #[test]
    fn each_text_gets_a_vector_of_the_size_that_was_asked_for() {
        check(json!({"model": "m", "input": "eight by"}), Ok((1, 1_536, 2)));
        check(json!({"model": "m", "input": ["a", "bcdef"], "dimensions": 8}), Ok((2, 8, 3)));
        check(json!({"model": "m", "input": [1, 2, 3], "dimensions": 1}), Ok((1, 1, 3)));
        check(json!({"model": "m", "input": [[1, 2], [3]], "dimensions": 4}), Ok((2, 4, 3)));
        check(json!({"model": "m", "input": "a", "encoding_format": "base64"}), Ok((1, 0, 1)));
        check(json!({"model": "m", "input": []}), Err("input"));
        check(json!({"model": "m", "input": "a", "dimensions": 0}), Err("dimensions"));
        check(json!({"input": "a"}), Err("model"));
        check(json!({"model": "m", "input": "sandbox:error 429"}), Err("ordered an error 429"));
    }

    #[test]
    fn a_vector_has_length_one_and_both_encodings_say_the_same() {
        let ask = |encoding: &str| {
            answer(&json!({"model": "m", "input": "Hello", "dimensions": 16, "encoding_format": encoding}))
                .ok()
                .unwrap()
                .0
        };
        let plain: Vec<f32> = serde_json::from_value(ask("float")["data"][0]["embedding"].clone()).unwrap();
        let packed = STANDARD.decode(ask("base64")["data"][0]["embedding"].as_str().unwrap()).unwrap();
        assert_eq!(bytes(&plain), packed);
        assert!((plain.iter().map(|of| of * of).sum::<f32>() - 1.0).abs() < 0.001);
    }
}
