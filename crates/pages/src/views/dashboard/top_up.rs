//! Buying credits, and having the balance topped up by itself.

use super::samples::{HOSTILE, LONG, charged, count, has};
use crate::figures::{Count, Money};
use crate::view::View;
use serde::Serialize;

/// A currency in which credits are sold.
#[derive(Debug, Clone, Default, Serialize)]
pub struct CurrencyChoice {
    /// Its code in capitals.
    pub code: String,
    /// Its code in the URL.
    pub value: String,
    /// The page in this currency.
    pub href: String,
    /// Whether it is chosen.
    pub is_current: bool,
}

/// An amount that is offered.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Offered {
    /// The amount with its currency, such as `$25`.
    pub amount: String,
    /// The credits that it buys.
    pub credits: Money,
    /// The page with this amount.
    pub href: String,
    /// Whether it is chosen.
    pub is_current: bool,
}

/// A model, and how many requests the credits are good for.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Buys {
    /// The model.
    pub model: String,
    /// Requests, rounded down.
    pub requests: Count,
}

/// What an amount costs and buys.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Quote {
    /// The amount that credits are bought for.
    pub amount: String,
    /// The fee.
    pub fee: String,
    /// Whether there is one.
    pub has_fee: bool,
    /// What is paid.
    pub total: String,
    /// The credits.
    pub credits: Money,
    /// The credits that are given with them.
    pub bonus: Option<Money>,
    /// The balance afterwards, less what is owed.
    pub balance_after: Money,
    /// What it is good for.
    pub buys: Vec<Buys>,
}

/// Why an amount cannot be bought.
#[derive(Debug, Clone, Default, Serialize)]
pub struct QuoteError {
    /// The key of its words: `amount`, `below` or `above`.
    pub kind: String,
    /// The amount that is possible.
    pub bound: String,
}

/// How a balance is topped up by itself.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Rule {
    /// `off`, `on`, `declined`, `action_required` or `disputed`.
    pub state: String,
    /// Whether a payment method is saved.
    pub has_method: bool,
    /// The threshold, as it is typed, in credits.
    pub threshold: String,
    /// The amount, as it is typed.
    pub amount: String,
    /// The most in a month, as it is typed.
    pub monthly_max: String,
    /// Their currency in capitals.
    pub currency: String,
    /// Their currency as the API has it.
    pub currency_value: String,
    /// What was charged this month, with the currency.
    pub charged: String,
}

/// A purchase that was just made.
#[derive(Debug, Clone, Default, Serialize)]
pub struct OrderSeen {
    /// Its id.
    pub id: String,
    /// How it stands.
    pub state: String,
    /// Whether that may change within seconds.
    pub is_awaited: bool,
    /// The credits, with what is given with them.
    pub credits: Money,
    /// What was paid.
    pub total: String,
    /// Where it can still be paid.
    pub pay_url: Option<String>,
}

/// The page.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TopUp {
    /// Whether credits are sold here.
    pub is_sold: bool,
    /// The balance.
    pub balance: Money,
    /// What is owed after credits were taken back.
    pub owed: Option<Money>,
    /// The currencies.
    pub currencies: Vec<CurrencyChoice>,
    /// The code of the chosen one in capitals.
    pub currency: String,
    /// The same as the API has it.
    pub currency_value: String,
    /// Amounts that are offered.
    pub offered: Vec<Offered>,
    /// The amount, as it is typed.
    pub amount: String,
    /// The least and the most, with the currency.
    pub bounds: (String, String),
    /// What the amount costs and buys.
    pub quote: Option<Quote>,
    /// Why it cannot be bought.
    pub error: Option<QuoteError>,
    /// How the balance is topped up by itself.
    pub rule: Rule,
    /// A purchase that was just made.
    pub order: Option<OrderSeen>,
    /// Whether the buyer has come back from paying, so that the script looks for the purchase.
    pub is_back: bool,
    /// Whether the buyer has come back without paying.
    pub is_cancelled: bool,
    /// Where the receipt goes; `None` where no address is known.
    pub email: Option<String>,
}

impl View for TopUp {
    const TEMPLATE: &'static str = "dashboard_top_up.html";
}

impl Rule {
    pub(super) fn sample(state: &str) -> Self {
        Self {
            state: state.to_owned(),
            has_method: true,
            threshold: "500".to_owned(),
            amount: "25".to_owned(),
            monthly_max: "100".to_owned(),
            currency: "USD".to_owned(),
            currency_value: "usd".to_owned(),
            charged: "$25.75".to_owned(),
        }
    }
}

impl TopUp {
    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        let path = "/dashboard/top-up";
        let currency = |code: &str| CurrencyChoice {
            code: code.to_uppercase(),
            value: code.to_owned(),
            href: format!("{path}?currency={code}"),
            is_current: code == "usd",
        };
        let offered = |amount: i64| Offered {
            amount: format!("${amount}"),
            credits: has(amount.saturating_mul(1_000_000_000)),
            href: format!("{path}?amount={amount}"),
            is_current: amount == 25,
        };
        let buys = |model: &str| Buys { model: model.to_owned(), requests: count(508) };
        let quote = Quote {
            amount: "$25.00".to_owned(),
            fee: "$0.75".to_owned(),
            has_fee: true,
            total: "$25.75".to_owned(),
            credits: has(25_000_000_000),
            bonus: Some(has(1_250_000_000)),
            balance_after: has(27_000_000_000),
            buys: vec![buys("sandbox/gpt"), buys(HOSTILE), buys(LONG)],
        };
        let sold = Self {
            is_sold: true,
            balance: has(750_000_000),
            currencies: vec![currency("usd"), currency("eur")],
            currency: "USD".to_owned(),
            currency_value: "usd".to_owned(),
            offered: [10, 25, 100].map(offered).to_vec(),
            amount: "25".to_owned(),
            bounds: ("$5".to_owned(), "$1,000".to_owned()),
            quote: Some(quote),
            rule: Rule { state: "off".to_owned(), ..Rule::default() },
            email: Some("ada@example.org".to_owned()),
            ..Self::default()
        };
        let error = |kind: &str| Self {
            amount: HOSTILE.to_owned(),
            quote: None,
            error: Some(QuoteError { kind: kind.to_owned(), bound: "$5".to_owned() }),
            email: None,
            owed: Some(charged(5_000_000_000)),
            currencies: vec![currency("usd")],
            ..sold.clone()
        };
        let order = |status: &str| OrderSeen {
            id: "order_1".to_owned(),
            state: status.to_owned(),
            is_awaited: status == "open",
            credits: has(26_250_000_000),
            total: "$25.75".to_owned(),
            pay_url: (status == "open").then(|| "https://pay.example/1".to_owned()),
        };
        let mut all = vec![Self { balance: has(0), ..Self::default() }, sold.clone()];
        all.extend(["amount", "below", "above"].map(error));
        for status in ["open", "waiting_for_bank", "paid", "failed", "expired", "refunded"] {
            all.push(Self { order: Some(order(status)), is_back: true, ..sold.clone() });
        }
        for state in ["off", "on", "declined", "action_required", "disputed"] {
            all.push(Self { rule: Rule::sample(state), ..sold.clone() });
        }
        all.push(Self { is_cancelled: true, ..sold.clone() });
        all.push(Self { is_back: true, ..sold });
        all
    }
}
