//! Replies about partners, for people and for spreadsheets.

use crate::show_applications;
use crate::table::{Table, or_dash, time};
use opencredits_api::admin::{
    AdminReply, AmountView, EarningsView, PartnerKeyView, PartnerView, PublishableKeyView, StatementView,
};
use opencredits_api::csv_line;
use opencredits_units::BasisPoints;

/// A reply of these; nothing for another one.
pub(crate) fn show(reply: &AdminReply) -> Option<String> {
    if let Some(shown) = show_applications::show(reply) {
        return Some(shown);
    }
    Some(match reply {
        AdminReply::PartnerAdded { partner, test_publishable_key } => {
            let test = test_publishable_key.as_ref().map(|key| format!("in test mode: {key}\n")).unwrap_or_default();
            format!("added {} as {}\npublishable key: {}\n{test}", partner.name, partner.id, partner.publishable_key)
        }
        AdminReply::Partner { partner, earnings } => record(partner) + &earned(earnings),
        AdminReply::PartnerEdited { partner } => record(partner),
        AdminReply::PaidOut { id, replayed, partner, amount, earnings } => {
            let before = if *replayed { "had been paid out before; nothing more was" } else { "were paid out" };
            format!("{} {before} to {partner} ({id})\n", both(amount)) + &earned(earnings)
        }
        AdminReply::PartnerStatement { partner, statement } => format!("{partner}\n{}", month(statement)),
        AdminReply::PartnerKeyAdded { key, record } => {
            format!("added {}\n\n    {key}\n\nThis is shown once; only a digest of it is kept.\n", record.id)
        }
        AdminReply::PublishableKeys { keys } => publishable_table(keys),
        AdminReply::PartnerKeys { keys } => keys_table(keys),
        AdminReply::PartnerKeyRevoked { record } => format!(
            "{} (…{}) has been revoked since {}\n",
            record.id,
            record.hint,
            or_dash(record.revoked_at_ms.map(time))
        ),
        _ => return None,
    })
}

fn both(amount: &AmountView) -> String {
    format!("{} credits (${})", amount.credits, amount.usd)
}

fn record(partner: &PartnerView) -> String {
    let share = partner.share_bps.map_or_else(|| "config's".to_owned(), |share| format!("{} bps", share.get()));
    let charged = |bps: BasisPoints| format!(", beyond the config's bounds: {} bps are charged", bps.get());
    let charged = partner.markup_charged_bps.map(charged).unwrap_or_default();
    let markup = |markup: BasisPoints| format!("{} bps{charged}", markup.get());
    let markup = partner.markup_bps.map_or_else(|| "config's".to_owned(), markup);
    let rows = [
        ("partner", partner.id.to_string()),
        ("name", partner.name.clone()),
        ("share", share),
        ("markup", markup),
        ("owner", or_dash(partner.owner)),
        ("standing", if partner.suspended { "suspended" } else { "good" }.to_owned()),
    ];
    lines(&rows)
}

fn earned(earnings: &EarningsView) -> String {
    let rows = [
        ("accrued", both(&earnings.accrued)),
        ("taken back", both(&earnings.taken_back)),
        ("paid out", both(&earnings.paid_out)),
        ("balance", both(&earnings.balance)),
        ("matured", both(&earnings.matured)),
    ];
    lines(&rows)
}

fn month(statement: &StatementView) -> String {
    let rows = [
        ("month", statement.month.clone()),
        ("requests", statement.requests.to_string()),
        ("charged", both(&statement.charged)),
        ("commission", both(&statement.commission)),
        ("taken back", both(&statement.taken_back)),
        ("paid out", both(&statement.paid_out)),
        ("balance", both(&statement.balance)),
        ("matured now", both(&statement.matured_now)),
    ];
    lines(&rows)
}

fn lines(rows: &[(&str, String)]) -> String {
    rows.iter().map(|(name, value)| format!("{name:<11}  {value}\n")).collect()
}

fn keys_table(keys: &[PartnerKeyView]) -> String {
    let mut table = Table::new(["id", "name", "hint", "since", "state"]);
    for key in keys {
        let state = key.revoked_at_ms.map_or_else(|| "in force".to_owned(), |at| format!("revoked {}", time(at)));
        table.row([key.id.to_string(), key.name.clone(), format!("…{}", key.hint), time(key.created_at_ms), state]);
    }
    table.text("this partner has no keys; add one with `opencredits-admin partner key add PARTNER`")
}

fn publishable_table(keys: &[PublishableKeyView]) -> String {
    let mut table = Table::new(["id", "name", "key", "state", "origins", "redirects"]);
    for key in keys {
        let state = key.revoked_at_ms.map_or_else(|| "in force".to_owned(), |at| format!("revoked {}", time(at)));
        let origins = if key.origins.is_empty() { "any".to_owned() } else { key.origins.join(", ") };
        let redirects = if key.redirect_urls.is_empty() { "none".to_owned() } else { key.redirect_urls.join(", ") };
        table.row([key.id.to_string(), key.name.clone(), key.key.clone(), state, origins, redirects]);
    }
    table.text("this partner has no publishable keys; add one with `opencredits-admin partner publishable add PARTNER`")
}

/// A statement as CSV; `None` for another reply.
pub(crate) fn statement_csv(reply: &AdminReply) -> Option<String> {
    let AdminReply::PartnerStatement { partner, statement } = reply else { return None };
    let head = [
        "partner",
        "month",
        "from",
        "to",
        "requests",
        "charged_usd",
        "commission_usd",
        "taken_back_usd",
        "paid_out_usd",
        "balance_usd",
        "matured_now_usd",
    ];
    let amounts = [
        &statement.charged,
        &statement.commission,
        &statement.taken_back,
        &statement.paid_out,
        &statement.balance,
        &statement.matured_now,
    ];
    let words = [partner, &statement.month, &statement.from, &statement.to].map(Clone::clone);
    let figures = amounts.map(|amount| amount.usd.to_string());
    let cells: Vec<String> = words.into_iter().chain([statement.requests.to_string()]).chain(figures).collect();
    Some(csv_line(head) + &csv_line(cells.iter().map(String::as_str)))
}
