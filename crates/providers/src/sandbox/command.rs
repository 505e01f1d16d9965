//! The commands to the sandbox in the last user message: `sandbox:error 429`, `sandbox:slow 50`.

use super::problem::Problem;
use serde_json::Value;
use std::time::Duration;

const MARK: &str = "sandbox:";
const CALL: &str = "sandbox:call ";
/// The longest wait between two chunks.
const SLOW_MS_MAX: u64 = 60_000;
/// The longest silence.
const SILENT_MS_MAX: u64 = 600_000;
/// The longest generated text.
const TOKENS_MAX: u64 = 131_072;

/// The content of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Content {
    #[default]
    Usual,
    Echo,
    Empty,
    Refusal,
    Tokens(u64),
}

/// How the answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Ending {
    #[default]
    Whole,
    /// The connection breaks after so many chunks.
    Cut(usize),
    /// The stream reports an error after so many chunks.
    Fail(usize),
}

/// All commands of one message.
#[derive(Clone, Default)]
pub(super) struct Commands {
    pub(super) content: Content,
    pub(super) ending: Ending,
    pub(super) problem: Option<Problem>,
    pub(super) wait: Duration,
    pub(super) slow: Duration,
    pub(super) silent: Duration,
    /// A tool to call, and its arguments.
    pub(super) call: Option<(String, Value)>,
}

impl Commands {
    pub(super) fn read(prompt: &str) -> Self {
        let mut commands = Self::default();
        for (word, argument, _) in orders(prompt) {
            commands.take(word, argument);
        }
        commands.call = ordered_call(prompt);
        commands
    }

    fn take(&mut self, word: &str, argument: Option<&str>) {
        let number = argument.and_then(|text| text.parse::<u64>().ok());
        let count = usize::try_from(number.unwrap_or(1)).unwrap_or(usize::MAX);
        let ms = |most: u64| Duration::from_millis(number.unwrap_or(0).min(most));
        match word {
            "error" => self.problem = Some(Problem::ordered(argument.unwrap_or_default())),
            "cut" => self.ending = Ending::Cut(count),
            "fail" => self.ending = Ending::Fail(count),
            "wait" => self.wait = ms(SILENT_MS_MAX),
            "slow" => self.slow = ms(SLOW_MS_MAX),
            "silent" => self.silent = ms(SILENT_MS_MAX),
            "echo" => self.content = Content::Echo,
            "empty" => self.content = Content::Empty,
            "refusal" => self.content = Content::Refusal,
            "tokens" => self.content = Content::Tokens(number.unwrap_or(100).min(TOKENS_MAX)),
            _ => {}
        }
    }
}

/// `sandbox:call NAME {…}`: the tool, and its arguments.
fn ordered_call(prompt: &str) -> Option<(String, Value)> {
    let (_, rest) = prompt.split_once(CALL)?;
    let (name, rest) = rest.split_once(' ')?;
    let arguments = serde_json::Deserializer::from_str(rest).into_iter::<Value>().next()?.ok()?;
    arguments.is_object().then(|| (name.to_owned(), arguments))
}

/// The text without its commands.
pub(super) fn without_commands(prompt: &str) -> String {
    let mut rest = String::with_capacity(prompt.len());
    let mut from = 0;
    for (.., range) in orders(prompt) {
        rest.push_str(&prompt[from..range.start]);
        from = range.end;
    }
    rest.push_str(&prompt[from..]);
    rest.trim().to_owned()
}

/// The word of each command, its argument if it takes one, and its place.
fn orders(prompt: &str) -> impl Iterator<Item = (&str, Option<&str>, std::ops::Range<usize>)> {
    prompt.match_indices(MARK).map(|(start, _)| {
        let after = start + MARK.len();
        let word = leading(&prompt[after..], |c| c.is_ascii_alphabetic());
        let end = after + word.len();
        let argument = prompt[end..]
            .strip_prefix(' ')
            .map(|rest| leading(rest, |c| c.is_ascii_alphanumeric()))
            .filter(|argument| takes(word, argument));
        let end = end + argument.map_or(0, |argument| 1 + argument.len());
        (word, argument, start..end)
    })
}

fn takes(word: &str, argument: &str) -> bool {
    let is_number = !argument.is_empty() && argument.bytes().all(|byte| byte.is_ascii_digit());
    match word {
        "error" => is_number || matches!(argument, "quota" | "overflow"),
        "echo" | "empty" | "refusal" => false,
        _ => is_number,
    }
}

fn leading(text: &str, belongs: fn(char) -> bool) -> &str {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::{Commands, Content, Ending, without_commands};
    use std::time::Duration;

    #[test]
    fn orders_stand_anywhere_in_the_text() {
        let commands = Commands::read("Please sandbox:slow 50 and sandbox:cut 3. sandbox:echo 7 hi");
        assert_eq!(commands.slow, Duration::from_millis(50));
        assert_eq!(commands.ending, Ending::Cut(3));
        assert_eq!(commands.content, Content::Echo);
        assert!(commands.problem.is_none());
    }

    #[test]
    fn a_tool_is_called_with_what_the_order_says() {
        let call = |prompt: &str| Commands::read(prompt).call.map(|(name, arguments)| (name, arguments.to_string()));
        let expected = ("Bash".to_owned(), r#"{"command":"echo }"}"#.to_owned());
        assert_eq!(call(r#"Please sandbox:call Bash {"command": "echo }"} now"#), Some(expected));
        for none in ["sandbox:call Bash", "sandbox:call Bash soon", "sandbox:call Bash [1]", "call Bash {}"] {
            assert_eq!(call(none), None, "{none}");
        }
    }

    #[test]
    fn an_unknown_order_is_only_text() {
        let commands = Commands::read("sandbox:dance 3 sandbox: sandbox:slow soon");
        assert_eq!(commands.content, Content::Usual);
        assert_eq!(commands.ending, Ending::Whole);
        assert_eq!(commands.slow, Duration::ZERO);
    }

    #[test]
    fn numbers_are_bounded() {
        let most = u64::MAX;
        let commands = Commands::read(&format!("sandbox:slow {most} sandbox:tokens {most}"));
        assert_eq!(commands.slow, Duration::from_secs(60));
        assert_eq!(commands.content, Content::Tokens(131_072));
    }

    #[test]
    fn what_is_echoed_has_no_orders_in_it() {
        for (prompt, expected) in [
            ("sandbox:echo Hello", "Hello"),
            ("sandbox:slow 5 sandbox:echo 5 apples", "5 apples"),
            ("Straße sandbox:echo", "Straße"),
            ("sandbox:error quota x", "x"),
        ] {
            assert_eq!(without_commands(prompt), expected);
        }
    }
}
