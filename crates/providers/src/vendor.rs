//! Vendors: their endpoints, dialects and differences, all of it data.

use crate::auth::Auth;
use crate::base_url;
use crate::billing_report::BillingReport;
use crate::error::VendorError;
use http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderName, HeaderValue};
use opencredits_dialects::Dialect;
use opencredits_units::{NanoUsd, PicoUsd};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use toml::Table;

/// The compiled-in vendor files; `build.rs` lists the folder.
const FILES: &[&str] = include!(concat!(env!("OUT_DIR"), "/vendors.rs"));

/// Fields that the gateway itself sets or reads by these names, which no vendor may rename.
const OURS: [&str; 3] = ["model", "stream", "stream_options"];

/// Headers that belong to a connection or to one message on it: the HTTP client sets them.
const FRAMING: [HeaderName; 9] =
    [CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, CONTENT_ENCODING, EXPECT, TE, TRAILER, UPGRADE];

/// Whether closing a stream ends the bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopBilling {
    /// Yes: output that was not generated is not billed.
    Ends,
    /// No, or unknown: the answer is read to its end.
    #[default]
    GoesOn,
}

/// The field that caps the output, in `openai-chat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputCap {
    /// `max_tokens`, which every compatible host knows.
    #[default]
    MaxTokens,
    /// `max_completion_tokens`, which replaced it.
    MaxCompletionTokens,
}

/// A further dialect of a vendor, as far as it differs from the first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Endpoint {
    /// The base URL, up to the dialect's path.
    pub base_url: Option<String>,
    /// How the key is sent there.
    pub auth: Option<Auth>,
}

/// A vendor, as in its file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, as its file says it")]
pub struct Vendor {
    /// Its name in routes and records.
    #[serde(deserialize_with = "shared_text")]
    pub id: Arc<str>,
    /// The first dialect.
    pub dialect: Dialect,
    /// The further dialects.
    #[serde(default)]
    pub also: BTreeMap<Dialect, Endpoint>,
    /// The dialect for translated requests to reasoning models, where it is not the first.
    #[serde(default)]
    pub thinks_in: Option<Dialect>,
    /// Models that are available in one dialect only, by the vendor's names; `*` matches anything.
    #[serde(default)]
    pub only_in: BTreeMap<Dialect, Vec<String>>,
    /// The base URL, up to the dialect's path. Parts that only the operator knows are names of environment variables in
    /// braces.
    pub base_url: String,
    /// Its name in the metrics of the OpenTelemetry conventions (`gen_ai_provider_name`), where that is not its id.
    #[serde(default)]
    pub gen_ai_provider: Option<String>,
    /// How the key is sent.
    #[serde(default)]
    pub auth: Auth,
    /// The environment variable with our key; setting it puts the vendor's models on sale.
    #[serde(default)]
    pub key_env: Option<String>,
    /// Whether closing a stream ends the bill.
    #[serde(default)]
    pub stop_billing: StopBilling,
    /// The field that caps the output.
    #[serde(default)]
    pub output_cap: OutputCap,
    /// Fields that this vendor refuses: they are dropped from every request. Where `stream_options` is one of them, the
    /// vendor must report usage in streams by default.
    #[serde(default)]
    pub omit: Vec<String>,
    /// Fields that this vendor knows by another name, by their names in the dialect.
    #[serde(default)]
    pub renames: BTreeMap<String, String>,
    /// Whether the vendor may collect request data and train on it; false only where its terms rule that out.
    #[serde(default = "yes")]
    pub data_collection: bool,
    /// Whether the vendor retains no request data.
    #[serde(default)]
    pub zdr: bool,
    /// Whether the vendor counts the tokens of a request, at `count_tokens` below the dialect's path.
    #[serde(default)]
    pub counts_tokens: bool,
    /// Whether the vendor lists its models, at `/models` beside the dialect's path.
    #[serde(default)]
    pub discover: bool,
    /// A path below `base_url` whose GET needs our key and costs nothing, by which the key is checked.
    #[serde(default)]
    pub check_path: Option<String>,
    /// Whether, in `openai-chat`, a reasoning model refuses a turn with calls that comes back without its reasoning.
    #[serde(default)]
    pub wants_reasoning: bool,
    /// Whether it knows the efforts minimal and xhigh besides low, medium and high. By default, the home of
    /// `openai-responses` does.
    #[serde(default)]
    pub knows_five_efforts: Option<bool>,
    /// The number of letters and digits that the id of a call has, where the vendor takes no others.
    #[serde(default)]
    pub call_id_length: Option<usize>,
    /// Tokens that the vendor adds to the input of each request, such as a system prompt of its own. Holds count with them.
    #[serde(default)]
    pub added_input_tokens: u64,
    /// Whether the vendor bills the input once for each choice that a request asks for.
    #[serde(default)]
    pub bills_input_by_choice: bool,
    /// The cost that the vendor reports for each request: it is our cost, where it is near the price book's.
    #[serde(default)]
    pub reported_cost: Option<ReportedCost>,
    /// Where the vendor says what it billed.
    #[serde(default)]
    pub billing_report: Option<BillingReport>,
    /// Headers of every request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

const fn yes() -> bool {
    true
}

impl Vendor {
    /// The URL of a dialect's endpoint for `model`.
    #[must_use]
    pub fn url(&self, dialect: Dialect, model: &str, stream: bool) -> String {
        let base = self.also.get(&dialect).and_then(|endpoint| endpoint.base_url.as_ref()).unwrap_or(&self.base_url);
        format!("{}{}", base.trim_end_matches('/'), dialect.path(model, stream))
    }

