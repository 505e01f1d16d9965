//! Replies for people.

use crate::show_alarms;
use crate::show_jobs;
use crate::show_limits::{self, limit_words, management_table, rates_words};
use crate::show_orders;
use crate::show_partners;
use crate::show_prices;
use crate::show_privacy;
use crate::show_providers;
use crate::show_reads;
use crate::table::{Table, or_dash, time};
use opencredits_api::admin::{
    AdminReply, AmountView, BackupView, BalanceView, ChainView, EntryView, HoldView, KeyView, PartnerView, UserView,
};

/// A reply in words and tables.
pub(crate) fn show(reply: &AdminReply) -> String {
    match reply {
        AdminReply::UserAdded { user } => format!("added {} as {}\n", user.label, user.id),
        AdminReply::Users { users, next } => users_table(users) + &more(next.as_ref()),
        AdminReply::UserEmail { user, address: None, .. } => format!("{} has no address\n", user.label),
        AdminReply::UserEmail { user, address: Some(address), bounced_at_ms } => match bounced_at_ms {
            None => format!("{} gets mail at {address}\n", user.label),
            Some(at) => format!("{}: {address} takes no mail since {}; set another\n", user.label, time(*at)),
        },
        AdminReply::KeyAdded { key, record } => added_key(key, record),
        AdminReply::Keys { keys, management } => keys_table(keys) + &management_table(management),
        AdminReply::KeyRevoked { record } => format!(
            "{} (…{}) has been revoked since {}\n",
            record.id,
            record.hint,
            or_dash(record.revoked_at_ms.map(time))
        ),
        AdminReply::Partners { partners, next } => partners_table(partners) + &more(next.as_ref()),
        AdminReply::CreditsGranted { id, replayed, amount, balance } => {
            let did = if *replayed { "had been given before; nothing more was given" } else { "were given" };
            format!("{} {did} ({id})\n{} has {} available\n", both(amount), balance.label, both(&balance.available))
        }
        AdminReply::Balance { balance } => balance_table(balance),
        AdminReply::Entries { entries, next } => entries_table(entries) + &more(next.as_ref()),
        AdminReply::Holds { holds, total } => holds_table(holds, *total),
        AdminReply::Verified { .. } => verified(reply),
        AdminReply::Head { head, .. } => format!("{head}\n"),
        AdminReply::BackedUp { backup, left_out } => backed_up(backup, left_out),
        AdminReply::BackupChecked { backup } => {
            format!("{} is complete and verifies\n{}", backup.path.display(), backup_table(backup))
        }
        AdminReply::Restored { .. } => restored(reply),
        AdminReply::LossAccepted { loss } => loss_accepted(loss.as_ref()),
        AdminReply::Usage { by, groups, total, entries_behind } => {
            show_reads::usage(*by, groups, total, *entries_behind)
        }
        AdminReply::Generation { entry, bill } => show_reads::generation(entry, bill),
        AdminReply::BillsChecked { checked, wrong_total, bills, next, .. } => {
            show_reads::bills(*checked, *wrong_total, bills, next.map(|next| next.to_string()).as_ref())
        }
        AdminReply::BalanceSheet { .. } => show_reads::sheet(reply),
        other => show_limits::show(other)
            .or_else(|| show_privacy::show(other))
            .or_else(|| show_orders::show(other))
            .or_else(|| show_partners::show(other))
            .or_else(|| show_jobs::show(other))
            .or_else(|| show_alarms::show(other))
            .or_else(|| show_prices::show(other))
            .or_else(|| show_providers::show(other))
            .unwrap_or_else(|| NEWER.to_owned()),
    }
}

/// What is said of a reply that this tool does not know.
const NEWER: &str = "done; use the admin tool of the gateway's version to see more\n";

fn both(amount: &AmountView) -> String {
    format!("{} credits (${})", amount.credits, amount.usd)
}

fn more<T: ToString>(next: Option<&T>) -> String {
    next.map_or_else(String::new, |next| format!("there are more: --after {}\n", next.to_string()))
}

