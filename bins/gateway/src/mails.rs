//! The sender of mails, as the config wants it.

use crate::error::StartError;
use crate::secret_files::{read, secret};
use opencredits_email::{Console, Mailer, Resend, ResendSettings, Smtp, SmtpSettings};
use opencredits_service::config::{Config, Email, MailTransport};
use opencredits_service::mail::{MailServerSecrets, smtp_settings};
use std::sync::Arc;

/// The sender of mails; none where mails are switched off. It connects when it sends.
pub(crate) fn mailer(config: &Config) -> Result<Option<Arc<dyn Mailer>>, StartError> {
    let email = &config.email;
    Ok(match email.transport {
        MailTransport::None => None,
        MailTransport::Console => Some(Arc::new(Console::new(std::io::stdout()))),
        MailTransport::Smtp => Some(Arc::new(Smtp::new(smtp(email)?)?)),
        MailTransport::Resend => Some(Arc::new(Resend::new(resend(email)?)?)),
    })
}

fn smtp(email: &Email) -> Result<SmtpSettings, StartError> {
    let password = secret("email.password_file", email.password.as_ref(), email.password_file.as_ref())?;
    let ca_pem = email.ca_file.as_ref().map(|path| read("email.ca_file", path)).transpose()?;
    Ok(smtp_settings(email, MailServerSecrets { password, ca_pem }))
}

fn resend(email: &Email) -> Result<ResendSettings, StartError> {
    let api_key =
        secret("email.api_key_file", email.api_key.as_ref(), email.api_key_file.as_ref())?.unwrap_or_default();
    Ok(ResendSettings { api_key, url: None, timeout_ms: email.timeout_ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "[server]\npublic_url = \"https://acme.example\"\n[email]\nfrom = \"Acme <mail@acme.example>\"\n";

    /// Whether there is a sender, or the error.
    fn check(email: &str, expect: Result<bool, &str>) {
        let config = Config::read(&format!("{HEAD}{email}"), []).unwrap();
        match (mailer(&config).map(|mailer| mailer.is_some()), expect) {
            (Ok(found), Ok(expect)) => assert_eq!(found, expect, "{email}"),
            (Err(error), Err(expect)) => {
                let error = error.to_string();
                assert!(error.contains(expect), "{email}: {error}");
            }
            (found, expect) => panic!("{email}: {found:?}, {expect:?}"),
        }
    }

    #[test]
    fn each_transport_has_its_sender_and_secrets_come_from_files_too() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let (secret, blank) = (file("secret", "re_key\n"), file("blank", " \n"));
        check("", Ok(false));
        check("transport = \"console\"", Ok(true));
        check(&format!("transport = \"resend\"\napi_key_file = \"{secret}\""), Ok(true));
        check(&format!("transport = \"resend\"\napi_key_file = \"{blank}\""), Err("email.api_key_file"));
        check(
            "transport = \"resend\"\napi_key_file = \"/nowhere/key\"",
            Err("cannot read email.api_key_file /nowhere/key"),
        );
        let smtp = "transport = \"smtp\"\nhost = \"mail.example\"\n";
        check(smtp, Ok(true));
        check(&format!("{smtp}username = \"u\"\npassword_file = \"{secret}\""), Ok(true));
        check(&format!("{smtp}ca_file = \"{secret}\""), Err("no PEM"));
        check(&format!("{smtp}tls = \"none\"\nusername = \"u\"\npassword = \"p\""), Err("without TLS"));
    }
}
