//! The mail server and the way there, as the config wants it.

use crate::config::{Email, MailTls};
use opencredits_email::{SmtpLogin, SmtpSettings, SmtpTls};

/// What stands in files beside the config. It has no `Debug`, so that nothing can log it.
#[derive(Default)]
pub struct MailServerSecrets {
    /// The password of the login.
    pub password: Option<String>,
    /// Certificates that are trusted besides the public ones, in PEM.
    pub ca_pem: Option<String>,
}

/// The mail server of a config.
#[must_use]
pub fn smtp_settings(email: &Email, secrets: MailServerSecrets) -> SmtpSettings {
    let MailServerSecrets { password, ca_pem } = secrets;
    let hello = email.sender().map(|from| from.address().domain().to_owned());
    SmtpSettings {
        host: email.host.clone().unwrap_or_default(),
        port: email.port(),
        tls: match email.tls {
            MailTls::StartTls => SmtpTls::StartTls,
            MailTls::Implicit => SmtpTls::Implicit,
            MailTls::None => SmtpTls::None,
        },
        extra_roots_pem: ca_pem.map(String::into_bytes),
        login: email.username.clone().zip(password).map(|(username, password)| SmtpLogin { username, password }),
        hello: hello.unwrap_or_else(|| "localhost".to_owned()),
        timeout_ms: email.timeout_ms,
    }
}
