//! The accounts of the house. Their ids are fixed, so that every process of an installation uses the same ones.

use crate::ledger_ids::derived;
use opencredits_ledger::{AnyLedger, Floor, LedgerError, OpenAccount};
use opencredits_units::{AccountId, UnixMs};

/// Payments from outside.
pub const CLEARING: AccountId = AccountId::from_bits(1);
/// Amounts owed to providers.
pub const PROVIDERS: AccountId = AccountId::from_bits(2);
/// The platform's revenue.
pub const REVENUE: AccountId = AccountId::from_bits(3);
/// Credits that were given away.
pub const PROMOTION: AccountId = AccountId::from_bits(4);
/// Charges that could not be collected.
pub const BAD_DEBT: AccountId = AccountId::from_bits(5);
/// The other side of limits: what they were given and what they have counted.
pub const LIMITS: AccountId = AccountId::from_bits(6);

/// Money and credits that became one another, at the price of an order: an account a currency, this one in dollars.
pub const EXCHANGE: AccountId = AccountId::from_bits(7);
/// What the operator has corrected, in people's favour or against it.
pub const CORRECTIONS: AccountId = AccountId::from_bits(8);

/// Commission that was paid out to partners.
pub const PAYOUTS: AccountId = AccountId::from_bits(9);

/// Display names, by account.
pub const NAMES: [(AccountId, &str); 9] = [
    (CLEARING, "clearing"),
    (PROVIDERS, "providers"),
    (REVENUE, "revenue"),
    (PROMOTION, "promotion"),
    (BAD_DEBT, "bad debt"),
    (LIMITS, "limits"),
    (EXCHANGE, "exchange"),
    (CORRECTIONS, "corrections"),
    (PAYOUTS, "payouts"),
];

/// The accounts that there is one of for each currency. Their amounts are in billionths of that currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PerCurrency {
    /// What the payment processor holds for us: below zero, as all that we own.
    Processor,
    /// What the processor has kept for its services.
    ProcessorFees,
    /// Payments and refunds that are in our orders or in the processor's books, and not yet in both.
    Clearing,
    /// Money that open disputes have withdrawn.
    Disputed,
    /// Money that became credits. In dollars it is [`EXCHANGE`].
    Exchange,
    /// The operator's fees on purchases.
    PurchaseFees,
    /// Money that the processor has sent to our bank.
    Bank,
    /// Movements at the processor that are not ours: of other products on the same account.
    Foreign,
    /// Movements that are ours, for an order that is unknown.
    Suspense,
}

impl PerCurrency {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Processor,
        Self::ProcessorFees,
        Self::Clearing,
        Self::Disputed,
        Self::Exchange,
        Self::PurchaseFees,
        Self::Bank,
        Self::Foreign,
        Self::Suspense,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Processor => "processor",
            Self::ProcessorFees => "processor fees",
            Self::Clearing => "payment clearing",
            Self::Disputed => "disputed",
            Self::Exchange => "exchange",
            Self::PurchaseFees => "purchase fees",
            Self::Bank => "bank",
            Self::Foreign => "foreign",
            Self::Suspense => "suspense",
        }
    }

    /// The account for a currency, which is an ISO 4217 code in lower case.
    #[must_use]
    pub fn account(self, currency: &str) -> AccountId {
        if self == Self::Exchange && currency == "usd" {
            return EXCHANGE;
        }
        let code = currency.bytes().fold(0_u128, |code, byte| (code << 8) | u128::from(byte));
        let kind = Self::ALL.iter().zip(1_u128..).find_map(|(kind, number)| (*kind == self).then_some(number));
        AccountId::from_bits((1 << CURRENCY_SHIFT) | (code << KIND_BITS) | kind.unwrap_or_default())
    }

    /// The kind and the currency of an account.
    #[must_use]
    pub fn of(account: AccountId) -> Option<(Self, String)> {
        let bits = account.bits();
        if bits >> CURRENCY_SHIFT != 1 {
            return None;
        }
        let [.., first, second, third, kind] = bits.to_be_bytes();
        let kind = Self::ALL.get(usize::from(kind).checked_sub(1)?)?;
        Some((*kind, String::from_utf8(vec![first, second, third]).ok()?))
    }
}

