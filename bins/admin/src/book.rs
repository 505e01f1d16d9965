//! The calls of this program in the book are those that it takes.

use crate::args::Arguments;
use clap::Parser as _;
use clap::error::ErrorKind;
use opencredits_ledger::ChainHead;
use opencredits_testkit::book::snippets;

const PROGRAM: &str = "opencredits-admin";
/// The letters of an id after its prefix.
const ID_LETTERS: usize = 26;

/// A word with an id that can be one, where the book shortens it to `…`.
fn in_full(word: &str, head: &str) -> String {
    match word.strip_suffix("_…") {
        Some("head") => head.to_owned(),
        Some(prefix) => format!("{prefix}_{}", "0".repeat(ID_LETTERS)),
        None => word.to_owned(),
    }
}

#[test]
fn every_call_in_the_book_is_one_that_the_program_takes() {
    let head = ChainHead { commit: 1, entries: 1, hash: [0; 32] }.to_string();
    let mut calls = 0;
    for snippet in snippets() {
        for call in snippet.calls(PROGRAM) {
            let words = std::iter::once(PROGRAM.to_owned()).chain(call.iter().map(|word| in_full(word, &head)));
            let refusal = Arguments::try_parse_from(words).err();
            let is_refusal = |kind| !matches!(kind, ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            let refusal = refusal.filter(|error| is_refusal(error.kind())).map(|error| error.to_string());
            assert_eq!(refusal, None, "{}: {call:?}", snippet.place());
            calls += 1;
        }
    }
    assert!(calls >= 60, "only {calls} calls were found");
}
