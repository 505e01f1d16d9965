//! The worst case of a request, priced.

use super::plan::PlannedRoute;
use crate::fault::Fault;
use opencredits_catalog::{CatalogError, PriceRequest, Terms};
use opencredits_units::{NanoUsd, PicoUsd, Tokens};

/// Prices the worst case of one request at a given output cap, on the most expensive of its routes.
pub(super) struct Quote<'a> {
    candidates: &'a [PlannedRoute],
    terms: Terms,
}

impl<'a> Quote<'a> {
    pub(super) fn new(candidates: &'a [PlannedRoute], terms: Terms) -> Self {
        Self { candidates, terms }
    }

    /// The charge for the worst case at an output cap.
    pub(super) fn charge(&self, cap: u64) -> Result<NanoUsd, Fault> {
        let charges = self.candidates.iter().map(|planned| planned.charge(cap, self.terms));
        charges.into_iter().try_fold(NanoUsd::ZERO, |most, charge| Ok(most.max(charge?)))
    }

    /// The largest output cap that `amount` covers on every route; `None` when it does not cover the input.
    pub(super) fn affordable(&self, amount: NanoUsd) -> Result<Option<u64>, Fault> {
        let mut least = Some(u64::MAX);
        for planned in self.candidates {
            let cap = planned.affordable(amount, self.terms)?;
            least = least.and_then(|least| Some(least.min(cap?)));
        }
        Ok(least)
    }

    /// The largest output of any of the models, in tokens.
    pub(super) fn output_max(&self) -> u64 {
        self.candidates.iter().map(|planned| planned.candidate.model.max_output_tokens).max().unwrap_or_default()
    }
}

impl PlannedRoute {
    fn price_request(&self) -> PriceRequest<'_> {
        // A provider refuses what exceeds the context window.
        let window = self.candidate.model.context_window;
        let input = self.facts.input_max.map_or(window, |bound| bound.min(window));
        PriceRequest {
            input: Tokens::new(input),
            output: Tokens::ZERO,
            extra: &self.facts.extra,
            tier: self.facts.tier.as_deref(),
            uses: &self.uses,
        }
    }

    /// The charge for the worst case on this route.
    pub(super) fn charge(&self, cap: u64, terms: Terms) -> Result<NanoUsd, Fault> {
        let cap = cap.max(self.output_cap_min()).min(self.candidate.model.max_output_tokens);
        let output = Tokens::new(cap.saturating_mul(self.facts.choices));
        let cost =
            self.candidate.route().card.quote(&PriceRequest { output, ..self.price_request() }).map_err(overflow)?;
        terms.charge(cost).map(|charge| charge.total).ok_or(Fault::Overflow)
    }

    fn affordable(&self, amount: NanoUsd, terms: Terms) -> Result<Option<u64>, Fault> {
        let budget: PicoUsd = terms.cost_within(amount);
        let output = self.candidate.route().card.output_within(&self.price_request(), budget).map_err(overflow)?;
        Ok(output.map(|output| output.get().checked_div(self.facts.choices).unwrap_or_default()))
    }
}

fn overflow(_: CatalogError) -> Fault {
    Fault::Overflow
}
