//! Replies about the bills of providers, for people.

use crate::table::{Table, or_dash};
use opencredits_api::admin::{AdminReply, DifferenceView, ImportedDayView, ProviderReportView};

/// A reply of these; nothing for another one.
pub(crate) fn show(reply: &AdminReply) -> Option<String> {
    match reply {
        AdminReply::ProvidersCompared { report } => Some(compared(report)),
        AdminReply::BillImported { vendor, days } => Some(imported(vendor, days)),
        _ => None,
    }
}

fn compared(report: &ProviderReportView) -> String {
    let days = if report.from == report.to { report.from.clone() } else { format!("{} to {}", report.from, report.to) };
    let mut text = format!("{days}, UTC; amounts in US dollars\n\n{}", rows(report));
    let mut totals = Table::new(["vendor", "days", "booked", "billed", "difference", "%", ""]);
    for total in &report.totals {
        let [ours, theirs, amount, percent, mark] = figures(&total.difference);
        totals.row([total.vendor.clone(), total.days.to_string(), ours, theirs, amount, percent, mark]);
    }
    if !report.totals.is_empty() {
        text = format!("{text}\n{}", totals.text(""));
    }
    let lines = report.not_billed.iter().map(|cost| {
        let days = if cost.days == 1 { "1 day".to_owned() } else { format!("{} days", cost.days) };
        format!("{}: ${} booked on {days} without a bill\n", cost.vendor, cost.ours_usd)
    });
    let failures = report.failures.iter().map(|failure| format!("failed: {}\n", failure.problem));
    let more: String = lines.chain(failures).collect();
    let verdict = match (report.totals.is_empty(), report.agrees) {
        (true, _) => "no bill is known for this time".to_owned(),
        (false, true) => "the bills agree with what was booked".to_owned(),
        (false, false) => format!(
            "the bills differ by more than {} % and ${}; see docs/provider-reconciliation.md",
            percent(i64::from(report.tolerance_bps)),
            report.minimum_usd
        ),
    };
    format!("{text}\n{more}{verdict}\n")
}

fn rows(report: &ProviderReportView) -> String {
    let mut table =
        Table::new(["vendor", "model", "class", "tokens booked", "billed", "booked", "billed", "difference", "%", ""]);
    for row in &report.rows {
        let [ours, theirs, amount, percent, mark] = figures(&row.difference);
        let known = match &*row.known_to {
            "us" => " only booked",
            "provider" => " only billed",
            _ => "",
        };
        let model = if row.model.is_empty() { "-".to_owned() } else { row.model.clone() };
        let (our_quantity, their_quantity) = (or_dash(row.our_quantity), or_dash(row.their_quantity));
        let (vendor, class, mark) = (row.vendor.clone(), row.class.to_string(), (mark + known).trim().to_owned());
        table.row([vendor, model, class, our_quantity, their_quantity, ours, theirs, amount, percent, mark]);
    }
    table.text("nothing was booked and nothing was billed")
}

fn figures(difference: &DifferenceView) -> [String; 5] {
    [
        difference.ours_usd.to_string(),
        difference.theirs_usd.to_string(),
        difference.difference_usd.to_string(),
        percent(difference.difference_bps),
        if difference.beyond { "DIFFERS" } else { "" }.to_owned(),
    ]
}

/// Hundredths of a percent as percent.
fn percent(bps: i64) -> String {
    let sign = if bps < 0 { "-" } else { "" };
    let size = bps.unsigned_abs();
    format!("{sign}{}.{:02}", size.div_euclid(100), size.rem_euclid(100))
}

fn imported(vendor: &str, days: &[ImportedDayView]) -> String {
    let mut table = Table::new(["day", "lines", "amount", ""]);
    for day in days {
        let replaced = if day.replaced { "replaces the bill before" } else { "" };
        table.row([day.day.clone(), day.lines.to_string(), day.amount_usd.to_string(), replaced.to_owned()]);
    }
    format!("imported the bill of {vendor}\n{}", table.text("no days"))
}
