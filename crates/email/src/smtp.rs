//! Sends through a mail server.

use crate::address::Mailbox;
use crate::error::{MailError, RefusedPart};
use crate::mailer::Mailer;
use crate::message::{AUTO_SUBMITTED, Envelope, Message};
use async_trait::async_trait;
use lettre::address::AddressError;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox as LettreMailbox, Message as Mime, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{AsyncSmtpTransport, Error};
use lettre::{AsyncTransport, Tokio1Executor};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::error::Error as _;
use std::fmt;
use std::time::{Duration, SystemTime};

/// The reply codes of a server that wants another login, or none, or TLS: RFC 4954, section 6.
const LOGIN_CODES: [u16; 5] = [530, 534, 535, 538, 454];
/// The reply codes that may mean the recipient: RFC 5321, 4.2.3.
const RECIPIENT_CODES: [u16; 3] = [550, 551, 553];

/// How a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// By `STARTTLS`, without which nothing is sent. The port is 587 as a rule.
    StartTls,
    /// From its first byte. The port is 465 as a rule.
    Implicit,
    /// Not at all: for a relay on the same machine.
    None,
}

/// A login. `Debug` does not show it.
#[derive(Clone)]
pub struct SmtpLogin {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for SmtpLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SmtpLogin(not shown)")
    }
}

/// The server and the way there.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// The host's name, which its certificate has.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The encryption.
    pub tls: SmtpTls,
    /// Certificates, as PEM, that are trusted besides the public ones: for a server of one's own.
    pub extra_roots_pem: Option<Vec<u8>>,
    /// The login, where the server wants one. It is never sent without TLS to another machine.
    pub login: Option<SmtpLogin>,
    /// The name that the server is greeted with: the sender's domain.
    pub hello: String,
    /// The time limit of a mail, in ms.
    pub timeout_ms: u64,
}

/// Sends each mail over a connection of its own.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    timeout_ms: u64,
}

impl Smtp {
    /// A sender with these settings. It connects when it sends.
    ///
    /// # Errors
    /// When the settings contradict each other, or a certificate cannot be read.
    pub fn new(settings: SmtpSettings) -> Result<Self, MailError> {
        let SmtpSettings { host, port, tls, extra_roots_pem, login, hello, timeout_ms } = settings;
        if tls == SmtpTls::None && login.is_some() && !is_loopback(&host) {
            let problem = "a password would cross the network without TLS; set tls to starttls or implicit";
            return Err(MailError::Configuration { problem });
        }
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&host)
            .port(port)
            .tls(tls_of(&host, tls, extra_roots_pem.as_deref())?)
            .timeout(Some(Duration::from_millis(timeout_ms)))
            .hello_name(ClientId::Domain(hello));
        if let Some(SmtpLogin { username, password }) = login {
            builder = builder.credentials(Credentials::new(username, password));
        }
        Ok(Self { transport: builder.build(), timeout_ms })
    }

    /// Whether the server takes us: connects, says the login where there is one, and takes leave. Nothing is sent.
    ///
    /// # Errors
    /// Those of a mail.
    pub async fn check(&self) -> Result<(), MailError> {
        let is_served = self.within(self.transport.test_connection()).await?;
        if is_served { Ok(()) } else { Err(MailError::Unreachable) }
    }

    async fn within<T>(&self, exchange: impl Future<Output = Result<T, Error>>) -> Result<T, MailError> {
        let late = || MailError::TimedOut { limit_ms: self.timeout_ms };
        match tokio::time::timeout(Duration::from_millis(self.timeout_ms), exchange).await {
            Ok(Err(error)) if error.is_timeout() => Err(late()),
            Ok(done) => done.map_err(|error| error_of(&error)),
            Err(_) => Err(late()),
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn tls_of(host: &str, tls: SmtpTls, extra_roots_pem: Option<&[u8]>) -> Result<Tls, MailError> {
    let parameters = || {
        let mut builder = TlsParameters::builder(host.to_owned());
        let problem = "the certificates of ca_file are no PEM; name a file with BEGIN CERTIFICATE";
        let no_pem = || MailError::Configuration { problem };
        if let Some(pem) = extra_roots_pem {
            // The mail library takes a file without any certificate, and would then trust nobody new.
            let mut certificates = CertificateDer::pem_slice_iter(pem);
            certificates.next().and_then(Result::ok).ok_or_else(no_pem)?;
            builder = builder.add_root_certificate(Certificate::from_pem(pem).map_err(|_| no_pem())?);
        }
        let problem = "no TLS is possible with this host and these certificates; check host and ca_file";
        builder.build().map_err(|_| MailError::Configuration { problem })
    };
    Ok(match tls {
        SmtpTls::StartTls => Tls::Required(parameters()?),
        SmtpTls::Implicit => Tls::Wrapper(parameters()?),
        SmtpTls::None => Tls::None,
    })
}

#[async_trait]
impl Mailer for Smtp {
    async fn send(&self, message: &Message) -> Result<(), MailError> {
        self.within(self.transport.send(mime(message)?)).await.map(|_| ())
    }
}

/// The message as bytes of mail. Its date is an argument, so that a repetition is the same mail.
fn mime(message: &Message) -> Result<Mime, MailError> {
    let Message { envelope, subject, text, html, .. } = message;
    let Envelope { from, reply_to, to, id, date } = envelope;
    let problem = "is refused by the mail library; use a plain one";
    let invalid = |_: AddressError| MailError::Invalid { field: "an address", problem };
    let date = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(date.get())).unwrap_or(SystemTime::UNIX_EPOCH);
    let mut builder = Mime::builder()
        .from(mailbox(from).map_err(invalid)?)
        .to(LettreMailbox::new(None, to.as_str().parse().map_err(invalid)?))
        .subject(subject.as_str())
        .message_id(Some(id.to_header()))
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str(AUTO_SUBMITTED.0), AUTO_SUBMITTED.1.to_owned()))
        .date(date);
    for (name, value) in message.unsubscribe_headers() {
        builder = builder.raw_header(HeaderValue::new(HeaderName::new_from_ascii_str(name), value));
    }
    if let Some(reply_to) = reply_to {
        builder = builder.reply_to(mailbox(reply_to).map_err(invalid)?);
    }
    let body = MultiPart::alternative_plain_html(text.clone(), html.clone());
    builder.multipart(body).map_err(|_| MailError::Invalid { field: "the message", problem })
}

