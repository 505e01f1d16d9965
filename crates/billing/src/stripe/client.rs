//! One HTTP exchange with the API: bounded in time and in bytes, with the pinned version.

use super::failure::{Failed, read_error};
use super::settings::StripeSettings;
use super::wire::ApiError;
use crate::error::PaymentError;
use crate::ids::Marker;
use crate::state::Mode;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, Response, StatusCode, redirect};
use rustls::{ClientConfig, RootCertStore};
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;

/// The version of the API that all requests name, and that our structs and the tests' double are made for.
const API_VERSION: &str = "2026-05-27.dahlia";
/// How long an exchange may take, from connecting to the last byte.
const EXCHANGE_MAX: Duration = Duration::from_secs(5);
/// A hundred events with their objects are less than a megabyte.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// A request that found a connection closed is sent once more; its key or its method make that harmless.
const TRIES_MAX: u32 = 2;
const USER_AGENT: &str = concat!("OpenCredits/", env!("CARGO_PKG_VERSION"));

/// Parameters of a request, in the names of Stripe's form encoding.
pub(super) type Params = Vec<(String, String)>;

/// A request.
pub(super) struct Call {
    /// What is asked, for errors.
    pub(super) operation: &'static str,
    /// The path, with ids that were checked.
    pub(super) path: String,
    /// The object that the path names, for errors.
    pub(super) object: String,
    pub(super) params: Params,
}

pub(super) struct Client {
    http: reqwest::Client,
    settings: StripeSettings,
}

/// The answer to a request that may be refused by a bank.
pub(super) enum Answer<T> {
    Success(T),
    /// The status 402: the request was fine, the payment was not.
    Declined(ApiError),
}

impl Call {
    pub(super) fn new(operation: &'static str, path: &str, params: Params) -> Self {
        Self { operation, path: path.to_owned(), object: path.to_owned(), params }
    }

    /// A request for one object, or for an action on it.
    pub(super) fn on(operation: &'static str, path: String, object: &str, params: Params) -> Self {
        Self { operation, path, object: object.to_owned(), params }
    }
}

impl Client {
    pub(super) fn new(settings: StripeSettings) -> Result<Self, PaymentError> {
        let failed = |field| PaymentError::Malformed { field, rule: "be usable for connections" };
        let mut headers = HeaderMap::new();
        headers.insert("stripe-version", HeaderValue::from_static(API_VERSION));
        let bearer = format!("Bearer {}", settings.key.reveal());
        let mut bearer = HeaderValue::from_str(&bearer).map_err(|_| failed("Stripe key"))?;
        bearer.set_sensitive(true);
        headers.insert("authorization", bearer);
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls().map_err(|_| failed("TLS configuration"))?)
            .default_headers(headers)
            .user_agent(USER_AGENT)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(EXCHANGE_MAX)
            .timeout(EXCHANGE_MAX)
            .build()
            .map_err(|_| failed("HTTP client"))?;
        Ok(Self { http, settings })
    }

    pub(super) const fn marker(&self) -> &Marker {
        &self.settings.marker
    }

    pub(super) const fn mode(&self) -> Mode {
        self.settings.key.mode()
    }

    pub(super) fn product_name(&self) -> &str {
        &self.settings.product_name
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, call: Call) -> Result<T, PaymentError> {
        self.success(&Method::GET, call, None).await
    }

    pub(super) async fn delete<T: DeserializeOwned>(&self, call: Call) -> Result<T, PaymentError> {
        self.success(&Method::DELETE, call, None).await
    }

    /// A request that makes or changes something. Without a key it must be harmless to repeat.
    pub(super) async fn post<T: DeserializeOwned>(&self, call: Call, key: Option<String>) -> Result<T, PaymentError> {
        self.success(&Method::POST, call, key).await
    }

    /// A request that moves money.
    pub(super) async fn pay<T: DeserializeOwned>(&self, call: Call, key: String) -> Result<Answer<T>, PaymentError> {
        self.exchange(&Method::POST, call, Some(key)).await
    }

    async fn success<T: DeserializeOwned>(
        &self,
        method: &Method,
        call: Call,
        key: Option<String>,
    ) -> Result<T, PaymentError> {
        let operation = call.operation;
        match self.exchange(method, call, key).await? {
            Answer::Success(value) => Ok(value),
            Answer::Declined(error) => Err(Failed {
                operation,
                object: String::new(),
                has_key: false,
                status: StatusCode::PAYMENT_REQUIRED.as_u16(),
                replayed: false,
                retry_after_s: None,
                error,
            }
            .into_error()),
        }
    }

    async fn exchange<T: DeserializeOwned>(
        &self,
        method: &Method,
        call: Call,
        key: Option<String>,
    ) -> Result<Answer<T>, PaymentError> {
        let operation = call.operation;
        let response = self.send(method, &call, key.as_deref()).await?;
        let status = response.status();
        let replayed = response.headers().get("idempotent-replayed").is_some_and(|value| value == "true");
        let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let retry_after_s = retry_after.and_then(|seconds| seconds.parse().ok());
        let body = read_body(operation, response).await?;
        if status.is_success() {
            let value = serde_json::from_slice(&body);
            return value.map(Answer::Success).map_err(|_| unexpected(operation, "the body"));
        }
        let error = read_error(&body);
        if status == StatusCode::PAYMENT_REQUIRED {
            return Ok(Answer::Declined(error));
        }
        let (object, has_key, status) = (call.object, key.is_some(), status.as_u16());
        Err(Failed { operation, object, has_key, status, replayed, retry_after_s, error }.into_error())
    }

    async fn send(&self, method: &Method, call: &Call, key: Option<&str>) -> Result<Response, PaymentError> {
        let url = format!("{}{}", self.settings.base_url, call.path);
        for _ in 0..TRIES_MAX {
            let request = self.http.request(method.clone(), &url);
            let request = match *method {
                Method::GET => request.query(&call.params),
                _ => request.form(&call.params),
            };
            let request = match key {
                Some(key) => request.header("idempotency-key", key),
                None => request,
            };
            match request.send().await {
                Ok(response) => return Ok(response),
                // What took too long once would take the caller's time twice.
                Err(error) if error.is_timeout() => break,
                Err(_) => {}
            }
        }
        Err(PaymentError::Unreachable { operation: call.operation })
    }
}

async fn read_body(operation: &'static str, mut response: Response) -> Result<Vec<u8>, PaymentError> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(None) => return Ok(body),
            Ok(Some(chunk)) if body.len().saturating_add(chunk.len()) > BODY_BYTES_MAX => {
                return Err(unexpected(operation, "the length of the body"));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Err(_) => return Err(PaymentError::Unreachable { operation }),
        }
    }
}

/// Trusts the root certificates of browsers.
fn tls() -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    // The provider is named here, because a choice by build features would panic where two are compiled in.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}

pub(super) const fn unexpected(operation: &'static str, at: &'static str) -> PaymentError {
    PaymentError::UnexpectedAnswer { operation, at }
}
