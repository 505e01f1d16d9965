//! What sends mails: whether it takes our login. Nothing is sent.

use super::finding::Finding;
use opencredits_email::{MailError, Resend, ResendSettings, Smtp};
use opencredits_service::config::{Email, MailTransport, SecretText};
use opencredits_service::mail::{MailServerSecrets, smtp_settings};

const WHAT: &str = "mail";
const REACH: &str = "check email.host, email.port and the firewall; many hosters of machines block port 25";
const READ: &str = "run it as a user who may read that file, such as the gateway's";

/// Asks what sends mails; none where mails are switched off.
pub(super) async fn finding(email: &Email, wait_ms: u64) -> Option<Finding> {
    let email = Email { timeout_ms: email.timeout_ms.min(wait_ms), ..email.clone() };
    let found = match email.transport {
        MailTransport::None => return None,
        MailTransport::Console => Ok(Finding::warning(WHAT, "mails are printed, not sent", "set email.transport")),
        MailTransport::Smtp => of_server(&email).await,
        MailTransport::Resend => of_resend(&email).await,
    };
    Some(found.unwrap_or_else(|error| Finding::bad(WHAT, error, READ)))
}

async fn of_server(email: &Email) -> Result<Finding, String> {
    let password = secret("email.password_file", email.password.as_ref(), email.password_file.as_ref())?;
    let ca_pem = email.ca_file.as_ref().map(|path| read("email.ca_file", path)).transpose()?;
    let server = format!("{}:{}", email.host.as_deref().unwrap_or_default(), email.port());
    let checked = match Smtp::new(smtp_settings(email, MailServerSecrets { password, ca_pem })) {
        Ok(smtp) => smtp.check().await,
        Err(error) => Err(error),
    };
    let fine = if email.username.is_some() { "takes our login" } else { "answers; there is no login" };
    let login = "set email.username, email.password_file and email.tls as the mail server wants them";
    Ok(told(&server, checked, (fine, login)))
}

async fn of_resend(email: &Email) -> Result<Finding, String> {
    let api_key = secret("email.api_key_file", email.api_key.as_ref(), email.api_key_file.as_ref())?;
    let settings = ResendSettings { api_key: api_key.unwrap_or_default(), url: None, timeout_ms: email.timeout_ms };
    let checked = match Resend::new(settings) {
        Ok(resend) => resend.check().await,
        Err(error) => Err(error),
    };
    Ok(told("Resend", checked, ("takes our key", "put a valid key into the file of email.api_key_file")))
}

/// What was found, in words without the reply of the peer: it may name an address.
fn told(peer: &str, checked: Result<(), MailError>, (fine, login): (&str, &str)) -> Finding {
    match checked {
        Ok(()) => Finding::good(WHAT, format!("{peer} {fine}")),
        Err(MailError::Refused { code, .. }) => Finding::bad(WHAT, format!("{peer} refuses us with {code}"), REACH),
        Err(MailError::Busy { code, .. }) => {
            Finding::warning(WHAT, format!("{peer} answers {code}"), "try again later; see its status page")
        }
        Err(error @ MailError::Configuration { .. }) => Finding::bad(WHAT, format!("{peer}: {error}"), login),
        Err(error) => Finding::bad(WHAT, format!("{peer}: {error}"), REACH),
    }
}

fn secret(setting: &str, text: Option<&SecretText>, file: Option<&String>) -> Result<Option<String>, String> {
    match text {
        Some(text) => Ok(Some(text.reveal().to_owned())),
        None => file.map(|path| read(setting, path).map(|text| text.trim().to_owned())).transpose(),
    }
}

fn read(setting: &str, path: &str) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("cannot read {setting} {path}: {error}"))
}
