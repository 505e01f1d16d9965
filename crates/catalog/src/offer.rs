//! What an operator offers of a catalogue, and at which markup.

use crate::error::CatalogError;
use crate::model::Model;
use globset::{GlobBuilder, GlobMatcher};
use opencredits_units::BasisPoints;
use std::sync::Arc;

/// A pattern of model ids, in any case: `*` stands for any letters, `?` for one, `{a,b}` for either.
#[derive(Debug, Clone)]
pub struct ModelPattern(GlobMatcher);

impl ModelPattern {
    /// Parses a pattern, such as `openai/*`.
    ///
    /// # Errors
    /// When it cannot be parsed; the error names it.
    pub fn parse(pattern: &str) -> Result<Self, CatalogError> {
        let glob = GlobBuilder::new(pattern).case_insensitive(true).build();
        let wrong = |error: globset::Error| CatalogError::Pattern {
            pattern: pattern.to_owned(),
            problem: error.kind().clone(),
        };
        Ok(Self(glob.map_err(wrong)?.compile_matcher()))
    }

    /// Whether it stands for a model.
    #[must_use]
    pub fn matches(&self, id: &str) -> bool {
        self.0.is_match(id)
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.glob().glob()
    }
}

/// What an operator offers, and at which markup.
#[derive(Debug, Clone, Default)]
pub struct OfferTerms {
    allow: Vec<ModelPattern>,
    deny: Vec<ModelPattern>,
    markups: Vec<(Vec<ModelPattern>, BasisPoints)>,
}

impl OfferTerms {
    /// Offers the models of `allow`, or all where it is empty, without those of `deny`.
    ///
    /// # Errors
    /// When a pattern cannot be parsed; the error names it.
    pub fn new(allow: &[String], deny: &[String]) -> Result<Self, CatalogError> {
        Ok(Self { allow: parse_all(allow)?, deny: parse_all(deny)?, markups: Vec::new() })
    }

    /// The same with a markup on some models. The first markup that stands for a model holds.
    ///
    /// # Errors
    /// When a pattern cannot be parsed; the error names it.
    pub fn with_markup(mut self, models: &[String], markup: BasisPoints) -> Result<Self, CatalogError> {
        self.markups.push((parse_all(models)?, markup));
        Ok(self)
    }

    /// Whether a model is offered.
    #[must_use]
    pub fn offers(&self, id: &str) -> bool {
        let is_in = |patterns: &[ModelPattern]| patterns.iter().any(|pattern| pattern.matches(id));
        (self.allow.is_empty() || is_in(&self.allow)) && !is_in(&self.deny)
    }

    /// The markup on a model, where it has one of its own.
    #[must_use]
    pub fn markup_of(&self, id: &str) -> Option<BasisPoints> {
        let of = |(models, _): &&(Vec<ModelPattern>, BasisPoints)| models.iter().any(|model| model.matches(id));
        self.markups.iter().find(of).map(|(_, markup)| *markup)
    }

    /// The patterns that stand for none of these models.
    pub fn unmatched<'a>(&'a self, models: &'a [Arc<Model>]) -> impl Iterator<Item = &'a str> {
        let of_markups = self.markups.iter().flat_map(|(models, _)| models);
        let all = self.allow.iter().chain(&self.deny).chain(of_markups);
        let is_matched = |pattern: &&ModelPattern| !models.iter().any(|model| pattern.matches(&model.id));
        all.filter(is_matched).map(ModelPattern::text)
    }
}

fn parse_all(patterns: &[String]) -> Result<Vec<ModelPattern>, CatalogError> {
    patterns.iter().map(|pattern| ModelPattern::parse(pattern)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(allow: &[&str], deny: &[&str], offered: &[&str], not: &[&str]) {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let terms = OfferTerms::new(&owned(allow), &owned(deny)).unwrap();
        offered.iter().for_each(|id| assert!(terms.offers(id), "{id} {allow:?} {deny:?}"));
        not.iter().for_each(|id| assert!(!terms.offers(id), "{id} {allow:?} {deny:?}"));
    }

    #[test]
    fn a_model_is_offered_where_the_one_list_has_it_and_the_other_does_not() {
        check(&[], &[], &["a/b", "c/d"], &[]);
        check(&["a/*"], &[], &["a/b", "a/b/c"], &["c/d", "aa/b"]);
        check(&["A/*", "c/d"], &["*-mini"], &["a/b", "c/d"], &["a/b-mini", "c/e"]);
        check(&[], &["*"], &[], &["a/b"]);
        check(&["a/{b,c}-?"], &[], &["a/b-1", "a/c-2"], &["a/b-10", "a/d-1"]);
        check(&["a/b.1"], &[], &["a/b.1"], &["a/bx1"]);
    }

    #[test]
    fn a_pattern_that_cannot_be_parsed_is_named() {
        let error = OfferTerms::new(&[], &["a/[b".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("a/[b"), "{error}");
    }
}
