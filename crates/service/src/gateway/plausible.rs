//! The bounds of a plausible usage: a report beyond them is not believed.

use super::plan::PlannedRoute;
use opencredits_units::{Bucket, Tokens, ToolUse, Usage};

/// Output tokens that a provider may count beyond the cap, such as end marks.
pub(super) const PROVIDER_OUTPUT_MAX: u64 = 64;
/// The uses of a tool that costs nothing more with each of them.
const FREE_USES_MAX: u64 = 100;

/// The bounds of the usage of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UsageBounds {
    input: u64,
    output: u64,
    /// By tool.
    uses: [u64; ToolUse::COUNT],
    /// Whether the model may reason: only then may a total that exceeds its parts be hidden reasoning.
    may_reason: bool,
}

/// Totals that a provider reported and that were not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reported {
    pub(super) input: Tokens,
    pub(super) output: Tokens,
}

/// A usage within the bounds, and the reported totals where they were beyond them.
pub(super) struct Believed {
    pub(super) usage: Usage,
    pub(super) implausible: Option<Reported>,
}

impl UsageBounds {
    /// The bounds for a request on one route, where `cap` is the output cap that the gateway sets.
    pub(super) fn of(planned: &PlannedRoute, cap: Option<u64>) -> Self {
        let (facts, model) = (&planned.facts, &planned.candidate.model);
        let longest = model.max_output_tokens;
        let cap = planned.output_cap(cap).or(facts.output_cap).map_or(longest, |cap| cap.min(longest));
        let output = cap.saturating_mul(facts.choices).saturating_add(PROVIDER_OUTPUT_MAX);
        let uses = ToolUse::ALL.map(|tool| uses_max(planned, tool));
        let may_reason = model.supports.iter().any(|feature| feature == "reasoning");
        Self { input: planned.input_bound(), output, uses, may_reason }
    }

    /// Whether a usage is within the bounds; a sum that fits no integer is not.
    pub(super) fn admit(&self, usage: &Usage) -> bool {
        let within = |total: Option<Tokens>, bound| total.is_some_and(|total| total.get() <= bound);
        let sides = [(Side::Input, self.input), (Side::Output, self.output)];
        sides.into_iter().all(|(side, bound)| within(side.total(usage), bound))
            && ToolUse::ALL.iter().all(|tool| usage.uses(*tool).is_none_or(|uses| uses.get() <= self.uses_max(*tool)))
    }

    /// The part of `usage` that can be believed. A side beyond its bound counts as `estimate` has it. `inferred` are output
    /// tokens that nothing but the provider's total speaks of.
    pub(super) fn believe(&self, usage: Usage, inferred: Tokens, estimate: impl FnOnce() -> Usage) -> Believed {
        let total = |side: Side| side.total(&usage).unwrap_or(Tokens::new(u64::MAX));
        let reported = Reported { input: total(Side::Input), output: total(Side::Output) };
        let invented = !self.may_reason && inferred > Tokens::ZERO;
        if self.admit(&usage) && !invented {
            return Believed { usage, implausible: None };
        }
        let (mut believed, estimate) = (usage, estimate());
        if invented {
            let reasoning = usage.count(Bucket::Reasoning).checked_sub(inferred).unwrap_or_default();
            believed.set(Bucket::Reasoning, reasoning);
        }
        for (side, bound) in [(Side::Input, self.input), (Side::Output, self.output)] {
            if side.total(&believed).is_none_or(|total| total.get() > bound) {
                side.replace(&mut believed, &estimate, Tokens::new(bound));
            }
        }
        for tool in ToolUse::ALL {
            if let Some(uses) = believed.uses(tool) {
                believed.set_uses(tool, uses.min(Tokens::new(self.uses_max(tool))));
            }
        }
        Believed { usage: believed, implausible: Some(reported) }
    }

    fn uses_max(&self, tool: ToolUse) -> u64 {
        self.uses.get(tool.index()).copied().unwrap_or_default()
    }
}

