//! Estimates of usage, where the provider did not report it.

use crate::record::UsageSource;
use opencredits_catalog::Density;
use opencredits_providers::{InputAmount, Outcome, Produced, RequestFacts};
use opencredits_units::{Bucket, Tokens, Usage};

/// Tokens of a part that is not text, such as the name of a tool.
const TOKENS_PER_PART: u64 = 8;
/// The estimate of a picture, in tokens: a megapixel by the one documented formula.
const TOKENS_PER_MEDIA: u64 = 1_600;

/// The output count at the start of a stream, before there is any output.
const PLACEHOLDER: Tokens = Tokens::new(1);

/// The usage of an answer: as reported, where the report is complete, else estimated.
///
/// A report without input is incomplete: a stream that lost its first event would cost its output only. So is one without
/// output, or with a placeholder, where the answer has text.
pub(super) fn metered(outcome: &Outcome, input: InputAmount, density: Density) -> (UsageSource, Usage) {
    let has_text = output_estimate(outcome.produced, density) > TOKENS_PER_PART;
    let is_whole = |usage: &Usage| {
        let [input, output] = [usage.input_total(), usage.output_total()].map(Option::unwrap_or_default);
        input > Tokens::ZERO && (output > PLACEHOLDER || !has_text)
    };
    match outcome.usage {
        Some(usage) if outcome.is_final() && is_whole(&usage) => (UsageSource::Reported, usage),
        reported => (UsageSource::Estimated, estimate(reported, input, outcome.produced, density)),
    }
}

/// The estimated tokens of an answer, by its amount of output.
fn output_estimate(produced: Produced, density: Density) -> u64 {
    let text = density.tokens(produced.ascii_bytes, produced.wide_chars);
    text.get().saturating_add(produced.parts.saturating_mul(TOKENS_PER_PART))
}

/// The estimated tokens of a request.
pub(super) fn input_estimate(input: InputAmount, density: Density) -> Tokens {
    let text = density.tokens(input.ascii_bytes, input.wide_chars);
    Tokens::new(text.get().saturating_add(input.media.saturating_mul(TOKENS_PER_MEDIA)))
}

/// The margin on an estimate of the input, in percent.
const MARGIN: u64 = 25;
/// Tokens that a provider adds to a request: its template for conversations,
const FRAME_TOKENS: u64 = 72;
/// instructions for tools,
const TOOLS_TOKENS: u64 = 550;
/// and what a built-in tool finds, or a file holds that is given by reference.
const FOUND_TOKENS: u64 = 16_000;

/// The input tokens that a hold counts with: the estimate with a margin. `percent` is 100, or more for a person whose
/// requests had more input than estimated.
#[must_use]
pub fn likely_input(facts: &RequestFacts, density: Density, percent: u64) -> Tokens {
    let percent = percent.saturating_mul(100_u64.saturating_add(MARGIN));
    let estimate = input_estimate(facts.input_amount, density).get().saturating_mul(percent).div_ceil(10_000);
    let tools = if facts.tools_bytes > 0 { TOOLS_TOKENS } else { 0 };
    let found = if facts.input_max.is_none() { FOUND_TOKENS } else { 0 };
    Tokens::new([FRAME_TOKENS, tools, found].into_iter().fold(estimate, u64::saturating_add))
}

/// Fills the gaps of `reported`: input from the amount of the request, output from the amount of the answer.
pub(super) fn estimate(reported: Option<Usage>, input: InputAmount, produced: Produced, density: Density) -> Usage {
    let mut usage = reported.unwrap_or_default();
    if usage.input_total().unwrap_or_default() == Tokens::ZERO {
        usage.set(Bucket::InputUncached, input_estimate(input, density));
    }
    let seen = output_estimate(produced, density);
    if usage.output_total().unwrap_or_default() < Tokens::new(seen) {
        usage.set(Bucket::Output, Tokens::new(seen));
    }
    usage
}

#[cfg(test)]
mod tests {
    use super::*;

    const INPUT: InputAmount = InputAmount { ascii_bytes: 450, wide_chars: 0, media: 0 };

    fn check(produced: Produced, expect: u64) {
        let usage = estimate(None, INPUT, produced, Density::of_names(&[]));
        assert_eq!(usage.get(Bucket::InputUncached), Some(Tokens::new(100)));
        assert_eq!(usage.get(Bucket::Output).map(Tokens::get), (expect > 0).then_some(expect));
    }

    #[test]
    fn scripts_beyond_ascii_are_not_counted_as_four_bytes_a_token() {
        check(Produced { ascii_bytes: 450, wide_chars: 0, parts: 0 }, 100);
        check(Produced { ascii_bytes: 0, wide_chars: 100, parts: 0 }, 100);
        check(Produced { ascii_bytes: 0, wide_chars: 0, parts: 2 }, 16);
        check(Produced::default(), 0);
    }

    #[test]
    fn a_report_that_lacks_its_input_is_not_taken_for_whole() {
        let mut usage = Usage::default();
        usage.set(Bucket::Output, Tokens::new(50));
        let outcome = |usage| Outcome { usage: Some(usage), complete: true, ..Outcome::default() };
        let (source, charged) = metered(&outcome(usage), INPUT, Density::of_names(&[]));
        assert_eq!((source, charged.get(Bucket::InputUncached)), (UsageSource::Estimated, Some(Tokens::new(100))));
        usage.set(Bucket::InputUncached, Tokens::new(3));
        assert_eq!(metered(&outcome(usage), INPUT, Density::of_names(&[])), (UsageSource::Reported, usage));
    }

    #[test]
    fn a_report_that_lacks_the_output_that_was_seen_is_not_taken_for_whole() {
        let check = |output: Option<u64>, ascii_bytes: u64, parts: u64, expect: UsageSource| {
            let mut usage = Usage::default();
            usage.set(Bucket::InputUncached, Tokens::new(20));
            output.into_iter().for_each(|output| usage.set(Bucket::Output, Tokens::new(output)));
            let produced = Produced { ascii_bytes, wide_chars: 0, parts };
            let outcome = Outcome { usage: Some(usage), complete: true, produced, ..Outcome::default() };
            assert_eq!(metered(&outcome, INPUT, Density::of_names(&[])).0, expect, "{output:?} {ascii_bytes} {parts}");
        };
        check(None, 450, 0, UsageSource::Estimated);
        check(Some(0), 450, 0, UsageSource::Estimated);
        check(Some(1), 450, 0, UsageSource::Estimated);
        check(Some(2), 450, 0, UsageSource::Reported);
        check(Some(1), 2, 0, UsageSource::Reported);
        // Vectors are made of a text, and cost no output.
        check(None, 0, 1, UsageSource::Reported);
    }

    #[test]
    fn what_was_reported_stays() {
        let mut reported = Usage::default();
        reported.set(Bucket::InputUncached, Tokens::new(7));
        reported.set(Bucket::Output, Tokens::new(50));
        let usage = estimate(
            Some(reported),
            INPUT,
            Produced { ascii_bytes: 40, ..Produced::default() },
            Density::of_names(&[]),
        );
        assert_eq!(usage, reported);
    }

    #[test]
    fn a_picture_is_not_counted_by_its_bytes() {
        let input = InputAmount { media: 2, ..INPUT };
        assert_eq!(input_estimate(input, Density::of_names(&[])), Tokens::new(3_300));
    }
}
