//! Composes the sandbox's answer, in no dialect.

use super::command::{Content, without_commands};
use super::request::{Calls, Choice, Form, SandboxRequest, Shown, Takes, Tool, WebSearch};
use super::sample;
use super::seed::Seed;
use super::token_count::{cut, tokens_of};
use serde_json::Value;

/// A sentence of reasoning, repeated by effort.
const THOUGHT: &str = "The sandbox turns the question over and finds nothing new. ";
const REFUSAL: &str = "The sandbox was told to refuse, and it does.";
/// Filler for a text of a given length.
const FILLER: &str = "Text from the sandbox, made up word by word. ";
/// The length of a tool result that is repeated.
const RESULT_TOKENS_MAX: u64 = 50;
/// The shortest part of a tool's name that is recognised in a text.
const HINT_BYTES_MIN: usize = 4;
/// The addresses of the samples, by call.
const PLACES: [&str; 2] = ["Paris", "London"];

/// Why an answer ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finish {
    Stop,
    Sequence(String),
    Length,
    Calls,
    Refusal,
    /// A normal end.
    Unsaid,
}

/// A call of a tool.
pub(super) struct Call {
    pub(super) seed: Seed,
    pub(super) name: String,
    pub(super) input: Input,
}

/// The input of a call.
pub(super) enum Input {
    Json(Value),
    Text(String),
}

impl Input {
    /// As it appears in a stream.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Json(value) => value.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

/// Reasoning before the answer.
pub(super) struct Thoughts {
    pub(super) text: String,
    pub(super) shown: Shown,
}

/// One answer.
pub(super) struct Reply {
    pub(super) thoughts: Option<Thoughts>,
    /// The web search query.
    pub(super) search: Option<String>,
    pub(super) text: String,
    pub(super) refusal: Option<&'static str>,
    pub(super) calls: Vec<Call>,
    pub(super) finish: Finish,
}

impl Reply {
    pub(super) fn thought_tokens(&self) -> u64 {
        self.thoughts.as_ref().map_or(0, |thoughts| tokens_of(&thoughts.text))
    }

