//! The examples of the page of the admin tool, run in their order on one data folder.

use crate::fixture::{Access, Fixture};

const PAGE: &str = include_str!("../../../../docs/admin.md");
/// What ids and keys begin with; the page shows the rest as `…`.
const PREFIXES: [&str; 12] = [
    "oc_pk_test_",
    "oc_sk_test_",
    "user_",
    "key_",
    "partner_",
    "entry_",
    "acct_",
    "head_",
    "oc_sk_",
    "oc_mk_",
    "oc_rk_",
    "oc_pk_",
];

/// A command and what the page says it prints.
struct Example {
    command: String,
    printed: String,
}

fn examples() -> Vec<Example> {
    let mut examples = Vec::new();
    for block in PAGE.split("```console\n").skip(1) {
        let (block, _) = block.split_once("```").unwrap();
        for example in format!("\n{block}").split("\n$ opencredits-admin ").skip(1) {
            let (command, printed) = example.split_once('\n').unwrap();
            examples.push(Example { command: command.to_owned(), printed: printed.to_owned() });
        }
    }
    examples
}

/// The words of a command line, as a shell would split it.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (at, part) in command.split('"').enumerate() {
        if at % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// Each line as its words, with ids, keys and times shortened as the page does; widths of columns do not count.
fn shortened(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| {
        let words = line.split_whitespace().map(shorten);
        words.collect::<Vec<_>>().join(" ")
    });
    lines.filter(|line| !line.is_empty()).collect()
}

fn shorten(word: &str) -> String {
    let bare = word.trim_start_matches('(');
    let opening = &word[..word.len() - bare.len()];
    let closing = if bare.ends_with(')') { ")" } else { "" };
    let prefix = PREFIXES.iter().find(|prefix| bare.starts_with(**prefix));
    let is_time = bare.len() == 20 && bare.ends_with('Z') && bare.contains('T');
    match prefix {
        Some(prefix) => format!("{opening}{prefix}…{closing}"),
        None if is_time || bare.starts_with('…') => format!("{opening}…{closing}"),
        None => word.to_owned(),
    }
}

/// The last id that was printed with the prefix of a shortened one.
fn in_full(word: String, seen: &str) -> String {
    let Some(prefix) = word.strip_suffix('…') else {
        return word;
    };
    let start = seen.rfind(prefix).unwrap();
    let id = seen[start..].split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    id.into_iter().next().unwrap().to_owned()
}

fn check(access: Access) {
    let fixture = Fixture::new(access);
    let mut seen = String::new();
    let examples = examples();
    assert!(examples.len() > 10);
    for Example { command, printed } in examples {
        let words: Vec<String> = words(&command).into_iter().map(|word| in_full(word, &seen)).collect();
        let output = fixture.run(&words.iter().map(String::as_str).collect::<Vec<_>>());
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(shortened(&text), shortened(&printed), "{command}");
        seen.push_str(&text);
    }
}

#[test]
fn the_examples_of_the_page_print_what_it_says_on_files() {
    check(Access::Files);
}

#[test]
fn the_examples_of_the_page_print_what_it_says_through_the_socket() {
    check(Access::Socket);
}
