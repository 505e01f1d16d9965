//! No vendor's name in Rust: vendors are data.
//!
//! Looked at are identifiers and literals, macros included; not comments, which explain dialects that are named
//! after vendors, and not tests, which name the vendors of their recordings. What names a dialect, its types, its
//! modules and its headers, is allowed.

use super::source::{Finding, Source};
use proc_macro2::{TokenStream, TokenTree};
use std::collections::BTreeSet;
use syn::visit::{self, Visit};

/// Where the vendors are; the names of the files are those of the vendors.
const VENDORS: &str = "crates/providers/vendors/";
/// Vendors that have no file yet, and other names of those that have one.
const OTHERS: [&str; 14] = [
    "alibaba",
    "anthropic",
    "azure",
    "bedrock",
    "cohere",
    "deepseek",
    "google",
    "groq",
    "mistral",
    "moonshot",
    "open-ai",
    "openai",
    "openrouter",
    "xai",
];
/// Names of vendors' files that are plain words.
const WORDS: [&str; 3] = ["local", "together", "venice"];
/// How the names of our own vendors begin, which answer without leaving the process.
const OURS: &str = "sandbox";
/// Dialects, and the headers that are a part of one.
const DIALECTS: [&str; 10] = [
    "openai-chat",
    "openai-embeddings",
    "openai-responses",
    "anthropic-messages",
    "anthropic-version",
    "anthropic-beta",
    "gemini-generate",
    "bedrock-converse",
    "cohere-chat",
    "openai-compatible",
];
/// A shorter name is looked for as a word of its own only.
const SUBSTRING_MIN: usize = 6;

const REMEDY: &str = "put what differs in the vendor's file; Rust knows dialects and quirks";

pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let names = names(sources);
    let rust = sources.iter().filter(|source| source.is_rust() && !source.is_for_tests() && !is_this(source));
    rust.flat_map(|source| check_file(source, &names)).collect()
}

/// This file has to name what it looks for.
fn is_this(source: &Source) -> bool {
    source.path == "xtask/src/tidy/vendors.rs"
}

fn names(sources: &[Source]) -> BTreeSet<String> {
    let files = sources.iter().filter_map(|source| {
        let name = source.path.strip_prefix(VENDORS)?.strip_suffix(".toml")?;
        Some(normal(name))
    });
    let all = files.chain(OTHERS.into_iter().map(str::to_owned));
    all.filter(|name| !WORDS.contains(&name.as_str()) && !name.starts_with(OURS)).collect()
}

fn check_file(source: &Source, names: &BTreeSet<String>) -> Vec<Finding> {
    // What does not parse is found by another rule.
    let Ok(file) = syn::parse_file(&source.text) else {
        return Vec::new();
    };
    let mut search = Search { names, found: BTreeSet::new() };
    search.visit_file(&file);
    let found = search.found.into_iter();
    found.map(|(line, name)| source.finding(line, format!("the vendor's name {name}"), REMEDY)).collect()
}

struct Search<'a> {
    names: &'a BTreeSet<String>,
    found: BTreeSet<(usize, String)>,
}

impl Search<'_> {
    fn text(&mut self, text: &str, span: proc_macro2::Span) {
        if let Some(name) = vendor_in(text, self.names) {
            self.found.insert((span.start().line, name.to_owned()));
        }
    }

    fn tokens(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(ident) => self.text(&ident.to_string(), ident.span()),
                TokenTree::Literal(literal) => self.text(&literal.to_string(), literal.span()),
                TokenTree::Punct(_) => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Search<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes = match item {
            syn::Item::Mod(item) => &item.attrs,
            syn::Item::Fn(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            syn::Item::Use(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !attributes.iter().any(is_for_tests) {
            visit::visit_item(self, item);
        }
    }

    fn visit_ident(&mut self, ident: &'ast proc_macro2::Ident) {
        self.text(&ident.to_string(), ident.span());
    }

    fn visit_lit_str(&mut self, literal: &'ast syn::LitStr) {
        self.text(&literal.value(), literal.span());
    }

    fn visit_lit_byte_str(&mut self, literal: &'ast syn::LitByteStr) {
        self.text(&String::from_utf8_lossy(&literal.value()), literal.span());
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.tokens(call.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone());
        }
    }
}

/// `#[test]`, and `#[cfg(test)]` with or without more inside.
fn is_for_tests(attribute: &syn::Attribute) -> bool {
    let has_test = |list: &syn::MetaList| {
        let mut tokens = list.tokens.clone().into_iter();
        tokens.any(|token| token.to_string() == "test")
    };
    attribute.path().is_ident("test")
        || (attribute.path().is_ident("cfg") && attribute.meta.require_list().is_ok_and(has_test))
}

fn vendor_in<'a>(text: &str, names: &'a BTreeSet<String>) -> Option<&'a str> {
    let mut text = format!("-{}-", normal(text));
    for dialect in DIALECTS {
        text = text.replace(dialect, "");
    }
    let found = names
        .iter()
        .find(|name| text.contains(&format!("-{name}-")) || (name.len() >= SUBSTRING_MIN && text.contains(*name)));
    found.map(String::as_str)
}

/// Lower case, in words joined by `-`, whichever way they were joined.
fn normal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut before = ' ';
    for c in text.chars() {
        if c.is_uppercase() && before.is_lowercase() {
            out.push('-');
        }
        out.extend(if c.is_alphanumeric() { c } else { '-' }.to_lowercase());
        before = c;
    }
    out
}
