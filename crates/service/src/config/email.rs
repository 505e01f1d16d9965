//! `[email]`: mails to people.

use super::secret::SecretText;
use opencredits_email::{Mailbox, WebhookSecrets};
use opencredits_units::NanoUsd;
use serde::{Deserialize, Serialize};

/// The longest time limit of a mail, in ms: four in a row end before the lease of the outbox.
const TIMEOUT_MS_MAX: u64 = 60_000;
/// Longer than anybody keeps mails.
const KEEP_DAYS_MAX: u32 = 3_650;

/// How mails are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTransport {
    /// Not at all.
    None,
    /// Written to standard output, for development.
    Console,
    /// Through a mail server.
    Smtp,
    /// Through the API of Resend.
    Resend,
}

/// How the connection to a mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// By STARTTLS.
    StartTls,
    /// From the first byte.
    Implicit,
    /// Not at all: for a relay on the same machine.
    None,
}

/// `[email]`: mails to people.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Email {
    /// `none` (default), `console`, `smtp` or `resend`.
    pub transport: MailTransport,
    /// The sender, such as `Acme <mail@acme.example>`. Its name is the service's name in mails.
    pub from: Option<String>,
    /// Where answers go, where not to the sender.
    pub reply_to: Option<String>,
    /// The mail server's host name.
    pub host: Option<String>,
    /// The mail server's port. Default 0: 587 for `starttls`, 465 for `implicit`, 25 for `none`.
    pub port: u16,
    /// `starttls` (default), `implicit` or `none`.
    pub tls: MailTls,
    /// A file with certificates, as PEM, that are trusted besides the public ones.
    pub ca_file: Option<String>,
    /// The user name at the mail server.
    pub username: Option<String>,
    /// The password at the mail server.
    pub password: Option<SecretText>,
    /// A file with the password.
    pub password_file: Option<String>,
    /// The API key of Resend.
    pub api_key: Option<SecretText>,
    /// A file with the API key.
    pub api_key_file: Option<String>,
    /// The secret of Resend's webhook; several, separated by spaces, while one is exchanged. Without it the route does not
    /// exist.
    pub webhook_secret: Option<SecretText>,
    /// Time limit of a mail, in ms. Default 30 s.
    pub timeout_ms: u64,
    /// The balance below which a person is told, in dollars. Default "1"; "0" tells nobody.
    pub low_balance_usd: NanoUsd,
    /// Whether the owner of a key is told at 80 % and at 100 % of its limit. Default true.
    pub limit_notices: bool,
    /// The number of days that recipient and figures of a mail are kept after it was sent. Default 30.
    pub keep_days: u32,
}

impl Default for Email {
    fn default() -> Self {
        Self {
            transport: MailTransport::None,
            from: None,
            reply_to: None,
            host: None,
            port: 0,
            tls: MailTls::StartTls,
            ca_file: None,
            username: None,
            password: None,
            password_file: None,
            api_key: None,
            api_key_file: None,
            webhook_secret: None,
            timeout_ms: 30_000,
            low_balance_usd: NanoUsd::new(1_000_000_000),
            limit_notices: true,
            keep_days: 30,
        }
    }
}

/// A setting, and its problem with the remedy.
type Problem = (&'static str, &'static str);

impl Email {
    /// The port of the mail server.
    #[must_use]
    pub const fn port(&self) -> u16 {
        match (self.port, self.tls) {
            (0, MailTls::StartTls) => 587,
            (0, MailTls::Implicit) => 465,
            (0, MailTls::None) => 25,
            (port, _) => port,
        }
    }

    /// The sender, where it is set and valid.
    #[must_use]
    pub fn sender(&self) -> Option<Mailbox> {
        self.from.as_deref()?.parse().ok()
    }

    /// The mailbox for answers, where it is set and valid.
    #[must_use]
    pub fn answers_to(&self) -> Option<Mailbox> {
        self.reply_to.as_deref()?.parse().ok()
    }

    /// The secrets of webhooks, where there are any.
    ///
    /// # Errors
    /// When one of them is cut off or no secret.
    pub fn webhook_secrets(&self) -> Result<Option<WebhookSecrets>, opencredits_email::MailError> {
        self.webhook_secret.as_ref().map(|secret| WebhookSecrets::new(secret.reveal().split_whitespace())).transpose()
    }

    /// The first problem of this section.
    pub(super) fn problem(&self, has_public_url: bool) -> Option<Problem> {
        let sends = matches!(self.transport, MailTransport::Smtp | MailTransport::Resend);
        let is_on = self.transport != MailTransport::None;
        let rows = [
            (
                self.from.is_some() == self.sender().is_some() && (self.from.is_some() || !is_on),
                ("email.from", "is not set, or no mailbox; set it to \"Acme <mail@acme.example>\", say"),
            ),
            (
                self.reply_to.is_some() == self.answers_to().is_some(),
                ("email.reply_to", "is no mailbox; set it to \"help@acme.example\", say"),
            ),
            (
                !sends || has_public_url,
                ("server.public_url", "is not set; mails link to it, so set it to \"https://acme.example\", say"),
            ),
            (
                (1..=TIMEOUT_MS_MAX).contains(&self.timeout_ms),
                ("email.timeout_ms", "is not between 1 and 60000; set it to some seconds, such as 30000"),
            ),
            (
                self.low_balance_usd >= NanoUsd::ZERO,
                ("email.low_balance_usd", "is below zero; set a balance such as \"1\", or \"0\" to tell nobody"),
            ),
            (
                (1..=KEEP_DAYS_MAX).contains(&self.keep_days),
                ("email.keep_days", "is not between 1 and 3650; set it to 30, say"),
            ),
            (
                self.webhook_secrets().is_ok(),
                ("email.webhook_secret", "is cut off or no secret; copy it whole, with its prefix"),
            ),
        ];
        let broken = rows.into_iter().find(|(holds, _)| !holds).map(|(_, problem)| problem);
        broken.or_else(|| match self.transport {
            MailTransport::None | MailTransport::Console => None,
            MailTransport::Smtp => self.problem_of_smtp(),
            MailTransport::Resend => self.problem_of_resend(),
        })
    }

