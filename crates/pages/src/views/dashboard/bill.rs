//! The whole bill of a request.

use super::request_row::Named;
use super::samples::{HOSTILE, LONG, ago, charged, count};
use crate::figures::{Count, Money};
use crate::view::View;
use crate::when::When;
use serde::Serialize;

/// A line of a bill: quantity × rate = amount.
#[derive(Debug, Clone, Default, Serialize)]
pub struct BillLine {
    /// The class: the key of its word.
    pub what: String,
    /// Tokens or uses.
    pub quantity: Count,
    /// The rate in dollars: for a million tokens, or for one use.
    pub rate: String,
    /// Whether the rate is for a million.
    pub is_per_million: bool,
    /// The amount in dollars, exactly.
    pub amount: String,
}

/// Lines of another model than the requested one.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SideLines {
    /// The model.
    pub model: String,
    /// The lines.
    pub lines: Vec<BillLine>,
}

/// An exchange with a provider.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Attempt {
    /// The provider.
    pub vendor: String,
    /// The status of its answer; `None` where there was none.
    pub status: Option<u16>,
    /// When it ended, in seconds since the request began.
    pub ended_s: String,
    /// Whether it is the one that was billed.
    pub is_billed: bool,
}

/// A booking in the ledger.
#[derive(Debug, Clone, Default, Serialize)]
pub struct BookedLeg {
    /// The account: the key of its word.
    pub account: String,
    /// The amount in dollars, exactly.
    pub amount: String,
}

/// The page.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of the bill that the page says or leaves out")]
#[derive(Debug, Clone, Default, Serialize)]
pub struct RequestBill {
    /// What can be spent, for the header.
    pub balance: Money,
    /// Its id, `gen_…`.
    pub id: String,
    /// The id that answers and errors carry, `req_…`.
    pub request_id: String,
    /// When it began.
    pub at: When,
    /// The model.
    pub model: Named,
    /// The provider.
    pub vendor: String,
    /// The API.
    pub api: String,
    /// The key that paid.
    pub key: Named,
    /// The app that sent it.
    pub app: Option<Named>,
    /// Whether it was streamed.
    pub is_streamed: bool,
    /// How it ended: `completed`, `cancelled` or `empty`.
    pub state: String,
    /// The provider's finish reason.
    pub finish: String,
    /// The service tier, where there is one.
    pub tier: String,
    /// The time to the first token, in seconds.
    pub first_token_s: String,
    /// The time to the end, in seconds.
    pub duration_s: String,
    /// Output tokens in a second after the first; `None` where that says nothing.
    pub tokens_a_second: Option<u64>,
    /// Exchanges with providers, where there was more than one.
    pub attempts: Vec<Attempt>,
    /// The lines of the bill.
    pub lines: Vec<BillLine>,
    /// Those of other models.
    pub other_models: Vec<SideLines>,
    /// The provider's cost in dollars.
    pub cost: String,
    /// The markup in percent.
    pub markup_percent: String,
    /// Our part of it in dollars.
    pub margin: String,
    /// The app's share of the markup in percent.
    pub share_percent: String,
    /// The app's part of the markup in dollars.
    pub commission: String,
    /// Whether the app got a part of it.
    pub has_commission: bool,
    /// The total in dollars.
    pub total: String,
    /// What was taken from the balance.
    pub charged: Money,
    /// Whether less was taken than the total, since the balance had no more.
    pub is_short: bool,
    /// The version of the price book.
    pub price_book: String,
    /// Where the usage is from: the key of its word.
    pub source: String,
    /// What the provider reported, where it was not believed: input and output.
    pub reported: Option<(Count, Count)>,
    /// Whether the charge was kept within what was held, so that lines may make more.
    pub is_bounded: bool,
    /// What was booked.
    pub legs: Vec<BookedLeg>,
}

impl View for RequestBill {
    const TEMPLATE: &'static str = "dashboard_request.html";
}

impl RequestBill {
    fn plain() -> Self {
        Self {
            id: "gen_01".to_owned(),
            request_id: "req_01".to_owned(),
            at: ago(12),
            model: Named { name: "sandbox/gpt".to_owned(), href: "/dashboard/requests?model=sandbox/gpt".to_owned() },
            vendor: "sandbox".to_owned(),
            api: "openai-chat".to_owned(),
            key: Named { name: "laptop".to_owned(), href: "/dashboard/keys/key_1".to_owned() },
            state: "completed".to_owned(),
            finish: "stop".to_owned(),
            first_token_s: "0.42".to_owned(),
            duration_s: "3.1".to_owned(),
            tokens_a_second: Some(191),
            lines: vec![line("input", 2_431, "1.75"), line("output", 512, "14")],
            cost: "$0.0123456789".to_owned(),
            markup_percent: "25".to_owned(),
            margin: "$0.003086419".to_owned(),
            share_percent: "0".to_owned(),
            commission: "$0".to_owned(),
            total: "$0.0154320980".to_owned(),
            charged: charged(15_432_098),
            price_book: "2026-11-01".to_owned(),
            source: "reported".to_owned(),
            legs: vec![
                leg("wallet", "−$0.015432098"),
                leg("providers", "$0.012345679"),
                leg("revenue", "$0.003086419"),
            ],
            ..Self::default()
        }
    }

    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        let plain = Self::plain();
        let attempt = |status: Option<u16>, is_billed| Attempt {
            vendor: HOSTILE.to_owned(),
            status,
            ended_s: "1.2".to_owned(),
            is_billed,
        };
        let hostile = Self {
            model: Named { name: HOSTILE.to_owned(), href: "/dashboard/requests?model=%3C".to_owned() },
            vendor: HOSTILE.to_owned(),
            key: Named { name: LONG.to_owned(), href: "/dashboard/keys/key_1".to_owned() },
            app: Some(Named { name: HOSTILE.to_owned(), href: "/dashboard/apps".to_owned() }),
            finish: HOSTILE.to_owned(),
            tier: HOSTILE.to_owned(),
            is_streamed: true,
            state: "cancelled".to_owned(),
            source: "implausible".to_owned(),
            reported: Some((count(1 << 40), count(3))),
            is_bounded: true,
            is_short: true,
            has_commission: true,
            attempts: vec![attempt(Some(503), false), attempt(None, false), attempt(Some(200), true)],
            lines: vec![
                line("cache_read", 900, "0.1"),
                line("web_search", 2, "0.01"),
                line("a_class_of_next_year", 1, "1"),
            ],
            other_models: vec![SideLines { model: HOSTILE.to_owned(), lines: vec![line("output", 5, "14")] }],
            legs: vec![leg("wallet", "−$0.1"), leg("an account of next year", "$0.1")],
            ..plain.clone()
        };
        let nothing = Self {
            state: "empty".to_owned(),
            source: "nothing_produced".to_owned(),
            lines: Vec::new(),
            ..plain.clone()
        };
        vec![plain, hostile, nothing]
    }
}

fn line(what: &str, tokens: u64, rate: &str) -> BillLine {
    BillLine {
        what: what.to_owned(),
        quantity: count(tokens),
        rate: rate.to_owned(),
        is_per_million: what != "web_search",
        amount: "$0.0123456789".to_owned(),
    }
}

fn leg(account: &str, amount: &str) -> BookedLeg {
    BookedLeg { account: account.to_owned(), amount: amount.to_owned() }
}
