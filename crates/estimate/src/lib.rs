//! Estimates of the tokens of a text, in linear time and without a vocabulary.
//!
//! A tokenizer needs a vocabulary of megabytes and the text at hand. A gateway has neither for most models, and a text passes
//! it once. This crate counts while the text passes: for every character, a table says how many tokens begin at it on
//! average, by the characters before it. The tables are made from texts and a public vocabulary
//! (`cargo xtask estimate --fit`); families of models differ from it by factors for each kind of character.
//!
//! Some vocabularies are public. With the feature `exact` a [`Vocabulary`] counts a text as its models do, for where an
//! estimate is too coarse.

mod class;
mod context;
mod family;
#[cfg(feature = "fit")]
pub mod fit;
mod slot;
mod tables;
mod text;
mod vocabulary;

pub use class::{Class, Counted};
pub use family::{Family, Frame, MARGIN};
pub use text::TextAmount;
pub use vocabulary::Vocabulary;
