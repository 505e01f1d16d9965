//! One struct for each section. The name of a field ends in its unit; its variable is `OPENCREDITS_<SECTION>_<FIELD>`.

use super::admin::AdminSection;
use super::alarms::AlarmSection;
use super::connections::ConnectionSection;
use super::database::DatabaseSection;
use super::email::Email;
use super::identity::Identity;
use super::network::Network;
use super::payments::PaymentSettings;
use super::privacy::PrivacySettings;
use super::secret::SecretText;
use super::site::SiteSection;
use super::traces::Traces;
use crate::access::AccessLines;
use crate::jobs::RetentionDays;
use crate::partners::PartnerTerms;
use opencredits_units::{BasisPoints, CreditPrice, NanoUsd};
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use toml::{Table, Value};

/// Shown in place of a secret value.
const REDACTED: &str = "(not shown)";

/// All settings.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The HTTP server.
    pub server: Server,
    /// The listener with metrics.
    pub admin: AdminSection,
    /// Where files are stored.
    pub data: Data,
    /// A database in place of the files.
    pub database: DatabaseSection,
    /// How the ledger acknowledges.
    pub ledger: LedgerSettings,
    /// Markup, shares, the price of a credit.
    pub billing: Billing,
    /// How credits are sold.
    pub payments: PaymentSettings,
    /// The connections to providers.
    pub upstream: Upstream,
    /// The models on sale.
    pub catalog: Catalogue,
    /// Which of them are offered.
    pub offer: OfferSection,
    /// The comparison with the bills of providers.
    pub reconcile: Reconcile,
    /// Test keys, play credits.
    pub test: TestMode,
    /// What people's apps may do.
    pub connections: ConnectionSection,
    /// Mails to people.
    pub email: Email,
    /// Who is told of alarms.
    pub alarms: AlarmSection,
    /// The pages for people.
    pub site: SiteSection,
    /// People sign in.
    pub identity: Identity,
    /// People's data.
    pub privacy: PrivacySettings,
    /// For how long records are kept.
    pub retention: Retention,
    /// Logging.
    pub log: Log,
    /// Where spans of requests are sent.
    pub traces: Traces,
    /// The operator's own vendors, in the form of the vendor files.
    #[serde(serialize_with = "without_header_values")]
    pub vendor: Vec<Table>,
    /// The operator's own models with their prices, in the form of the price book.
    pub model: Vec<Table>,
    /// Vendors that are asked for their models at the start.
    pub discover: Vec<Discover>,
    /// Markups on some models.
    pub markup: Vec<MarkupRule>,
}

/// Hides the values of headers, which may be secrets.
fn without_header_values<S: Serializer>(vendors: &[Table], serializer: S) -> Result<S::Ok, S::Error> {
    let mut vendors = vendors.to_vec();
    for headers in vendors.iter_mut().filter_map(|vendor| vendor.get_mut("headers")?.as_table_mut()) {
        headers.iter_mut().for_each(|(_, value)| *value = Value::from(REDACTED));
    }
    vendors.serialize(serializer)
}

/// The sections that variables can name.
pub(super) const NAMES: [&str; 21] = [
    "server",
    "admin",
    "data",
    "database",
    "ledger",
    "billing",
    "payments",
    "upstream",
    "catalog",
    "offer",
    "reconcile",
    "test",
    "connections",
    "email",
    "alarms",
    "site",
    "identity",
    "privacy",
    "retention",
    "log",
    "traces",
];

/// The page of the dashboard on which people buy credits.
const TOP_UP_PATH: &str = "/dashboard/top-up";

