//! The progress of long commands, at a terminal and without one.

use crate::fixture::{Access, Fixture};
use std::process::{Command, Stdio};

/// Runs the tool at a terminal that `script` makes; what appears there, and what a file gets of its standard output.
fn at_a_terminal(fixture: &Fixture, arguments: &[&str]) -> String {
    let command = fixture.command(arguments);
    let quoted = |text: &std::ffi::OsStr| format!("'{}'", text.to_str().unwrap());
    let words: Vec<String> =
        std::iter::once(quoted(command.get_program())).chain(command.get_args().map(quoted)).collect();
    let mut terminal = Command::new("script");
    terminal.args(["-qec", &words.join(" "), "/dev/null"]).env_clear().env("TERM", "xterm").env("COLUMNS", "120");
    terminal.env("PATH", "/usr/bin:/bin").env("OPENCREDITS_PRIVACY_ADDRESS_KEYS", crate::fixture::ADDRESS_KEY);
    let output = terminal.stdin(Stdio::null()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_terminal_shows_how_far_the_gateway_is_and_a_program_is_shown_nothing() {
    let fixture = Fixture::new(Access::Socket);
    let seen = at_a_terminal(&fixture, &["job", "run", "slow"]);
    assert!(seen.contains("running the job"), "{seen}");
    assert!(seen.contains("working slowly, steps") && seen.contains(" 40% 80/200"), "{seen}");
    assert!(seen.contains("slow done in"), "{seen}");
    let plain = at_a_terminal(&fixture, &["--json", "job", "run", "slow"]);
    assert!(!plain.contains('%') && plain.contains("\"job_ran\""), "{plain}");
    let output = fixture.run(&["job", "run", "slow"]);
    assert!(output.stderr.is_empty() && output.status.success(), "{output:?}");
}

#[test]
fn a_command_on_the_files_is_shown_at_a_terminal_too_and_leaves_no_line_behind() {
    let fixture = Fixture::new(Access::Files);
    fixture.person("Ada", "12");
    let seen = at_a_terminal(&fixture, &["ledger", "verify"]);
    assert!(seen.contains("recomputing the ledger") && seen.contains("entries"), "{seen}");
    let last = seen.rsplit("\u{1b}[2K").next().unwrap();
    assert!(!last.contains("recomputing"), "the line is cleared: {seen:?}");
}
