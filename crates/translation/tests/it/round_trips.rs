//! A conversation that both dialects can hold is the same after a way there and back.

use opencredits_translation::{Dialect, Efforts, Target, Translated, translate};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const OUTPUT_MAX: u64 = 32_000;

/// The content of one author.
#[derive(Debug, Clone)]
enum ResponseContent {
    Text(String),
    /// Address or data, and the type of the data.
    Image(Option<&'static str>, String),
}

/// A call of a tool, with what it came to.
#[derive(Debug, Clone)]
struct Call {
    name: String,
    arguments: Map<String, Value>,
    result: String,
}

/// The turn of a model, and the turn that answers it.
#[derive(Debug, Clone)]
struct Round {
    text: Option<String>,
    calls: Vec<Call>,
    answer: Vec<ResponseContent>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Choice {
    Auto,
    Any,
    None,
    First,
}

#[derive(Debug, Clone)]
struct Tool {
    description: Option<String>,
    schema: Value,
}

/// A conversation in no dialect.
#[derive(Debug, Clone)]
struct Talk {
    system: Option<String>,
    opening: Vec<ResponseContent>,
    rounds: Vec<Round>,
    tools: Vec<Tool>,
    choice: Option<(Choice, bool)>,
    stop: Vec<String>,
    cap: u64,
    temperature: Option<u8>,
    stream: bool,
}

/// Text with what is awkward in JSON; never blank, which is refused there and left out here.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,8}", "[\\PC\"\\\\\n\t]{0,12}[a-z]", "[é漢😀\u{0}\u{7f}/<>]{1,4}\\PC{0,4}x"]
}

fn arguments() -> impl Strategy<Value = Map<String, Value>> {
    let value = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text().prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..3).prop_map(Value::from),
        text().prop_map(|text| json!({ "inner": text })),
    ];
    prop::collection::vec((text(), value), 0..3).prop_map(|members| members.into_iter().collect())
}

fn content_of_stream() -> impl Strategy<Value = ResponseContent> {
    let mime = prop::sample::select(vec!["image/png", "image/jpeg", "image/gif", "image/webp"]);
    prop_oneof![
        4 => text().prop_map(ResponseContent::Text),
        1 => (mime, "[A-Za-z0-9+/]{4,12}").prop_map(|(mime, data)| ResponseContent::Image(Some(mime), data)),
        1 => "https://[a-z]{1,8}\\.example/[a-z?=&]{0,8}".prop_map(|url| ResponseContent::Image(None, url)),
    ]
}

fn round() -> impl Strategy<Value = Round> {
    let call = ("[a-zA-Z_][a-zA-Z0-9_-]{0,11}", arguments(), text());
    let call = call.prop_map(|(name, arguments, result)| Call { name, arguments, result });
    let answer = prop::collection::vec(content_of_stream(), 1..3);
    (prop::option::of(text()), prop::collection::vec(call, 0..3), answer).prop_map(|(text, calls, answer)| {
        // It must say something.
        let text = text.or_else(|| calls.is_empty().then(|| "hm".to_owned()));
        Round { text, calls, answer }
    })
}

fn talk() -> impl Strategy<Value = Talk> {
    let schema = text().prop_map(|text| json!({"type": "object", "properties": {text: {"type": "string"}}}));
    let tool = (prop::option::of(text()), schema).prop_map(|(description, schema)| Tool { description, schema });
    let choices = prop::sample::select(vec![Choice::Auto, Choice::Any, Choice::None, Choice::First]);
    let choice = prop::option::of((choices, any::<bool>()));
    let content_of_stream = (
        prop::option::of(text()),
        prop::collection::vec(content_of_stream(), 1..4),
        prop::collection::vec(round(), 0..4),
    );
    let asked = (prop::collection::vec(tool, 0..3), choice, prop::collection::vec("[a-z]{1,5}", 0..4));
    let how = (1_u64..50_000, prop::option::of(0_u8..=10), any::<bool>());
    (content_of_stream, asked, how).prop_map(
        |((system, opening, rounds), (tools, choice, stop), (cap, temperature, stream))| {
            let choice = choice.filter(|_| !tools.is_empty());
            // A request without calls says nothing about parallel calls.
            let choice = choice.map(|(choice, alone)| (choice, alone && choice != Choice::None));
            Talk { system, opening, rounds, tools, choice, stop, cap, temperature, stream }
        },
    )
}

