//! What a purchase costs, and what it gives.

use opencredits_billing::{Currency, Money};
use opencredits_units::{BasisPoints, NanoUsd};

/// Billionths of a currency in its minor unit, of which there are a hundred.
pub(super) const NANO_A_MINOR: i64 = 10_000_000;

/// How credits are sold in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrencyTerms {
    /// The currency.
    pub currency: Currency,
    /// The price of a credit, in billionths of the currency.
    pub credit_price_nano: i64,
    /// The least that may be bought for, in minor units.
    pub amount_minor_min: i64,
    /// The most that may be bought for, in minor units.
    pub amount_minor_max: i64,
    /// Amounts that a page offers, in minor units.
    pub suggested_minor: Vec<i64>,
    /// The operator's fee on a purchase, besides `fee`, in minor units.
    pub fee_fixed_minor: i64,
}

/// A share of the bought credits that is given with them, from an amount on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bonus {
    /// From so many minor units of any currency on.
    pub from_minor: i64,
    /// The share.
    pub share: BasisPoints,
}

/// How credits are sold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaleTerms {
    /// The currencies, the default first.
    pub currencies: Vec<CurrencyTerms>,
    /// The face value of a credit in the ledger.
    pub credit_face: NanoUsd,
    /// The operator's fee, as a share of the amount.
    pub fee: BasisPoints,
    /// Bonuses. The one with the highest amount that is reached counts.
    pub bonuses: Vec<Bonus>,
}

/// The figures of a purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// What is to be paid, the fee included.
    pub total: Money,
    /// The fee.
    pub fee_minor: i64,
    /// The credits that are bought.
    pub credits: NanoUsd,
    /// The credits that are given with them.
    pub bonus: NanoUsd,
}

/// Why nothing is sold for an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotSold {
    /// The currency is not on offer.
    Currency,
    /// The amount is below the least, which is this.
    Below(i64),
    /// The amount is above the most, which is this.
    Above(i64),
}

impl SaleTerms {
    /// The terms of a currency; those of the default one where `None`.
    #[must_use]
    pub fn of(&self, currency: Option<Currency>) -> Option<&CurrencyTerms> {
        match currency {
            None => self.currencies.first(),
            Some(currency) => self.currencies.iter().find(|terms| terms.currency == currency),
        }
    }

    /// The figures of a purchase of credits for `amount`; the fee comes on top.
    ///
    /// # Errors
    /// When nothing is sold for it.
    pub fn price(&self, amount: Money) -> Result<Price, NotSold> {
        let terms = self.of(Some(amount.currency())).ok_or(NotSold::Currency)?;
        let minor = amount.minor();
        if minor < terms.amount_minor_min {
            return Err(NotSold::Below(terms.amount_minor_min));
        }
        let most = NotSold::Above(terms.amount_minor_max);
        if minor > terms.amount_minor_max {
            return Err(most);
        }
        let credits = self.credits(terms, minor).ok_or(most)?;
        let share = self.bonuses.iter().filter(|bonus| bonus.from_minor <= minor).max_by_key(|bonus| bonus.from_minor);
        let bonus = share.map_or(Some(NanoUsd::ZERO), |bonus| bonus.share.floor_of(credits)).ok_or(most)?;
        let fee = self.fee.floor_of(NanoUsd::new(minor)).and_then(|fee| fee.get().checked_add(terms.fee_fixed_minor));
        let fee_minor = fee.ok_or(most)?;
        let total = minor.checked_add(fee_minor).ok_or(most)?;
        Ok(Price { total: Money::new(total, amount.currency()), fee_minor, credits, bonus })
    }

    /// Rounded down to a nano-dollar.
    fn credits(&self, terms: &CurrencyTerms, minor: i64) -> Option<NanoUsd> {
        let nano = i128::from(minor).checked_mul(i128::from(NANO_A_MINOR))?;
        let face = nano.checked_mul(i128::from(self.credit_face.get()))?;
        let credits = face.checked_div_euclid(i128::from(terms.credit_price_nano))?;
        i64::try_from(credits).ok().map(NanoUsd::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms() -> SaleTerms {
        let terms = |currency, credit_price_nano| CurrencyTerms {
            currency,
            credit_price_nano,
            amount_minor_min: 500,
            amount_minor_max: 100_000,
            suggested_minor: vec![1_000],
            fee_fixed_minor: 30,
        };
        SaleTerms {
            currencies: vec![terms(Currency::USD, 10_000_000), terms(Currency::EUR, 9_000_000)],
            credit_face: NanoUsd::new(10_000_000),
            fee: BasisPoints::new(300),
            bonuses: [(5_000, 500), (10_000, 1_000)]
                .map(|(from_minor, share)| Bonus { from_minor, share: BasisPoints::new(share) })
                .to_vec(),
        }
    }

    fn check(minor: i64, currency: &str, expect: &str) {
        let told = match terms().price(Money::new(minor, currency.parse().unwrap())) {
            Ok(price) => format!(
                "{} with {}, {} and {}",
                price.total.minor(),
                price.fee_minor,
                price.credits.get(),
                price.bonus.get()
            ),
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(told, expect, "{minor} {currency}");
    }

    #[test]
    fn a_purchase_has_its_currencys_price_the_fee_on_top_and_the_highest_bonus_that_is_reached() {
        check(1_000, "usd", "1060 with 60, 10000000000 and 0");
        check(1_000, "eur", "1060 with 60, 11111111111 and 0");
        check(5_000, "usd", "5180 with 180, 50000000000 and 2500000000");
        check(10_000, "usd", "10330 with 330, 100000000000 and 10000000000");
    }

    #[test]
    fn what_is_not_on_offer_is_not_sold() {
        check(499, "usd", "Below(500)");
        check(100_001, "usd", "Above(100000)");
        check(-1, "usd", "Below(500)");
        check(1_000, "inr", "Currency");
    }
}
