//! The members that a receipt adds to the usage object of an answer.

use crate::state::ApiSettings;
use opencredits_providers::{Dialect, splice_usage, usage_members};
use opencredits_service::{GenerationRecord, Line, Receipt, UsageSource};
use opencredits_units::{Decimal, NanoUsd, PicoUsd, Usage};
use std::fmt::Write;

/// Decimal places of a pico-dollar.
const PICO_PLACES: u32 = 12;
/// Decimal places of a nano-dollar.
const NANO_PLACES: u32 = 9;

/// The members that we add to the provider's usage object, without braces.
pub(crate) fn extras(receipt: &Receipt, settings: &ApiSettings) -> String {
    let record = &receipt.record;
    let (prompt, completion) = costs_by_side(record);
    let mut out = String::with_capacity(256);
    let charged = usd(receipt.charged);
    let credits = settings.credit_price.show(receipt.charged);
    let cost = usd(record.cost);
    // Writing into a string cannot fail.
    let _ok = write!(
        out,
        "\"cost\":{charged},\"cost_details\":{{\"upstream_inference_cost\":{cost},\
         \"upstream_inference_prompt_cost\":{prompt},\"upstream_inference_completions_cost\":{completion}}},\
         \"credits\":{credits},\"commission\":{commission},\"generation_id\":\"{generation}\"",
        commission = usd(record.commission_on(receipt.charged)),
        generation = receipt.generation,
    );
    out
}

/// The usage that was charged, where it is not what the provider reported.
pub(crate) fn estimated(receipt: &Receipt) -> Option<Usage> {
    let is_ours = matches!(receipt.record.source, UsageSource::Estimated | UsageSource::Implausible);
    is_ours.then(|| receipt.record.usage())
}

/// The charge of a whole answer, as members of its usage object.
pub(crate) struct Charged {
    api: Dialect,
    members: String,
}

impl Charged {
    pub(crate) fn of(receipt: &Receipt, settings: &ApiSettings) -> Self {
        let (api, mut members) = (receipt.record.api, extras(receipt, settings));
        if let Some(charged) = estimated(receipt) {
            members = [usage_members(api, &charged), members].join(",");
        }
        Self { api, members }
    }

    /// The body of the answer, with the charge in its usage object.
    pub(crate) fn written_into(&self, body: &[u8]) -> Vec<u8> {
        splice_usage(self.api, body, &self.members)
    }
}

/// The provider's cost of input and of output; fees for tools count as output.
pub(crate) fn costs_by_side(record: &GenerationRecord) -> (Decimal, Decimal) {
    let all = || record.lines.iter().chain(record.side_bills.iter().flat_map(|side| &side.lines));
    let sum = |lines: &mut dyn Iterator<Item = &Line>| lines.map(|line| line.amount().get()).sum::<i128>();
    let input = sum(&mut all().filter(|line| line.is_input()));
    let rest = sum(&mut all().filter(|line| !line.is_input()));
    (pico(PicoUsd::new(input)), pico(PicoUsd::new(rest)))
}

/// Dollars, exactly.
pub(crate) fn usd(amount: NanoUsd) -> Decimal {
    Decimal::new(i128::from(amount.get()), NANO_PLACES)
}

fn pico(amount: PicoUsd) -> Decimal {
    Decimal::new(amount.get(), PICO_PLACES)
}