fn image_in_chat(mime: Option<&str>, data: &str) -> Value {
    let url = mime.map_or(data.to_owned(), |mime| format!("data:{mime};base64,{data}"));
    json!({"type": "image_url", "image_url": {"url": url}})
}

fn image_in_messages(mime: Option<&str>, data: &str) -> Value {
    let source = match mime {
        Some(mime) => json!({"type": "base64", "media_type": mime, "data": data}),
        None => json!({"type": "url", "url": data}),
    };
    json!({"type": "image", "source": source})
}

fn parts(content_of_stream: &[ResponseContent], image: fn(Option<&str>, &str) -> Value) -> Vec<Value> {
    let part = |content_of_stream: &ResponseContent| match content_of_stream {
        ResponseContent::Text(text) => json!({"type": "text", "text": text}),
        ResponseContent::Image(mime, data) => image(*mime, data),
    };
    content_of_stream.iter().map(part).collect()
}

fn id(round: usize, call: usize) -> String {
    format!("call_{round}-{call}")
}

impl Talk {
    /// The fields that both dialects have under one name.
    fn common(&self) -> Value {
        let mut body = json!({"model": "m", "max_tokens": self.cap, "stream": self.stream});
        if let Some(tenths) = self.temperature {
            body["temperature"] = json!(f64::from(tenths) / 10.0);
        }
        body
    }

    fn in_chat(&self) -> Value {
        let mut body = self.common();
        let user = |content_of_stream: &[ResponseContent]| json!({"role": "user", "content": parts(content_of_stream, image_in_chat)});
        let mut messages: Vec<Value> = Vec::new();
        messages.extend(self.system.as_ref().map(|text| json!({"role": "system", "content": text})));
        messages.push(user(&self.opening));
        for (at, round) in self.rounds.iter().enumerate() {
            let calls = round.calls.iter().enumerate().map(|(n, call)| {
                let arguments = Value::from(call.arguments.clone()).to_string();
                json!({"id": id(at, n), "type": "function", "function": {"name": call.name, "arguments": arguments}})
            });
            let mut message = json!({"role": "assistant", "content": round.text});
            if !round.calls.is_empty() {
                message["tool_calls"] = calls.collect();
            }
            messages.push(message);
            let results = round.calls.iter().enumerate();
            messages.extend(
                results.map(|(n, call)| json!({"role": "tool", "tool_call_id": id(at, n), "content": call.result})),
            );
            messages.push(user(&round.answer));
        }
        body["messages"] = messages.into();
        if !self.stop.is_empty() {
            body["stop"] = json!(self.stop);
        }
        self.tools_in_chat(&mut body);
        body
    }

    fn tools_in_chat(&self, body: &mut Value) {
        let tool = |(at, tool): (usize, &Tool)| {
            let mut function = json!({"name": format!("tool{at}"), "parameters": tool.schema});
            if let Some(description) = &tool.description {
                function["description"] = description.as_str().into();
            }
            json!({"type": "function", "function": function})
        };
        if !self.tools.is_empty() {
            body["tools"] = self.tools.iter().enumerate().map(tool).collect();
        }
        let Some((choice, alone)) = self.choice else { return };
        body["tool_choice"] = match choice {
            Choice::Auto => json!("auto"),
            Choice::Any => json!("required"),
            Choice::None => json!("none"),
            Choice::First => json!({"type": "function", "function": {"name": "tool0"}}),
        };
        if alone {
            body["parallel_tool_calls"] = false.into();
        }
    }

