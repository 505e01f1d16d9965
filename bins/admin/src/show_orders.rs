//! Replies about orders, for people.

use crate::table::{Table, time};
use opencredits_api::admin::{AdminReply, NamedView, OrderView, ReconcileView};

/// A reply of these; nothing for another one.
pub(crate) fn show(reply: &AdminReply) -> Option<String> {
    Some(match reply {
        AdminReply::CreditsCorrected { id, replayed, balance } => {
            let before = if *replayed { " before, and nothing was changed now" } else { "" };
            let (who, now) = (&balance.label, &balance.posted.credits);
            format!("corrected {who}{before}: the balance is {now} credits ({id})\n")
        }
        AdminReply::Orders { orders, next } => {
            let more = next.as_ref().map_or_else(String::new, |next| format!("there are more: --before {next}\n"));
            orders_table(orders) + &more
        }
        AdminReply::Order { order, as_stored } => {
            let note = if *as_stored { "as stored; the payment processor was not asked\n" } else { "" };
            one(order) + note
        }
        AdminReply::Reconciled { report } => reconciled(report),
        _ => return None,
    })
}

fn orders_table(orders: &[OrderView]) -> String {
    let mut table = Table::new(["order", "made", "person", "state", "paid", "credits", "refunded", "payment"]);
    for order in orders {
        table.row([
            order.id.to_string(),
            time(order.created_at_ms),
            order.user.to_string(),
            state(order),
            money(order.amount_minor, &order.currency),
            order.credits.credits.clone(),
            money(order.refunded_minor, &order.currency),
            order.payment.clone().unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    table.text("no orders\n")
}

fn state(order: &OrderView) -> String {
    match () {
        () if order.disputed_minor > 0 => "disputed".to_owned(),
        () if order.lost_minor > 0 => "lost".to_owned(),
        () => order.state.clone(),
    }
}

fn one(order: &OrderView) -> String {
    let amount = |minor| money(minor, &order.currency);
    let rows = [
        ("order", order.id.to_string()),
        ("made", time(order.created_at_ms)),
        ("person", order.user.to_string()),
        ("state", state(order)),
        ("begun by", order.origin.clone()),
        ("total", amount(order.amount_minor)),
        ("fee in it", amount(order.fee_minor)),
        ("credits", order.credits.credits.clone()),
        ("bonus", order.bonus.credits.clone()),
        ("refunded", amount(order.refunded_minor)),
        ("disputed", amount(order.disputed_minor)),
        ("lost", amount(order.lost_minor)),
        ("credits taken back", order.taken.credits.clone()),
        ("credits frozen", order.frozen.credits.clone()),
        ("payment", order.payment.clone().unwrap_or_else(|| "-".to_owned())),
    ];
    rows.iter().map(|(name, value)| format!("{name:<20}{value}\n")).collect()
}

fn reconciled(report: &ReconcileView) -> String {
    let [events, ours] = report.events;
    let [movements, booked] = report.movements;
    let mut lines = vec![
        format!("events      {events} read, {ours} of ours"),
        format!("orders      {} read again", report.orders),
        format!("movements   {movements} read, {booked} not booked before"),
    ];
    lines.extend(named("changed", &report.changed, ToString::to_string));
    lines.extend(named("booked", &report.booked, Clone::clone));
    let sums = [
        ("processor", &report.processor),
        ("clearing", &report.clearing),
        ("suspense", &report.in_suspense),
        ("foreign", &report.foreign),
    ];
    for (name, amounts) in sums {
        lines.extend(amounts.iter().map(|(currency, amount)| format!("{name:<12}{amount} {currency}")));
    }
    lines.extend(named("unmoved", &report.unmoved, |of| {
        format!("{} leaves {} {} in clearing", of.order, of.amount, of.currency)
    }));
    lines.extend(report.suspense.iter().map(|movement| format!("suspense    {movement} belongs to no order")));
    lines.extend(report.failures.iter().map(|failure| format!("failed      {failure}")));
    lines.push(if report.agrees { "both books agree" } else { "the books differ; see docs/payments.md" }.to_owned());
    lines.join("\n") + "\n"
}

/// A line for each that is named, and one for those beyond.
fn named<T>(what: &str, named: &NamedView<T>, shown: impl Fn(&T) -> String) -> Vec<String> {
    let lines = named.first.iter().map(|item| format!("{what:<12}{}", shown(item)));
    let more = (named.more > 0).then(|| format!("{what:<12}and {} more", named.more));
    lines.chain(more).collect()
}

fn money(minor: i64, currency: &str) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let minor = minor.unsigned_abs();
    format!("{sign}{}.{:02} {currency}", minor.div_euclid(100), minor.rem_euclid(100))
}
