//! Sends through the HTTP API of Resend.

use crate::error::{MailError, RefusedPart};
use crate::mailer::Mailer;
use crate::message::{AUTO_SUBMITTED, Message};
use async_trait::async_trait;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use rustls::{ClientConfig, RootCertStore};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The API's address.
const API_URL: &str = "https://api.resend.com";
/// The API refuses requests without it.
const USER_AGENT: &str = concat!("opencredits/", env!("CARGO_PKG_VERSION"));
/// The largest answer that is read, in bytes: it has an id, or a name of an error.
const ANSWER_BYTES_MAX: usize = 16 << 10;
/// The name of the error that a key gets which is valid, and may only send.
const SENDS_ONLY: &str = "restricted_api_key";
/// The longest wait that is taken from an answer.
const WAIT_MAX: Duration = Duration::from_secs(3_600);

/// The account and the way there.
#[derive(Clone)]
pub struct ResendSettings {
    /// The API key; one that may only send suffices.
    pub api_key: String,
    /// The API's URL, where it is not the public one: for tests.
    pub url: Option<String>,
    /// The time limit of a mail, in ms.
    pub timeout_ms: u64,
}

impl fmt::Debug for ResendSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResendSettings").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Sends each mail by one request. The message's id is the idempotency key, so that a repetition within a day is not
/// sent twice.
pub struct Resend {
    client: Client,
    /// The API's address, without a slash at its end.
    url: String,
    timeout_ms: u64,
}

#[derive(Serialize)]
struct Request<'a> {
    from: String,
    to: [&'a str; 1],
    subject: &'a str,
    text: &'a str,
    html: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<String>,
    headers: BTreeMap<&'static str, String>,
}

/// An error of the API, of which only the name is used: its message may repeat an address.
#[derive(Deserialize)]
struct Refusal {
    name: String,
}

impl Resend {
    /// A sender with this account.
    ///
    /// # Errors
    /// When the key cannot stand in a header, or TLS cannot be set up.
    pub fn new(settings: ResendSettings) -> Result<Self, MailError> {
        let ResendSettings { api_key, url, timeout_ms } = settings;
        let problem = "the API key is empty or has characters that no key has; copy it again";
        let key = api_key.trim();
        let bearer = HeaderValue::try_from(format!("Bearer {key}")).ok().filter(|_| !key.is_empty());
        let mut bearer = bearer.ok_or(MailError::Configuration { problem })?;
        bearer.set_sensitive(true);
        let headers = HeaderMap::from_iter([
            (AUTHORIZATION, bearer),
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        ]);
        let problem = "no TLS can be set up on this machine";
        let client = Client::builder()
            .tls_backend_preconfigured(tls().map_err(|_| MailError::Configuration { problem })?)
            .user_agent(USER_AGENT)
            .default_headers(headers)
            .redirect(Policy::none())
            .timeout(Duration::from_millis(timeout_ms))
            .build()
            .map_err(|_| MailError::Configuration { problem })?;
        let url = url.unwrap_or_else(|| API_URL.to_owned());
        Ok(Self { client, url: url.trim_end_matches('/').to_owned(), timeout_ms })
    }

    /// Whether the API takes the key, by a call that sends nothing. A key that may only send may not make this call either, and
    /// the refusal says so.
    ///
    /// # Errors
    /// Those of a mail.
    pub async fn check(&self) -> Result<(), MailError> {
        let asked = self.client.get(format!("{}/domains", self.url)).send().await;
        let answer = asked.map_err(|error| self.lost(&error))?;
        if answer.status().is_success() {
            return Ok(());
        }
        let (status, wait) = (answer.status().as_u16(), wait(answer.headers()));
        match &*name_of(answer).await.map_err(|error| self.lost(&error))? {
            SENDS_ONLY => Ok(()),
            name => of_answer(status, name, wait),
        }
    }

    fn lost(&self, error: &reqwest::Error) -> MailError {
        if error.is_timeout() { MailError::TimedOut { limit_ms: self.timeout_ms } } else { MailError::Unreachable }
    }
}

