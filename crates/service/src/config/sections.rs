//! One struct a concern. Each field names its unit last; its variable is `OPENCREDITS_<SECTION>_<FIELD>`.

use opencredits_units::NanoUsd;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;
use toml::{Table, Value};

/// Stands where a value is not shown.
const REDACTED: &str = "(not shown)";

/// All settings.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The listening side.
    pub server: Server,
    /// Where files are.
    pub data: Data,
    /// How the ledger acknowledges.
    pub ledger: LedgerSettings,
    /// Markup, shares, the price of a credit.
    pub billing: Billing,
    /// The side towards providers.
    pub upstream: Upstream,
    /// Which models are offered.
    pub catalog: Catalogue,
    /// What is logged, and how.
    pub log: Log,
    /// Vendors of the operator's own, in the form of the vendor files.
    #[serde(serialize_with = "without_header_values")]
    pub vendor: Vec<Table>,
    /// Models of the operator's own, with their prices, in the form of the price book.
    pub model: Vec<Table>,
    /// Vendors whose models are asked for at the start.
    pub discover: Vec<Discover>,
}

/// A header of a vendor may be a secret.
fn without_header_values<S: Serializer>(vendors: &[Table], serializer: S) -> Result<S::Ok, S::Error> {
    let mut vendors = vendors.to_vec();
    for headers in vendors.iter_mut().filter_map(|vendor| vendor.get_mut("headers")?.as_table_mut()) {
        headers.iter_mut().for_each(|(_, value)| *value = Value::from(REDACTED));
    }
    vendors.serialize(serializer)
}

/// The sections that variables can name.
pub(super) const NAMES: [&str; 7] = ["server", "data", "ledger", "billing", "upstream", "catalog", "log"];

/// `[server]`: the listening side.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Address and port. Default 127.0.0.1:8787.
    pub listen: String,
    /// Where people reach the service, without a slash at the end. Default: the address that is listened on.
    pub public_url: Option<String>,
    /// The page on which people buy credits; a refusal for want of credits names it. Default: `public_url`.
    pub top_up_url: Option<String>,
    /// Largest request body, in bytes. Default 32 MiB.
    pub body_bytes_max: usize,
    /// Largest request head, in bytes, at least 8 KiB. Default 64 KiB.
    pub header_bytes_max: usize,
    /// How long a client may take to send a request's head, in ms. Default 10 s.
    pub header_read_ms: u64,
    /// How long a client may take to send a request's body, in ms. Default 60 s.
    pub body_read_ms: u64,
    /// How long a client may leave what was sent to it unread, in ms: it is then taken as gone. Default 60 s.
    pub write_ms: u64,
    /// After this much silence a stream gets a keep-alive comment, in ms. Default 10 s.
    pub keep_alive_ms: u64,
    /// How long running requests may go on after SIGTERM, in ms. Default 30 s.
    pub shutdown_ms: u64,
    /// Connections at once; further ones wait. Default 10,000.
    pub connections_max: usize,
    /// WorkerPool that serve; 0 is one for each core. Default 0.
    pub threads: usize,
    /// Whether a field that would be dropped is refused instead. Default false.
    pub strict: bool,
    /// Whether the offer is shown to clients at all (`GET /v1/features`). Default true.
    pub enabled: bool,
    /// The country that `GET /v1/features` names, as ISO 3166-1 alpha-2; none by default.
    pub country: Option<String>,
}

impl Server {
    /// Where people reach the service.
    #[must_use]
    pub fn public_url(&self) -> String {
        let url = self.public_url.clone().unwrap_or_else(|| format!("http://{}", self.listen));
        url.trim_end_matches('/').to_owned()
    }

    /// Where people buy credits.
    #[must_use]
    pub fn top_up_url(&self) -> String {
        self.top_up_url.clone().unwrap_or_else(|| self.public_url())
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8787".to_owned(),
            public_url: None,
            top_up_url: None,
            body_bytes_max: 32 << 20,
            header_bytes_max: 64 << 10,
            header_read_ms: 10_000,
            body_read_ms: 60_000,
            write_ms: 60_000,
            keep_alive_ms: 10_000,
            shutdown_ms: 30_000,
            connections_max: 10_000,
            threads: 0,
            strict: false,
            enabled: true,
            country: None,
        }
    }
}

/// `[data]`: where files are.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Data {
    /// The folder with ledger, store and admin socket. Default `data`.
    pub dir: String,
}

