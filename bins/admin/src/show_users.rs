//! Replies about a person as a whole, and about new secrets, for people.

use crate::show::{balance_table, holds_table, keys_table};
use crate::show_limits::{limit_words, management_table};
use crate::table::{Table, or_dash, time};
use opencredits_api::admin::{AdminReply, RoleName, SessionView, UserDetailView};

/// A reply of these; nothing for another one.
pub(crate) fn show(reply: &AdminReply) -> Option<String> {
    Some(match reply {
        AdminReply::UserDetails { details } => user(details),
        AdminReply::UserRenamed { user } => format!("{} is {} now\n", user.id, user.label),
        AdminReply::UserRole { user, role: RoleName::Operator } => format!("{} is an operator\n", user.label),
        AdminReply::UserRole { user, role: RoleName::None } => format!("{} has no role\n", user.label),
        AdminReply::UserSessions { sessions, .. } => sessions_table(sessions),
        AdminReply::UserSessionsEnded { user, ended } => format!("ended {ended} sessions of {}\n", user.label),
        AdminReply::KeyRotated { key, record } => {
            let old = match record.retiring.first() {
                Some(old) => format!("…{} is valid until {}", old.hint, time(old.valid_until_ms)),
                None => "the secret of before is not valid any more".to_owned(),
            };
            format!("rotated {}: {old}\n\n    {key}\n\nThis is shown once; only a digest of it is kept.\n", record.id)
        }
        _ => return None,
    })
}

fn sessions_table(sessions: &[SessionView]) -> String {
    let mut table = Table::new(["session", "browser", "since", "last used"]);
    for session in sessions {
        let SessionView { id, browser, created_at_ms, used_at_ms } = session;
        table.row([id.to_string(), browser.clone(), time(*created_at_ms), time(*used_at_ms)]);
    }
    table.text("nobody is signed in")
}

fn user(details: &UserDetailView) -> String {
    let UserDetailView { user, balance, debt, limit, .. } = details;
    let rows = [
        ("user", user.id.to_string()),
        ("label", user.label.clone()),
        ("since", time(user.created_at_ms)),
        ("standing", if user.suspended { "suspended" } else { "good" }.to_owned()),
        ("owes", format!("{} credits (${})", debt.credits, debt.usd)),
        ("limit", or_dash(limit.as_ref().map(limit_words))),
        ("address", address(details)),
    ];
    let rows = rows.iter().filter(|(_, value)| !value.is_empty());
    let mut text: String = rows.map(|(name, value)| format!("{name:<13}{value}\n")).collect();
    text.push('\n');
    text.push_str(&balance_table(balance));
    if details.holds_total > 0 {
        text.push('\n');
        text.push_str(&holds_table(&details.holds, details.holds_total));
    }
    for cap in &details.partners {
        let limit = or_dash(cap.limit.as_ref().map(limit_words));
        text.push_str(&format!("\napp {} ({}): limit {limit}\n", cap.name, cap.partner));
    }
    text.push('\n');
    text + &keys_table(&details.keys) + &management_table(&details.management)
}

/// The address, where it was asked for.
fn address(details: &UserDetailView) -> String {
    match (&details.address, details.bounced_at_ms) {
        (Some(address), Some(at)) => format!("{address}, takes no mail since {}", time(at)),
        (Some(address), None) => address.clone(),
        (None, _) => String::new(),
    }
}
