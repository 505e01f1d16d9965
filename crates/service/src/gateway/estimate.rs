//! What a broken-off answer has used, where its provider did not say.

use crate::record::UsageSource;
use opencredits_catalog::Density;
use opencredits_providers::{InputSeen, Outcome, Produced};
use opencredits_units::{Bucket, Tokens, Usage};

/// Tokens of a part that is not text, such as the name of a tool.
const TOKENS_PER_PART: u64 = 8;
/// Tokens that a picture counts, about: a megapixel by the formula of the provider that gives one.
const TOKENS_PER_MEDIA: u64 = 1_600;

/// What a stream reports as its output at its start, before there is any.
const PLACEHOLDER: Tokens = Tokens::new(1);

/// What an answer has used: as reported, where the report is whole.
///
/// A report without input is none: a stream whose first event was lost would cost its output alone. Nor is one without
/// output, or with a placeholder, where words were said.
pub(super) fn metered(outcome: &Outcome, asked: InputSeen, density: Density) -> (UsageSource, Usage) {
    let said = output_about(outcome.produced, density) > TOKENS_PER_PART;
    let is_whole = |usage: &Usage| {
        let [input, output] = [usage.input_total(), usage.output_total()].map(Option::unwrap_or_default);
        input > Tokens::ZERO && (output > PLACEHOLDER || !said)
    };
    match outcome.usage {
        Some(usage) if outcome.is_final() && is_whole(&usage) => (UsageSource::Reported, usage),
        reported => (UsageSource::Estimated, estimate(reported, asked, outcome.produced, density)),
    }
}

/// The tokens of an answer, about, by what was seen of it.
fn output_about(produced: Produced, density: Density) -> u64 {
    let text = density.tokens(produced.ascii_bytes, produced.wide_chars);
    text.get().saturating_add(produced.parts.saturating_mul(TOKENS_PER_PART))
}

/// The tokens of a request, about.
pub(super) fn input_about(asked: InputSeen, density: Density) -> Tokens {
    let text = density.tokens(asked.ascii_bytes, asked.wide_chars);
    Tokens::new(text.get().saturating_add(asked.media.saturating_mul(TOKENS_PER_MEDIA)))
}

/// Fills what is missing in `reported`: input from what the request holds, output from what was seen.
fn estimate(reported: Option<Usage>, asked: InputSeen, produced: Produced, density: Density) -> Usage {
    let mut usage = reported.unwrap_or_default();
    if usage.input_total().unwrap_or_default() == Tokens::ZERO {
        usage.set(Bucket::InputUncached, input_about(asked, density));
    }
    let seen = output_about(produced, density);
    if usage.output_total().unwrap_or_default() < Tokens::new(seen) {
        usage.set(Bucket::Output, Tokens::new(seen));
    }
    usage
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: InputSeen = InputSeen { ascii_bytes: 450, wide_chars: 0, media: 0 };

    fn check(produced: Produced, expect: u64) {
        let usage = estimate(None, ASKED, produced, Density::of_names(&[]));
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
        let (source, charged) = metered(&outcome(usage), ASKED, Density::of_names(&[]));
        assert_eq!((source, charged.get(Bucket::InputUncached)), (UsageSource::Estimated, Some(Tokens::new(100))));
        usage.set(Bucket::InputUncached, Tokens::new(3));
        assert_eq!(metered(&outcome(usage), ASKED, Density::of_names(&[])), (UsageSource::Reported, usage));
    }

    #[test]
    fn a_report_that_lacks_the_output_that_was_seen_is_not_taken_for_whole() {
        let check = |output: Option<u64>, ascii_bytes: u64, parts: u64, expect: UsageSource| {
            let mut usage = Usage::default();
            usage.set(Bucket::InputUncached, Tokens::new(20));
            output.into_iter().for_each(|output| usage.set(Bucket::Output, Tokens::new(output)));
            let produced = Produced { ascii_bytes, wide_chars: 0, parts };
            let outcome = Outcome { usage: Some(usage), complete: true, produced, ..Outcome::default() };
            assert_eq!(metered(&outcome, ASKED, Density::of_names(&[])).0, expect, "{output:?} {ascii_bytes} {parts}");
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
            ASKED,
            Produced { ascii_bytes: 40, ..Produced::default() },
            Density::of_names(&[]),
        );
        assert_eq!(usage, reported);
    }

    #[test]
    fn a_picture_is_not_counted_by_its_bytes() {
        let asked = InputSeen { media: 2, ..ASKED };
        assert_eq!(input_about(asked, Density::of_names(&[])), Tokens::new(3_300));
    }
}
