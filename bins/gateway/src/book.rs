//! The calls of this program in the book are those that it takes.

use crate::Arguments;
use clap::Parser as _;
use opencredits_testkit::book::snippets;

const PROGRAM: &str = "opencredits-gateway";

#[test]
fn every_call_in_the_book_is_one_that_the_program_takes() {
    let mut calls = 0;
    for snippet in snippets() {
        for call in snippet.calls(PROGRAM) {
            let words = std::iter::once(PROGRAM).chain(call.iter().map(String::as_str));
            let refusal = Arguments::try_parse_from(words).err().map(|error| error.to_string());
            assert_eq!(refusal, None, "{}: {call:?}", snippet.place());
            calls += 1;
        }
    }
    assert!(calls >= 3, "only {calls} calls were found");
}