/// `[server]`: the HTTP server.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Address and port. Default 127.0.0.1:8787.
    pub listen: String,
    /// The URL of the service for people, without a slash at the end. Default: the listening address, with `https` where it
    /// has a certificate.
    pub public_url: Option<String>,
    /// The page on which people buy credits, which refusals for lack of credits name. Default: that of the
    /// dashboard.
    pub top_up_url: Option<String>,
    /// Largest request body, in bytes. Default 32 MiB.
    pub body_bytes_max: usize,
    /// Largest request head, in bytes, at least 8 KiB. Default 64 KiB.
    pub header_bytes_max: usize,
    /// Time limit for a client to send a request's head, in ms. Default 10 s.
    pub header_read_ms: u64,
    /// Time limit for a client to send a request's body, in ms. Default 60 s.
    pub body_read_ms: u64,
    /// Time that a client may leave its response unread, in ms: it then counts as disconnected. Default 60 s.
    pub write_ms: u64,
    /// The silence after which a stream gets a keep-alive comment, in ms. Default 10 s.
    pub keep_alive_ms: u64,
    /// Time that running requests get after SIGTERM, in ms. Default 30 s.
    pub shutdown_ms: u64,
    /// The largest number of connections. A quarter of them is for those that have not shown a key yet: where these are
    /// too many, the oldest is closed. Default 10,000.
    pub connections_max: usize,
    /// The largest number of connections from one address. Default 1,000.
    pub connections_per_address_max: usize,
    /// Reverse proxies, by address or network. Limits for each address do not hold for these, and they tell the client's
    /// address in `X-Forwarded-For`. Default 127.0.0.1 and ::1.
    pub trusted_proxies: Vec<Network>,
    /// Load balancers, by address or network, whose connections begin with a header of the PROXY protocol. Default: none.
    pub proxy_protocol_from: Vec<Network>,
    /// The certificate chain of the listener, a file in PEM with the server's own certificate first. With it, the listener
    /// speaks TLS. Default: it does not.
    pub tls_certificate_file: Option<PathBuf>,
    /// The private key of the certificate, a file in PEM.
    pub tls_key_file: Option<PathBuf>,
    /// How often the two files are looked at, in ms: a pair that has changed is taken once it is valid. Default 30 s.
    pub tls_check_ms: u64,
    /// The memory that bodies and answers may take together, in bytes; one client may take a quarter. Default 0: half of
    /// what the machine, or the process's group, has.
    pub memory_max: usize,
    /// Worker threads; 0 is one for each core. Default 0.
    pub threads: usize,
    /// Whether a field that would be dropped is refused instead. Default false.
    pub strict: bool,
    /// Whether `GET /v1/features` says that credits are enabled. Default true.
    pub enabled: bool,
    /// The origins whose pages may call from a browser, each a scheme, a host and perhaps a port; `*` is all. Default `*`.
    pub cors_origins: Vec<String>,
    /// The country that `GET /v1/features` names, as ISO 3166-1 alpha-2; none by default.
    pub country: Option<String>,
}

impl Server {
    /// The URL of the service for people.
    #[must_use]
    pub fn public_url(&self) -> String {
        let url = self.public_url.clone().unwrap_or_else(|| format!("{}://{}", self.scheme(), self.listen));
        url.trim_end_matches('/').to_owned()
    }

    /// What the listener speaks: `https` where it has a certificate, else `http`.
    #[must_use]
    pub const fn scheme(&self) -> &'static str {
        if self.tls_certificate_file.is_some() { "https" } else { "http" }
    }

    /// The page on which people buy credits.
    #[must_use]
    pub fn top_up_url(&self) -> String {
        self.top_up_url.clone().unwrap_or_else(|| format!("{}{TOP_UP_PATH}", self.public_url()))
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
            connections_per_address_max: 1_000,
            trusted_proxies: [IpAddr::V4(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()].map(Network::from).to_vec(),
            proxy_protocol_from: Vec::new(),
            tls_certificate_file: None,
            tls_key_file: None,
            tls_check_ms: 30_000,
            memory_max: 0,
            threads: 0,
            strict: false,
            enabled: true,
            cors_origins: vec!["*".to_owned()],
            country: None,
        }
    }
}

/// `[data]`: where files are stored.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Data {
    /// The folder of ledger, store and admin socket. Default `data`.
    pub dir: String,
    /// The key that ledger and store are encrypted with: 64 hexadecimal digits. It needs a program that was built with the feature
    /// `sqlcipher`. Default: they are not encrypted.
    pub key: Option<SecretText>,
    /// A file with the key. Without either setting, the systemd credential `opencredits-data-key` holds.
    pub key_file: Option<String>,
}

impl Default for Data {
    fn default() -> Self {
        Self { dir: "data".to_owned(), key: None, key_file: None }
    }
}