fn tls() -> Result<ClientConfig, rustls::Error> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

#[async_trait]
impl Mailer for Resend {
    async fn send(&self, message: &Message) -> Result<(), MailError> {
        let Message { envelope, subject, text, html, .. } = message;
        let request = Request {
            from: envelope.from.to_header(),
            to: [envelope.to.as_str()],
            subject,
            text,
            html,
            reply_to: envelope.reply_to.as_ref().map(crate::Mailbox::to_header),
            headers: BTreeMap::from([
                ("Message-ID", envelope.id.to_header()),
                (AUTO_SUBMITTED.0, AUTO_SUBMITTED.1.to_owned()),
            ])
            .into_iter()
            .chain(message.unsubscribe_headers())
            .collect(),
        };
        let problem = "cannot be written as JSON";
        let body = serde_json::to_vec(&request).map_err(|_| MailError::Invalid { field: "the message", problem })?;
        let post =
            self.client.post(format!("{}/emails", self.url)).header("Idempotency-Key", envelope.id.as_str()).body(body);
        let answer = post.send().await.map_err(|error| self.lost(&error))?;
        let status = answer.status().as_u16();
        if answer.status().is_success() {
            return Ok(());
        }
        let wait = wait(answer.headers());
        let name = name_of(answer).await.map_err(|error| self.lost(&error))?;
        of_answer(status, &name, wait)
    }
}

/// The name of the error in an answer, empty where there is none.
async fn name_of(mut answer: Response) -> Result<String, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > ANSWER_BYTES_MAX {
            return Ok(String::new());
        }
    }
    Ok(serde_json::from_slice::<Refusal>(&bytes).map(|refusal| refusal.name).unwrap_or_default())
}

fn wait(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(WAIT_MAX))
}

/// What an answer without success means.
fn of_answer(status: u16, name: &str, wait: Option<Duration>) -> Result<(), MailError> {
    match (status, name) {
        // The mail with this id was taken before, when its template or its recipient was another.
        (409, "invalid_idempotent_request") => Ok(()),
        (401 | 403, _) | (_, "missing_api_key" | "invalid_api_key" | SENDS_ONLY | "invalid_from_address") => {
            let problem = "the API refuses the key or the sender; check api_key, from, and that the domain is verified";
            Err(MailError::Configuration { problem })
        }
        (404 | 405, _) | (300..=399, _) => {
            let problem = "there is no such API at this address";
            Err(MailError::Configuration { problem })
        }
        (408 | 409 | 425 | 429 | 500..=599, _) => Err(MailError::Busy { code: status, wait }),
        (code, _) => Err(MailError::Refused { code, part: RefusedPart::Message }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Verdict;

    #[test]
    fn an_answer_says_whether_to_try_again() {
        let check = |status: u16, name: &str, expect: Option<Verdict>| {
            let found = of_answer(status, name, None).err().map(|error| error.verdict());
            assert_eq!(found, expect, "{status} {name}");
        };
        check(409, "invalid_idempotent_request", None);
        check(409, "concurrent_idempotent_requests", Some(Verdict::Retry));
        check(401, "missing_api_key", Some(Verdict::Misconfigured));
        check(403, "validation_error", Some(Verdict::Misconfigured));
        check(400, "invalid_api_key", Some(Verdict::Misconfigured));
        check(422, "invalid_from_address", Some(Verdict::Misconfigured));
        check(422, "validation_error", Some(Verdict::GiveUp(RefusedPart::Message)));
        check(429, "rate_limit_exceeded", Some(Verdict::Retry));
        check(500, "", Some(Verdict::Retry));
        check(302, "", Some(Verdict::Misconfigured));
    }

    #[test]
    fn a_key_is_not_shown_and_not_blank() {
        let settings = |key: &str| ResendSettings { api_key: key.to_owned(), url: None, timeout_ms: 1_000 };
        assert!(!format!("{:?}", settings("canary")).contains("canary"));
        for blank in ["", "  ", "a\nb"] {
            assert!(matches!(Resend::new(settings(blank)), Err(MailError::Configuration { .. })), "{blank:?}");
        }
    }
}
