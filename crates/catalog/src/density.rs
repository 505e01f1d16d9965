//! How much text makes a token, for output that a provider did not count.

use crate::model::Model;
use opencredits_units::Tokens;
use serde::Deserialize;
use std::sync::LazyLock;

const TEXT: &str = include_str!("../data/tokenizers.toml");
/// The figures are for so many tokens.
const TOKENS: u64 = 100;

/// The length of a token in a family of models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Density {
    /// Bytes of ASCII text for a hundred tokens.
    ascii_bytes: u64,
}

#[derive(Deserialize)]
struct File {
    family: Vec<Family>,
}

#[derive(Deserialize)]
struct Family {
    words: Vec<String>,
    ascii_bytes: u64,
}

static FAMILIES: LazyLock<Vec<Family>> =
    LazyLock::new(|| toml::from_str::<File>(TEXT).map(|file| file.family).unwrap_or_default());

impl Density {
    /// The density of a model, by its names.
    #[must_use]
    pub fn of(model: &Model) -> Self {
        Self::of_names(&[&model.route.upstream_model, &model.id])
    }

    /// The density of a model with these names.
    #[must_use]
    pub fn of_names(names: &[&str]) -> Self {
        let fits = |word: &String| {
            word.is_empty() || names.iter().any(|name| name.to_ascii_lowercase().contains(word.as_str()))
        };
        let family = FAMILIES.iter().find(|family| family.words.iter().any(fits));
        Self { ascii_bytes: family.map_or(4 * TOKENS, |family| family.ascii_bytes) }
    }

    /// The tokens of a text. A character beyond ASCII counts as one token: four bytes a token would undercount such
    /// scripts by half.
    ///
    /// ```
    /// use opencredits_catalog::Density;
    ///
    /// let density = Density::of_names(&["claude-sonnet-4-5"]);
    /// assert_eq!(density.tokens(900, 3).get(), 203);
    /// ```
    #[must_use]
    pub fn tokens(self, ascii_bytes: u64, wide_chars: u64) -> Tokens {
        let ascii = ascii_bytes.saturating_mul(TOKENS).div_ceil(self.ascii_bytes.max(1));
        Tokens::new(ascii.saturating_add(wide_chars))
    }
}
