//! `[alarms]`: who is told of alarms, without Prometheus.

use super::secret::SecretText;
use crate::alarms::WebhookSecret;
use opencredits_email::Address;
use serde::{Deserialize, Serialize};

/// The pages of alarms by default.
const RUNBOOKS_URL: &str = "https://github.com/opencredits/opencredits/blob/main/docs/runbooks";
/// The most addresses.
const ADDRESSES_MAX: usize = 10;
/// The longest time until an alarm is told again, in hours: a month.
const REPEAT_HOURS_MAX: u32 = 744;
/// The fastest pace: a minute takes five milliseconds, a day seven seconds.
const PACE_MAX: u32 = 12_000;
const HOUR_MS: u64 = 3_600_000;

/// `[alarms]`: who is told of alarms. With neither setting they stand in the log.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlarmSection {
    /// The addresses that get a mail of each alarm, ten at most. Default: none.
    pub mail_to: Vec<String>,
    /// The URL that gets a signed `POST` of each alarm. Default: none.
    pub webhook_url: Option<String>,
    /// The secret that it is signed with: 24 to 64 bytes in base64 behind `whsec_`.
    pub webhook_secret: Option<SecretText>,
    /// A file with the secret.
    pub webhook_secret_file: Option<String>,
    /// The number of hours after which an alarm that still fires is told again. Default 24.
    pub repeat_hours: u32,
    /// The URL below which each alarm has its page. Default: the pages of the project.
    pub runbooks_url: String,
    /// How many times faster than written the waits and windows of alarms pass, to try alarms out. Default 1.
    pub pace: u32,
}

impl Default for AlarmSection {
    fn default() -> Self {
        Self {
            mail_to: Vec::new(),
            webhook_url: None,
            webhook_secret: None,
            webhook_secret_file: None,
            repeat_hours: 24,
            runbooks_url: RUNBOOKS_URL.to_owned(),
            pace: 1,
        }
    }
}

/// Whether a text is the URL of a web page.
pub(super) fn is_url(text: &str) -> bool {
    let url = text.parse::<http::Uri>().ok();
    url.is_some_and(|url| {
        matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some_and(|host| !host.is_empty())
    })
}

impl AlarmSection {
    /// The addresses.
    #[must_use]
    pub fn addresses(&self) -> Vec<Address> {
        self.mail_to.iter().filter_map(|text| text.parse().ok()).collect()
    }

    /// The URL of the webhook.
    #[must_use]
    pub fn webhook(&self) -> Option<http::Uri> {
        self.webhook_url.as_ref()?.parse().ok()
    }

    /// How long an alarm fires until it is told again, in ms.
    #[must_use]
    pub fn repeat_ms(&self) -> u64 {
        u64::from(self.repeat_hours).saturating_mul(HOUR_MS)
    }