fn users_table(users: &[UserView]) -> String {
    let mut table = Table::new(["id", "label", "since", "standing"]);
    for user in users {
        let standing = if user.suspended { "suspended" } else { "good" };
        table.row([user.id.to_string(), user.label.clone(), time(user.created_at_ms), standing.to_owned()]);
    }
    table.text("there are no users; add one with `opencredits-admin user add LABEL`")
}

fn added_key(key: &str, record: &KeyView) -> String {
    format!("added {}\n\n    {key}\n\nThis is shown once; only a digest of it is kept.\n", record.id)
}

pub(crate) fn keys_table(keys: &[KeyView]) -> String {
    let mut table = Table::new(["id", "name", "hint", "since", "state", "limit left", "rates", "models"]);
    for key in keys {
        let state = match (key.revoked_at_ms, key.expires_at_ms) {
            (Some(at), _) => format!("revoked {}", time(at)),
            _ if key.disabled => "switched off".to_owned(),
            _ if !key.retiring.is_empty() => rotating(key),
            (None, Some(at)) => format!("until {}", time(at)),
            (None, None) => "in force".to_owned(),
        };
        let limit = key.limit.as_ref().map(limit_words);
        table.row([
            key.id.to_string(),
            key.name.clone(),
            format!("…{}", key.hint),
            time(key.created_at_ms),
            state,
            or_dash(limit),
            rates_words(key.rates),
            key.models.as_ref().map_or_else(|| "all".to_owned(), |models| models.join(", ")),
        ]);
    }
    table.text("this user has no keys; add one with `opencredits-admin key add USER`")
}

/// A key whose secret of before is still valid.
fn rotating(key: &KeyView) -> String {
    let old = key.retiring.iter().map(|old| format!("…{} until {}", old.hint, time(old.valid_until_ms)));
    format!("rotating, {}", old.collect::<Vec<_>>().join(", "))
}

fn partners_table(partners: &[PartnerView]) -> String {
    let mut table = Table::new(["id", "name", "share", "publishable key", "since"]);
    for partner in partners {
        let share = partner.share_bps.map(|share| format!("{} bps", share.get()));
        table.row([
            partner.id.to_string(),
            partner.name.clone(),
            share.unwrap_or_else(|| "config's".to_owned()),
            partner.publishable_key.clone(),
            time(partner.created_at_ms),
        ]);
    }
    table.text("there are no partners; add one with `opencredits-admin partner add NAME`")
}

pub(crate) fn balance_table(balance: &BalanceView) -> String {
    let mut table = Table::new(["", "credits", "usd"]);
    let rows = [("available", &balance.available), ("held", &balance.held), ("posted", &balance.posted)];
    for (name, amount) in rows {
        table.row([name.to_owned(), amount.credits.clone(), amount.usd.to_string()]);
    }
    format!("{} {}\n{}", balance.label, balance.user, table.text(""))
}

fn entries_table(entries: &[EntryView]) -> String {
    let mut table = Table::new(["id", "at", "kind", "usd", "account", "what"]);
    for entry in entries {
        let usage = entry.usage.as_ref();
        let what = usage.map(|usage| format!("{} by {} ({})", usage.model, usage.vendor, usage.source));
        let mut what = what.or_else(|| entry.reason.clone()).unwrap_or_default();
        let (mut id, mut at, mut kind) = (entry.id.to_string(), time(entry.at_ms), entry.kind.clone());
        if entry.legs.is_empty() {
            table.row([id, at, kind, String::new(), String::new(), what]);
            continue;
        }
        for leg in &entry.legs {
            let account = leg.name.clone().unwrap_or_else(|| leg.account.to_string());
            let usd = leg.amount.usd.to_string();
            let [id, at, kind, what] = [&mut id, &mut at, &mut kind, &mut what].map(std::mem::take);
            table.row([id, at, kind, usd, account, what]);
        }
    }
    table.text("there are no such entries")
}

