//! Reads answers of `openai-chat`, whole and streamed.

use crate::conversation::Text;
use crate::lenient;
use crate::step::{Reason, Step, Stop};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Answer<'a> {
    #[serde(borrow, default)]
    id: Option<Text<'a>>,
    #[serde(borrow, default)]
    model: Option<Text<'a>>,
    #[serde(borrow, default)]
    choices: Vec<Choice<'a>>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    #[serde(borrow, default)]
    message: Option<Delta<'a>>,
    #[serde(borrow, default)]
    finish_reason: Option<Text<'a>>,
    #[serde(default)]
    index: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Delta<'a> {
    #[serde(borrow)]
    content: Option<Content<'a>>,
    #[serde(borrow)]
    refusal: Option<Text<'a>>,
    #[serde(borrow)]
    reasoning_content: Option<Text<'a>>,
    #[serde(borrow)]
    reasoning: Option<Text<'a>>,
    #[serde(borrow)]
    reasoning_details: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_calls: Option<Vec<ToolCall<'a>>>,
    /// The only call, as the API had it before tools.
    #[serde(borrow)]
    function_call: Option<Function<'a>>,
}

/// A piece of reasoning in the form of some hosts, which take it back unchanged.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Detail<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    summary: Option<Text<'a>>,
    #[serde(borrow)]
    signature: Option<Text<'a>>,
    #[serde(borrow)]
    data: Option<Text<'a>>,
}

impl Detail<'_> {
    fn text(&self) -> &str {
        let text = self.text.as_deref().filter(|text| !text.is_empty());
        text.or(self.summary.as_deref()).unwrap_or_default()
    }
}

