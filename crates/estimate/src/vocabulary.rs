//! Exact counts, by the vocabularies that are public.

/// A public vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vocabulary {
    /// `o200k_base` of <https://github.com/openai/tiktoken>.
    O200k,
    /// `cl100k_base`, from the same place.
    Cl100k,
}

impl Vocabulary {
    /// The vocabulary that is called so in `families.toml`, where it is public.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "o200k" => Some(Self::O200k),
            "cl100k" => Some(Self::Cl100k),
            _ => None,
        }
    }

    /// Counts the tokens of a text, in linear time. The first count reads the vocabulary, which takes some 65 ms and 70 MB.
    /// `None` without the feature `exact`.
    #[cfg(feature = "exact")]
    #[must_use]
    pub fn count(self, text: &str) -> Option<u64> {
        let tokenizer = match self {
            Self::O200k => vocabularies::o200k_base(),
            Self::Cl100k => vocabularies::cl100k_base(),
        };
        u64::try_from(tokenizer.count(text)).ok()
    }

    /// Counts nothing: the feature `exact` is off.
    #[cfg(not(feature = "exact"))]
    #[must_use]
    pub fn count(self, _text: &str) -> Option<u64> {
        None
    }
}

#[cfg(all(test, feature = "exact"))]
mod tests {
    use super::Vocabulary;

    #[test]
    fn a_text_has_the_tokens_that_its_vocabulary_gives_it() {
        // The figures of the tokenizer's publisher, <https://github.com/openai/openai-cookbook>, "How to count tokens".
        assert_eq!(Vocabulary::Cl100k.count("tiktoken is great!"), Some(6));
        assert_eq!(Vocabulary::O200k.count("2 + 2 = 4"), Some(7));
        assert_eq!(Vocabulary::O200k.count(""), Some(0));
    }
}