/// The accounts that there is one of for each of something else. Their ids follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Derived {
    /// What a person owes, after credits were taken back that they had spent: below zero.
    Debt,
    /// The credits of an order that are frozen for a dispute.
    Frozen,
    /// What may be given back of a charge. As a limit, it counts and holds no money.
    Refundable,
}

impl Derived {
    /// The account of what has these bits.
    #[must_use]
    pub fn account(self, of: u128) -> AccountId {
        let (name, kind) = match self {
            Self::Debt => ("debt", 1_u128),
            Self::Frozen => ("frozen", 2),
            Self::Refundable => ("refundable", 3),
        };
        let hash = derived(name, &[&of.to_be_bytes()]);
        AccountId::from_bits((kind << DERIVED_SHIFT) | (hash >> (u128::BITS - DERIVED_SHIFT)))
    }

    /// The kind of an account. Ids that are random have more bits.
    #[must_use]
    pub fn of(account: AccountId) -> Option<Self> {
        match account.bits() >> DERIVED_SHIFT {
            1 => Some(Self::Debt),
            2 => Some(Self::Frozen),
            3 => Some(Self::Refundable),
            _ => None,
        }
    }
}

/// The bits of a derived account's id that follow from what it is for; those above tell its kind.
const DERIVED_SHIFT: u32 = 88;

/// The bits of a currency account's id above its currency and its kind.
const CURRENCY_SHIFT: u32 = 32;
const KIND_BITS: u32 = 8;

/// The name of an account of the house.
#[must_use]
pub fn name(account: AccountId) -> Option<String> {
    let fixed = NAMES.iter().find(|(id, _)| *id == account).map(|(_, name)| (*name).to_owned());
    fixed.or_else(|| PerCurrency::of(account).map(|(kind, currency)| format!("{} {currency}", kind.name())))
}

/// Opens the accounts of the house. Repeating it at every start changes nothing.
///
/// # Errors
/// When the ledger fails.
pub async fn open(ledger: &AnyLedger, now: UnixMs) -> Result<(), LedgerError> {
    for (id, _) in NAMES {
        ledger.open_account(OpenAccount { id, floor: Floor::None, contra: None }, now).accepted().await?;
    }
    ledger.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_account_of_the_house_has_an_id_and_a_name_of_its_own() {
        let currencies = ["usd", "eur", "gbp"];
        let per_currency = PerCurrency::ALL.iter().flat_map(|kind| currencies.map(|currency| kind.account(currency)));
        let mut ids: Vec<_> = NAMES.iter().map(|(id, _)| *id).chain(per_currency).collect();
        let names: std::collections::BTreeSet<_> = ids.iter().map(|id| name(*id)).collect();
        ids.sort_unstable();
        ids.dedup();
        // That of the exchange in dollars is among both.
        assert_eq!((ids.len(), names.len()), (NAMES.len() + 9 * 3 - 1, NAMES.len() + 9 * 3 - 1));
        assert_eq!(PerCurrency::of(PerCurrency::Bank.account("eur")), Some((PerCurrency::Bank, "eur".to_owned())));
        assert_eq!(name(PerCurrency::Clearing.account("usd")).as_deref(), Some("payment clearing usd"));
        assert_eq!(name(AccountId::from_bits(u128::MAX)), None);
        for kind in [Derived::Debt, Derived::Frozen, Derived::Refundable] {
            assert_eq!(Derived::of(kind.account(u128::MAX)), Some(kind));
            assert_ne!(kind.account(1), kind.account(2));
            assert!(ids.iter().all(|id| Derived::of(*id).is_none()));
        }
        assert_eq!(Derived::of(AccountId::from_bits(u128::MAX)), None);
    }
}
