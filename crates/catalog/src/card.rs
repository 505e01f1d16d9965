//! The prices of a model: rates, long-context thresholds, service tiers, fees for tool uses.

use crate::error::CatalogError;
use crate::rates::{Rates, StatedRates};
use opencredits_units::{Bucket, PicoUsd, Rate, Tokens, ToolUse, Usage};

/// The prices of one model on one route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceCard {
    default: PriceList,
    /// The rates of service tiers, by name.
    tiers: Vec<(String, PriceList)>,
    fees: Fees,
}

/// Fees for uses of built-in tools.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Fees {
    pub(crate) per_use: [Option<Rate>; ToolUse::COUNT],
    /// Whether a grounded prompt has one fee, for any number of searches.
    pub(crate) grounded_once: bool,
}

impl Fees {
    fn of(&self, tool: ToolUse) -> Option<Rate> {
        self.per_use.get(tool.index()).copied().flatten()
    }

    /// The number of uses that are billed.
    fn billed(&self, tool: ToolUse, uses: Tokens) -> Tokens {
        if self.grounded_once && tool == ToolUse::Grounding { uses.min(Tokens::new(1)) } else { uses }
    }
}

/// The rates of one service tier.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PriceList {
    base: Rates,
    /// Rates by long-context threshold, rising. The rates of a threshold apply to all tokens of a request whose input
    /// exceeds it.
    cliffs: Vec<(Tokens, Rates)>,
}

/// Prices in the form of price lists.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stated {
    pub(crate) base: StatedRates,
    pub(crate) cliffs: Vec<(Tokens, StatedRates)>,
    pub(crate) tiers: Vec<(String, StatedRates)>,
    pub(crate) fees: Fees,
}

/// The upper bounds of a request's usage.
#[derive(Debug, Clone, Copy, Default)]
pub struct PriceRequest<'a> {
    /// Input tokens, cached ones included.
    pub input: Tokens,
    /// Output tokens of all choices together, reasoning included.
    pub output: Tokens,
    /// Further buckets that the request may use, besides text, cache reads and reasoning.
    pub extra: &'a [Bucket],
    /// The requested service tier.
    pub tier: Option<&'a str>,
    /// The largest number of uses of each tool.
    pub uses: &'a [(ToolUse, Tokens)],
}

/// The item of a bill's line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    /// Tokens of a class.
    Tokens(Bucket),
    /// Uses of a built-in tool.
    Uses(ToolUse),
}

impl Item {
    /// The name used in bills.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tokens(bucket) => bucket.name(),
            Self::Uses(tool) => tool.name(),
        }
    }
}

/// One line of a bill: `quantity × rate = amount`, exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BillLine {
    /// The item.
    pub item: Item,
    /// The quantity.
    pub quantity: Tokens,
    /// The price of one unit.
    pub rate: Rate,
    /// The product.
    pub amount: PicoUsd,
}

/// The cost of a usage, line by line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bill {
    /// A line for every reported count, including zeros.
    pub lines: Vec<BillLine>,
    /// Their sum.
    pub cost: PicoUsd,
}

/// Buckets that every request may use.
const ALWAYS: [Bucket; 5] =
    [Bucket::InputUncached, Bucket::CacheRead, Bucket::InputToolPrompt, Bucket::Output, Bucket::Reasoning];

impl PriceCard {
    /// A card with these prices; `None` when input or output has no price.
    pub(crate) fn new(stated: &Stated) -> Option<Self> {
        let default = PriceList::new(&stated.base, stated)?;
        let tiers = stated
            .tiers
            .iter()
            .map(|(name, rates)| Some((name.clone(), PriceList::new(&rates.over(&stated.base), stated)?)));
        Some(Self { default, tiers: tiers.collect::<Option<_>>()?, fees: stated.fees })
    }

    /// The cost of `usage` in service tier `tier`; a tier without prices costs as the default one.
    ///
    /// # Errors
    /// When a sum does not fit its integer.
    pub fn price(&self, usage: &Usage, tier: Option<&str>) -> Result<Bill, CatalogError> {
        let input = usage.input_total().ok_or(CatalogError::Overflow)?;
        let rates = self.list(tier).at(input);
        let tokens = Bucket::ALL
            .into_iter()
            .filter_map(|bucket| Some((Item::Tokens(bucket), usage.get(bucket)?, rates.of(bucket))));
        let uses = ToolUse::ALL.into_iter().filter_map(|tool| {
            let count = self.fees.billed(tool, usage.uses(tool)?);
            Some((Item::Uses(tool), count, self.per_use(tool).unwrap_or_default()))
        });
        let mut bill = Bill::default();
        for (item, quantity, rate) in tokens.chain(uses) {
            let amount = rate.times(quantity).ok_or(CatalogError::Overflow)?;
            bill.cost = bill.cost.checked_add(amount).ok_or(CatalogError::Overflow)?;
            bill.lines.push(BillLine { item, quantity, rate, amount });
        }
        Ok(bill)
    }

    /// The highest cost of a request within `request`.
    ///
    /// # Errors
    /// When a sum does not fit its integer.
    pub fn quote(&self, request: &PriceRequest<'_>) -> Result<PicoUsd, CatalogError> {
        let mut most = self.fees(request)?;
        for (count, side) in [(request.input, Side::Input), (request.output, Side::Output)] {
            let worst = self.worst(request, side).times(count).ok_or(CatalogError::Overflow)?;
            most = most.checked_add(worst).ok_or(CatalogError::Overflow)?;
        }
        Ok(most)
    }