pub(crate) fn holds_table(holds: &[HoldView], total: usize) -> String {
    let mut table = Table::new(["id", "payer", "usd", "until", "in flight"]);
    for hold in holds {
        let in_flight = if hold.in_flight { "yes" } else { "no" };
        table.row([
            hold.id.to_string(),
            hold.payer.to_string(),
            hold.amount.usd.to_string(),
            time(hold.expires_at_ms),
            in_flight.to_owned(),
        ]);
    }
    let text = table.text("there are no open holds");
    if total > holds.len() { format!("{text}and {} more\n", total.saturating_sub(holds.len())) } else { text }
}

fn verified(reply: &AdminReply) -> String {
    let AdminReply::Verified { clean, accounts, entries, holds, findings, findings_total, chain, checked_head } = reply
    else {
        return String::new();
    };
    let checked = format!("checked {entries} entries, {accounts} accounts and {holds} open holds");
    if *clean {
        let chain = chain.as_ref().map(|chain| covered(chain, *entries)).unwrap_or_default();
        let head = if checked_head.is_some() { "the ledger has every commit up to the given head\n" } else { "" };
        return format!("{checked}: everything adds up\n{chain}{head}");
    }
    let list: String = findings.iter().map(|finding| format!("  {finding}\n")).collect();
    format!("{checked}: {findings_total} things do not add up; stop the gateway and restore a backup\n{list}")
}

fn covered(chain: &ChainView, entries: u64) -> String {
    match &chain.first {
        Some(first) if chain.entries < entries => {
            format!(
                "the hash chain covers {} of them, from {first} on; the others are older than the chain\n",
                chain.entries
            )
        }
        None if entries > 0 => "the hash chain covers none of them yet; all are older than the chain\n".to_owned(),
        _ => "the hash chain covers all of them\n".to_owned(),
    }
}

fn loss_accepted(loss: Option<&String>) -> String {
    match loss {
        Some(loss) => format!("accepted: {loss}\nthe record of it is kept as ledger.db.head.lost\n"),
        None => "nothing is lost, and nothing was changed\n".to_owned(),
    }
}

/// What a copy of the data folder never has.
const ELSEWHERE: &str = "not in it: the config, the keys of vendors and everything else outside of the data folder\n";

fn backed_up(backup: &BackupView, left_out: &[String]) -> String {
    let mut text = format!("made and verified {}\n{}{ELSEWHERE}", backup.path.display(), backup_table(backup));
    if !left_out.is_empty() {
        text.push_str(&format!("nor, since only plain files are copied: {}\n", left_out.join(", ")));
    }
    text
}

fn restored(reply: &AdminReply) -> String {
    let AdminReply::Restored { backup, to, replaced } = reply else {
        return String::new();
    };
    let mut text = format!("restored {} into {}\n{}", backup.path.display(), to.display(), backup_table(backup));
    if let Some(replaced) = replaced {
        text.push_str(&format!("the data of before is in {}; delete it once you are sure\n", replaced.display()));
    }
    let made_at = time(backup.made_at_ms);
    text.push_str(&format!("warning: charges, credits, people and keys after {made_at} are not in it, although they "));
    text.push_str("were confirmed; keys that were revoked since are in force again\n");
    text
}

fn backup_table(backup: &BackupView) -> String {
    let BackupView { entries, accounts, holds, users, partners, keys, bytes, .. } = backup;
    let lines = [
        ("as of", time(backup.made_at_ms)),
        ("made by version", backup.program.clone()),
        ("mode", backup.mode.clone().unwrap_or_else(|| "not marked".to_owned())),
        ("ledger", format!("{entries} entries, {accounts} accounts, {holds} open holds")),
        ("head", backup.head.clone()),
        ("store", format!("{users} people, {partners} partners, {keys} keys")),
        ("files", format!("{} ({bytes} bytes)", backup.files.join(", "))),
    ];
    let mut text: String = lines.iter().map(|(name, value)| format!("  {name:<17}{value}\n")).collect();
    if backup.lacking_accounts > 0 {
        let lacking = backup.lacking_accounts;
        text.push_str(&format!(
            "warning: the store names {lacking} accounts that the ledger does not have, as in the "
        ));
        text.push_str("data folder; its ledger lost them\n");
    }
    text
}
