//! The price of a request before it is sent: what is likely, and what is possible.

use super::plan::PlannedRoute;
use super::plausible::PROVIDER_OUTPUT_MAX;
use crate::fault::Fault;
use opencredits_catalog::{CatalogError, Model, PriceRequest, Terms};
use opencredits_units::{NanoUsd, PicoUsd, Tokens};

/// The windows of input that a request with built-in tools may have. Each use may fill a window anew, but a hold for all of
/// them would turn small balances away.
const TOOL_WINDOWS: u64 = 2;

/// Which input a request is priced with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Basis {
    /// The estimated input with a margin, multiplied by this percentage: 100, or more for a person whose requests had
    /// more input than was held for.
    Likely(u64),
    /// The upper bounds: a token of the input is at least one byte, and providers count some output beyond the cap. A usage
    /// beyond them is not believed.
    Bound,
}

impl Basis {
    /// Output tokens that are counted beyond the cap.
    fn output_more(self) -> u64 {
        if self == Self::Bound { PROVIDER_OUTPUT_MAX } else { 0 }
    }
}

/// Prices one request at a given output cap, on the most expensive of its routes.
pub(super) struct Quote<'a> {
    routes: &'a [PlannedRoute],
    terms: &'a dyn Fn(&Model) -> Terms,
}

impl<'a> Quote<'a> {
    pub(super) fn new(routes: &'a [PlannedRoute], terms: &'a dyn Fn(&Model) -> Terms) -> Self {
        Self { routes, terms }
    }

    /// The terms on a route, which depend on its model.
    fn terms(&self, planned: &PlannedRoute) -> Terms {
        (self.terms)(&planned.candidate.model)
    }

    /// The charge at an output cap.
    pub(super) fn charge(&self, cap: u64, basis: Basis) -> Result<NanoUsd, Fault> {
        let charges = self.routes.iter().map(|planned| planned.charge(cap, self.terms(planned), basis));
        charges.into_iter().try_fold(NanoUsd::ZERO, |most, charge| Ok(most.max(charge?)))
    }

    /// The largest output cap that `amount` covers on every route; `None` when it does not cover the input.
    pub(super) fn affordable(&self, amount: NanoUsd, basis: Basis) -> Result<Option<u64>, Fault> {
        let mut least = Some(u64::MAX);
        for planned in self.routes {
            let cap = planned.affordable(amount, self.terms(planned), basis)?;
            least = least.and_then(|least| Some(least.min(cap?)));
        }
        Ok(least)
    }

    /// The longest answer of any of the models, in tokens.
    pub(super) fn longest(&self) -> u64 {
        self.routes.iter().map(|planned| planned.candidate.model.max_output_tokens).max().unwrap_or(u64::MAX)
    }

    /// The largest output that any of the models can give to this request, in tokens.
    pub(super) fn output_max(&self) -> u64 {
        self.routes.iter().map(PlannedRoute::output_room).max().unwrap_or_default()
    }
}

impl PlannedRoute {
    /// The largest input, in tokens: what the exposure counts with, and what is believed.
    pub(super) fn input_bound(&self) -> u64 {
        let (window, vendor) = (self.candidate.model.context_window, &self.candidate.upstream.vendor);
        let once = match self.facts.input_max.map(|bound| bound.saturating_add(vendor.added_input_tokens)) {
            // The window is that of one text, and a request has many.
            Some(bound) if self.embeddings.is_some() => bound,
            // A provider refuses what exceeds the context window.
            Some(bound) => bound.min(window),
            // The model reads what a tool has found in a further turn, which has a window of its own.
            None if !self.uses.is_empty() => window.saturating_mul(TOOL_WINDOWS),
            None => window,
        };
        once.saturating_mul(vendor.inputs_billed(self.facts.choices))
    }

    /// The input tokens that a price counts with.
    pub(super) fn input(&self, basis: Basis) -> u64 {
        let bound = self.input_bound();
        match basis {
            Basis::Bound => bound,
            Basis::Likely(percent) => self.estimate.likely(percent).get().min(bound),
        }
    }

    fn price_request(&self, basis: Basis) -> PriceRequest<'_> {
        PriceRequest {
            input: Tokens::new(self.input(basis)),
            output: Tokens::ZERO,
            extra: &self.facts.extra,
            tier: self.facts.tier.as_deref(),
            uses: &self.uses,
        }
    }

    /// The room for fees outside of the price book: for searches, and for reading documents.
    fn fees_room(&self) -> PicoUsd {
        let form = self.candidate.upstream.vendor.reported_cost.as_ref();
        let may_have = !self.facts.uses.is_empty() || self.facts.input_amount.documents > 0;
        form.filter(|_| may_have).map_or(PicoUsd::ZERO, |form| form.fees_max)
    }

    /// The charge on this route at an output cap.
    pub(super) fn charge(&self, cap: u64, terms: Terms, basis: Basis) -> Result<NanoUsd, Fault> {
        let cap = cap.max(self.output_cap_min()).min(self.candidate.model.max_output_tokens);
        let output = Tokens::new(cap.saturating_mul(self.facts.choices).saturating_add(basis.output_more()));
        let request = PriceRequest { output, ..self.price_request(basis) };
        let cost = self.candidate.route().card.quote(&request).map_err(overflow)?;
        let cost = cost.checked_add(self.fees_room()).ok_or(Fault::Overflow)?;
        terms.charge(cost).map(|charge| charge.total).ok_or(Fault::Overflow)
    }

    fn affordable(&self, amount: NanoUsd, terms: Terms, basis: Basis) -> Result<Option<u64>, Fault> {
        let budget: PicoUsd = terms.cost_within(amount);
        let budget = budget.checked_sub(self.fees_room()).unwrap_or_default();
        let output = self.candidate.route().card.output_within(&self.price_request(basis), budget).map_err(overflow)?;
        let output = output.map(|output| output.get().saturating_sub(basis.output_more()));
        Ok(output.map(|output| output.checked_div(self.facts.choices).unwrap_or_default()))
    }
}

fn overflow(_: CatalogError) -> Fault {
    Fault::Overflow
}
