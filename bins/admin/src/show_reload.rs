//! What a reload changes, for people.

use crate::table::{Table, or_dash};
use opencredits_api::admin::{AdminReply, ReloadView};

/// A reply of these; nothing for another one.
pub(crate) fn show(reply: &AdminReply) -> Option<String> {
    let AdminReply::Reloaded { reload } = reply else { return None };
    let end = match (reload.applied, reload.changes.is_empty()) {
        (true, true) => "the config was read again; nothing has changed\n",
        (true, false) => "the config is in force\n",
        (false, true) => "nothing would change now\n",
        (false, false) => "compared only: the config in force is as before\n",
    };
    Some(changes(reload) + end)
}

/// The changes alone.
pub(crate) fn changes(reload: &ReloadView) -> String {
    let mut text = String::new();
    if !reload.changes.is_empty() {
        let mut table = Table::new(["setting", "before", "after"]);
        for change in &reload.changes {
            table.row([change.setting.clone(), or_dash(change.before.as_ref()), or_dash(change.after.as_ref())]);
        }
        text.push_str(&table.text(""));
    }
    for waits in &reload.needs_restart {
        let (before, after) = (or_dash(waits.change.before.as_ref()), or_dash(waits.change.after.as_ref()));
        let (setting, reason) = (&waits.change.setting, &waits.reason);
        text.push_str(&format!("needs a restart: {setting}, {before} -> {after}: {reason}\n"));
    }
    for notice in &reload.notices {
        text.push_str(&format!("warning: {notice}\n"));
    }
    text
}
