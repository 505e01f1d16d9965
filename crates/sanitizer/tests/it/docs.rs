//! The page on privacy lists what the policies say.

use opencredits_sanitizer::{Api, Headers, Policy};
use toml::{Table, Value};

const PAGE: &str = include_str!("../../../../docs/privacy.md");
const POLICIES: [(&str, Api, &str); 5] = [
    ("openai-chat", Api::OpenaiChat, include_str!("../../data/openai-chat.toml")),
    ("anthropic-messages", Api::AnthropicMessages, include_str!("../../data/anthropic-messages.toml")),
    ("openai-responses", Api::OpenaiResponses, include_str!("../../data/openai-responses.toml")),
    ("openai-embeddings", Api::OpenaiEmbeddings, include_str!("../../data/openai-embeddings.toml")),
    ("gemini-generate", Api::GeminiGenerate, include_str!("../../data/gemini-generate.toml")),
];

/// What stands between backticks.
fn quoted(text: &'static str) -> Vec<&'static str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The names in the row that begins like this, below the table's head.
fn row(head: &str, start: &str) -> Vec<&'static str> {
    let (_, table) = PAGE.split_once(head).unwrap();
    let row = table.lines().find_map(|line| line.strip_prefix(start));
    quoted(row.unwrap())
}

/// The names of a list, or of a table's members, in their order.
fn names(value: &Value) -> Vec<&str> {
    match value.as_array() {
        Some(list) => list.iter().map(|name| name.as_str().unwrap()).collect(),
        None => value.as_table().unwrap().keys().map(String::as_str).collect(),
    }
}

#[test]
fn the_fields_on_the_page_are_those_of_the_policies() {
    for (name, api, data) in POLICIES {
        let data: Table = data.parse().unwrap();
        let rules = [
            ("go on", "keep"),
            ("dropped", "drop"),
            ("hashed", "hash"),
            ("read here", "ours"),
            ("set", "force"),
            ("refused", "refuse"),
        ];
        for (shown, rule) in rules {
            let mut expected = names(&data[rule]);
            expected.sort_unstable();
            assert_eq!(row(&format!("| `{name}` | fields |"), &format!("| {shown} |")), expected, "{name}: {shown}");
        }
        let mut kept: Vec<String> = Policy::builtin(api).unwrap().kept().map(str::to_owned).collect();
        kept.sort_unstable();
        assert_eq!(row(&format!("| `{name}` | fields |"), "| go on |"), kept);
    }
}

#[test]
fn the_headers_on_the_page_are_those_of_the_lists() {
    let lists = Headers::builtin().unwrap();
    for (name, api, _) in POLICIES {
        assert_eq!(row("client headers that pass |", &format!("| `{name}` |")), lists.request(api), "{name}");
    }
    let data: Table = include_str!("../../data/headers.toml").parse().unwrap();
    let told = names(&data["beta"]["drop"]).into_iter().chain(names(&data["response"]["keep"]));
    for name in told {
        assert!(PAGE.contains(&format!("`{name}`")), "{name} is not on the page");
    }
}
