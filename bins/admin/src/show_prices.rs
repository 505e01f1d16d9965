//! Replies about price books, for people.

use crate::table::{Table, or_dash, time};
use opencredits_api::admin::{AdminReply, PriceBookView, RefreshOutcomeView, RefreshView, RouteView};

/// A reply of these; nothing for another one.
pub(crate) fn show(reply: &AdminReply) -> Option<String> {
    match reply {
        AdminReply::PricesRefreshed { refreshed } => Some(refresh(refreshed)),
        AdminReply::PriceBooks { books } => Some(books_table(books)),
        _ => None,
    }
}

fn refresh(refreshed: &RefreshView) -> String {
    let RefreshView { version, before, findings, .. } = refreshed;
    let mut text = changes(refreshed);
    for finding in findings {
        text.push_str(&if refreshed.is_in_force() || !refreshed.needs_word {
            format!("note: {}\n", finding.what)
        } else {
            format!("needs your word: {}; agree with --accept {}\n", finding.what, finding.model)
        });
    }
    for vendor in &refreshed.unknown_vendors {
        text.push_str(&format!("note: no vendor {vendor} is known here; its new routes are not on sale\n"));
    }
    text.push_str(&match refreshed.outcome {
        RefreshOutcomeView::Applied => format!("the price book {version} is in force, in place of {before}\n"),
        RefreshOutcomeView::Unchanged => format!("the price book {version} is in force already\n"),
        RefreshOutcomeView::Compared => format!("compared {version} with {before}, which is in force\n"),
        RefreshOutcomeView::Refused => format!("refused {version}; {before} stays in force\n"),
    });
    text
}

fn changes(refreshed: &RefreshView) -> String {
    let RefreshView { added, routes_added, routes_vanished, changed, changed_total, vanished, facts, .. } = refreshed;
    let routes = |what: &str, routes: &[RouteView]| -> String {
        routes.iter().map(|route| format!("{what} {} by {}\n", route.model, route.vendor)).collect()
    };
    let mut text =
        routes("new:", added) + &routes("new route:", routes_added) + &routes("route gone:", routes_vanished);
    vanished.iter().for_each(|model| text.push_str(&format!("gone: {model}\n")));
    for fact in facts {
        text.push_str(&format!("{}: {} is {}, was {}\n", fact.model, fact.what, fact.new, fact.old));
    }
    if !changed.is_empty() {
        let mut table = Table::new(["model", "vendor", "price", "at", "old usd", "new usd", "percent"]);
        for change in changed {
            table.row([
                change.model.clone(),
                change.vendor.clone(),
                change.what.clone(),
                change.at.clone(),
                or_dash(change.old_usd.as_ref()),
                or_dash(change.new_usd.as_ref()),
                or_dash(change.percent.as_ref()),
            ]);
        }
        text.push_str(&table.text(""));
    }
    let more = changed_total.saturating_sub(changed.len());
    if more > 0 { text + &format!("and {more} more\n") } else { text }
}

fn books_table(books: &[PriceBookView]) -> String {
    let mut table = Table::new(["version", "in force", "since", "loaded", "source"]);
    for book in books {
        table.row([
            book.version.clone(),
            if book.is_in_force { "yes" } else { "no" }.to_owned(),
            or_dash(book.in_force_since_ms.map(time)),
            or_dash(book.added_at_ms.map(time)),
            book.source.clone(),
        ]);
    }
    table.text("there are no price books")
}
