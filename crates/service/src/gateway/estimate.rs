//! Estimates of usage, where the provider did not report it.

use crate::record::UsageSource;
use opencredits_estimate::{Family, Frame};
use opencredits_providers::{Outcome, Produced, RequestFacts};
use opencredits_units::{Bucket, Tokens, ToolUse, Usage};

/// Tokens of a part that is not text, such as the name of a tool.
const TOKENS_PER_PART: u64 = 8;
/// The estimate of a picture, in tokens: a megapixel by the one documented formula.
const TOKENS_PER_PICTURE: u64 = 1_600;
/// The estimate of a document or of audio: some three pages, or two minutes.
const TOKENS_PER_DOCUMENT: u64 = 4_500;

/// The output count at the start of a stream, before there is any output.
const PLACEHOLDER: Tokens = Tokens::new(1);

/// The usage of an answer: as reported, where the report is complete, else estimated.
///
/// A report without input is incomplete: a stream that lost its first event would cost its output only. So is one without
/// output, or with a placeholder, where the answer has text.
pub(super) fn metered(outcome: &Outcome, input: Tokens, family: Family) -> (UsageSource, Usage) {
    let has_text = || output_estimate(&outcome.produced, family) > TOKENS_PER_PART;
    let is_whole = |usage: &Usage| {
        let [input, output] = [usage.input_total(), usage.output_total()].map(Option::unwrap_or_default);
        input > Tokens::ZERO && (output > PLACEHOLDER || !has_text())
    };
    match outcome.usage {
        Some(usage) if outcome.is_final() && is_whole(&usage) => (UsageSource::Reported, usage),
        reported => (UsageSource::Estimated, estimate(reported, input, outcome, family)),
    }
}

/// The estimated tokens of an answer, by its amount of output.
fn output_estimate(produced: &Produced, family: Family) -> u64 {
    produced.tokens(family).saturating_add(produced.parts().saturating_mul(TOKENS_PER_PART))
}

/// The margin on an estimate of the input, in percent.
const MARGIN: u64 = 15;
/// Tokens that a built-in tool of the provider finds, or that a file holds which is given by reference.
const FOUND_TOKENS: u64 = 20_000;

/// The estimated input of a request on one route. It is made once: a request asks for it some seven times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputEstimate {
    /// The tokens of the text.
    text: u64,
    /// Those of all else.
    frame: u64,
    /// Whether the text was counted.
    is_exact: bool,
    /// What the provider may add: the results of its tools, or files that are given by reference.
    found: u64,
}

impl InputEstimate {
    /// The estimate for models of a family. The text is taken as counted, where that was done.
    #[must_use]
    pub fn of(facts: &RequestFacts, family: Family) -> Self {
        let input = &facts.input_amount;
        let reasons = facts.thinks;
        let frame = Frame { messages: input.messages, calls: input.calls, schemas: &input.schemas, reasons };
        let pictures = input.pictures.saturating_mul(TOKENS_PER_PICTURE);
        let documents = input.documents.saturating_mul(TOKENS_PER_DOCUMENT);
        Self {
            text: facts.exact.map_or_else(|| input.text.tokens(family), |exact| exact.text),
            frame: frame.tokens(family).saturating_add(pictures).saturating_add(documents),
            is_exact: facts.exact.is_some(),
            found: if facts.input_max.is_none() { FOUND_TOKENS } else { 0 },
        }
    }

    /// The tokens without what the provider may add.
    #[must_use]
    pub const fn tokens(self) -> Tokens {
        Tokens::new(self.text.saturating_add(self.frame))
    }

    /// The tokens that a hold counts with: the estimate with a margin. `percent` is 100, or more for a person whose
    /// requests had more input than estimated. A text that was counted needs no margin.
    #[must_use]
    pub fn likely(self, percent: u64) -> Tokens {
        let with_margin = 100_u64.saturating_add(MARGIN);
        let text = self.text.saturating_mul(if self.is_exact { 100 } else { with_margin });
        let both = text.saturating_add(self.frame.saturating_mul(with_margin));
        Tokens::new(both.saturating_mul(percent).div_ceil(10_000).saturating_add(self.found))
    }
}

/// Fills the gaps of `reported`: input from the estimate of the request, output from the amount of the answer, uses of the
/// provider's tools from those that the answer shows. What they found is input, too. What was reported of the output by
/// kind, such as reasoning, is part of what was seen.
pub(super) fn estimate(reported: Option<Usage>, input: Tokens, outcome: &Outcome, family: Family) -> Usage {
    let mut usage = reported.unwrap_or_default();
    if usage.input_total().unwrap_or_default() == Tokens::ZERO {
        usage.set(Bucket::InputUncached, input);
    }
    if add_unreported_uses(&mut usage, &outcome.seen_uses) {
        let uncached = usage.count(Bucket::InputUncached);
        let with_found = uncached.checked_add(Tokens::new(FOUND_TOKENS)).unwrap_or(uncached);
        usage.set(Bucket::InputUncached, with_found);
    }
    let seen = output_estimate(&outcome.produced, family);
    let reported = usage.output_total().unwrap_or_default();
    if reported < Tokens::new(seen) {
        let others = reported.checked_sub(usage.count(Bucket::Output)).unwrap_or_default();
        usage.set(Bucket::Output, Tokens::new(seen).checked_sub(others).unwrap_or_default());
    }
    usage
}

/// Takes the uses of tools that were seen, where fewer were reported; returns whether there are any.
fn add_unreported_uses(usage: &mut Usage, seen: &Usage) -> bool {
    let mut has_any = false;
    for tool in ToolUse::ALL {
        let seen = seen.uses(tool).unwrap_or_default();
        if seen > usage.uses(tool).unwrap_or_default() {
            usage.set_uses(tool, seen);
            has_any = true;
        }
    }
    has_any
}

