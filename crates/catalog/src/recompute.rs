//! Recomputes a charge from the lines of its bill.

use crate::error::CatalogError;
use crate::terms::{Charge, Terms};
use opencredits_units::{PicoUsd, Rate, Tokens};

/// A line as a bill states it: a class of tokens, uses of a tool, or the vendor's fees or discount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatedLine {
    /// The quantity.
    pub quantity: Tokens,
    /// The price of one unit.
    pub rate: Rate,
    /// Whether the product is taken off.
    pub is_discount: bool,
}

/// The charge that follows from a bill's lines and its terms, and from nothing else: the sum of quantity × rate is the
/// cost; the markup comes on top; the total is rounded once, up, to a nano-dollar; the commission is the partner's share
/// of the markup, rounded down.
///
/// ```
/// use opencredits_catalog::{StatedLine, Terms, recompute};
/// use opencredits_units::{BasisPoints, Rate, Tokens};
/// let line = |quantity, rate| StatedLine { quantity: Tokens::new(quantity), rate: Rate::new(rate), is_discount: false };
/// let terms = Terms { markup: BasisPoints::new(2_500), partner_share: BasisPoints::new(5_000) };
/// let charge = recompute(&[line(2_500, 1_750_000), line(2_500, 14_000_000)], terms).unwrap();
/// assert_eq!(charge.total.to_string(), "0.04921875");
/// assert_eq!(charge.commission.to_string(), "0.004921875");
/// ```
///
/// # Errors
/// When a sum does not fit its integer.
pub fn recompute(lines: &[StatedLine], terms: Terms) -> Result<Charge, CatalogError> {
    let mut cost = PicoUsd::ZERO;
    for line in lines {
        let amount = line.rate.times(line.quantity).ok_or(CatalogError::Overflow)?;
        let sum = if line.is_discount { cost.checked_sub(amount) } else { cost.checked_add(amount) };
        cost = sum.ok_or(CatalogError::Overflow)?;
    }
    terms.charge(cost).ok_or(CatalogError::Overflow)
}
