//! Replies about the past, for people and for spreadsheets.

use crate::table::{Table, or_dash, time};
use opencredits_api::admin::{
    AdminReply, BillView, CurrencySheetView, EntryView, SheetLineView, UsageGroupBy, UsageGroupView, UsageSumsView,
};
use opencredits_api::csv_line;

/// Usage in groups.
pub(crate) fn usage(by: UsageGroupBy, groups: &[UsageGroupView], total: &UsageSumsView, behind: u64) -> String {
    let mut table = Table::new([title(by), "requests", "input", "output", "charged usd", "cost usd", "commission usd"]);
    for group in groups {
        table.row(row(name(by, group), &group.sums));
    }
    if groups.len() > 1 {
        table.row(row("all".to_owned(), total));
    }
    let mut text = table.text("there is no usage in these days");
    if behind > 0 {
        text.push_str(&format!("{behind} entries of the ledger are not counted yet\n"));
    }
    text
}

fn row(name: String, sums: &UsageSumsView) -> [String; 7] {
    [
        name,
        sums.requests.to_string(),
        sums.input_tokens.to_string(),
        sums.output_tokens.to_string(),
        sums.charged.usd.to_string(),
        sums.cost_usd.to_string(),
        sums.commission_usd.to_string(),
    ]
}

const fn title(by: UsageGroupBy) -> &'static str {
    match by {
        UsageGroupBy::Person => "person",
        UsageGroupBy::Partner => "partner",
        UsageGroupBy::Model => "model",
        UsageGroupBy::Vendor => "vendor",
        UsageGroupBy::Key => "key",
        UsageGroupBy::Day => "day",
    }
}

fn name(by: UsageGroupBy, group: &UsageGroupView) -> String {
    let id = id(by, group);
    match &group.name {
        Some(name) if by == UsageGroupBy::Key => format!("{name} ({})", or_dash(id)),
        Some(name) => name.clone(),
        None => or_dash(id),
    }
}

fn id(by: UsageGroupBy, group: &UsageGroupView) -> Option<String> {
    match by {
        UsageGroupBy::Person => group.user.map(|id| id.to_string()),
        UsageGroupBy::Partner => group.partner.map(|id| id.to_string()),
        UsageGroupBy::Model => group.model.clone(),
        UsageGroupBy::Vendor => group.vendor.clone(),
        UsageGroupBy::Key => group.key.map(|id| id.to_string()),
        UsageGroupBy::Day => group.day.clone(),
    }
}

/// Usage as CSV; `None` for another reply.
pub(crate) fn usage_csv(reply: &AdminReply) -> Option<String> {
    let AdminReply::Usage { by, groups, .. } = reply else { return None };
    let figures = [
        "requests",
        "input_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "output_tokens",
        "reasoning_tokens",
        "charged_usd",
        "cost_usd",
        "commission_usd",
        "margin_usd",
    ];
    let mut out = csv_line([title(*by), "name"].into_iter().chain(figures));
    for group in groups {
        let sums = &group.sums;
        let counts = [
            sums.requests,
            sums.input_tokens,
            sums.cache_read_tokens,
            sums.cache_write_tokens,
            sums.output_tokens,
            sums.reasoning_tokens,
        ];
        let amounts = [sums.charged.usd, sums.cost_usd, sums.commission_usd, sums.margin_usd];
        let names = [id(*by, group).unwrap_or_default(), group.name.clone().unwrap_or_default()];
        let cells: Vec<String> = names
            .into_iter()
            .chain(counts.map(|count| count.to_string()))
            .chain(amounts.map(|amount| amount.to_string()))
            .collect();
        out.push_str(&csv_line(cells.iter().map(String::as_str)));
    }
    Some(out)
}

/// A request with its bill.
pub(crate) fn generation(entry: &EntryView, bill: &BillView) -> String {
    let Some(usage) = &entry.usage else { return String::new() };
    let mut table = Table::new(["what", "quantity", "rate usd", "amount usd"]);
    for line in &usage.lines {
        table.row([line.what.clone(), line.quantity.to_string(), line.rate_usd.clone(), line.amount_usd.clone()]);
    }
    let mut legs = Table::new(["account", "usd"]);
    for leg in &entry.legs {
        legs.row([leg.name.clone().unwrap_or_else(|| leg.account.to_string()), leg.amount.usd.to_string()]);
    }
    format!(
        "{} at {}: {} by {} ({}), price book {}\n{}cost {}, margin {}, commission {}\n{}{}",
        bill.id,
        time(entry.at_ms),
        usage.model,
        usage.vendor,
        usage.source,
        usage.price_book,
        table.text("nothing was billed"),
        usage.cost_usd,
        usage.margin_usd,
        usage.commission_usd,
        legs.text("nothing was booked"),
        verdict(bill)
    )
}

/// The result of a check of bills.
pub(crate) fn bills(checked: u64, wrong_total: u64, bills: &[BillView], next: Option<&String>) -> String {
    let mut text = bills.iter().map(verdict).collect::<String>();
    if checked != 1 || bills.is_empty() {
        text.push_str(&match wrong_total {
            0 => format!("checked {checked} bills: everything adds up\n"),
            wrong => format!("checked {checked} bills: {wrong} do not add up\n"),
        });
    }
    if let Some(next) = next {
        text.push_str(&format!("there are more: --after {next}\n"));
    }
    text
}

fn verdict(bill: &BillView) -> String {
    let recomputed = or_dash(bill.recomputed_usd);
    if bill.findings.is_empty() {
        let kept = if bill.recomputed_usd == Some(bill.stated_usd) { "" } else { ", kept within its hold" };
        return format!("{} adds up: {} USD charged{kept}, {recomputed} recomputed\n", bill.id, bill.stated_usd);
    }
    format!("{} does not add up: {}\n", bill.id, bill.findings.join("; "))
}

/// A balance sheet.
pub(crate) fn sheet(reply: &AdminReply) -> String {
    let AdminReply::BalanceSheet { until_ms, entries, lines, difference_usd, currencies, note } = reply else {
        return String::new();
    };
    let rows = lines
        .iter()
        .map(|SheetLineView { side, name, amount_usd }| [side.clone(), name.clone(), amount_usd.to_string()]);
    let of = until_ms.map_or_else(|| "now".to_owned(), |until| format!("before {}", time(until)));
    let mut text = format!("{entries} entries, as of {of}\n{}difference {difference_usd}\n", columns(rows));
    for CurrencySheetView { currency, lines, difference } in currencies {
        let rows = lines.iter().map(|line| [line.side.clone(), line.name.clone(), line.amount.to_string()]);
        text += &format!("\nin {currency}\n{}difference {difference}\n", columns(rows));
    }
    text + note + "\n"
}

fn columns(rows: impl Iterator<Item = [String; 3]>) -> String {
    let mut table = Table::new(["side", "account", "amount"]);
    rows.for_each(|row| table.row(row));
    table.text("")
}
