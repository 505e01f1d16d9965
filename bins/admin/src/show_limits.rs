//! Replies about limits, management keys and changes, for people.

use crate::table::{Table, or_dash, time};
use opencredits_api::admin::{AdminReply, ChangeView, LimitView, ManagementKeyView, RateChange, Reset};

/// A reply of these; nothing for another one.
pub(crate) fn show(reply: &AdminReply) -> Option<String> {
    Some(match reply {
        AdminReply::KeyEdited { record } => format!("changed {}\n", record.id),
        AdminReply::ManagementKeyAdded { key, record } => format!(
            "added {}\n\n    {key}\n\nThis is shown once; only a digest of it is kept. It manages keys and spends nothing.\n",
            record.id
        ),
        AdminReply::ManagementKeyRevoked { record } => format!(
            "{} (…{}) has been revoked since {}\n",
            record.id,
            record.hint,
            or_dash(record.revoked_at_ms.map(time))
        ),
        AdminReply::StandingSet { user } if user.suspended => {
            format!("{} is suspended: none of their keys works any more\n", user.label)
        }
        AdminReply::StandingSet { user } => format!("{} is no longer suspended\n", user.label),
        AdminReply::LimitSet { user, partner, limit } => {
            let whose = partner.as_ref().map_or_else(|| user.label.clone(), |app| format!("{app} at {}", user.label));
            match limit {
                Some(limit) => format!("{whose}: {}\n", cap_words(limit)),
                None => format!("{whose}: no limit\n"),
            }
        }
        AdminReply::Changes { changes, next } => {
            let more = next.as_ref().map_or_else(String::new, |next| format!("there are more: --after {next}\n"));
            changes_table(changes) + &more
        }
        _ => return None,
    })
}

/// What is left of a limit, and how often it begins anew.
pub(crate) fn limit_words(limit: &LimitView) -> String {
    let left = format!("{} of {}", limit.available.credits, limit.amount.credits);
    limit.reset.map_or_else(|| left.clone(), |reset| format!("{left} {}", reset_word(reset)))
}

fn cap_words(limit: &LimitView) -> String {
    let left = format!("{} of {} left", limit.available.credits, limit.amount.credits);
    match (limit.reset, limit.resets_at_ms) {
        (Some(reset), Some(at)) => format!("{left}, {}, next {}", reset_word(reset), time(at)),
        _ => left,
    }
}

const fn reset_word(reset: Reset) -> &'static str {
    match reset {
        Reset::Daily => "daily",
        Reset::Weekly => "weekly",
        Reset::Monthly => "monthly",
    }
}

/// How fast a key may send.
pub(crate) fn rates_words(rates: RateChange) -> String {
    let RateChange { requests_per_minute, tokens_per_minute, parallel_max } = rates;
    let parts = [(requests_per_minute, "requests/min"), (tokens_per_minute, "tokens/min"), (parallel_max, "at once")];
    let parts: Vec<String> =
        parts.iter().filter_map(|(figure, what)| figure.map(|figure| format!("{figure} {what}"))).collect();
    if parts.is_empty() { "-".to_owned() } else { parts.join(", ") }
}

/// A person's management keys; nothing where there are none.
pub(crate) fn management_table(keys: &[ManagementKeyView]) -> String {
    if keys.is_empty() {
        return String::new();
    }
    let mut table = Table::new(["management key", "name", "hint", "since", "state"]);
    for key in keys {
        let state = key.revoked_at_ms.map_or_else(|| "in force".to_owned(), |at| format!("revoked {}", time(at)));
        table.row([key.id.to_string(), key.name.clone(), format!("…{}", key.hint), time(key.created_at_ms), state]);
    }
    format!("\n{}", table.text(""))
}

fn changes_table(changes: &[ChangeView]) -> String {
    let mut table = Table::new(["id", "at", "by", "what", "to", "detail"]);
    for change in changes {
        table.row([
            change.id.to_string(),
            time(change.at_ms),
            change.actor.clone(),
            change.action.clone(),
            change.subject.clone(),
            change.detail.clone(),
        ]);
    }
    table.text("nothing was changed yet")
}
