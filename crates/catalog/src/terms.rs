//! Turns a cost into a charge.

use opencredits_units::{BasisPoints, NanoUsd, PicoUsd};

/// The terms of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The rate that is added to the provider's cost.
    pub markup: BasisPoints,
    /// The partner's share of the markup.
    pub partner_share: BasisPoints,
}

/// A charge: `cost + margin + commission = total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    /// The amount owed to the provider.
    pub cost: NanoUsd,
    /// The platform's part.
    pub margin: NanoUsd,
    /// The partner's part when all of the charge is collected.
    pub commission: NanoUsd,
    /// The amount that the person pays.
    pub total: NanoUsd,
}

impl Terms {
    /// The charge for this cost; `None` when it does not fit.
    ///
    /// The total is rounded once, up, to a nano-dollar. The commission is rounded down: the rest of a nano-dollar stays
    /// with the platform, and the parts always add up.
    #[must_use]
    pub fn charge(&self, cost: PicoUsd) -> Option<Charge> {
        let total = cost.marked_up_to_nano(self.markup)?;
        self.split(cost.ceil_to_nano()?.min(total), total)
    }

    /// Splits a total that includes this cost; `None` when it does not fit.
    #[must_use]
    pub fn split(&self, cost: NanoUsd, total: NanoUsd) -> Option<Charge> {
        let markup = total.checked_sub(cost)?;
        let commission = self.partner_share.floor_of(markup)?.min(markup);
        let margin = markup.checked_sub(commission)?;
        Some(Charge { cost, margin, commission, total })
    }

    /// The largest cost whose charge is at most `amount`.
    #[must_use]
    pub fn cost_within(&self, amount: NanoUsd) -> PicoUsd {
        let factor = i128::from(BasisPoints::WHOLE).checked_add(i128::from(self.markup.get()));
        let pico = i128::from(amount.get())
            .checked_mul(1_000)
            .and_then(|pico| pico.checked_mul(i128::from(BasisPoints::WHOLE)))
            .and_then(|scaled| scaled.checked_div_euclid(factor?));
        PicoUsd::new(pico.unwrap_or_default().max(0))
    }
}