    /// The first problem of this section, and its remedy.
    pub(super) fn problem(&self, can_mail: bool) -> Option<(&'static str, &'static str)> {
        let secrets = [self.webhook_secret.is_some(), self.webhook_secret_file.is_some()];
        let rows = [
            (
                self.addresses().len() == self.mail_to.len() && self.mail_to.len() <= ADDRESSES_MAX,
                (
                    "alarms.mail_to",
                    "has something that is no address, or more than ten; write [\"ops@acme.example\"], say",
                ),
            ),
            (
                self.mail_to.is_empty() || can_mail,
                ("alarms.mail_to", "is set, and no mails are sent; set email.transport, too"),
            ),
            (
                self.webhook_url.as_deref().is_none_or(is_url),
                ("alarms.webhook_url", "is no http or https address; write it as \"https://alarms.example/hook\", say"),
            ),
            (
                secrets != [true, true],
                ("alarms.webhook_secret", "is set twice; keep one of webhook_secret and webhook_secret_file"),
            ),
            (
                self.webhook_url.is_some() == secrets.contains(&true),
                (
                    "alarms.webhook_url",
                    "is set without a secret, or a secret without it; set OPENCREDITS_ALARMS_WEBHOOK_SECRET or alarms.webhook_secret_file, or neither",
                ),
            ),
            (
                self.webhook_secret.as_ref().is_none_or(|secret| WebhookSecret::parse(secret.reveal()).is_ok()),
                (
                    "alarms.webhook_secret",
                    "is no secret of 24 to 64 bytes in base64 behind whsec_; make one with: echo \"whsec_$(openssl rand -base64 32)\"",
                ),
            ),
            (
                (1..=REPEAT_HOURS_MAX).contains(&self.repeat_hours),
                ("alarms.repeat_hours", "is not between 1 and 744; set it to 24, say"),
            ),
            (
                is_url(&self.runbooks_url),
                ("alarms.runbooks_url", "is no http or https address; leave it out for the pages of the project"),
            ),
            (
                (1..=PACE_MAX).contains(&self.pace),
                ("alarms.pace", "is not between 1 and 12000; leave it at 1 but where you try alarms out"),
            ),
        ];
        rows.into_iter().find(|(holds, _)| !holds).map(|(_, problem)| problem)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    fn secret() -> String {
        format!("{}{}", concat!("whs", "ec_"), STANDARD.encode([7; 32]))
    }

    fn check(alarms: &str, problem: Option<&str>) {
        let mails = "[email]\ntransport = \"console\"\nfrom = \"mail@acme.example\"\n";
        let read = Config::read(&format!("{mails}[alarms]\n{alarms}"), []);
        let error = read.err().map(|error| error.to_string());
        match problem {
            None => assert_eq!(error, None, "{alarms}"),
            Some(field) => assert!(error.as_ref().is_some_and(|error| error.starts_with(field)), "{alarms}: {error:?}"),
        }
    }

    #[test]
    fn what_cannot_tell_an_alarm_is_refused_by_name() {
        let (url, secret) = ("webhook_url = \"https://a.example/hook\"", secret());
        check("", None);
        check("mail_to = [\"ops@acme.example\", \"night@acme.example\"]", None);
        check("mail_to = [\"ops\"]", Some("alarms.mail_to"));
        check(&format!("mail_to = {:?}", vec!["ops@acme.example"; 11]), Some("alarms.mail_to"));
        check(&format!("{url}\nwebhook_secret = \"{secret}\""), None);
        check(&format!("{url}\nwebhook_secret_file = \"/run/secret\""), None);
        check(url, Some("alarms.webhook_url"));
        check(&format!("webhook_secret = \"{secret}\""), Some("alarms.webhook_url"));
        check(
            &format!("{url}\nwebhook_secret = \"{secret}\"\nwebhook_secret_file = \"x\""),
            Some("alarms.webhook_secret"),
        );
        check(&format!("{url}\nwebhook_secret = \"short\""), Some("alarms.webhook_secret"));
        check(&format!("webhook_url = \"a.example\"\nwebhook_secret = \"{secret}\""), Some("alarms.webhook_url"));
        check("repeat_hours = 0", Some("alarms.repeat_hours"));
        check("pace = 12001", Some("alarms.pace"));
        check("runbooks_url = \"wiki\"", Some("alarms.runbooks_url"));
        let without_mails = Config::read("[alarms]\nmail_to = [\"ops@acme.example\"]", []).unwrap_err().to_string();
        assert!(without_mails.contains("email.transport"), "{without_mails}");
    }

    #[test]
    fn the_secret_comes_from_a_variable_too_and_is_never_shown() {
        let secret = secret();
        let variables = [("OPENCREDITS_ALARMS_WEBHOOK_SECRET".to_owned(), secret.clone())];
        let config = Config::read("[alarms]\nwebhook_url = \"https://a.example/hook\"", variables).unwrap();
        assert_eq!(config.alarms.webhook_secret.as_ref().unwrap().reveal(), secret);
        for shown in [config.show().unwrap(), format!("{config:?}")] {
            assert!(!shown.contains(&secret) && shown.contains("(not shown)"), "{shown}");
        }
    }
}
