//! Secrets do not stand in files, fixtures included.

use super::source::{Finding, Source};
use opencredits_keys::UserKey;

/// What a secret of a known kind looks like: a prefix, and how many letters, digits, `-` and `_` follow at least.
///
/// The prefixes are put together here so that this file does not find itself.
const SHAPES: [(&str, usize); 12] = [
    (concat!("sk", "-"), 24),
    (concat!("sk_li", "ve_"), 16),
    (concat!("rk_li", "ve_"), 16),
    (concat!("whs", "ec_"), 24),
    (concat!("AK", "IA"), 16),
    (concat!("AI", "za"), 35),
    (concat!("gh", "p_"), 36),
    (concat!("github_", "pat_"), 22),
    (concat!("xo", "xb-"), 20),
    (concat!("gs", "k_"), 32),
    (concat!("xa", "i-"), 32),
    (concat!("hf", "_"), 30),
];
const OUR_PREFIX: &str = "oc_sk_";
const PRIVATE_KEY: &str = concat!("PRIVATE ", "KEY-----");
const REMEDY: &str = "take it out of the file and of the history, and revoke it where it is real";
/// So many different characters has a secret at least; `sk-aaaaaaaa…` is none.
const DISTINCT_MIN: usize = 10;

pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        for (index, line) in source.text.lines().enumerate() {
            if let Some(what) = secret_in(line) {
                findings.push(source.finding(index + 1, what, REMEDY));
            }
        }
    }
    findings
}

/// Names what was found without repeating it.
fn secret_in(line: &str) -> Option<String> {
    if line.contains(PRIVATE_KEY) && line.contains("BEGIN ") {
        return Some("a private key".to_owned());
    }
    if words_with(line, OUR_PREFIX).any(|word| UserKey::parse(word).is_ok()) {
        return Some("a user key whose checksum is right".to_owned());
    }
    SHAPES.into_iter().find_map(|(prefix, length_min)| {
        let found = words_with(line, prefix).any(|word| {
            let rest = &word[prefix.len()..];
            rest.len() >= length_min && is_random(rest)
        });
        found.then(|| format!("something like a secret that begins with {prefix}"))
    })
}

/// The words of a line that begin with the prefix.
fn words_with<'a>(line: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'))
        .filter(move |word| word.starts_with(prefix))
}

/// Words in a row, as in `sk-this-is-no-real-key-at-all`, have no digits; made-up keys repeat themselves.
fn is_random(text: &str) -> bool {
    let mut distinct: Vec<char> = text.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    distinct.len() >= DISTINCT_MIN && text.contains(|c: char| c.is_ascii_digit())
}