fn mailbox(mailbox: &Mailbox) -> Result<LettreMailbox, AddressError> {
    Ok(LettreMailbox::new(mailbox.name().map(str::to_owned), mailbox.address().as_str().parse()?))
}

fn error_of(error: &Error) -> MailError {
    if let Some(code) = error.status() {
        let code = u16::from(code);
        let text = error.source().map(ToString::to_string).unwrap_or_default();
        return of_reply(code, &text);
    }
    if error.is_tls() || is_of_tls(error) {
        let problem =
            "the server's certificate is not trusted, or it speaks no TLS there; check host, port, tls, ca_file";
        return MailError::Configuration { problem };
    }
    if error.is_client() {
        let problem = "the server offers no STARTTLS, or no login that we know; check port, tls, username";
        return MailError::Configuration { problem };
    }
    MailError::Unreachable
}

/// Whether a connection broke off because of its TLS: the error is then inside of an error of the socket.
fn is_of_tls(error: &Error) -> bool {
    let mut next = error.source();
    while let Some(error) = next {
        let inside = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if inside.is_some_and(|error| error.is::<rustls::Error>()) {
            return true;
        }
        next = error.source();
    }
    false
}

/// What a negative reply means. The enhanced code at its beginning (RFC 3463) says more than the reply code, where the
/// server gives one.
fn of_reply(code: u16, text: &str) -> MailError {
    if LOGIN_CODES.contains(&code) {
        let problem = "the server refuses the login; check username, password, tls";
        return MailError::Configuration { problem };
    }
    if code < 500 {
        return MailError::Busy { code, wait: None };
    }
    let enhanced = text.split_whitespace().next().unwrap_or_default();
    let part = match enhanced.strip_prefix("5.") {
        // Of addresses, 7 and 8 are the sender's.
        Some("1.7" | "1.8") => {
            let problem = "the server refuses the sender's address; check from";
            return MailError::Configuration { problem };
        }
        // A mailbox that is disabled is the recipient's; one that is full is not for good.
        Some(detail) if detail.starts_with("1.") || detail == "2.1" => RefusedPart::Recipient,
        Some(_) => RefusedPart::Message,
        None if RECIPIENT_CODES.contains(&code) => RefusedPart::Recipient,
        None => RefusedPart::Message,
    };
    MailError::Refused { code, part }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Verdict;

    #[test]
    fn a_reply_says_whether_to_try_again_and_whose_fault_it_is() {
        let check = |code: u16, text: &str, expect: Verdict| {
            assert_eq!(of_reply(code, text).verdict(), expect, "{code} {text}");
        };
        check(421, "4.3.2 shutting down", Verdict::Retry);
        check(450, "greylisted, come back", Verdict::Retry);
        check(454, "4.7.0 temporary failure of login", Verdict::Misconfigured);
        check(535, "5.7.8 bad credentials", Verdict::Misconfigured);
        check(530, "Must issue a STARTTLS command first", Verdict::Misconfigured);
        check(550, "5.1.1 no such user", Verdict::GiveUp(RefusedPart::Recipient));
        check(550, "no such user", Verdict::GiveUp(RefusedPart::Recipient));
        check(553, "5.1.3 bad address", Verdict::GiveUp(RefusedPart::Recipient));
        check(550, "5.2.1 mailbox disabled", Verdict::GiveUp(RefusedPart::Recipient));
        check(552, "5.2.2 mailbox full", Verdict::GiveUp(RefusedPart::Message));
        check(550, "5.7.1 looks like spam", Verdict::GiveUp(RefusedPart::Message));
        check(554, "transaction failed", Verdict::GiveUp(RefusedPart::Message));
        check(553, "5.1.8 bad sender", Verdict::Misconfigured);
    }

    #[test]
    fn a_password_never_crosses_the_network_in_the_clear() {
        let check = |host: &str, fine: bool| {
            let login = Some(SmtpLogin { username: "u".into(), password: "p".into() });
            let (host, hello) = (host.to_owned(), "localhost".to_owned());
            let (tls, extra_roots_pem) = (SmtpTls::None, None);
            let settings = SmtpSettings { host, port: 25, tls, extra_roots_pem, login, hello, timeout_ms: 1 };
            assert!(!format!("{settings:?}").contains("\"p\""));
            assert_eq!(Smtp::new(settings).is_ok(), fine);
        };
        check("mail.example", false);
        check("10.0.0.1", false);
        check("127.0.0.1", true);
        check("localhost", true);
    }
}
