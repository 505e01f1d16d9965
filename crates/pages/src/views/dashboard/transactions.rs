//! Money in and out of a balance, and purchases.

use super::choices::Sorting;
use super::samples::{HOSTILE, ago, has};
use crate::figures::Money;
use crate::view::View;
use crate::when::When;
use serde::Serialize;

/// A transfer to or from the balance.
#[derive(Debug, Clone, Default, Serialize)]
pub struct MoneyRow {
    /// When it was made.
    pub at: When,
    /// What it is: the key of its word.
    pub kind: String,
    /// The amount, without its sign.
    pub amount: Money,
    /// Whether it left the balance.
    pub is_out: bool,
    /// The reason that was given.
    pub reason: Option<String>,
}

/// A purchase.
#[derive(Debug, Clone, Default, Serialize)]
pub struct OrderRow {
    /// Its id.
    pub id: String,
    /// When it was begun.
    pub at: When,
    /// How it stands: the key of its word.
    pub state: String,
    /// Whether it was made by a top-up.
    pub is_top_up: bool,
    /// What was to be paid, with the currency.
    pub total: String,
    /// The part of it that is the fee; empty where there is none.
    pub fee: String,
    /// The credits.
    pub credits: Money,
    /// Credits that were given with them.
    pub bonus: Option<Money>,
    /// What was paid back, with the currency; empty where nothing was.
    pub refunded: String,
    /// Where it can still be paid.
    pub pay_url: Option<String>,
}

/// The page.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Transactions {
    /// The balance.
    pub balance: Money,
    /// Transfers.
    pub rows: Vec<MoneyRow>,
    /// How they are sorted.
    pub sorting: Sorting,
    /// Older ones.
    pub older_href: Option<String>,
    /// The newest ones; `None` where they are shown.
    pub newest_href: Option<String>,
    /// Purchases, the newest first; shown on the first page.
    pub orders: Vec<OrderRow>,
    /// Older purchases.
    pub older_orders_href: Option<String>,
    /// The newest purchases; `None` where they are shown.
    pub newest_orders_href: Option<String>,
    /// All purchases as a file.
    pub orders_export_href: String,
    /// Whether receipts are to be had from the payment processor.
    pub has_receipts: bool,
    /// Whether credits are sold here.
    pub is_sold: bool,
    /// The same as a file.
    pub export_href: String,
}

impl View for Transactions {
    const TEMPLATE: &'static str = "dashboard_transactions.html";
}

impl Transactions {
    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        let empty =
            Self { balance: has(0), is_sold: true, export_href: "/v1/transactions".to_owned(), ..Self::default() };
        let empty = Self { orders_export_href: "/v1/credits/orders".to_owned(), ..empty };
        let kinds = [
            "purchase",
            "grant",
            "refund",
            "grant_taken",
            "charge_refunded",
            "debt_paid",
            "frozen",
            "unfrozen",
            "correction",
        ];
        let row = |(at, kind): (u64, &str)| MoneyRow {
            at: ago(at.saturating_mul(900)),
            kind: kind.to_owned(),
            amount: has(12_400_000_000),
            is_out: matches!(kind, "refund" | "grant_taken" | "debt_paid" | "frozen"),
            reason: (kind == "grant").then(|| HOSTILE.to_owned()),
        };
        let order = |status: &str| OrderRow {
            id: "order_1".to_owned(),
            at: ago(900),
            state: status.to_owned(),
            is_top_up: status == "failed",
            total: "$25.75".to_owned(),
            fee: "$0.75".to_owned(),
            credits: has(25_000_000_000),
            bonus: (status == "paid").then(|| has(1_000_000_000)),
            refunded: if status.contains("refunded") { "$10.00".to_owned() } else { String::new() },
            pay_url: (status == "open").then(|| "https://pay.example/1".to_owned()),
        };
        let statuses = [
            "open",
            "waiting_for_bank",
            "paid",
            "disputed",
            "lost",
            "refunded",
            "partly_refunded",
            "failed",
            "expired",
        ];
        let many = Self {
            balance: has(12_400_000_000),
            rows: (0..).zip(kinds).map(row).collect(),
            sorting: Sorting::sample(&["at", "kind", "in", "out"], false),
            older_href: Some("/dashboard/transactions?cursor=1".to_owned()),
            orders: statuses.map(order).to_vec(),
            older_orders_href: Some("/dashboard/transactions?orders=1".to_owned()),
            newest_orders_href: Some("/dashboard/transactions".to_owned()),
            has_receipts: true,
            ..empty.clone()
        };
        let older = Self {
            orders: Vec::new(),
            newest_href: Some("/dashboard/transactions".to_owned()),
            is_sold: false,
            sorting: Sorting::sample(&["in", "at", "kind", "out"], true),
            ..many.clone()
        };
        vec![empty, many, older]
    }
}
