//! Replies about test mode, applications and referrals, for people.

use crate::table::{Table, time};
use opencredits_api::admin::{AdminReply, ApplicationView, ReferralView, TestKeyView};

/// A reply of these; nothing for another one.
pub(crate) fn show(reply: &AdminReply) -> Option<String> {
    Some(match reply {
        AdminReply::TestKeyAdded { test } => test_key(test),
        AdminReply::Applied { application, test } => {
            let test = test.as_deref().map(test_key).unwrap_or_default();
            format!("{} has applied as {}\n{test}", application.name, application.id)
        }
        AdminReply::ApplicationRejected { application } => {
            format!("{} ({}) is rejected\n", application.name, application.id)
        }
        AdminReply::Applications { applications, next } => {
            let more = next.map(|next| format!("more: --after {next}\n")).unwrap_or_default();
            list(applications) + &more
        }
        AdminReply::Referrals { partner, groups } => format!("{partner}\n{}", referrals(groups)),
        _ => return None,
    })
}

fn test_key(test: &TestKeyView) -> String {
    let TestKeyView { partner, publishable_key, label, id, key, .. } = test;
    format!(
        "added {id} of {partner} in test mode\n\n    {key}\n\nThis is shown once; only a digest of it is kept.\n\
         publishable key: {publishable_key}\nplay credits: opencredits-admin --test balance \"{label}\"\n"
    )
}

fn list(applications: &[ApplicationView]) -> String {
    let mut table = Table::new(["id", "name", "applicant", "since", "state", "url"]);
    for one in applications {
        let state = if one.reason.is_empty() { one.state.clone() } else { format!("{}: {}", one.state, one.reason) };
        table.row([
            one.id.to_string(),
            one.name.clone(),
            one.applicant.to_string(),
            time(one.created_at_ms),
            state,
            one.url.clone(),
        ]);
    }
    table.text("there are no applications to decide; `--all` lists decided ones too")
}

fn referrals(groups: &[ReferralView]) -> String {
    let mut table = Table::new(["month", "people", "bought"]);
    for group in groups {
        let month = group.month.clone().unwrap_or_else(|| "other".to_owned());
        table.row([month, group.people.to_string(), group.buyers.to_string()]);
    }
    table.text("fewer than five people have come through this partner until today")
}