    /// All output: reasoning, text, and calls with their arguments.
    pub(super) fn tokens(&self) -> u64 {
        let calls: u64 = self.calls.iter().map(call_tokens).sum();
        let search = self.search.as_deref().map_or(0, tokens_of);
        let refusal = self.refusal.map_or(0, tokens_of);
        self.thought_tokens() + search + tokens_of(&self.text) + refusal + calls
    }
}

fn call_tokens(call: &Call) -> u64 {
    tokens_of(&call.name) + tokens_of(&call.input.text())
}

/// The answers, as many as requested.
pub(super) fn replies(request: &SandboxRequest, seed: Seed) -> Vec<Reply> {
    (0..request.answers).map(|at| reply(request, seed, at)).collect()
}

fn reply(request: &SandboxRequest, seed: Seed, at: usize) -> Reply {
    let mut reply = Reply {
        thoughts: None,
        search: None,
        text: String::new(),
        refusal: None,
        calls: Vec::new(),
        finish: Finish::Stop,
    };
    match request.commands.content {
        Content::Empty => reply.finish = Finish::Unsaid,
        Content::Refusal => {
            reply.refusal = Some(REFUSAL);
            reply.finish = Finish::Refusal;
        }
        _ => fill(&mut reply, request, seed.part("answer", at)),
    }
    if at > 0 && !reply.text.is_empty() && matches!(request.form, Form::Free) {
        reply.text.push_str(&format!(" (Answer {}.)", at + 1));
    }
    stop(&mut reply, &request.stops);
    shorten(&mut reply, request.output_tokens_max);
    reply
}

fn fill(reply: &mut Reply, request: &SandboxRequest, seed: Seed) {
    reply.thoughts = request.thinking.map(|thinking| Thoughts {
        text: cut(THOUGHT.repeat(thinking.steps).trim_end(), thinking.tokens_max).to_owned(),
        shown: thinking.shown,
    });
    let prompt = request.prompt.to_lowercase();
    reply.calls = calls(request, &prompt, seed);
    if !reply.calls.is_empty() {
        reply.finish = Finish::Calls;
        return;
    }
    let search = request.tools.web_search == WebSearch::Offered && prompt.contains("search");
    reply.search = search.then(|| without_commands(&request.prompt));
    reply.text = words(request);
}

fn words(request: &SandboxRequest) -> String {
    match (&request.form, request.commands.content, &request.tool_result) {
        (Form::Json(schema), ..) => sample::value(schema, PLACES[0]).to_string(),
        (_, Content::Echo, _) => without_commands(&request.prompt),
        (_, Content::Tokens(tokens), _) => filler(tokens),
        (_, _, Some(result)) => format!("The tool says: {}", cut(result, RESULT_TOKENS_MAX)),
        _ => format!(
            "This text is made up by the sandbox, which works offline and needs no key. It has read {} tokens.",
            request.input.total(),
        ),
    }
}

/// A text of exactly so many tokens.
fn filler(tokens: u64) -> String {
    let mut text = String::new();
    while tokens_of(&text) <= tokens {
        text.push_str(FILLER);
    }
    cut(&text, tokens).to_owned()
}

fn calls(request: &SandboxRequest, prompt: &str, seed: Seed) -> Vec<Call> {
    let ordered = request.commands.call.as_ref().filter(|_| request.tool_result.is_none());
    if let Some((name, arguments)) =
        ordered.filter(|(name, _)| request.tools.offered.iter().any(|tool| tool.name == *name))
    {
        return vec![Call { seed: seed.part("call", 0), name: name.clone(), input: Input::Json(arguments.clone()) }];
    }
    let several = request.tools.calls == Calls::Several && prompt.contains("parallel");
    let count = if several { 2 } else { 1 };
    let tools: Vec<&Tool> = match &request.tools.choice {
        Choice::Never => Vec::new(),
        Choice::Named(name) => request.tools.offered.iter().filter(|tool| tool.name == *name).collect(),
        Choice::Any => wanted_first(&request.tools.offered, prompt),
        Choice::Auto if request.tool_result.is_some() || !calls_for_tools(request, prompt) => Vec::new(),
        Choice::Auto => wanted_first(&request.tools.offered, prompt),
    };
    // A single tool is called twice.
    let tools = tools.iter().cycle().take(if tools.is_empty() { 0 } else { count });
    tools
        .enumerate()
        .map(|(at, tool)| Call {
            seed: seed.part("call", at),
            name: tool.name.clone(),
            input: match &tool.takes {
                Takes::Json(schema) => Input::Json(sample::value(schema, PLACES[at % PLACES.len()])),
                Takes::Text => Input::Text(without_commands(&request.prompt)),
            },
        })
        .collect()
}

/// Whether the text mentions tools, or one of the request's tools.
fn calls_for_tools(request: &SandboxRequest, prompt: &str) -> bool {
    !request.tools.offered.is_empty()
        && (prompt.contains("tool") || request.tools.offered.iter().any(|tool| is_meant(tool, prompt)))
}

/// The tools that the text mentions, then the others.
fn wanted_first<'a>(tools: &'a [Tool], prompt: &str) -> Vec<&'a Tool> {
    let (mut meant, others): (Vec<_>, Vec<_>) = tools.iter().partition(|tool| is_meant(tool, prompt));
    meant.extend(others);
    meant
}

/// Whether a part of the tool's name is in the text: `get_weather` and “How is the weather?”.
fn is_meant(tool: &Tool, prompt: &str) -> bool {
    let spaced: String =
        tool.name.chars().flat_map(|letter| [letter.is_uppercase().then_some(' '), Some(letter)]).flatten().collect();
    let spaced = spaced.to_lowercase();
    let mut parts = spaced.split(|letter: char| !letter.is_alphanumeric());
    parts.any(|part| part.len() >= HINT_BYTES_MIN && prompt.contains(part))
}

/// Ends the text before the first stop sequence.
fn stop(reply: &mut Reply, stops: &[String]) {
    let found =
        stops.iter().filter(|stop| !stop.is_empty()).filter_map(|stop| Some((reply.text.find(stop.as_str())?, stop)));
    if let Some((at, stop)) = found.min_by_key(|(at, _)| *at) {
        reply.text.truncate(at);
        reply.finish = Finish::Sequence(stop.clone());
    }
}

/// Applies the output cap: reasoning first, then text; a call that does not fit is left out.
fn shorten(reply: &mut Reply, tokens_max: u64) {
    if reply.tokens() <= tokens_max {
        return;
    }
    let mut left = tokens_max;
    if let Some(thoughts) = &mut reply.thoughts {
        thoughts.text.truncate(cut(&thoughts.text, left).len());
        left -= tokens_of(&thoughts.text).min(left);
    }
    if let Some(search) = &reply.search {
        let tokens = tokens_of(search);
        if tokens > left {
            reply.search = None;
        }
        left = left.saturating_sub(tokens);
    }
    reply.text.truncate(cut(&reply.text, left).len());
    left -= tokens_of(&reply.text).min(left);
    reply.refusal = reply.refusal.map(|refusal| cut(refusal, left));
    reply.calls.retain(|call| {
        let fits = call_tokens(call) <= left;
        left -= if fits { call_tokens(call) } else { left };
        fits
    });
    reply.finish = Finish::Length;
}
