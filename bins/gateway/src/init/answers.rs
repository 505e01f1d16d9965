//! The five questions, and their answers.

use super::say::say;
use crate::error::StartError;
use dialoguer::{Input, Password};
use opencredits_providers::Vendors;
use std::path::{Path, PathBuf};

/// The port of a mail server where none is named.
const MAIL_PORT: u16 = 587;
const NAME: &str = "OpenCredits";
/// Characters of a line in a list of names.
const LIST_WIDTH: usize = 78;

/// What a person decided. It holds secrets, and so has no `Debug`.
pub(super) struct Answers {
    pub(super) name: String,
    pub(super) public_url: Option<String>,
    pub(super) mail: Option<Mail>,
    pub(super) stripe_key: Option<String>,
    pub(super) vendor: Option<VendorKey>,
}

/// A mail server, and how to send there.
pub(super) struct Mail {
    pub(super) server: Server,
    pub(super) from: String,
    pub(super) password: Option<String>,
}

/// `user@host:port`, of which the host is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) username: Option<String>,
    pub(super) host: String,
    pub(super) port: u16,
}

/// A provider's key, under the name of its variable.
pub(super) struct VendorKey {
    pub(super) variable: String,
    pub(super) key: String,
}

/// Answers by options. Secrets come from files, so that they are in no list of processes.
#[derive(clap::Args)]
pub(super) struct Given {
    /// The name of the service.
    #[arg(long)]
    name: Option<String>,
    /// The URL under which people and apps reach it, such as `https://ai.example.com`.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// The mail server for codes and receipts: HOST, HOST:PORT or USER@HOST:PORT.
    #[arg(long, value_name = "SERVER")]
    mail_server: Option<String>,
    /// The sender of mails, such as "Example AI <mail@example.com>".
    #[arg(long, value_name = "ADDRESS", requires = "mail_server")]
    mail_from: Option<String>,
    /// A file with the password at the mail server.
    #[arg(long, value_name = "FILE", requires = "mail_server")]
    mail_password_file: Option<PathBuf>,
    /// A file with a key of Stripe; a restricted one suffices.
    #[arg(long, value_name = "FILE")]
    stripe_key_file: Option<PathBuf>,
    /// The variable of a provider's key, by the name that the provider gives it.
    #[arg(long, value_name = "NAME", requires = "vendor_key_file")]
    vendor_key: Option<String>,
    /// A file with that key.
    #[arg(long, value_name = "FILE", requires = "vendor_key")]
    vendor_key_file: Option<PathBuf>,
}

impl Given {
    /// The answers without asking.
    pub(super) fn answers(&self) -> Result<Answers, StartError> {
        let mail = self.mail_server.as_deref().map(|text| self.mail(text, None)).transpose()?;
        let key = self.vendor_key_file.as_deref().map(secret_in).transpose()?;
        let vendor = self.vendor_key.clone().zip(key).map(|(variable, key)| VendorKey { variable, key });
        Ok(Answers {
            name: self.name.clone().unwrap_or_else(|| NAME.to_owned()),
            public_url: self.public_url.clone(),
            mail,
            stripe_key: self.stripe_key_file.as_deref().map(secret_in).transpose()?,
            vendor: vendor.map(known).transpose()?,
        })
    }

    /// The answers, of which those that are not given are asked for.
    pub(super) fn ask(&self) -> Result<Answers, StartError> {
        let mut answers = self.answers()?;
        if self.name.is_none() {
            answers.name = asked("1. Name of the service", Some(NAME))?.unwrap_or_else(|| NAME.to_owned());
        }
        if self.public_url.is_none() {
            let question = "2. URL under which people reach it (empty: on this machine only)";
            answers.public_url = asked(question, None)?;
        }
        if self.mail_server.is_none() {
            let question = "3. Mail server, as host or user@host:port (empty: mails are printed)";
            answers.mail = asked(question, None)?.map(|text| self.ask_mail(&text)).transpose()?;
        }
        if self.stripe_key_file.is_none() {
            answers.stripe_key = asked_secret("4. Key of Stripe that takes payments (empty: credits are not sold)")?;
        }
        if self.vendor_key.is_none() {
            // Not within the question, which is drawn again when it is answered.
            say(&listed(&variables(&Vendors::builtin()?)));
            let question = "5. Provider that answers, by the variable of its key (empty: the sandbox)";
            answers.vendor = asked(question, None)?.map(ask_key).transpose()?;
        }
        Ok(answers)
    }

    fn ask_mail(&self, text: &str) -> Result<Mail, StartError> {
        let from = match &self.mail_from {
            Some(from) => from.clone(),
            None => asked("   Sender, such as Example AI <mail@example.com>", None)?.unwrap_or_default(),
        };
        let password = match server(text)?.username {
            Some(_) if self.mail_password_file.is_none() => asked_secret("   Password at the mail server")?,
            _ => None,
        };
        let mut mail = self.mail(text, Some(from))?;
        mail.password = mail.password.or(password);
        Ok(mail)
    }