    /// How the key is sent in a dialect.
    #[must_use]
    pub fn auth_in(&self, dialect: Dialect) -> &Auth {
        self.also.get(&dialect).and_then(|endpoint| endpoint.auth.as_ref()).unwrap_or(&self.auth)
    }

    /// How often the vendor bills the input of a request for so many choices, at most.
    #[must_use]
    pub fn inputs_billed(&self, choices: u64) -> u64 {
        if self.bills_input_by_choice { choices.max(1) } else { 1 }
    }

    /// All dialects, the first one first.
    pub fn dialects(&self) -> impl Iterator<Item = Dialect> {
        std::iter::once(self.dialect).chain(self.also.keys().copied())
    }

    /// The dialect for requests to a model: the client's own where the model is available in it, else the one for
    /// reasoning models, else the first. `None` where the model is available in none.
    #[must_use]
    pub fn dialect_for(&self, client: Dialect, model: &str, thinks: bool) -> Option<Dialect> {
        let own = std::iter::once(client).filter(|own| self.dialects().any(|dialect| dialect == *own));
        let in_order = own.chain(self.thinks_in.filter(|_| thinks)).chain(self.dialects());
        let is_embeddings = |dialect: Dialect| dialect == Dialect::OpenaiEmbeddings;
        in_order.filter(|dialect| !is_embeddings(*dialect) || is_embeddings(client)).find(|dialect| {
            let elsewhere = self.only_in.iter().filter(|(only, _)| *only != dialect).flat_map(|(_, names)| names);
            !elsewhere.into_iter().any(|name| matches(name, model))
        })
    }

    /// The URL of the list of models; `None` where there is none.
    #[must_use]
    pub fn models_url(&self) -> Option<String> {
        self.discover.then(|| format!("{}/models", self.base_url.trim_end_matches('/')))
    }

    /// The URL by which our key is checked at no cost; `None` where none is known.
    #[must_use]
    pub fn check_url(&self) -> Option<String> {
        let base = self.base_url.trim_end_matches('/');
        self.check_path.as_ref().map(|path| format!("{base}{path}")).or_else(|| self.models_url())
    }

    /// The environment variables that the vendor needs: that of our key, and those in its URLs.
    #[must_use]
    pub fn variables(&self) -> Vec<&str> {
        let key = self.key_env.as_deref().filter(|_| self.auth != Auth::None);
        key.into_iter().chain(base_url::variables(&self.base_url).unwrap_or_default()).collect()
    }

    /// The vendor with its URLs filled from these variables; names without a value stay.
    ///
    /// # Errors
    /// When a value could change the host or path.
    pub fn filled(&self, value: impl Fn(&str) -> Option<String>) -> Result<Self, VendorError> {
        let mut filled = self.clone();
        for variable in base_url::variables(&self.base_url).unwrap_or_default() {
            let Some(value) = value(variable) else { continue };
            let wrong = || VendorError::Part { vendor: self.id.to_string(), variable: variable.to_owned() };
            filled.base_url = base_url::filled(&filled.base_url, variable, &value).ok_or_else(wrong)?;
        }
        Ok(filled)
    }

    /// Refuses headers that cannot be sent, or that the HTTP client sets itself for each request.
    fn check_headers(&self) -> Result<(), VendorError> {
        for (name, value) in &self.headers {
            let problem = match HeaderName::try_from(name.as_str()) {
                Err(_) => "is no name of a header; use letters, digits and hyphens",
                Ok(name) if FRAMING.contains(&name) => "is set for each request by itself; leave it out",
                Ok(_) if HeaderValue::try_from(value.as_str()).is_err() => {
                    "has a value that no header can have; write it in one line, without control characters"
                }
                Ok(_) => continue,
            };
            return Err(VendorError::Header { vendor: self.id.to_string(), header: name.clone(), problem });
        }
        Ok(())
    }

