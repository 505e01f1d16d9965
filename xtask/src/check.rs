//! `cargo xtask check`: everything that must hold before a change is taken.

use crate::outcome::Outcome;
use crate::{book, tidy, workspace};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What to leave out.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Leave out the tests, where they have just run
    #[arg(long)]
    skip_tests: bool,
}

/// One thing to check.
struct Step {
    name: &'static str,
    run: Run,
}

enum Run {
    /// A cargo command, and warnings of rustdoc refused.
    Cargo(&'static [&'static str]),
    /// A cargo subcommand that may not be installed.
    Extra(&'static [&'static str]),
    /// Our own rules.
    Ours(fn() -> Outcome),
}

const STEPS: [Step; 9] = [
    Step { name: "fmt", run: Run::Cargo(&["fmt", "--all", "--check"]) },
    Step { name: "tidy", run: Run::Ours(tidy::run) },
    Step { name: "book", run: Run::Ours(book::check) },
    Step {
        name: "clippy",
        run: Run::Cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]),
    },
    // The fuzz targets are a workspace of their own.
    Step { name: "fuzz", run: Run::Cargo(&["check", "--manifest-path", "fuzz/Cargo.toml", "--quiet"]) },
    Step { name: TESTS, run: Run::Cargo(&["test", "--workspace", "--quiet"]) },
    Step { name: "doc", run: Run::Cargo(&["doc", "--workspace", "--no-deps", "--quiet"]) },
    Step { name: "deny", run: Run::Extra(&["deny", "check", "bans", "licenses", "sources"]) },
    Step { name: "machete", run: Run::Extra(&["machete"]) },
];
const TESTS: &str = "test";

/// How a step ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Passed,
    Failed,
    Skipped(&'static str),
}

/// Runs every step, also after one has failed, and prints how each ended.
pub(crate) fn run(args: &Args) -> Outcome {
    let mut rows = Vec::new();
    for step in &STEPS {
        let start = Instant::now();
        let end = if args.skip_tests && step.name == TESTS { End::Skipped("as asked") } else { step.run.run()? };
        rows.push((step.name, end, start.elapsed()));
    }
    println!("\n{}", table(&rows));
    let failed = rows.iter().filter(|(_, end, _)| *end == End::Failed);
    match failed.count() {
        0 => Ok(()),
        count => Err(format!("{count} of {} checks failed", rows.len()).into()),
    }
}

impl Run {
    fn run(&self) -> Outcome<End> {
        let passed = match self {
            Self::Ours(rules) => match rules() {
                Ok(()) => true,
                Err(error) => {
                    eprintln!("{error}");
                    false
                }
            },
            Self::Cargo(arguments) => cargo(arguments).status()?.success(),
            Self::Extra(arguments) => {
                if !is_installed(arguments[0])? {
                    return Ok(End::Skipped("not installed"));
                }
                cargo(arguments).status()?.success()
            }
        };
        Ok(if passed { End::Passed } else { End::Failed })
    }
}

fn is_installed(subcommand: &str) -> Outcome<bool> {
    let mut command = cargo(&[subcommand, "--version"]);
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    Ok(status?.success())
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = workspace::cargo();
    command.args(arguments).env("RUSTDOCFLAGS", "-D warnings");
    command
}

fn table(rows: &[(&str, End, Duration)]) -> String {
    let mut out = String::new();
    let total: Duration = rows.iter().map(|(.., time)| *time).sum();
    for (name, end, time) in rows {
        let end = match end {
            End::Passed => "passed",
            End::Failed => "FAILED",
            End::Skipped(why) => why,
        };
        out.push_str(&format!("{name:<10} {end:<14} {:>7.1} s\n", time.as_secs_f64()));
    }
    out.push_str(&format!("{:<25} {:>7.1} s", "all", total.as_secs_f64()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_was_not_checked() {
        let rows = [
            ("fmt", End::Passed, Duration::from_millis(1_500)),
            ("deny", End::Skipped("not installed"), Duration::ZERO),
            ("doc", End::Failed, Duration::from_secs(2)),
        ];
        assert_eq!(
            table(&rows),
            "fmt        passed             1.5 s\ndeny       not installed      0.0 s\ndoc        FAILED             2.0 s\nall                           3.5 s"
        );
    }
}