impl Default for Data {
    fn default() -> Self {
        Self { dir: "data".to_owned() }
    }
}

/// When the answer to a request may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Ack {
    /// Once the charge is decided; it is on disk some milliseconds later.
    Accepted,
    /// Once the charge is on disk.
    Durable,
}

/// `[ledger]`: how the ledger acknowledges.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LedgerSettings {
    /// `accepted` (default) or `durable`.
    pub ack: Ack,
    /// How long a hold lives before it is looked at again, in ms. Default 30 minutes.
    pub hold_expiry_ms: u64,
}

impl Default for LedgerSettings {
    fn default() -> Self {
        Self { ack: Ack::Accepted, hold_expiry_ms: 1_800_000 }
    }
}

/// `[billing]`: markup, shares, the price of a credit.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Billing {
    /// Markup on the provider's cost, in hundredths of a percent. Default 2500, which is 25 %.
    pub markup_bps: u32,
    /// A partner's share of the markup, in hundredths of a percent, where its record names none. Default 5000.
    pub partner_share_bps: u32,
    /// What one credit sells for, in dollars, as a decimal string. Default "0.01".
    pub credit_price_usd: NanoUsd,
}

impl Default for Billing {
    fn default() -> Self {
        Self { markup_bps: 2_500, partner_share_bps: 5_000, credit_price_usd: NanoUsd::new(10_000_000) }
    }
}

/// `[upstream]`: the side towards providers.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Upstream {
    /// How long connecting may take, in ms. Default 5 s.
    pub connect_ms: u64,
    /// How long the first byte of an answer may take, in ms. Default 5 minutes: reasoning models think first.
    pub first_byte_ms: u64,
    /// How long a started answer may be silent, in ms. Default 2 minutes.
    pub idle_ms: u64,
    /// How long an exchange may take in all, in ms. Default 20 minutes.
    pub total_ms: u64,
    /// Idle connections kept for each provider. Default 128.
    pub idle_connections_max: usize,
    /// Largest answer that is not streamed, in bytes. Default 64 MiB.
    pub body_bytes_max: usize,
    /// Requests at once whose clients have gone and that are still read to their end, at least one. Default 1,000.
    pub drains_max: usize,
    /// How long such a request is read on, in ms. Default 2 minutes.
    pub drain_ms: u64,
    /// Exchanges with providers that one request may take, before a byte has reached the client. Default 3.
    pub attempts_max: u8,
    /// The wait before a provider is asked again, in ms; it doubles each time, with jitter. Default 250.
    pub backoff_ms: u64,
    /// The longest wait, in ms: where a provider asks for more, the client is told. Default 5 s.
    pub retry_wait_ms_max: u64,
    /// Whether pictures and documents that a request names by address are fetched for providers that take bytes only.
    /// Default false: the request is refused. Public addresses alone are visited, see docs/OPERATIONS.md.
    pub fetch_attachments: bool,
    /// The largest that is fetched, in bytes. Default 10 MiB.
    pub attachment_bytes_max: usize,
}

impl Default for Upstream {
    fn default() -> Self {
        Self {
            connect_ms: 5_000,
            first_byte_ms: 300_000,
            idle_ms: 120_000,
            total_ms: 1_200_000,
            idle_connections_max: 128,
            body_bytes_max: 64 << 20,
            drains_max: 1_000,
            drain_ms: 120_000,
            attempts_max: 3,
            backoff_ms: 250,
            retry_wait_ms_max: 5_000,
            fetch_attachments: false,
            attachment_bytes_max: 10 << 20,
        }
    }
}

/// `[catalog]`: which models are offered.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Catalogue {
    /// Whether the `sandbox` vendor and its models are offered. Default false; `dev` turns it on.
    pub sandbox: bool,
}

/// `[[discover]]`: a vendor that lists its models itself, and what each of them costs.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Discover {
    /// The vendor's id.
    pub vendor: String,
    /// Tokens of input and output together.
    pub context_window: u64,
    /// Tokens of output at most.
    pub max_output_tokens: u64,
    /// As in the price book: dollars per million tokens, as decimal strings, by bucket.
    pub prices: BTreeMap<String, String>,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
}

/// `[log]`: what is logged, and how. Never content, keys or addresses.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `json` (default) or `pretty`.
    pub format: LogFormat,
    /// A level or a filter such as `info,opencredits_service=debug`. Default `info`.
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Json, filter: "info".to_owned() }
    }
}