impl Delta<'_> {
    /// Emits reasoning: from the details where they are complete, else from the text and its seal.
    fn think(&mut self, each: &mut dyn FnMut(Step<'_>)) {
        let shown = some(self.reasoning_content.take()).or(some(self.reasoning.take()));
        // Details of an unknown form belong to another host.
        let raws = self.reasoning_details.take().and_then(|raw| serde_json::from_str::<Vec<&RawValue>>(raw.get()).ok());
        let raws = raws.iter().flatten().map(|raw| raw.get());
        let details: Vec<(&str, Detail<'_>)> =
            raws.map(|raw| (raw, serde_json::from_str(raw).unwrap_or_default())).collect();
        let length: usize = details.iter().map(|(_, detail)| detail.text().len()).sum();
        let in_details = length > 0 && length >= shown.as_ref().map_or(0, |text| text.len());
        if let Some(text) = shown.filter(|_| !in_details) {
            each(Step::Reasoning(text.0));
        }
        for (raw, detail) in details {
            if in_details && !detail.text().is_empty() {
                each(Step::Reasoning(detail.text().into()));
            }
            if some(detail.signature).is_some() {
                each(Step::Signature(raw.into()));
                each(Step::PartEnd);
            } else if some(detail.data).is_some() {
                each(Step::PartEnd);
                each(Step::Redacted(raw.into()));
            }
        }
    }
}

/// Some hosts give reasoning and text as parts.
#[derive(Deserialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(#[serde(borrow)] Text<'a>),
    Parts(#[serde(borrow)] Vec<ContentPart<'a>>),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ContentPart<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
    /// Boxed, since parts are within parts here.
    #[serde(borrow)]
    thinking: Option<Box<Content<'a>>>,
}

impl<'a> Content<'a> {
    fn parts(self) -> Vec<ContentPart<'a>> {
        match self {
            Self::Text(text) => vec![ContentPart { text: Some(text), thinking: None }],
            Self::Parts(parts) => parts,
        }
    }

    fn say(self, each: &mut dyn FnMut(Step<'_>)) {
        for part in self.parts() {
            let thoughts = part.thinking.into_iter().flat_map(|thinking| thinking.parts());
            for text in thoughts.filter_map(|part| some(part.text)) {
                each(Step::Reasoning(text.0));
            }
            if let Some(text) = some(part.text) {
                each(Step::Text(text.0));
            }
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ToolCall<'a> {
    index: Option<u64>,
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    function: Function<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Function<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    arguments: Option<Text<'a>>,
}

/// Assigns a delta to its call. A call without an id gets one that no other answer has.
#[derive(Default)]
pub(crate) struct Reader {
    /// The answer's id, once known.
    id: Option<String>,
    calls: Vec<KnownCall>,
    /// The latest call of each index upstream.
    by_index: HashMap<u64, usize>,
    /// The calls of an index and an id: some hosts give several calls the same index.
    by_id: HashMap<(u64, String), usize>,
    /// The index of the last call.
    last_index: u64,
}

/// A call whose start was read.
struct KnownCall {
    name: String,
    has_arguments: bool,
}

impl Reader {
    /// Reads a whole answer.
    pub(crate) fn whole(&mut self, body: &[u8], each: &mut dyn FnMut(Step<'_>)) {
        self.read(body, Form::Whole, each);
    }

    /// Reads one chunk of a stream.
    pub(crate) fn event(&mut self, data: &[u8], each: &mut dyn FnMut(Step<'_>)) {
        self.read(data, Form::Chunk, each);
    }

    fn read(&mut self, data: &[u8], form: Form, each: &mut dyn FnMut(Step<'_>)) {
        let mut spare = Vec::new();
        let Some(answer) = lenient::read::<Answer<'_>>(data, &mut spare) else {
            return;
        };
        if self.id.is_none() {
            let id = answer.id.unwrap_or_default().0;
            self.id = Some(id.clone().into_owned());
            each(Step::Start { id, model: answer.model.unwrap_or_default().0 });
        }
        for mut choice in answer.choices.into_iter().filter(|choice| choice.index == 0) {
            let delta = match form {
                Form::Whole => choice.message.take(),
                Form::Chunk => choice.delta.take(),
            };
            self.delta(delta.unwrap_or_default(), form, each);
            if let Some(native) = choice.finish_reason.filter(|native| !native.is_empty()) {
                let native = native.0.into_owned();
                each(Step::Stop(Stop { reason: self.reason(&native), native, sequence: None }));
            }
        }
    }

    fn delta(&mut self, mut delta: Delta<'_>, form: Form, each: &mut dyn FnMut(Step<'_>)) {
        delta.think(each);
        if let Some(content) = delta.content {
            content.say(each);
        }
        if let Some(text) = some(delta.refusal) {
            each(Step::Refusal(text.0));
        }
        let calls = delta.tool_calls.unwrap_or_default();
        // Some hosts give the same call in both forms.
        let only = delta.function_call.filter(|_| calls.is_empty());
        let only = only.map(|function| ToolCall { index: Some(0), id: None, function });
        for call in calls.into_iter().chain(only) {
            let number = self.call(&call, form, each);
            if let Some(json) = some(call.function.arguments) {
                self.calls.get_mut(number).into_iter().for_each(|known| known.has_arguments = true);
                each(Step::Arguments { index: count(number), json: json.0 });
            }
        }
    }

    /// The number of the call that a delta belongs to; emits the start of a new call, or more of its name.
    fn call(&mut self, call: &ToolCall<'_>, form: Form, each: &mut dyn FnMut(Step<'_>)) -> usize {
        let id = call.id.as_deref().unwrap_or_default();
        let name = call.function.name.as_deref().unwrap_or_default();
        let known = if form == Form::Whole { None } else { self.continued(call.index, id, name) };
        let number = known.unwrap_or(self.calls.len());
        let index = call.index.or(known.map(|_| self.last_index)).unwrap_or(count(number));
        match self.calls.get_mut(number) {
            Some(known) if name.is_empty() || known.name == name => {}
            Some(known) => {
                known.name.push_str(name);
                each(Step::Call { index: count(number), id: Cow::Borrowed(id), name: Cow::Borrowed(name) });
            }
            None => {
                self.calls.push(KnownCall { name: name.to_owned(), has_arguments: false });
                let answer = self.id.as_deref().unwrap_or_default();
                let id = if id.is_empty() { format!("call_{answer}_{number}") } else { id.to_owned() };
                each(Step::Call { index: count(number), id: Cow::Owned(id), name: Cow::Borrowed(name) });
            }
        }
        self.last_index = index;
        self.by_index.insert(index, number);
        if !id.is_empty() {
            self.by_id.insert((index, id.to_owned()), number);
        }
        number
    }

    /// The call that a delta goes on with. Another name begins another call, unless the name is still being written; another
    /// id without a name does not.
    fn continued(&self, index: Option<u64>, id: &str, name: &str) -> Option<usize> {
        let at = match index {
            Some(index) => index,
            None if name.is_empty() => self.last_index,
            None => return None,
        };
        let latest = *self.by_index.get(&at)?;
        let by_id = if id.is_empty() { None } else { self.by_id.get(&(at, id.to_owned())).copied() };
        let number = by_id.unwrap_or(latest);
        let known = self.calls.get(number)?;
        let is_other_name = !name.is_empty() && !known.name.is_empty() && known.name != name;
        let is_other_id = !id.is_empty() && !name.is_empty() && by_id.is_none() && !known.name.is_empty();
        (!(is_other_id || is_other_name && known.has_arguments)).then_some(number)
    }

    fn reason(&self, native: &str) -> Reason {
        match native.to_ascii_lowercase().as_str() {
            "length" | "max_tokens" | "max_output_tokens" | "model_length" | "model_context_window_exceeded" => {
                Reason::Length
            }
            "content_filter" | "safety" | "sensitive" | "recitation" | "blocked" | "prohibited_content" => {
                Reason::Filter
            }
            "error" | "network_error" | "insufficient_system_resource" => Reason::Failed,
            "tool_calls" | "function_call" => Reason::Calls,
            // Some hosts report "stop" after calls, too.
            _ if !self.calls.is_empty() => Reason::Calls,
            _ => Reason::End,
        }
    }
}

/// Where an answer has its content.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Whole,
    Chunk,
}

fn some(text: Option<Text<'_>>) -> Option<Text<'_>> {
    text.filter(|text| !text.is_empty())
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
