//! Estimates of usage, where the provider did not report it.

use crate::record::UsageSource;
use opencredits_estimate::{Family, Frame, MARGIN};
use opencredits_providers::{Outcome, Produced, RequestFacts, Vendor};
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

/// Tokens that a built-in tool of the provider finds, or that a file holds which is given by reference.
const FOUND_TOKENS: u64 = 20_000;
/// The frame of a document, in tokens: it is said where one begins and ends.
const TOKENS_PER_DOCUMENT_BLOCK: u64 = 32;
/// The bytes of sealed content for each token of what is sealed, at least.
const SEALED_BYTES_PER_TOKEN: u64 = 12;
/// The margin and the tokens of a hold are in hundredths of a token.
const PERCENT: u64 = 100;

/// The estimated input of a request on one route. It is made once: a request asks for it some seven times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputEstimate {
    /// The tokens of the text.
    text: u64,
    /// Those of all else.
    frame: u64,
    /// What a hold counts with, in hundredths of a token.
    held: u64,
    /// What the context window is taken to have of it, in hundredths of a token: the estimate with the plain margin. The margins of a
    /// hold would leave too little room for the answer.
    window: u64,
    /// What the provider may add: the results of its tools, or files that are given by reference.
    found: u64,
    /// How often the vendor bills it.
    times: u64,
}

impl InputEstimate {
    /// The estimate for models of a family. The text is taken as counted, where that was done.
    #[must_use]
    pub fn of(facts: &RequestFacts, family: Family) -> Self {
        let input = &facts.input_amount;
        let reasons = facts.thinks;
        let frame = Frame { messages: input.messages, calls: input.calls, schemas: &input.schemas, reasons };
        let pictures = input.pictures.saturating_mul(TOKENS_PER_PICTURE);
        let media = input.documents.saturating_mul(TOKENS_PER_DOCUMENT).saturating_add(pictures);
        let text = facts.exact.map_or_else(|| input.text.tokens(family), |exact| exact.text);
        let framed = frame.tokens(family).saturating_add(media);
        let with_margin = PERCENT.saturating_add(MARGIN);
        let of_text = if facts.exact.is_some() { PERCENT } else { with_margin };
        Self {
            text,
            frame: framed,
            window: text.saturating_mul(of_text).saturating_add(framed.saturating_mul(with_margin)),
            held: held(facts, family, (frame, media)),
            found: if facts.input_max.is_none() { FOUND_TOKENS } else { 0 },
            times: 1,
        }
    }

    /// The estimate at a vendor: with what the vendor adds to each request, and as often as it bills the input for so many
    /// choices. It is for holds alone.
    #[must_use]
    pub fn at(self, vendor: &Vendor, choices: u64) -> Self {
        let added = vendor.added_input_tokens.saturating_mul(PERCENT);
        let (held, window) = (self.held.saturating_add(added), self.window.saturating_add(added));
        Self { held, window, times: vendor.inputs_billed(choices), ..self }
    }

    /// The tokens without what the provider may add.
    #[must_use]
    pub const fn tokens(self) -> Tokens {
        Tokens::new(self.text.saturating_add(self.frame))
    }

    /// The tokens that a hold counts with: the estimate with its margins. `percent` is 100, or more for a person whose
    /// requests had more input than was held for. A text that was counted needs no margin.
    #[must_use]
    pub fn likely(self, percent: u64) -> Tokens {
        Tokens::new(self.once(percent).saturating_mul(self.times))
    }

    /// The likely tokens in the context window: each choice has a window of its own.
    pub(super) fn in_window(self) -> Tokens {
        Tokens::new(self.window.div_ceil(PERCENT).saturating_add(self.found))
    }

    fn once(self, percent: u64) -> u64 {
        let all = self.held.saturating_add(self.found.saturating_mul(PERCENT));
        all.saturating_mul(percent).div_ceil(PERCENT.saturating_mul(PERCENT))
    }
}