    fn mail(&self, text: &str, from: Option<String>) -> Result<Mail, StartError> {
        let from = self.mail_from.clone().or(from).filter(|from| !from.trim().is_empty());
        let from = from.ok_or(StartError::Answer {
            question: "the sender of mails",
            problem: "is missing; give one with --mail-from".to_owned(),
        })?;
        let password = self.mail_password_file.as_deref().map(secret_in).transpose()?;
        Ok(Mail { server: server(text)?, from, password })
    }
}

/// Reads `user@host:port`.
fn server(text: &str) -> Result<Server, StartError> {
    let wrong = |problem: &str| StartError::Answer { question: "the mail server", problem: problem.to_owned() };
    // A user name may be an address.
    let (username, place) = text.rsplit_once('@').map_or((None, text), |(user, place)| (Some(user.to_owned()), place));
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) => {
            (host, port.parse().map_err(|_| wrong("has no number as its port; write host:587, say"))?)
        }
        None => (place, MAIL_PORT),
    };
    if host.is_empty() || host.contains(char::is_whitespace) {
        return Err(wrong("has no host; write smtp.example.com or user@smtp.example.com:587"));
    }
    Ok(Server { username, host: host.to_owned(), port })
}

/// Refuses a variable that no provider has.
fn known(key: VendorKey) -> Result<VendorKey, StartError> {
    let vendors = Vendors::builtin()?;
    let names = variables(&vendors);
    if names.contains(&&*key.variable) {
        return Ok(key);
    }
    let problem = format!("{:?} is the variable of no provider; known are {}", key.variable, names.join(", "));
    Err(StartError::Answer { question: "the provider", problem })
}

/// The variables of all providers that are compiled in, by name.
fn variables(vendors: &Vendors) -> Vec<&str> {
    let mut names: Vec<&str> = vendors.iter().filter_map(|vendor| vendor.key_env.as_deref()).collect();
    names.sort_unstable();
    names
}

/// Names in lines that fit a terminal.
fn listed(names: &[&str]) -> String {
    let mut text = "Variables of providers' keys:".to_owned();
    let mut width = LIST_WIDTH;
    for name in names {
        width = width.saturating_add(name.len()).saturating_add(1);
        if width > LIST_WIDTH {
            text.push_str("\n  ");
            width = name.len().saturating_add(3);
        }
        text.push(' ');
        text.push_str(name);
    }
    text.push('\n');
    text
}

fn ask_key(variable: String) -> Result<VendorKey, StartError> {
    let key = known(VendorKey { variable, key: String::new() })?;
    let asked = asked_secret(&format!("   Key of {}", key.variable))?;
    let missing = || StartError::Answer { question: "the provider's key", problem: "is empty".to_owned() };
    Ok(VendorKey { key: asked.ok_or_else(missing)?, ..key })
}

fn secret_in(path: &Path) -> Result<String, StartError> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|source| StartError::File { what: "the secret in", path: path.to_owned(), source })?;
    Ok(text.trim().to_owned())
}

fn asked(question: &str, default: Option<&str>) -> Result<Option<String>, StartError> {
    let mut input = Input::<String>::new().with_prompt(question).allow_empty(true);
    if let Some(default) = default {
        input = input.default(default.to_owned());
    }
    Ok(filled(input.interact_text().map_err(unasked)?))
}

fn asked_secret(question: &str) -> Result<Option<String>, StartError> {
    let input = Password::new().with_prompt(question).allow_empty_password(true);
    Ok(filled(input.interact().map_err(unasked)?))
}

fn filled(text: String) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn unasked(error: dialoguer::Error) -> StartError {
    StartError::Answer {
        question: "the question",
        problem: format!("could not be asked ({error}); without a terminal use --unattended"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<(Option<&str>, &str, u16)>) {
        let found = server(text).ok();
        let found = found.as_ref().map(|server| (server.username.as_deref(), &*server.host, server.port));
        assert_eq!(found, expect, "{text}");
    }

    #[test]
    fn a_mail_server_has_a_host_and_may_have_user_and_port() {
        check("smtp.example.com", Some((None, "smtp.example.com", 587)));
        check("smtp.example.com:465", Some((None, "smtp.example.com", 465)));
        check("ada@smtp.example.com", Some((Some("ada"), "smtp.example.com", 587)));
        check("ada@example.com@smtp.example.com:25", Some((Some("ada@example.com"), "smtp.example.com", 25)));
        check("ada@", None);
        check("host:mail", None);
        check("two hosts", None);
    }

    #[test]
    fn only_variables_of_providers_are_taken() {
        let known_as = |name: &str| known(VendorKey { variable: name.to_owned(), key: String::new() });
        assert!(known_as("OPENAI_API_KEY").is_ok());
        let error = known_as("OPENAI_KEY").err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("\"OPENAI_KEY\"") && error.contains("OPENAI_API_KEY"), "{error}");
    }
}