    fn problem_of_smtp(&self) -> Option<Problem> {
        let has_host = self.host.as_deref().is_some_and(|host| !host.trim().is_empty());
        let passwords = [self.password.is_some(), self.password_file.is_some()];
        let rows = [
            (has_host, ("email.host", "is not set; name the mail server")),
            (passwords != [true, true], ("email.password", "is set twice; keep one of password and password_file")),
            (
                self.username.is_some() == passwords.contains(&true),
                ("email.username", "is set without a password, or a password without it; set both or none"),
            ),
        ];
        rows.into_iter().find(|(holds, _)| !holds).map(|(_, problem)| problem)
    }

    fn problem_of_resend(&self) -> Option<Problem> {
        match (&self.api_key, &self.api_key_file) {
            (None, None) => Some(("email.api_key", "is not set; set OPENCREDITS_EMAIL_API_KEY or email.api_key_file")),
            (Some(_), Some(_)) => Some(("email.api_key", "is set twice; keep one of api_key and api_key_file")),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    const URL: &str = "[server]\npublic_url = \"https://acme.example\"\n[email]\nfrom = \"Acme <mail@acme.example>\"\n";

    fn check(email: &str, problem: Option<&str>) {
        let read = Config::read(&format!("{URL}{email}"), []);
        let error = read.err().map(|error| error.to_string());
        match problem {
            None => assert_eq!(error, None, "{email}"),
            Some(field) => {
                let error = error.unwrap_or_default();
                assert!(error.starts_with(field), "{email}: {error}");
            }
        }
    }

    #[test]
    fn each_way_of_sending_needs_its_settings() {
        let smtp = "transport = \"smtp\"\nhost = \"mail.example\"\n";
        check("transport = \"console\"", None);
        check(smtp, None);
        check("transport = \"smtp\"", Some("email.host"));
        check(&format!("{smtp}username = \"u\"\npassword = \"p\""), None);
        check(&format!("{smtp}username = \"u\"\npassword_file = \"/run/p\""), None);
        check(&format!("{smtp}username = \"u\""), Some("email.username"));
        check(&format!("{smtp}password = \"p\""), Some("email.username"));
        check(&format!("{smtp}password = \"p\"\npassword_file = \"/run/p\""), Some("email.password"));
        check("transport = \"resend\"\napi_key = \"re_x\"", None);
        check("transport = \"resend\"\napi_key_file = \"/run/key\"", None);
        check("transport = \"resend\"", Some("email.api_key"));
        check("transport = \"resend\"\napi_key = \"re_x\"\napi_key_file = \"/run/key\"", Some("email.api_key"));
        check("transport = \"pigeon\"", Some("cannot use the config"));
    }

    #[test]
    fn a_value_beyond_its_bound_is_refused_by_name() {
        check("reply_to = \"help\"", Some("email.reply_to"));
        check("timeout_ms = 0", Some("email.timeout_ms"));
        check("timeout_ms = 60001", Some("email.timeout_ms"));
        check("keep_days = 0", Some("email.keep_days"));
        check("low_balance_usd = \"-1\"", Some("email.low_balance_usd"));
        check("webhook_secret = \"whsec_short\"", Some("email.webhook_secret"));
        check("webhook_secret = \" \"", Some("cannot use the config"));
        check("password = \"\"", Some("cannot use the config"));
        let read = |text: &str| Config::read(text, []).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(read("[email]\ntransport = \"console\"").starts_with("email.from"));
        assert!(read("[email]\nfrom = \"Acme\"").starts_with("email.from"));
        let url = read("[email]\ntransport = \"smtp\"\nhost = \"h\"\nfrom = \"mail@acme.example\"");
        assert!(url.starts_with("server.public_url"), "{url}");
    }

    #[test]
    fn secrets_come_from_variables_too_and_are_never_shown() {
        let names = ["PASSWORD", "API_KEY", "WEBHOOK_SECRET"];
        let canary = "Y2FuYXJ5LWNhbmFyeS1jYW5hcnk=";
        let variables = names.map(|name| (format!("OPENCREDITS_EMAIL_{name}"), canary.to_owned()));
        let config = Config::read(URL, variables).unwrap();
        assert_eq!(config.email.password.as_ref().unwrap().reveal(), canary);
        assert!(config.email.webhook_secrets().unwrap().is_some());
        let shown = config.show().unwrap();
        for shown in [shown.clone(), serde_json::to_string(&config).unwrap(), format!("{config:?}")] {
            assert!(!shown.contains(canary) && shown.contains("(not shown)"), "{shown}");
        }
        let error = Config::read(&shown, []).unwrap_err().to_string();
        assert!(error.contains("set it again"), "{error}");
    }

    #[test]
    fn the_port_is_that_of_the_encryption() {
        let port = |email: &str| Config::read(&format!("{URL}{email}"), []).unwrap().email.port();
        assert_eq!(port(""), 587);
        assert_eq!(port("tls = \"implicit\""), 465);
        assert_eq!(port("tls = \"none\""), 25);
        assert_eq!(port("port = 2525"), 2525);
        let by_variable = [("OPENCREDITS_EMAIL_PORT".to_owned(), "26".to_owned())];
        assert_eq!(Config::read(URL, by_variable).unwrap().email.port(), 26);
    }
}