    fn check(&self) -> Result<(), VendorError> {
        let mut urls =
            std::iter::once(&self.base_url).chain(self.also.values().filter_map(|also| also.base_url.as_ref()));
        if !urls.all(|url| base_url::is_valid(url)) {
            return Err(VendorError::BaseUrl { vendor: self.id.to_string() });
        }
        if self.reported_cost.as_ref().is_some_and(|form| form.fees_max < PicoUsd::ZERO) {
            return Err(VendorError::Fees { vendor: self.id.to_string() });
        }
        if let Some(problem) = self.billing_report.as_ref().and_then(BillingReport::problem) {
            return Err(VendorError::BillingReport { vendor: self.id.to_string(), problem });
        }
        self.check_headers()?;
        let mut named = self.thinks_in.iter().chain(self.only_in.keys());
        if let Some(unknown) = named.find(|named| self.dialects().all(|dialect| dialect != **named)) {
            let problem = format!("vendor {} does not speak {unknown}; add it to also", self.id);
            return Err(VendorError::Toml(serde::de::Error::custom(problem)));
        }
        let mut renamed = self.renames.iter().flat_map(|(from, to)| [from, to]);
        let ours = renamed.find(|field| OURS.contains(&field.as_str())).cloned();
        ours.map_or(Ok(()), |field| Err(VendorError::Rename { vendor: self.id.to_string(), field }))
    }
}

/// The cost that a vendor reports in its usage object.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportedCost {
    /// The member of the usage object.
    pub member: String,
    /// Its unit in pico-dollars: 1,000,000,000,000 for dollars.
    pub pico_usd: u64,
    /// The most that fees outside of the price book may add to a request, such as for searches, in dollars.
    #[serde(deserialize_with = "dollars")]
    pub fees_max: PicoUsd,
}

/// Dollars as a decimal string.
fn dollars<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<PicoUsd, D::Error> {
    let text = String::deserialize(deserializer)?;
    let nano: NanoUsd = text.parse().map_err(serde::de::Error::custom)?;
    Ok(PicoUsd::new(i128::from(nano.get()).saturating_mul(1_000)))
}

/// All vendors, by id.
#[derive(Debug, Clone, Default)]
pub struct Vendors(BTreeMap<Arc<str>, Arc<Vendor>>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default)]
    vendor: Vec<Table>,
}

impl Vendors {
    /// The compiled-in vendors.
    ///
    /// # Errors
    /// When a file is damaged, which a test rules out.
    pub fn builtin() -> Result<Self, VendorError> {
        FILES.iter().try_fold(Self::default(), |vendors, file| vendors.with(toml::from_str(file)?))
    }

    /// The compiled-in vendor of this id, as `[[vendor]]` of a config.
    #[must_use]
    pub fn builtin_text(id: &str) -> Option<String> {
        let is_it = |file: &&&str| toml::from_str::<Table>(file).is_ok_and(|table| is_of(&table, id));
        // A table of the file is one of the vendor in a config.
        let tables = FILES.iter().find(is_it)?.replace("\n[", "\n[vendor.");
        Some(format!("[[vendor]]\n{tables}"))
    }

    /// The compiled-in vendors and the operator's, given as TOML (`[[vendor]]`). An operator's vendor replaces ours of
    /// the same id; one without a dialect changes the fields that it has, and leaves the others as they are.
    ///
    /// # Errors
    /// When the text is no list of vendors, or has two of one id; the error names the vendor, or its number, and the key.
    pub fn with_operator(self, text: &str) -> Result<Self, VendorError> {
        let list: List = toml::from_str(text)?;
        let mut ids = BTreeSet::new();
        let mut named = list.vendor.iter().filter_map(|table| table.get("id")?.as_str());
        if let Some(twice) = named.find(|id| !ids.insert(*id)) {
            return Err(VendorError::Twice { vendor: twice.to_owned() });
        }
        list.vendor
            .into_iter()
            .zip(1..)
            .try_fold(self, |vendors, (table, number)| vendors.with(read(over_builtin(table), number)?))
    }

    fn with(mut self, vendor: Vendor) -> Result<Self, VendorError> {
        vendor.check()?;
        self.0.insert(Arc::clone(&vendor.id), Arc::new(vendor));
        Ok(self)
    }

    /// The vendor of this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Arc<Vendor>> {
        self.0.get(id)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Vendor>> {
        self.0.values()
    }
}

fn is_of(table: &Table, id: &str) -> bool {
    table.get("id").and_then(|found| found.as_str()) == Some(id)
}

/// An operator's vendor. Without a dialect it is the compiled-in one of its id with other fields.
fn over_builtin(table: Table) -> Table {
    let id = table.get("id").and_then(|id| id.as_str()).unwrap_or_default();
    let mut files = FILES.iter().filter_map(|file| toml::from_str::<Table>(file).ok());
    match files.find(|builtin| !table.contains_key("dialect") && is_of(builtin, id)) {
        Some(mut builtin) => {
            builtin.extend(table);
            builtin
        }
        None => table,
    }
}

/// One of the operator's vendors. Each is parsed by itself, since the text may be assembled from another one with other
/// line numbers.
fn read(table: Table, number: usize) -> Result<Vendor, VendorError> {
    let id = table.get("id").and_then(|id| id.as_str());
    let name = id.map_or_else(|| format!("[[vendor]] number {number}"), |id| format!("vendor {id}"));
    table.try_into().map_err(|error: toml::de::Error| {
        let problem = error.to_string().trim_end().replace('\n', " ");
        VendorError::Toml(serde::de::Error::custom(format!("{name}: {problem}")))
    })
}

/// Whether a name matches `pattern`, in which `*` matches anything.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == name };
    let Some(rest) = name.strip_prefix(before) else { return false };
    (0..=rest.len()).filter_map(|at| rest.get(at..)).any(|rest| matches(after, rest))
}

fn shared_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
    String::deserialize(deserializer).map(Into::into)
}
