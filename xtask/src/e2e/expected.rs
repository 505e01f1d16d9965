//! What a client must see of a recorded answer: its text and its tools, read without any of the gateway's code.

use serde::Serialize;
use serde_json::Value;

/// What comes through a dialect's SDK.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Expected {
    /// All text, `None` where a whole chat answer has `null`.
    pub(super) text: Option<String>,
    /// The names of the tools called, in order.
    pub(super) tools: Vec<String>,
}

impl Expected {
    /// Reads a body of either dialect, whole or streamed.
    pub(super) fn read(body: &str) -> Self {
        let mut expected = Self::default();
        if let Ok(whole) = serde_json::from_str::<Value>(body) {
            expected.whole(&whole);
            return expected;
        }
        for line in body.lines() {
            let data = line.strip_prefix("data:").map(str::trim);
            if let Some(Ok(event)) = data.map(serde_json::from_str::<Value>) {
                expected.event(&event);
            }
        }
        expected
    }

    fn whole(&mut self, answer: &Value) {
        let message = &answer["choices"][0]["message"];
        self.add_text(&message["content"]);
        for call in list(&message["tool_calls"]) {
            self.add_tool(&call["function"]["name"]);
        }
        for block in list(&answer["content"]) {
            self.block(block);
        }
        for item in list(&answer["output"]) {
            self.item(item);
            list(&item["content"]).iter().for_each(|piece| self.add_text(&piece["text"]));
        }
        self.parts(answer);
    }

    /// A whole answer, and an event of a stream, that has candidates with parts.
    fn parts(&mut self, answer: &Value) {
        for part in list(&answer["candidates"][0]["content"]["parts"]) {
            if part["thought"] != true {
                self.add_text(&part["text"]);
            }
            self.add_tool(&part["functionCall"]["name"]);
        }
    }

    fn item(&mut self, item: &Value) {
        if item["type"] == "function_call" {
            self.add_tool(&item["name"]);
        }
    }

    fn event(&mut self, event: &Value) {
        let delta = &event["choices"][0]["delta"];
        self.add_text(&delta["content"]);
        for call in list(&delta["tool_calls"]) {
            self.add_tool(&call["function"]["name"]);
        }
        self.block(&event["content_block"]);
        if event["delta"]["type"] == "text_delta" {
            self.add_text(&event["delta"]["text"]);
        }
        match event["type"].as_str() {
            Some("response.output_text.delta") => self.add_text(&event["delta"]),
            Some("response.output_item.added") => self.item(&event["item"]),
            _ => self.parts(event),
        }
    }

    fn block(&mut self, block: &Value) {
        match block["type"].as_str() {
            Some("text") => self.add_text(&block["text"]),
            Some("tool_use") => self.add_tool(&block["name"]),
            _ => {}
        }
    }

    fn add_text(&mut self, text: &Value) {
        if let Some(text) = text.as_str() {
            self.text.get_or_insert_default().push_str(text);
        }
    }

    fn add_tool(&mut self, name: &Value) {
        self.tools.extend(name.as_str().map(str::to_owned));
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, text: Option<&str>, tools: &[&str]) {
        let expected =
            Expected { text: text.map(str::to_owned), tools: tools.iter().map(|name| (*name).to_owned()).collect() };
        assert_eq!(Expected::read(body), expected);
    }

    #[test]
    fn text_and_tools_are_read_from_each_form() {
        let calls = r#""tool_calls":[{"index":0,"function":{"name":"f","arguments":""}}]"#;
        check(&format!(r#"{{"choices":[{{"message":{{"content":null,{calls}}}}}]}}"#), None, &["f"]);
        check(
            &format!(
                "data: {{\"choices\":[{{\"delta\":{{\"content\":\"a\",{calls}}}}}]}}\n\ndata: {{\"choices\":[{{\"delta\":{{\"content\":\"b\"}}}}]}}\n\ndata: [DONE]\n\n"
            ),
            Some("ab"),
            &["f"],
        );
        check(
            r#"{"output":[{"type":"message","content":[{"text":"a"}]},{"type":"function_call","name":"f"}]}"#,
            Some("a"),
            &["f"],
        );
        check(
            r#"{"candidates":[{"content":{"parts":[{"text":"t","thought":true},{"text":"a"},{"functionCall":{"name":"f"}}]}}]}"#,
            Some("a"),
            &["f"],
        );
        check(r#"{"content":[{"type":"text","text":"a"},{"type":"tool_use","name":"f"}]}"#, Some("a"), &["f"]);
        check(
            "event: x\ndata: {\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\nevent: y\ndata: {\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n\n",
            Some("a"),
            &[],
        );
    }
}