/// What a hold counts with, in hundredths of a token, where the provider adds a frame and pictures and documents are estimated at
/// so many tokens.
fn held(facts: &RequestFacts, family: Family, (frame, media): (Frame<'_>, u64)) -> u64 {
    let input = &facts.input_amount;
    let text = facts.exact.map_or_else(|| input.text.held(family), |exact| exact.text.saturating_mul(PERCENT));
    let frame = Frame { messages: frame.messages.saturating_add(input.plain_texts), ..frame };
    let media = media.saturating_mul(PERCENT.saturating_add(MARGIN));
    let blocks = input.document_blocks.saturating_mul(TOKENS_PER_DOCUMENT_BLOCK);
    let more = input.sealed_bytes.div_ceil(SEALED_BYTES_PER_TOKEN).saturating_add(blocks).saturating_mul(PERCENT);
    [frame.held(family), media, more].into_iter().fold(text, u64::saturating_add)
}

/// The percentage that a person's holds count with who had `input` where a hold counted with `likely`: the same request is held for
/// with its margin from then on.
pub(super) fn measured(input: Tokens, likely: Tokens) -> u64 {
    let with_margin = input.get().saturating_mul(PERCENT.saturating_add(MARGIN));
    with_margin.checked_div(likely.get()).unwrap_or(PERCENT)
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
    use opencredits_providers::{InputAmount, Vendors};

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

    /// The facts of a request with a bound.
    fn bounded(input_amount: InputAmount) -> RequestFacts {
        RequestFacts { input_amount, input_max: Some(2_048), ..RequestFacts::default() }
    }

    #[test]
    fn what_holds_alone_count_with_is_held_and_never_estimated() {
        let nothing = InputAmount::default();
        let plain = InputEstimate::of(&bounded(nothing), family());
        let check = |input_amount: InputAmount, more: u64| {
            let estimate = InputEstimate::of(&bounded(input_amount), family());
            assert_eq!(estimate.tokens(), plain.tokens());
            assert_eq!(estimate.likely(100).get(), plain.likely(100).get() + more, "{input_amount:?}");
        };
        check(nothing, 0);
        check(InputAmount { document_blocks: 2, ..nothing }, 64);
        check(InputAmount { sealed_bytes: 1_200, ..nothing }, 100);
        check(InputAmount { plain_texts: 1, ..nothing }, 5);
    }

    #[test]
    fn the_margins_of_a_hold_do_not_shorten_the_answer() {
        let check = |input_amount: InputAmount| {
            let estimate = InputEstimate::of(&bounded(input_amount), family());
            assert!(estimate.in_window() < estimate.likely(100), "{input_amount:?}");
        };
        check(InputAmount { sealed_bytes: 1_200, ..InputAmount::default() });
        check(InputAmount { document_blocks: 2, ..InputAmount::default() });
    }

    #[test]
    fn the_same_request_is_held_for_with_what_it_had_where_the_provider_adds_to_it() {
        let found = InputEstimate::of(&RequestFacts::default(), family());
        let likely = found.likely(100);
        assert!(likely.get() > FOUND_TOKENS);
        assert!(found.likely(measured(Tokens::new(30_000), likely)).get() >= 30_000);
    }

    #[test]
    fn a_hold_counts_what_the_vendor_adds_and_how_often_it_bills() {
        let check = |more: &str, choices: u64, expect: [u64; 2]| {
            let own = format!("[[vendor]]\nid = \"v\"\ndialect = \"openai-chat\"\nbase_url = \"http://x/v1\"\n{more}");
            let vendors = Vendors::default().with_operator(&own).unwrap();
            let estimate = InputEstimate::of(&bounded(InputAmount::default()), family());
            let there = estimate.at(vendors.get("v").unwrap(), choices);
            assert_eq!([there.likely(100).get(), there.in_window().get()], expect, "{more} {choices}");
            assert_eq!(there.tokens(), estimate.tokens());
        };
        check("", 3, [5, 5]);
        check("added_input_tokens = 1000", 3, [1_005, 1_005]);
        check("bills_input_by_choice = true", 1, [5, 5]);
        check("bills_input_by_choice = true", 3, [15, 5]);
    }

    #[test]
    fn who_had_more_input_than_was_held_is_held_by_it_with_the_margin() {
        let check = |input: u64, likely: u64, percent: u64| {
            assert_eq!(measured(Tokens::new(input), Tokens::new(likely)), percent);
        };
        check(200, 100, 230);
        check(30_000, 20_069, 171);
        check(5, 0, 100);
    }
}