    /// The output tokens that `budget` pays for after the rest of `request`; `None` when it does not pay for the rest.
    ///
    /// # Errors
    /// When a sum does not fit its integer.
    pub fn output_within(&self, request: &PriceRequest<'_>, budget: PicoUsd) -> Result<Option<Tokens>, CatalogError> {
        let rest = self.quote(&PriceRequest { output: Tokens::ZERO, ..*request })?;
        let Some(left) = budget.get().checked_sub(rest.get()).filter(|left| *left >= 0) else {
            return Ok(None);
        };
        let rate = i128::from(self.worst(request, Side::Output).get());
        let count = left.checked_div(rate).map_or(u64::MAX, |count| u64::try_from(count).unwrap_or(u64::MAX));
        Ok(Some(Tokens::new(count)))
    }

    /// Whether a request can cost nothing.
    #[must_use]
    pub fn is_free(&self) -> bool {
        let one = Tokens::new(1);
        self.quote(&PriceRequest { input: one, output: one, ..PriceRequest::default() }) == Ok(PicoUsd::ZERO)
    }

    /// The fee for one use of `tool`, if it has one.
    #[must_use]
    pub fn per_use(&self, tool: ToolUse) -> Option<Rate> {
        self.fees.of(tool)
    }

    /// Whether each use of `tool` costs more than the uses before it.
    #[must_use]
    pub fn bills_each_use(&self, tool: ToolUse) -> bool {
        !self.bills_once(tool) && self.per_use(tool).is_some_and(|fee| fee > Rate::default())
    }

    /// Whether uses of `tool` have a price: a fee of their own, or one with each request of a model that always
    /// searches.
    #[must_use]
    pub fn prices(&self, tool: ToolUse) -> bool {
        let with_each = || ToolUse::EACH_REQUEST.into_iter().any(|each| self.per_use(each).is_some());
        self.per_use(tool).is_some() || (tool == ToolUse::WebSearch && with_each())
    }

    /// The rate of `bucket` in the default tier, below every threshold.
    #[must_use]
    pub fn rate(&self, bucket: Bucket) -> Rate {
        self.default.base.of(bucket)
    }

    /// The names of the service tiers with prices of their own.
    pub(crate) fn tier_names(&self) -> impl Iterator<Item = &str> {
        self.tiers.iter().map(|(name, _)| name.as_str())
    }

    /// The numbers of input tokens above which other rates apply.
    pub fn thresholds(&self) -> impl Iterator<Item = Tokens> {
        self.default.cliffs.iter().map(|(above, _)| *above)
    }

    /// The rate of `bucket` in a tier, for a request with this much input.
    #[must_use]
    pub fn rate_in(&self, tier: Option<&str>, input: Tokens, bucket: Bucket) -> Rate {
        self.list(tier).at(input).of(bucket)
    }

    /// Whether uses of `tool` have one fee together.
    pub(crate) fn bills_once(&self, tool: ToolUse) -> bool {
        self.fees.grounded_once && tool == ToolUse::Grounding
    }

    fn list(&self, tier: Option<&str>) -> &PriceList {
        let named = self.tiers.iter().find(|(name, _)| Some(name.as_str()) == tier);
        named.map_or(&self.default, |(_, list)| list)
    }

    /// The highest rate that a token of `side` can have: on either side of each threshold within reach, in the
    /// requested tier and in the default one, to which a provider may fall back.
    fn worst(&self, request: &PriceRequest<'_>, side: Side) -> Rate {
        let reachable =
            [&self.default, self.list(request.tier)].into_iter().flat_map(|list| list.reachable(request.input));
        let buckets =
            || ALWAYS.iter().chain(request.extra).copied().filter(|bucket| bucket.is_input() == side.is_input());
        reachable.flat_map(|rates| buckets().map(|bucket| rates.of(bucket))).max().unwrap_or_default()
    }

    fn fees(&self, request: &PriceRequest<'_>) -> Result<PicoUsd, CatalogError> {
        let each = ToolUse::EACH_REQUEST.into_iter().filter_map(|tool| self.per_use(tool)).max();
        let each = each.unwrap_or_default().times(Tokens::new(1)).ok_or(CatalogError::Overflow)?;
        request.uses.iter().try_fold(each, |sum, (tool, count)| {
            let fee = self.per_use(*tool).unwrap_or_default().times(self.fees.billed(*tool, *count));
            fee.and_then(|fee| sum.checked_add(fee)).ok_or(CatalogError::Overflow)
        })
    }
}

#[derive(Clone, Copy)]
enum Side {
    Input,
    Output,
}

impl Side {
    const fn is_input(self) -> bool {
        matches!(self, Self::Input)
    }
}

impl PriceList {
    /// Above a threshold in a service tier, both factors apply.
    fn new(rates: &StatedRates, stated: &Stated) -> Option<Self> {
        let mut under = stated.base;
        let mut cliffs = Vec::with_capacity(stated.cliffs.len());
        for (above, over) in &stated.cliffs {
            under = over.over(&under);
            cliffs.push((*above, rates.scaled(&stated.base, &under).complete()?));
        }
        Some(Self { base: rates.complete()?, cliffs })
    }

    /// The rates of a request with this much input: those of the highest threshold that it exceeds.
    fn at(&self, input: Tokens) -> &Rates {
        let exceeded = self.cliffs.iter().rev().find(|(above, _)| *above < input);
        exceeded.map_or(&self.base, |(_, rates)| rates)
    }

    /// The rates that apply to a request with at most this much input.
    fn reachable(&self, input: Tokens) -> impl Iterator<Item = &Rates> {
        let exceeded = self.cliffs.iter().filter(move |(above, _)| *above < input);
        std::iter::once(&self.base).chain(exceeded.map(|(_, rates)| rates))
    }
}
