//! Tests of the pages: every template in every state, the words, the assets.

mod assets;
mod samples;
mod words;