/// When the response to a request may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Ack {
    /// Once the charge is decided. It is on disk some milliseconds later.
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
    /// Lifetime of a hold until it is checked again, in ms. Default 30 minutes.
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
    /// A partner's share of the markup, in hundredths of a percent, for partners without a share of their own. Default
    /// 5000.
    pub partner_share_bps: u32,
    /// The largest share of the markup that a partner may get, in hundredths of a percent. Default 10000, all of it.
    pub partner_share_bps_max: u32,
    /// The least markup that a partner may have of its own, in hundredths of a percent. Default: `markup_bps`.
    pub partner_markup_bps_min: Option<u32>,
    /// The highest markup that a partner may have of its own, in hundredths of a percent. Default: `markup_bps`.
    pub partner_markup_bps_max: Option<u32>,
    /// Days after which commission may be paid out. Default 120: purchases can be disputed until then.
    pub commission_matures_days: u64,
    /// The price of a credit, in dollars, as a decimal string. Default "0.01".
    pub credit_price_usd: NanoUsd,
    /// The amount by which the exposures of a person's open requests may exceed what the person has, in dollars: the most
    /// that the operator can lose on one person. "0" holds the worst case of every request. Default "0.5".
    pub exposure_max_usd: NanoUsd,
    /// Whether an output cap that the balance does not cover is lowered instead of refused. Default true.
    pub lower_caps: bool,
}

impl Billing {
    /// The terms of partners.
    #[must_use]
    pub fn partner_terms(&self) -> PartnerTerms {
        let markup = |bound: Option<u32>| BasisPoints::new(bound.unwrap_or(self.markup_bps));
        PartnerTerms {
            matures_days: self.commission_matures_days,
            share_max: BasisPoints::new(self.partner_share_bps_max),
            share_default: BasisPoints::new(self.partner_share_bps),
            markup_min: markup(self.partner_markup_bps_min),
            markup_max: markup(self.partner_markup_bps_max),
        }
    }
}

impl Default for Billing {
    fn default() -> Self {
        Self {
            markup_bps: 2_500,
            partner_share_bps: 5_000,
            partner_share_bps_max: 10_000,
            partner_markup_bps_min: None,
            partner_markup_bps_max: None,
            commission_matures_days: 120,
            credit_price_usd: NanoUsd::new(10_000_000),
            exposure_max_usd: NanoUsd::new(500_000_000),
            lower_caps: true,
        }
    }
}

/// `[upstream]`: the connections to providers.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Upstream {
    /// Time limit for connecting, in ms. Default 5 s.
    pub connect_ms: u64,
    /// Time limit for the first byte of an answer, in ms. Default 5 minutes: reasoning models reason first.
    pub first_byte_ms: u64,
    /// Time that a started answer may be silent, in ms. Default 2 minutes.
    pub idle_ms: u64,
    /// Time limit for an exchange in total, in ms. Default 20 minutes.
    pub total_ms: u64,
    /// Idle connections kept for each provider. Default 128.
    pub idle_connections_max: usize,
    /// Largest answer that is not streamed, in bytes. Default 64 MiB.
    pub body_bytes_max: usize,
    /// The largest number of detached requests that are read to their end at once, at least one. Default 1,000.
    pub drains_max: usize,
    /// How long a detached request is read on, in ms. Default 2 minutes.
    pub drain_ms: u64,
    /// Exchanges with providers that one request may take, before a byte has reached the client. Default 3.
    pub attempts_max: u8,
    /// The wait before a retry at the same provider, in ms; it doubles each time, with jitter. Default 250.
    pub backoff_ms: u64,
    /// The longest wait, in ms: where a provider asks for more, the client gets its error. Default 5 s.
    pub retry_wait_ms_max: u64,
    /// Whether pictures and documents that a request names by URL are fetched for providers that take bytes only.
    /// Default false: the request is refused. Only public addresses are visited, see docs/translation.md.
    pub fetch_attachments: bool,
    /// The largest attachment that is fetched, in bytes. Default 10 MiB.
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

/// `[catalog]`: the models on sale.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Catalogue {
    /// Whether the `sandbox` vendor and its models are on sale. Default false; `dev` turns it on.
    pub sandbox: bool,
    /// The URL from which price books are loaded, https, or http to this machine. None by default.
    pub prices_url: Option<String>,
    /// The file from which price books are loaded, in place of a URL. None by default.
    pub prices_file: Option<PathBuf>,
    /// Hours between two loads of the price book by the job `refresh-prices`; 0 for none. Default 24.
    pub refresh_hours: u32,
}

