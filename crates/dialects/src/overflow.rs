//! Requests that exceed the context window, as providers say it in words.

/// The phrases, which are data.
const PHRASES: &str = include_str!("../data/overflow.txt");
/// Words before a number that is the window, in lower case.
const BEFORE_LIMIT: [&str; 9] =
    ["maximum", "max", "limit", "window", "context size", "context length", "allowed", "must be", ">"];
/// Words after one.
const AFTER_LIMIT: [&str; 2] = ["maximum", "context"];
/// How far before a number its words are looked for, in characters.
const BEFORE_LETTERS: usize = 32;
/// Smaller numbers are no counts of tokens that exceed a window.
const COUNT_MIN: u64 = 16;

/// What a message says of an overflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overflow {
    /// The tokens of the request.
    pub tokens: u64,
    /// The tokens of the window.
    pub limit: u64,
}

/// Whether a message says that the request exceeds the context window.
pub(crate) fn is_overflow(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    PHRASES.lines().filter(|line| !line.starts_with('#')).any(|phrase| message.contains(phrase))
}

impl Overflow {
    /// The counts in a message; `None` where it does not name both.
    #[must_use]
    pub fn read(message: &str) -> Option<Self> {
        let message = message.to_ascii_lowercase();
        let (mut limit, mut most) = (None, 0);
        for (at, end, number) in numbers(&message) {
            let before: String = message.get(..at)?.chars().rev().take(BEFORE_LETTERS).collect();
            let before: String = before.chars().rev().collect();
            let after = message.get(end..)?.trim_start_matches(' ');
            let near = before.rsplit(['.', ':', ',', ';']).next().unwrap_or_default();
            let is_limit = BEFORE_LIMIT.iter().any(|words| near.contains(words))
                || AFTER_LIMIT.iter().any(|words| after.starts_with(words));
            if is_limit && limit.is_none() {
                limit = Some(number);
            } else {
                most = most.max(number);
            }
        }
        let limit = limit?;
        (most > limit).then_some(Self { tokens: most, limit })
    }
}

/// The numbers in a text: where each begins and ends. Digits may be in groups of three.
fn numbers(text: &str) -> impl Iterator<Item = (usize, usize, u64)> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = text.as_bytes().get(at..)?;
            let start = at + rest.iter().position(u8::is_ascii_digit)?;
            let digit = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
            let mut end = start;
            while digit(end) || (text.as_bytes().get(end) == Some(&b',') && (1..=3).all(|step| digit(end + step))) {
                end += 1;
            }
            at = end;
            let number = text.get(start..end)?.replace(',', "").parse::<u64>();
            if let Ok(number) = number
                && number >= COUNT_MIN
            {
                return Some((start, end, number));
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &str, expect: Option<(u64, u64)>) {
        assert!(is_overflow(message), "{message}");
        assert_eq!(Overflow::read(message).map(|found| (found.tokens, found.limit)), expect, "{message}");
    }

    #[test]
    fn an_overflow_is_recognised_in_the_words_of_every_provider_with_its_counts() {
        check("prompt is too long: 208310 tokens > 200000 maximum", Some((208_310, 200_000)));
        check(
            "This model's maximum context length is 128000 tokens. However, your messages resulted in 130462 tokens.",
            Some((130_462, 128_000)),
        );
        check(
            "Requested token count exceeds the model's maximum context length of 262144 tokens. You requested a total of 262462 tokens: 230462 tokens from the input messages and 32000 tokens for the completion.",
            Some((262_462, 262_144)),
        );
        check(
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            Some((1_200_000, 1_048_576)),
        );
        check(
            "This endpoint's maximum context length is 163840 tokens. However, you requested about 200014 tokens (200004 of text input, 10 in the output).",
            Some((200_014, 163_840)),
        );
        check(
            "This model's maximum prompt length is 131072 but the request contains 140000 tokens.",
            Some((140_000, 131_072)),
        );
        check(
            "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
            Some((40_000, 32_768)),
        );
        check(
            "The decoder prompt (length 9000) is longer than the maximum model length of 8192.",
            Some((9_000, 8_192)),
        );
        check("the request exceeds the available context size, try increasing it", None);
        check("Input is too long for requested model.", None);
        check("Your input exceeds the context window of this model. Please adjust your input and try again.", None);
        check("too many tokens: total number of tokens in the prompt exceeds the limit of 4081", None);
        check("prompt too long; exceeded max context length by 1000 tokens", None);
        check("prompt is too long: 1,208,310 tokens > 1,000,000 maximum", Some((1_208_310, 1_000_000)));
    }

    #[test]
    fn other_words_are_no_overflow() {
        for message in ["You exceeded your rate limit of 30000 tokens per minute", "max_tokens is too large: 99999", ""]
        {
            assert!(!is_overflow(message), "{message}");
        }
    }
}
