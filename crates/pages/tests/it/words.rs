//! Every word that a template or a script names is there, and none is there for nothing.

use std::collections::BTreeSet;
use toml::{Table, Value};

const WORDS: &str = include_str!("../../words/en.toml");

/// The files of a folder of this crate with an ending, as one text.
fn sources(folder: &str, ending: &str) -> String {
    let path = format!("{}/{folder}", env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(path).unwrap().map(|file| file.unwrap().path());
    let files = files.filter(|path| path.to_string_lossy().ends_with(ending));
    files.map(|path| std::fs::read_to_string(path).unwrap() + "\n").collect()
}

/// The dotted names after a prefix such as `w.`; a name that is indexed by a value, or listed whole, ends in `[`.
fn named(source: &str, prefix: &str) -> BTreeSet<String> {
    let starts = source.match_indices(prefix).filter(|(at, _)| {
        let before = source[..*at].chars().next_back();
        before.is_none_or(|before| !before.is_alphanumeric() && !"_.\"'".contains(before))
    });
    let name = |(at, _): (usize, &str)| {
        let rest = &source[at + prefix.len()..];
        let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_' && letter != '.');
        let end = end.unwrap_or(rest.len());
        let is_table = ["[", "|items"].iter().any(|next| rest[end..].starts_with(next));
        let bracket = if is_table { "[" } else { "" };
        format!("{}{bracket}", rest[..end].trim_end_matches('.'))
    };
    starts.map(name).collect()
}

fn flat(prefix: &str, table: &Table, found: &mut BTreeSet<String>) {
    for (name, value) in table {
        let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(table) => flat(&name, table, found),
            _ => drop(found.insert(name)),
        }
    }
}

fn used() -> BTreeSet<String> {
    let mut used = named(&sources("templates", ""), "w.");
    let scripts = named(&sources("assets", ".js"), "words.");
    used.extend(scripts.into_iter().map(|name| format!("script.{name}")));
    used
}

#[test]
fn every_word_that_is_named_exists() {
    let mut there = BTreeSet::new();
    flat("", &WORDS.parse().unwrap(), &mut there);
    for name in used() {
        let exists = match name.strip_suffix('[') {
            Some(table) => there.iter().any(|word| word == table || word.starts_with(&format!("{table}."))),
            None => there.contains(&name) || there.iter().any(|word| name.starts_with(&format!("{word}."))),
        };
        assert!(exists, "a template or a script names the word {name}, which is not in words/en.toml");
    }
}

#[test]
fn every_word_is_used() {
    let (mut there, used) = (BTreeSet::new(), used());
    flat("", &WORDS.parse().unwrap(), &mut there);
    let tables: Vec<&str> = used.iter().filter_map(|name| name.strip_suffix('[')).collect();
    for word in there {
        let by_value = tables.iter().any(|table| word == **table || word.starts_with(&format!("{table}.")));
        assert!(by_value || used.contains(&word), "nothing uses the word {word} of words/en.toml; delete it");
    }
}

#[test]
fn the_checkout_has_a_phrase_for_each_that_its_scripts_name_and_no_other() {
    let sources = sources("assets", ".js") + &sources("templates", "");
    let words: Table = WORDS.parse().unwrap();
    let phrases = words["checkout"]["phrases"].as_table().unwrap();
    for phrase in phrases.keys() {
        let ways = [format!("\"{phrase}\""), format!("data-fill=\"{phrase}\"")];
        assert!(ways.iter().any(|way| sources.contains(way)), "nothing uses the phrase {phrase}; delete it");
    }
    for (at, _) in sources.match_indices("phrase(\"") {
        let name = sources[at..].split('"').nth(1).unwrap();
        assert!(phrases.contains_key(name), "a script names the phrase {name}, which is not in words/en.toml");
    }
}

#[test]
fn words_are_plain() {
    let mut there = BTreeSet::new();
    flat("", &WORDS.parse().unwrap(), &mut there);
    for line in WORDS.lines().filter(|line| line.contains(" = ")) {
        let text = line.to_lowercase();
        for bad in ["oops", "sorry", "!\"", "<a ", "please"] {
            assert!(!text.contains(bad), "{line}");
        }
    }
}
