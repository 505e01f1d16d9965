//! Real tokenizers, to compare estimates with.

use crate::outcome::Outcome;
use bpe::byte_pair_encoding::{BytePairEncoding, find_hash_factor_for_dictionary};
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;
use vocabularies::Tokenizer;

/// A tokenizer, with a name of a model whose family it stands for.
pub(super) struct Vocabulary {
    pub(super) name: &'static str,
    pub(super) model: &'static str,
    tokenizer: Kind,
}

enum Kind {
    BuiltIn(&'static Tokenizer),
    Read(Box<Tokenizer>),
}

/// How a byte-level vocabulary of the Hugging Face form cuts a text before it encodes.
const BYTE_LEVEL: [(&str, bool); 3] =
    [(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+$", false), (r"\s+\s", true), (r"\s+", false)];

impl Vocabulary {
    /// The vocabularies that are public.
    pub(super) fn public() -> Vec<Self> {
        vec![
            Self { name: "o200k", model: "gpt-5", tokenizer: Kind::BuiltIn(vocabularies::o200k_base()) },
            Self { name: "cl100k", model: "gpt-4-turbo", tokenizer: Kind::BuiltIn(vocabularies::cl100k_base()) },
        ]
    }

    /// A byte-level vocabulary from a `tokenizer.json`.
    pub(super) fn read(path: &Path) -> Outcome<Self> {
        let file: Value = serde_json::from_slice(&std::fs::read(path)?)?;
        let words = file["model"]["vocab"].as_object().ok_or("the file has no model.vocab")?;
        let bytes = bytes_of_letters();
        let mut tokens: Vec<(u64, Vec<u8>)> = words
            .iter()
            .filter_map(|(word, id)| {
                let token: Option<Vec<u8>> = word.chars().map(|c| bytes.get(&c).copied()).collect();
                Some((id.as_u64()?, token?))
            })
            .collect();
        // Special tokens come first, and are no text.
        let special = |word: &[u8]| word.starts_with(b"<") && word.ends_with(b">") && word.len() > 4;
        tokens.retain(|(_, word)| !special(word));
        tokens.sort_by_key(|(id, word)| (word.len() > 1, *id));
        let words: Vec<Vec<u8>> = tokens.into_iter().map(|(_, word)| word).collect();
        let factor = find_hash_factor_for_dictionary(words.iter().cloned());
        let bpe = BytePairEncoding::from_dictionary(words, Some(factor));
        let tokenizer = Tokenizer::new_lookahead(bpe, &BYTE_LEVEL, false)?;
        Ok(Self { name: "claude (2023)", model: "claude-2", tokenizer: Kind::Read(Box::new(tokenizer)) })
    }

    fn tokenizer(&self) -> &Tokenizer {
        match &self.tokenizer {
            Kind::BuiltIn(tokenizer) => tokenizer,
            Kind::Read(tokenizer) => tokenizer,
        }
    }

    pub(super) fn count(&self, text: &str) -> usize {
        self.tokenizer().count(text)
    }

    /// How many tokens begin within each character.
    pub(super) fn starts(&self, text: &str) -> Vec<u8> {
        let tokenizer = self.tokenizer();
        let mut begins = vec![false; text.len()];
        let mut at = 0;
        for token in tokenizer.encode(text) {
            begins[at] = true;
            at += tokenizer.bpe.token_len(token);
        }
        let count = |(at, c): (usize, char)| begins[at..at + c.len_utf8()].iter().map(|begins| u8::from(*begins)).sum();
        text.char_indices().map(count).collect()
    }

    /// The tokens that are text.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        let bpe = &self.tokenizer().bpe;
        (0..bpe.num_tokens()).filter_map(|id| std::str::from_utf8(bpe.token_bytes(u32::try_from(id).ok()?)).ok())
    }
}

/// The letters that such a file writes bytes with: printable ones stand for themselves, the others follow from U+0100 on.
fn bytes_of_letters() -> HashMap<char, u8> {
    let mut next = 0x100_u32;
    let mut letters = HashMap::new();
    for byte in 0..=u8::MAX {
        let printable = matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
        let letter = if printable { Some(char::from(byte)) } else { char::from_u32(next) };
        next += u32::from(!printable);
        letters.extend(letter.map(|letter| (letter, byte)));
    }
    letters
}