#[cfg(test)]
mod tests {
    use super::*;
    use opencredits_providers::InputAmount;

    const INPUT: Tokens = Tokens::new(100);

    fn family() -> Family {
        Family::of(&["gpt-5"])
    }

    /// An output of so many words and parts.
    fn produced(words: usize, parts: u64) -> Produced {
        Produced::new(" word".repeat(words).as_bytes(), parts)
    }

    /// An outcome with so much output.
    fn with(produced: Produced) -> Outcome {
        Outcome { produced, ..Outcome::default() }
    }

    fn check(produced: Produced, expect: u64) {
        let usage = estimate(None, INPUT, &with(produced), family());
        assert_eq!(usage.get(Bucket::InputUncached), Some(INPUT));
        assert_eq!(usage.get(Bucket::Output).map(Tokens::get), (expect > 0).then_some(expect));
    }

    #[test]
    fn text_and_parts_are_estimated() {
        let tokens = |words| produced(words, 0).tokens(family());
        assert!((90..=110).contains(&tokens(100)), "{}", tokens(100));
        check(produced(100, 0), tokens(100));
        check(produced(0, 2), 16);
        check(Produced::default(), 0);
    }

    #[test]
    fn a_report_that_lacks_its_input_is_not_taken_for_whole() {
        let mut usage = Usage::default();
        usage.set(Bucket::Output, Tokens::new(50));
        let outcome = |usage| Outcome { usage: Some(usage), complete: true, ..Outcome::default() };
        let (source, charged) = metered(&outcome(usage), INPUT, family());
        assert_eq!((source, charged.get(Bucket::InputUncached)), (UsageSource::Estimated, Some(INPUT)));
        usage.set(Bucket::InputUncached, Tokens::new(3));
        assert_eq!(metered(&outcome(usage), INPUT, family()), (UsageSource::Reported, usage));
    }

    #[test]
    fn a_report_that_lacks_the_output_that_was_seen_is_not_taken_for_whole() {
        let check = |output: Option<u64>, words: usize, parts: u64, expect: UsageSource| {
            let mut usage = Usage::default();
            usage.set(Bucket::InputUncached, Tokens::new(20));
            output.into_iter().for_each(|output| usage.set(Bucket::Output, Tokens::new(output)));
            let outcome =
                Outcome { usage: Some(usage), complete: true, produced: produced(words, parts), ..Outcome::default() };
            assert_eq!(metered(&outcome, INPUT, family()).0, expect, "{output:?} {words} {parts}");
        };
        check(None, 100, 0, UsageSource::Estimated);
        check(Some(0), 100, 0, UsageSource::Estimated);
        check(Some(1), 100, 0, UsageSource::Estimated);
        check(Some(2), 100, 0, UsageSource::Reported);
        check(Some(1), 1, 0, UsageSource::Reported);
        // Vectors are made of a text, and cost no output.
        check(None, 0, 1, UsageSource::Reported);
    }

    #[test]
    fn what_was_reported_stays() {
        let mut reported = Usage::default();
        reported.set(Bucket::InputUncached, Tokens::new(7));
        reported.set(Bucket::Output, Tokens::new(50));
        assert_eq!(estimate(Some(reported), INPUT, &with(produced(10, 0)), family()), reported);
    }

    #[test]
    fn uses_that_were_seen_are_charged_with_what_they_found_where_they_were_not_reported() {
        let searched = |count: u64| {
            let mut usage = Usage::default();
            usage.set_uses(ToolUse::WebSearch, Tokens::new(count));
            usage
        };
        let check = |reported: Option<(u64, u64)>, seen: u64, expect: (u64, u64)| {
            let reported = reported.map(|(input, searches)| {
                let mut usage = searched(searches);
                usage.set(Bucket::InputUncached, Tokens::new(input));
                usage
            });
            let outcome = Outcome { seen_uses: searched(seen), ..Outcome::default() };
            let usage = estimate(reported, INPUT, &outcome, family());
            let found =
                (usage.count(Bucket::InputUncached).get(), usage.uses(ToolUse::WebSearch).map_or(0, Tokens::get));
            assert_eq!(found, expect, "{reported:?} {seen}");
        };
        check(None, 0, (100, 0));
        check(None, 1, (100 + FOUND_TOKENS, 1));
        check(None, 3, (100 + FOUND_TOKENS, 3));
        check(Some((8, 0)), 2, (8 + FOUND_TOKENS, 2));
        check(Some((9_000, 2)), 2, (9_000, 2));
        check(Some((9_000, 3)), 2, (9_000, 3));
    }

    #[test]
    fn reasoning_that_was_reported_before_a_cut_is_not_counted_again() {
        let mut reported = Usage::default();
        reported.set(Bucket::InputUncached, Tokens::new(7));
        reported.set(Bucket::Reasoning, Tokens::new(900));
        let seen = produced(1_200, 0).tokens(family());
        let usage = estimate(Some(reported), INPUT, &with(produced(1_200, 0)), family());
        assert_eq!(usage.get(Bucket::Reasoning), Some(Tokens::new(900)));
        assert_eq!(usage.output_total(), Some(Tokens::new(seen)));
    }

    #[test]
    fn a_picture_is_not_counted_by_its_bytes() {
        let tokens = |pictures| {
            let input_amount = InputAmount { pictures, ..InputAmount::default() };
            InputEstimate::of(&RequestFacts { input_amount, ..RequestFacts::default() }, family()).tokens().get()
        };
        assert_eq!(tokens(2) - tokens(0), 3_200);
    }
}