    fn in_messages(&self) -> Value {
        let mut body = self.common();
        let mut messages = vec![json!({"role": "user", "content": parts(&self.opening, image_in_messages)})];
        for (at, round) in self.rounds.iter().enumerate() {
            let text = round.text.iter().map(|text| json!({"type": "text", "text": text}));
            let calls = round.calls.iter().enumerate().map(
                |(n, call)| json!({"type": "tool_use", "id": id(at, n), "name": call.name, "input": call.arguments}),
            );
            let content: Vec<_> = text.chain(calls).collect();
            messages.push(json!({"role": "assistant", "content": content}));
            let results = round
                .calls
                .iter()
                .enumerate()
                .map(|(n, call)| json!({"type": "tool_result", "tool_use_id": id(at, n), "content": call.result}));
            let content: Vec<_> = results.chain(parts(&round.answer, image_in_messages)).collect();
            messages.push(json!({"role": "user", "content": content}));
        }
        body["messages"] = messages.into();
        if let Some(system) = &self.system {
            body["system"] = system.as_str().into();
        }
        if !self.stop.is_empty() {
            body["stop_sequences"] = json!(self.stop);
        }
        self.tools_in_messages(&mut body);
        body
    }

    fn tools_in_messages(&self, body: &mut Value) {
        let tool = |(at, tool): (usize, &Tool)| {
            let mut function = json!({"name": format!("tool{at}"), "input_schema": tool.schema});
            if let Some(description) = &tool.description {
                function["description"] = description.as_str().into();
            }
            function
        };
        if !self.tools.is_empty() {
            body["tools"] = self.tools.iter().enumerate().map(tool).collect();
        }
        let Some((choice, alone)) = self.choice else { return };
        let mut chosen = match choice {
            Choice::Auto => json!({"type": "auto"}),
            Choice::Any => json!({"type": "any"}),
            Choice::None => json!({"type": "none"}),
            Choice::First => json!({"type": "tool", "name": "tool0"}),
        };
        if alone {
            chosen["disable_parallel_tool_use"] = true.into();
        }
        body["tool_choice"] = chosen;
    }
}

fn target(dialect: Dialect) -> Target<'static> {
    Target {
        dialect,
        vendor: "v",
        output_max: OUTPUT_MAX,
        reasons: true,
        samples: true,
        wants_reasoning: false,
        efforts: Efforts::Three,
        call_id_length: None,
    }
}

fn across(body: &Value, from: Dialect, to: Dialect) -> Translated {
    let fields: Vec<_> =
        body.as_object().unwrap().iter().map(|(name, value)| (name.clone(), value.to_string())).collect();
    translate(from, &target(to), fields.iter().map(|(name, raw)| (name.as_str(), raw.as_str()))).unwrap()
}

/// The body as it would go out: with the cap, which is kept apart.
fn body_of(translated: &Translated) -> Value {
    let fields = translated.fields.iter();
    let mut body: Map<String, Value> =
        fields.map(|(name, raw)| ((*name).to_owned(), serde_json::from_str(raw).unwrap())).collect();
    body.insert("max_tokens".to_owned(), translated.output_cap.into());
    body.into()
}

/// Short forms in full: a text alone as a list of one part, what is not streamed as such, a call's arguments as they are.
fn in_full(mut body: Value) -> Value {
    body["stream"] = (body["stream"] == true).into();
    for tool in body["tools"].as_array_mut().into_iter().flatten() {
        let tool = if tool["function"].is_object() { &mut tool["function"] } else { tool };
        // The default, content_of_stream aloud.
        tool.as_object_mut().unwrap().retain(|name, value| name != "strict" || value == true);
    }
    // Chat keeps nothing when it is told so, and messages keeps nothing anyway.
    body.as_object_mut().unwrap().remove("store");
    for message in body["messages"].as_array_mut().unwrap() {
        if let (Some(text), true) = (message["content"].as_str(), message["role"] != "tool") {
            message["content"] = json!([{"type": "text", "text": text}]);
        }
        for call in message["tool_calls"].as_array_mut().into_iter().flatten() {
            let arguments = call["function"]["arguments"].as_str().unwrap();
            call["function"]["arguments"] = serde_json::from_str(arguments).unwrap();
        }
    }
    body
}