/// The largest number of uses of a tool: what its hold counts with, where each use costs more.
fn uses_max(planned: &PlannedRoute, tool: ToolUse) -> u64 {
    let named = planned.uses.iter().find(|(named, _)| *named == tool).map(|(_, uses)| uses.get());
    if !planned.candidate.route().card.bills_each_use(tool) {
        return named.unwrap_or_default().max(FREE_USES_MAX);
    }
    // A model that always searches does so once.
    named.unwrap_or_else(|| u64::from(ToolUse::EACH_REQUEST.contains(&tool)))
}

/// A side of a usage.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Input,
    Output,
}

impl Side {
    fn total(self, usage: &Usage) -> Option<Tokens> {
        let any =
            Bucket::ALL.iter().any(|bucket| bucket.is_input() == (self == Self::Input) && usage.get(*bucket).is_some());
        let total = if self == Self::Input { usage.input_total() } else { usage.output_total() };
        if any { total } else { Some(Tokens::ZERO) }
    }

    /// Replaces the counts of this side by the estimate's, up to the bound.
    fn replace(self, usage: &mut Usage, estimate: &Usage, bound: Tokens) {
        for bucket in Bucket::ALL.into_iter().filter(|bucket| bucket.is_input() == (self == Self::Input)) {
            usage.take(bucket);
        }
        let bucket = if self == Self::Input { Bucket::InputUncached } else { Bucket::Output };
        usage.set(bucket, self.total(estimate).unwrap_or_default().min(bound));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: UsageBounds = UsageBounds { input: 1_000, output: 100, uses: [3; ToolUse::COUNT], may_reason: false };

    fn usage(counts: &[(Bucket, u64)]) -> Usage {
        let mut usage = Usage::default();
        counts.iter().for_each(|(bucket, count)| usage.set(*bucket, Tokens::new(*count)));
        usage
    }

    fn check(reported: &[(Bucket, u64)], inferred: u64, expect: &[(Bucket, u64)], implausible: bool) {
        let estimate = usage(&[(Bucket::InputUncached, 20), (Bucket::Output, 5)]);
        let believed = BOUNDS.believe(usage(reported), Tokens::new(inferred), || estimate);
        assert_eq!((believed.usage, believed.implausible.is_some()), (usage(expect), implausible), "{reported:?}");
    }

    #[test]
    fn a_count_beyond_its_bound_is_replaced_by_the_estimate() {
        use Bucket::{CacheRead, InputUncached, Output, Reasoning};
        check(&[(InputUncached, 1_000), (Output, 100)], 0, &[(InputUncached, 1_000), (Output, 100)], false);
        check(&[], 0, &[], false);
        check(&[(InputUncached, 1_001), (Output, 100)], 0, &[(InputUncached, 20), (Output, 100)], true);
        check(&[(InputUncached, 7), (CacheRead, 5_000_000)], 0, &[(InputUncached, 20)], true);
        check(&[(InputUncached, 7), (Output, 101)], 0, &[(InputUncached, 7), (Output, 5)], true);
        check(&[(InputUncached, u64::MAX), (CacheRead, 1)], 0, &[(InputUncached, 20)], true);
        let invented = [(InputUncached, 7), (Output, 5), (Reasoning, 60)];
        check(&invented, 60, &[(InputUncached, 7), (Output, 5), (Reasoning, 0)], true);
        check(&invented, 0, &invented, false);
    }

    #[test]
    fn uses_of_a_tool_are_bounded_too() {
        let mut reported = usage(&[(Bucket::InputUncached, 7)]);
        reported.set_uses(ToolUse::WebSearch, Tokens::new(1_000_000));
        let believed = BOUNDS.believe(reported, Tokens::ZERO, Usage::default);
        assert_eq!(believed.usage.uses(ToolUse::WebSearch), Some(Tokens::new(3)));
        assert!(believed.implausible.is_some());
    }
}