impl Default for Catalogue {
    fn default() -> Self {
        Self { sandbox: false, prices_url: None, prices_file: None, refresh_hours: 24 }
    }
}

/// `[offer]`: which models are offered, by patterns of their ids.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct OfferSection {
    /// The models that are offered, such as `author/*`. Default: all.
    pub allow: Vec<String>,
    /// Models that are not offered, whatever `allow` says. Default: none.
    pub deny: Vec<String>,
}

/// `[[markup]]`: a markup on some models. The first that has a model holds for it.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MarkupRule {
    /// Patterns of the models' ids.
    pub models: Vec<String>,
    /// The markup on the provider's cost, in hundredths of a percent.
    pub bps: u32,
}

/// `[reconcile]`: the comparison of what was booked as cost with what providers bill.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reconcile {
    /// The largest difference that is no alarm, in hundredths of a percent of the larger figure. Default 100, which is 1 %.
    pub tolerance_bps: u32,
    /// A difference up to this amount is no alarm, in dollars, as a decimal string. Default "0.01".
    pub minimum_usd: NanoUsd,
    /// Days after the end of a day (UTC) until its bill counts as complete. Default 1.
    pub lag_days: u64,
}

impl Default for Reconcile {
    fn default() -> Self {
        Self { tolerance_bps: 100, minimum_usd: NanoUsd::new(10_000_000), lag_days: 1 }
    }
}

/// `[test]`: test mode, in which partners try out everything with play credits.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct TestMode {
    /// Whether test keys are served. Default true.
    pub enabled: bool,
    /// The credits that a partner's first test key brings. Default 10,000.
    pub play_credits: u32,
}

impl Default for TestMode {
    fn default() -> Self {
        Self { enabled: true, play_credits: 10_000 }
    }
}

impl Config {
    /// What the play credits of a partner are worth in test mode.
    #[must_use]
    pub fn play_credits(&self) -> NanoUsd {
        let credit = CreditPrice::new(self.billing.credit_price_usd).unwrap_or_default().get();
        let worth = credit.get().checked_mul(i64::from(self.test.play_credits));
        worth.map_or(NanoUsd::MAX, NanoUsd::new)
    }
}

/// `[[discover]]`: a vendor that lists its models itself, and the prices of each of them.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Discover {
    /// The vendor's id.
    pub vendor: String,
    /// The context window, in tokens of input and output together.
    pub context_window: u64,
    /// The longest output, in tokens.
    pub max_output_tokens: u64,
    /// As in the price book: dollars per million tokens, as decimal strings, by bucket.
    pub prices: BTreeMap<String, String>,
}

/// `[retention]`: for how many days records are kept; 0 keeps them for ever. Entries of the ledger are kept for ever.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Records of changes. Default 0.
    pub audit_days: u32,
    /// Rows of mails after they were sent or given up: a kind and a cause are mailed once as long as the row is there.
    /// Recipient and figures go before, after `email.keep_days`. Default 0.
    pub mail_days: u32,
    /// Orders that expired or failed and that nobody can pay any more. Default 90.
    pub unpaid_order_days: u32,
    /// Applications of partners that were decided, from the decision on. Default 730.
    pub application_days: u32,
    /// The index of requests: people list their requests this far back. Sums by day stay. Default 0.
    pub request_index_days: u32,
}

impl Retention {
    /// The days, for the job.
    #[must_use]
    pub const fn days(&self) -> RetentionDays {
        RetentionDays {
            audits: self.audit_days,
            mails: self.mail_days,
            unpaid_orders: self.unpaid_order_days,
            applications: self.application_days,
            request_index: self.request_index_days,
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self { audit_days: 0, mail_days: 0, unpaid_order_days: 90, application_days: 730, request_index_days: 0 }
    }
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// A format for people.
    Pretty,
}

/// `[log]`: logging. Logs never contain content, keys or addresses.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `json` (default) or `pretty`.
    pub format: LogFormat,
    /// A level or a filter such as `info,opencredits_service=debug`. Default `info`.
    pub filter: String,
    /// Which requests get a line of the access log, the target `access`: `all` (default), `errors` or `off`.
    pub access: AccessLines,
    /// The share of requests that get a line, from 0 to 1, by their ids. Errors always get one. Default 1.
    pub access_sample: f64,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Json, filter: "info".to_owned(), access: AccessLines::All, access_sample: 1.0 }
    }
}