/// There it is the same conversation as was meant, and back again the same as was sent.
fn check(talk: &Talk, from: Dialect, to: Dialect) {
    let content_of_stream = |dialect| {
        let body = if dialect == Dialect::OpenaiChat { talk.in_chat() } else { talk.in_messages() };
        let mut body = in_full(body);
        body["max_tokens"] = talk.cap.min(OUTPUT_MAX).into();
        body
    };
    let sent = if from == Dialect::OpenaiChat { talk.in_chat() } else { talk.in_messages() };
    let there = across(&sent, from, to);
    assert_eq!(there.dropped, Vec::<String>::new(), "{from} to {to}");
    let there = body_of(&there);
    assert_eq!(in_full(there.clone()), content_of_stream(to), "{from} to {to}");
    let back = across(&there, to, from);
    assert_eq!(back.dropped, Vec::<String>::new(), "{from} by way of {to}");
    assert_eq!(in_full(body_of(&back)), content_of_stream(from), "{from} by way of {to}");
}

/// Without what the other side cannot say.
fn sayable(mut talk: Talk, to: Dialect) -> Talk {
    let gemini = to == Dialect::GeminiGenerate;
    if to == Dialect::OpenaiResponses {
        talk.stop.clear();
    }
    let content_of_stream = talk.rounds.iter_mut().flat_map(|round| &mut round.answer).chain(&mut talk.opening);
    for content_of_stream in content_of_stream.filter(|_| gemini) {
        if let ResponseContent::Image(None, url) = content_of_stream {
            *content_of_stream = ResponseContent::Text(std::mem::take(url));
        }
    }
    // A description is demanded there.
    for tool in talk.tools.iter_mut().filter(|_| gemini) {
        tool.description.get_or_insert_default();
    }
    talk.choice = talk.choice.map(|(choice, alone)| (choice, alone && !gemini));
    talk
}

/// By way of another dialect it comes back as it was.
fn check_back(talk: Talk, to: Dialect) {
    let talk = sayable(talk, to);
    for from in [Dialect::OpenaiChat, Dialect::AnthropicMessages] {
        let sent = if from == Dialect::OpenaiChat { talk.in_chat() } else { talk.in_messages() };
        let there = across(&sent, from, to);
        assert_eq!(there.dropped, Vec::<String>::new(), "{from} to {to}");
        let fields: Map<String, Value> =
            there.fields.iter().map(|(name, raw)| ((*name).to_owned(), serde_json::from_str(raw).unwrap())).collect();
        let back = across(&fields.into(), to, from);
        assert_eq!(back.dropped, Vec::<String>::new(), "{from} by way of {to}");
        let mut came = body_of(&back);
        came["max_tokens"] = there.output_cap.into();
        let mut content_of_stream = sent;
        content_of_stream["max_tokens"] = talk.cap.min(OUTPUT_MAX).into();
        assert_eq!(in_full(came), in_full(content_of_stream), "{from} by way of {to}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_conversation_is_the_same_in_both_dialects_and_back(talk in talk()) {
        check(&talk, Dialect::OpenaiChat, Dialect::AnthropicMessages);
        check(&talk, Dialect::AnthropicMessages, Dialect::OpenaiChat);
    }

    #[test]
    fn a_conversation_comes_back_as_it_was_by_way_of_responses(talk in talk()) {
        check_back(talk, Dialect::OpenaiResponses);
    }

    #[test]
    fn a_conversation_comes_back_as_it_was_by_way_of_gemini(talk in talk()) {
        check_back(talk, Dialect::GeminiGenerate);
    }
}
