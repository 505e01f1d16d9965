//! What is told at the terminal.

#[expect(clippy::print_stdout, reason = "it speaks to the person who called it")]
pub(super) fn say(words: &str) {
    print!("{words}");
}
