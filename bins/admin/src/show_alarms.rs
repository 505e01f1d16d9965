//! Replies about alarms, for people.

use crate::table::{Table, or_dash, time};
use opencredits_api::admin::{AdminReply, AlarmTestView, AlarmView};

/// Said where alarms stand in the log only.
const NO_CHANNEL: &str = "alarms stand in the log only: set alarms.webhook_url or alarms.mail_to, and reload";

/// A reply of these; nothing for another one.
pub(crate) fn show(reply: &AdminReply) -> Option<String> {
    Some(match reply {
        AdminReply::Alarms { alarms } => alarms_table(alarms),
        AdminReply::AlarmsTested { answers } => answers_table(answers),
        _ => return None,
    })
}

fn alarms_table(alarms: &[AlarmView]) -> String {
    let mut table = Table::new(["alarm", "severity", "about", "state", "since", "what it says", "what to do"]);
    for alarm in alarms {
        table.row([
            alarm.alarm.clone(),
            or_dash(alarm.severity.clone()),
            about(alarm),
            alarm.state.clone(),
            time(alarm.since_ms),
            or_dash(Some(&alarm.summary).filter(|summary| !summary.is_empty())),
            or_dash(alarm.runbook_url.clone()),
        ]);
    }
    table.text("no alarm fires")
}

fn about(alarm: &AlarmView) -> String {
    let labels: Vec<String> = alarm.labels.iter().map(|(name, value)| format!("{name} {value}")).collect();
    or_dash(Some(labels.join(", ")).filter(|labels| !labels.is_empty()))
}

fn answers_table(answers: &[AlarmTestView]) -> String {
    let mut table = Table::new(["channel", "outcome"]);
    for answer in answers {
        let outcome = answer.error.clone().unwrap_or_else(|| "taken".to_owned());
        table.row([answer.channel.clone(), outcome]);
    }
    table.text(NO_CHANNEL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use opencredits_units::UnixMs;

    #[test]
    fn an_alarm_has_a_row_with_its_page() {
        let alarm = AlarmView {
            alarm: "OpenCreditsVendorRefusesAccount".to_owned(),
            severity: Some("page".to_owned()),
            labels: [("vendor".to_owned(), "house".to_owned())].into(),
            state: "firing".to_owned(),
            since_ms: UnixMs::new(1_790_000_000_000),
            told_at_ms: None,
            summary: "house refuses our own account".to_owned(),
            runbook_url: Some("https://a.example/vendor-refuses-account.md".to_owned()),
        };
        let text = alarms_table(&[alarm]);
        for part in ["page", "vendor house", "firing", "2026-09-21T14:13:20Z", "refuses our own", "-account.md"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_eq!(alarms_table(&[]), "no alarm fires\n");
    }

    #[test]
    fn a_test_shows_what_each_channel_answered() {
        let answer = |channel: &str, error: Option<&str>| AlarmTestView {
            channel: channel.to_owned(),
            taken: error.is_none(),
            error: error.map(str::to_owned),
        };
        let text = answers_table(&[answer("webhook", Some("the status 500")), answer("mail", None)]);
        assert_eq!(text, "CHANNEL  OUTCOME\nwebhook  the status 500\nmail     taken\n");
        assert!(answers_table(&[]).contains("alarms.webhook_url"));
    }
}
