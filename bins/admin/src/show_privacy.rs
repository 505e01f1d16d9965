//! Replies about people's data, for people.

use crate::table::{Table, or_dash, time};
use opencredits_api::admin::{AddressKeyView, AdminReply, DeletionPreviewView, HoldingView, PolicyView, PrivacyReply};

/// A reply of these; nothing for another one.
pub(crate) fn show(reply: &AdminReply) -> Option<String> {
    let AdminReply::Privacy { of } = reply else { return None };
    Some(match &**of {
        PrivacyReply::Report { holdings, address_keys } => report(holdings, address_keys),
        PrivacyReply::DeletionPreviewed { preview } => previewed(preview),
        PrivacyReply::DeletionScheduled { user, due_at_ms } => {
            format!("{user} is deleted at {}; `user keep {user}` calls it off\n", time(*due_at_ms))
        }
        PrivacyReply::Deleted { user } => format!("deleted; the books stay under {user}\n"),
        PrivacyReply::Kept { user } => format!("{user} is not going to be deleted any more\n"),
        PrivacyReply::Exported { user, to, bytes } => {
            format!("everything about {user} is in {} ({bytes} bytes)\n", to.display())
        }
        PrivacyReply::State { user, restricted_at_ms, objected_at_ms } => format!(
            "{user}: restricted since {}, no notices since {}\n",
            or_dash(restricted_at_ms.map(time)),
            or_dash(objected_at_ms.map(time))
        ),
        PrivacyReply::Policies { policies } => policies_table(policies),
    })
}

fn report(holdings: &[HoldingView], keys: &[AddressKeyView]) -> String {
    let mut table = Table::new(["what", "rows", "oldest", "kept"]);
    for holding in holdings {
        let kept = holding.setting.clone().unwrap_or_else(|| holding.kept.clone());
        table.row([holding.kind.clone(), holding.rows.to_string(), or_dash(holding.oldest_ms.map(time)), kept]);
    }
    let mut of_keys = Table::new(["address key", "addresses", "use"]);
    for key in keys {
        let used = match (key.is_newest, key.is_set, key.addresses) {
            (true, ..) => "encrypts",
            (false, false, _) => "not set: add it to privacy.address_keys_file",
            (false, true, 0) => "not needed: remove it once no backup needs it",
            (false, true, _) => "decrypts, until rotate-address-keys has run",
        };
        of_keys.row([key.key.clone(), key.addresses.to_string(), used.to_owned()]);
    }
    format!("{}\n{}", table.text("nothing is held"), of_keys.text("no address key is set"))
}

fn previewed(of: &DeletionPreviewView) -> String {
    let state = match (of.is_deleted, of.is_scheduled) {
        (true, _) => "deleted already",
        (false, true) => "going to be deleted",
        (false, false) => "an account",
    };
    let rows = [
        ("user", of.user.to_string()),
        ("label", of.label.clone()),
        ("state", state.to_owned()),
        ("balance lost", format!("{} credits (${})", of.balance.credits, of.balance.usd)),
        ("owes", format!("{} credits (${})", of.debt.credits, of.debt.usd)),
        ("address", if of.has_address { "yes, deleted" } else { "none" }.to_owned()),
        ("keys", format!("{}, and {} for management", of.keys, of.management_keys)),
        ("orders", format!("{}, kept; {} pages end", of.orders, of.open_orders)),
        ("partners", of.partners.to_string()),
    ];
    rows.iter().map(|(name, value)| format!("{name:<14}{value}\n")).collect()
}

fn policies_table(policies: &[PolicyView]) -> String {
    let mut table = Table::new(["version", "holds from", "published", "told", "all told"]);
    for policy in policies {
        table.row([
            policy.version.clone(),
            time(policy.effective_at_ms),
            time(policy.published_at_ms),
            policy.told.to_string(),
            or_dash(policy.told_at_ms.map(time)),
        ]);
    }
    table.text("no version was published")
}
