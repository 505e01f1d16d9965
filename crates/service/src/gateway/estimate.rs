//! What a broken-off answer has used, where its provider did not say.

use crate::record::UsageSource;
use opencredits_providers::{Outcome, Produced};
use opencredits_units::{Bucket, Tokens, Usage};

/// Bytes of English or code that make a token, about.
const BYTES_PER_TOKEN: u64 = 4;
/// Tokens of a part that is not text, such as the name of a tool.
const TOKENS_PER_PART: u64 = 8;

/// What an answer has used: as reported, where the report is whole.
///
/// A report without input is none: a stream whose first event was lost would cost its output alone.
pub(super) fn metered(outcome: &Outcome, input_bytes: u64) -> (UsageSource, Usage) {
    let has_input = |usage: &Usage| usage.input_total().is_some_and(|total| total > Tokens::ZERO);
    match outcome.usage {
        Some(usage) if outcome.is_final() && has_input(&usage) => (UsageSource::Reported, usage),
        reported => (UsageSource::Estimated, estimate(reported, input_bytes, outcome.produced)),
    }
}

/// Fills what is missing in `reported`: input from the size of the request, output from what was seen.
///
/// A character beyond ASCII counts as a token: four bytes a token undercounts such scripts by half.
fn estimate(reported: Option<Usage>, input_bytes: u64, produced: Produced) -> Usage {
    let mut usage = reported.unwrap_or_default();
    if usage.input_total().unwrap_or_default() == Tokens::ZERO {
        usage.set(Bucket::InputUncached, Tokens::new(input_bytes.div_ceil(BYTES_PER_TOKEN)));
    }
    let seen = produced
        .ascii_bytes
        .div_ceil(BYTES_PER_TOKEN)
        .saturating_add(produced.wide_chars)
        .saturating_add(produced.parts.saturating_mul(TOKENS_PER_PART));
    // What a stream reports at its start is a placeholder of one token.
    if usage.output_total().unwrap_or_default() < Tokens::new(seen) {
        usage.set(Bucket::Output, Tokens::new(seen));
    }
    usage
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(produced: Produced, expect: u64) {
        let usage = estimate(None, 400, produced);
        assert_eq!(usage.get(Bucket::InputUncached), Some(Tokens::new(100)));
        assert_eq!(usage.get(Bucket::Output).map(Tokens::get), (expect > 0).then_some(expect));
    }

    #[test]
    fn scripts_beyond_ascii_are_not_counted_as_four_bytes_a_token() {
        check(Produced { ascii_bytes: 400, wide_chars: 0, parts: 0 }, 100);
        check(Produced { ascii_bytes: 0, wide_chars: 100, parts: 0 }, 100);
        check(Produced { ascii_bytes: 0, wide_chars: 0, parts: 2 }, 16);
        check(Produced::default(), 0);
    }

    #[test]
    fn a_report_that_lacks_its_input_is_not_taken_for_whole() {
        let mut usage = Usage::default();
        usage.set(Bucket::Output, Tokens::new(50));
        let outcome = |usage| Outcome { usage: Some(usage), complete: true, ..Outcome::default() };
        let (source, charged) = metered(&outcome(usage), 400);
        assert_eq!((source, charged.get(Bucket::InputUncached)), (UsageSource::Estimated, Some(Tokens::new(100))));
        usage.set(Bucket::InputUncached, Tokens::new(3));
        assert_eq!(metered(&outcome(usage), 400), (UsageSource::Reported, usage));
    }

    #[test]
    fn what_was_reported_stays() {
        let mut reported = Usage::default();
        reported.set(Bucket::InputUncached, Tokens::new(7));
        reported.set(Bucket::Output, Tokens::new(50));
        let usage = estimate(Some(reported), 400, Produced { ascii_bytes: 40, ..Produced::default() });
        assert_eq!(usage, reported);
    }
}
